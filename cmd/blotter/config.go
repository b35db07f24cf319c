package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// bindSettings gives every flag that was not set on the command line the value of its environment variable, else of its
// line in blotter.toml: at the top for every command, in [import] for that command alone.
func bindSettings(cmd *cobra.Command, path string) error {
	if path == "" {
		path = os.Getenv("BLOTTER_CONFIG")
	}
	values, path, err := readConfig(path)
	if err != nil {
		return err
	}
	if err := checkKeys(cmd.Root(), values, path); err != nil {
		return err
	}
	typed := map[string]bool{}
	cmd.Flags().Visit(func(flag *pflag.Flag) { typed[flag.Name] = true })
	own, _ := values[commandKey(cmd)].(map[string]any)
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		switch {
		case flag.Changed, err != nil, flag.Name == "config", flag.Name == "help", flag.Name == "version":
			return
		case flag.Name == "account" && typed["all-accounts"], flag.Name == "all-accounts" && typed["account"]:
			return // the two exclude each other, and what is typed comes first
		}
		from, value, found := environment(flag.Name), "", false
		if value, found = os.LookupEnv(from); !found {
			from = path
			for _, table := range []map[string]any{own, values} {
				if v, ok := table[flag.Name]; ok && !found {
					value, found = settingText(v), true
				}
			}
		}
		if found {
			if bad := cmd.Flags().Set(flag.Name, value); bad != nil {
				err = usagef("%s: %s: %v", from, flag.Name, bad)
			}
		}
	})
	return err
}

// settingText is a value of the file as its flag takes it: a list is separated by commas.
func settingText(value any) string {
	list, isList := value.([]any)
	if !isList {
		return fmt.Sprint(value)
	}
	var texts []string
	for _, one := range list {
		texts = append(texts, fmt.Sprint(one))
	}
	return strings.Join(texts, ",")
}

// environment is the variable of a flag: --data-dir is BLOTTER_DATA_DIR.
func environment(flag string) string {
	return "BLOTTER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// commandKey is the table of a command: "blotter migrate up" is [migrate-up].
func commandKey(cmd *cobra.Command) string {
	return strings.ReplaceAll(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" "), " ", "-")
}

// readConfig reads the file, which must exist if it was asked for by name.
func readConfig(path string) (map[string]any, string, error) {
	places := []string{path}
	if path == "" {
		places = []string{"blotter.toml"}
		if dir, err := os.UserConfigDir(); err == nil {
			places = append(places, filepath.Join(dir, "blotter", "blotter.toml"))
		}
	}
	values := map[string]any{}
	for _, place := range places {
		text, err := os.ReadFile(place)
		if errors.Is(err, fs.ErrNotExist) && path == "" {
			continue
		}
		if err != nil {
			return nil, place, fmt.Errorf("the configuration cannot be read: %w", err)
		}
		if err := toml.Unmarshal(text, &values); err != nil {
			return nil, place, fmt.Errorf("%s is not valid TOML: %w", place, err)
		}
		warnOfOpenSecret(place, text)
		return values, place, nil
	}
	return values, "", nil
}

var passwordInURL = regexp.MustCompile(`://[^/@\s:"']*:[^@\s"']+@|(?i)password\s*=`)

// warnOfOpenSecret says it where a file with a password can be read by others.
func warnOfOpenSecret(path string, text []byte) {
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 && passwordInURL.Match(text) {
		fmt.Fprintf(os.Stderr, "blotter: warning: %s holds a password and others may read it; chmod 600 it\n", path)
	}
}

// checkKeys refuses a line that no flag has: a misspelt setting must not be silently without effect.
func checkKeys(root *cobra.Command, values map[string]any, path string) error {
	commands := allCommands(root)
	for key, value := range values {
		scope := commands
		table, isTable := value.(map[string]any)
		if isTable {
			scope = slices.DeleteFunc(slices.Clone(commands), func(c *cobra.Command) bool { return commandKey(c) != key })
			if len(scope) == 0 {
				return fmt.Errorf("%s: there is no command for table [%s]", path, key)
			}
		} else {
			table = map[string]any{key: value}
		}
		for name := range table {
			if !slices.ContainsFunc(scope, func(c *cobra.Command) bool { return c.Flag(name) != nil }) {
				return fmt.Errorf("%s: there is no setting %q; settings are named as the flags of blotter --help", path, name)
			}
		}
	}
	return nil
}

func allCommands(cmd *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		list = append(list, allCommands(sub)...)
	}
	return list
}
