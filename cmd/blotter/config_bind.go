package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/internal/ownership"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// notInFile are the flags that can only be typed.
var notInFile = map[string]bool{"config": true, "help": true, "version": true}

// folderFile is the configuration file that is looked for in the working folder, and in the user's configuration folder.
const folderFile = "blotter.toml"

// configBytesMax bounds a configuration file.
const configBytesMax = 1 << 20

// bindSettings gives every flag that was not set on the command line the value of its environment variable, otherwise of
// its line in a configuration file. What a file was not allowed to set is said on standard error.
func bindSettings(cmd *cobra.Command, path string) error {
	config, err := readConfiguration(cmd.Root(), path)
	if err != nil {
		return err
	}

	typed := typedFlags(cmd)
	var ignored []ignoredSetting
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if flag.Changed || err != nil || notInFile[flag.Name] {
			return
		}
		value, skipped := config.value(cmd, flag.Name, typed)
		ignored = append(ignored, skipped...)
		if !value.isSet() {
			return
		}
		if err = value.check(cmd, flag.Name); err != nil {
			return
		}
		if bad := cmd.Flags().Set(flag.Name, value.text); bad != nil {
			err = usagef("%s: %s: %v", value.source, flag.Name, bad)
		}
	})
	if err != nil {
		return err
	}
	return reportIgnored(os.Stderr, ignored, func(flag string) bool { return typed[flag] || isInEnvironment(flag) })
}

// typedFlags are the flags that were set on the command line.
func typedFlags(cmd *cobra.Command) map[string]bool {
	typed := map[string]bool{}
	cmd.Flags().Visit(func(flag *pflag.Flag) { typed[flag.Name] = true })
	return typed
}

// configuration are the files that settings are taken from, the one that counts most first.
type configuration struct{ files []*configFile }

// settingValue is what a setting was set to, and where.
type settingValue struct {
	text   string
	source string // BLOTTER_URL, or the path of a file; "" where nothing sets it
	line   int    // of the file
	file   *configFile
}

func (v settingValue) isSet() bool { return v.source != "" }

// origin says where a value comes from, for people.
func (v settingValue) origin() string {
	switch {
	case v.file != nil && v.line > 0:
		return fmt.Sprintf("file %s:%d", v.file.path, v.line)
	case v.file != nil:
		return "file " + v.file.path
	}
	return "env " + v.source
}

// value returns what the environment or a file sets the flag to, and the settings of files that were passed over.
func (c configuration) value(cmd *cobra.Command, flag string, typed map[string]bool) (settingValue, []ignoredSetting) {
	if typed[excludedBy[flag]] {
		return settingValue{}, nil // what is typed comes first
	}
	if text, found := os.LookupEnv(environment(flag)); found {
		return settingValue{text: text, source: environment(flag)}, nil
	}
	var ignored []ignoredSetting
	for _, file := range c.files {
		value, found := file.lookups.lookup(cmd, flag)
		if _, excluded := file.lookups.lookup(cmd, excludedBy[flag]); !found && excluded && !file.open {
			return settingValue{}, ignored // a nearer file has decided it
		}
		if !found {
			continue
		}
		if kind := kindOf(cmd, flag); file.distrust != "" && (kind != harmless || file.open) {
			ignored = append(ignored, ignoredSetting{flag, kind, value.line, file})
			continue
		}
		return settingValue{text: value.text, source: file.path, line: value.line, file: file}, ignored
	}
	return settingValue{}, ignored
}

// excludedBy are the flags that exclude each other.
var excludedBy = map[string]string{"account": "all-accounts", "all-accounts": "account"}

// environment is the variable of a flag: --data-dir is BLOTTER_DATA_DIR.
func environment(flag string) string {
	return "BLOTTER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func isInEnvironment(flag string) bool {
	_, found := os.LookupEnv(environment(flag))
	return found
}

// readConfiguration reads the file that is named by --config or BLOTTER_CONFIG, which must exist; without a name those of
// the working folder and of the user, where they exist.
func readConfiguration(root *cobra.Command, named string) (configuration, error) {
	if err := checkEnvironment(); err != nil {
		return configuration{}, err
	}
	if named == "" {
		named = os.Getenv("BLOTTER_CONFIG")
	}
	if named != "" {
		file, err := readChosenFile(root, named)
		if err != nil {
			return configuration{}, fmt.Errorf("configuration: %w", err)
		}
		return configuration{[]*configFile{file}}, nil
	}

	usersPath := ""
	if dir, err := os.UserConfigDir(); err == nil { // a user without a home has no file there
		usersPath = filepath.Join(dir, "blotter", folderFile)
	}
	var config configuration
	if !isSameFile(folderFile, usersPath) {
		file, err := readFolderFile(root)
		if err != nil {
			return config, err
		}
		if file != nil {
			config.files = append(config.files, file)
		}
	}
	if usersPath == "" {
		return config, nil
	}
	file, err := readChosenFile(root, usersPath)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return config, nil
	case err != nil:
		return config, fmt.Errorf("configuration: %w", err)
	}
	config.files = append(config.files, file)
	return config, nil
}

// isSameFile reports whether two paths lead to one file, as in the user's configuration folder.
func isSameFile(path, other string) bool {
	one, err := os.Stat(path)
	if err != nil {
		return false
	}
	two, err := os.Stat(other)
	return err == nil && os.SameFile(one, two)
}

// readChosenFile reads a file that the user chose, by naming it or by keeping it in the configuration folder. It may set
// everything, and is refused if others can change it.
func readChosenFile(root *cobra.Command, path string) (*configFile, error) {
	info, err := os.Stat(path)
	if err == nil && (info.Mode().IsRegular() || info.IsDir()) {
		if err := ownership.Check(path); err != nil {
			return nil, refusedFile(path, err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, cannotRead(path, err)
	}
	if len(text) > configBytesMax {
		return nil, fmt.Errorf("%s has more than %d bytes", path, configBytesMax)
	}
	file := &configFile{path: path, text: text}
	if err := file.parse(root); err != nil {
		return nil, err
	}
	warnOfOpenSecret(path, text)
	return file, nil
}

// refusedFile is the error for a configuration file that others can change.
func refusedFile(path string, err error) error {
	var open *ownership.OpenError
	if !errors.As(err, &open) {
		return cannotRead(path, err)
	}
	where := ""
	if open.Path != path && filepath.Base(open.Path) != filepath.Base(path) {
		where = ", through " + open.Path
	}
	return fmt.Errorf("others can change %s%s (%s), and it chooses where money is booked; %s", path, where, open.Reason, open.Remedy)
}

// checkEnvironment refuses variables that name files relative to the working folder: whoever wrote that folder would choose
// them.
func checkEnvironment() error {
	for _, name := range pathVariables {
		value := os.Getenv(name)
		if value == "" || filepath.IsAbs(value) || name == "PGSSLROOTCERT" && value == "system" {
			continue
		}
		return fmt.Errorf("%s=%s is looked for in the working folder; set it to an absolute path", name, value)
	}
	return nil
}

// pathVariables are the environment variables by which the program and what it starts find programs, servers, credentials
// and data.
var pathVariables = []string{
	"BLOTTER_CONFIG", "BLOTTER_POSTGRES", "BLOTTER_DATA_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME", "TMPDIR",
	"PGSERVICEFILE", "PGPASSFILE", "PGSYSCONFDIR", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGSSLCRL", "PGSSLCRLDIR",
}

// check refuses a relative path in a file that is not in the working folder, where another folder's owner would choose what
// is found there.
func (v settingValue) check(cmd *cobra.Command, flag string) error {
	if v.file != nil && filepath.Dir(v.file.path) == "." {
		return nil
	}
	for _, path := range pathsOf(kindOf(cmd, flag), flag, v.text) {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("%s: %s: %s is looked for in the working folder; write an absolute path", v.source, flag, path)
		}
	}
	return nil
}

// pathsOf returns the files that a setting of the kind names.
func pathsOf(kind settingKind, flag, value string) (paths []string) {
	switch {
	case value == "":
		return nil
	case kind == program, flag == "data-dir":
		return []string{value}
	case kind != chooser && kind != server:
		return nil
	}
	words := wordsOf(value)
	for _, word := range []string{"sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile", "servicefile"} {
		if path := words.Get(word); path != "" && path != "system" {
			paths = append(paths, path)
		}
	}
	return paths
}

// ignoredSetting is a line of a file that is not trusted.
type ignoredSetting struct {
	flag string
	kind settingKind
	line int
	file *configFile
}

// reportIgnored says in one line which settings of a file had no effect, and what to do. Where one of them chooses a
// database and nothing else does, it returns an error: another database would get what was meant for that one.
func reportIgnored(w *os.File, ignored []ignoredSetting, chosen func(flag string) bool) error {
	if len(ignored) == 0 {
		return nil
	}
	file := ignored[0].file
	var names []string
	for _, one := range ignored {
		names = append(names, one.flag)
		instead := "url"
		if one.flag == "analytics-url" {
			instead = one.flag
		}
		if one.kind == chooser && !chosen(instead) && !(one.flag == "data-dir" && chosen("data-dir")) {
			return fmt.Errorf("%s line %d sets %s, which chooses the database, and %s; %s, or pass --%s",
				file.path, one.line, one.flag, file.distrust, file.remedy, instead)
		}
	}
	slices.Sort(names)
	text := fmt.Sprintf("%s: ignored %s: %s; %s", file.path, strings.Join(names, ", "), file.distrust, file.remedy)
	_, err := fmt.Fprintln(w, "blotter:", printable(text))
	return err
}
