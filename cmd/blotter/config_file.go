package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// configFile is a configuration file that was read.
type configFile struct {
	path    string // as it is shown
	text    []byte
	values  map[string]any
	lines   map[string]int // line numbers of the keys, by full name
	lookups tomlSettings

	// distrust is the reason why the file may not set everything, or "".
	distrust string
	// remedy says what the user can do about it.
	remedy string
	// isOpen says that others can change the file, so that it sets nothing.
	isOpen bool
}

// tomlSettings has the values of flags in a configuration file, by command.
type tomlSettings map[*cobra.Command]map[string]fileValue

// fileValue is a setting of a file and its line.
type fileValue struct {
	text string
	line int
}

// lookup returns the value of a flag for the command, from its own table or the nearest one above.
func (t tomlSettings) lookup(cmd *cobra.Command, flag string) (value fileValue, found bool) {
	for ; cmd != nil; cmd = cmd.Parent() {
		if value, found = t[cmd][flag]; found {
			return value, true
		}
	}
	return fileValue{}, false
}

// parse reads the text of the file. Its lines must be settings of the commands of root.
func (f *configFile) parse(root *cobra.Command) (err error) {
	if err := toml.Unmarshal(f.text, &f.values); err != nil {
		return notTOML(f.path, err)
	}
	f.lines = lineNumbers(f.text)
	f.lookups, err = f.settings(root)
	return err
}

// notTOML returns the error for a file that is not valid TOML, with the place.
func notTOML(path string, err error) error {
	var wrong *toml.DecodeError
	if errors.As(err, &wrong) {
		row, column := wrong.Position()
		path = fmt.Sprintf("%s line %d, column %d", path, row, column)
	}
	return fmt.Errorf("%s is not valid TOML: %s", path, strings.TrimPrefix(err.Error(), "toml: "))
}

var passwordInURL = regexp.MustCompile(`://[^/@\s:"']*:[^@\s"']+@|(?i)password\s*=`)

// warnOfOpenSecret prints a warning if others may read a file that has a password.
func warnOfOpenSecret(path string, text []byte) {
	if runtime.GOOS == "windows" || !passwordInURL.Match(text) {
		return
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		fmt.Fprintf(os.Stderr, "blotter: warning: %s holds a password and others may read it; chmod 600 it\n", path)
	}
}

// lineNumbers returns the line number of each key of a TOML file, by its full name with dots.
func lineNumbers(text []byte) map[string]int {
	lines := map[string]int{}
	parser := unstable.Parser{}
	parser.Reset(text)

	table := ""
	for parser.NextExpression() {
		expression := parser.Expression()
		name, line := "", 0
		for key := expression.Key(); key.Next(); {
			node := key.Node()
			name += "." + string(node.Data)
			line = parser.Shape(node.Raw).Start.Line
		}
		if expression.Kind != unstable.KeyValue {
			table = name
			continue
		}
		lines[strings.TrimPrefix(table+name, ".")] = line
	}
	return lines
}

// line returns the number of the line that sets a key, or that of its inline table.
func (f configFile) line(name string) int {
	for name != "" {
		if line := f.lines[name]; line > 0 {
			return line
		}
		name = name[:max(0, strings.LastIndexByte(name, '.'))]
	}
	return 0
}

// settings returns the lines of the file by command. A line that is not a flag of a command is an error, because a
// misspelled setting must not be ignored silently.
func (f configFile) settings(root *cobra.Command) (tomlSettings, error) {
	all := tomlSettings{}
	return all, f.collect(all, root, "", f.values)
}

// collect adds the lines of a table to all. Its values are flags of the command or of one below, and its tables are
// commands below. The name of the table is "" at the top of the file.
func (f configFile) collect(all tomlSettings, cmd *cobra.Command, name string, table map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(table)) {
		inner, isTable := table[key].(map[string]any)
		if !isTable {
			text, err := f.setting(cmd, name, key, table[key])
			if err != nil {
				return err
			}
			if all[cmd] == nil {
				all[cmd] = map[string]fileValue{}
			}
			if _, isRepeated := all[cmd][key]; isRepeated {
				return fmt.Errorf("%s: %s is set twice for %s", f.path, key, cmd.CommandPath())
			}
			all[cmd][key] = fileValue{text, f.line(strings.TrimPrefix(name+"."+key, "."))}
			continue
		}

		full := key
		if name != "" {
			full = name + "." + key
		}
		sub := commandOfTable(cmd, key)
		if sub == nil {
			hint := didYouMean("["+full+"]", tableNames(cmd.Root()))
			return fmt.Errorf("%s: there is no command for table [%s]%s", f.path, full, hint)
		}
		if err := f.collect(all, sub, full, inner); err != nil {
			return err
		}
	}
	return nil
}

// setting returns the value of a line for its flag, which must exist.
func (f configFile) setting(cmd *cobra.Command, table, key string, value any) (string, error) {
	text, ok := settingText(value)
	if !ok {
		return "", fmt.Errorf("%s: [[%s]] is a list of tables; want one table, [%[2]s]", f.path, key)
	}

	var names []string
	for _, sub := range allCommands(cmd) {
		visit := func(flag *pflag.Flag) {
			if !notInFile[flag.Name] {
				names = append(names, flag.Name)
			}
		}
		sub.LocalFlags().VisitAll(visit)
		sub.InheritedFlags().VisitAll(visit)
	}
	if !slices.Contains(names, key) {
		where := ""
		if table != "" {
			where = " in [" + table + "]"
		}
		hint := cmp.Or(didYouMean(key, names), "; settings have the names of the flags in "+cmd.CommandPath()+" --help")
		return "", fmt.Errorf("%s: there is no setting %q%s%s", f.path, key, where, hint)
	}
	return text, nil
}

// settingText returns a value for its flag: a list separated by commas, a time in RFC 3339.
func settingText(value any) (text string, ok bool) {
	switch value := value.(type) {
	case map[string]any:
		return "", false
	case time.Time:
		return value.Format(time.RFC3339Nano), true

	case []any:
		var texts []string
		for _, element := range value {
			text, ok := settingText(element)
			if !ok {
				return "", false
			}
			texts = append(texts, text)
		}
		return strings.Join(texts, ","), true
	}
	return fmt.Sprint(value), true
}

// commandOfTable returns the command of a table inside the command's own, or nil. The table is [trades.import], or
// [trades-import] at the top.
func commandOfTable(cmd *cobra.Command, key string) *cobra.Command {
	if sub := findCommand(cmd, key); sub != nil {
		return sub
	}
	for _, sub := range cmd.Commands() {
		if rest, found := strings.CutPrefix(key, sub.Name()+"-"); found {
			if inner := commandOfTable(sub, rest); inner != nil {
				return inner
			}
		}
	}
	return nil
}

// tableNames returns the names of all valid tables, in brackets.
func tableNames(root *cobra.Command) (names []string) {
	for _, cmd := range allCommands(root)[1:] {
		path := strings.TrimPrefix(cmd.CommandPath(), root.Name()+" ")
		names = append(names, "["+strings.ReplaceAll(path, " ", ".")+"]")
	}
	return names
}

func allCommands(cmd *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		list = append(list, allCommands(sub)...)
	}
	return list
}
