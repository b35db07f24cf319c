package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/internal/libpq"
	"github.com/blotterdb/blotter/internal/ownership"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// notInFile has the flags that can only be set on the command line.
var notInFile = map[string]bool{"config": true, "help": true, "version": true}

// folderFile is the name of the configuration file in the working folder and in the user's configuration folder.
const folderFile = "blotter.toml"

// configBytesMax is the greatest size of a configuration file.
const configBytesMax = 1 << 20

// bindSettings sets the flags that are not on the command line from their environment variables, or from a
// configuration file. It reports the lines that a file may not set on standard error.
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
		if setErr := cmd.Flags().Set(flag.Name, value.text); setErr != nil {
			err = usagef("%s: %s: %v", value.source, flag.Name, setErr)
		}
	})
	if err != nil {
		return err
	}
	isChosen := func(flag string) bool { return typed[flag] || isInEnvironment(flag) }
	return reportIgnored(os.Stderr, ignored, isChosen)
}

// typedFlags returns the flags that were set on the command line.
func typedFlags(cmd *cobra.Command) map[string]bool {
	typed := map[string]bool{}
	cmd.Flags().Visit(func(flag *pflag.Flag) { typed[flag.Name] = true })
	return typed
}

// configuration has the files that settings are read from. A file takes precedence over those after it.
type configuration struct{ files []*configFile }

// settingValue is the value of a setting, and where it was set.
type settingValue struct {
	text   string
	source string      // an environment variable or the path of a file; "" if the setting is not set
	file   *configFile // nil for an environment variable
	line   int         // of the file
}

func (v settingValue) isSet() bool { return v.source != "" }

// origin returns where a value comes from, for people.
func (v settingValue) origin() string {
	switch {
	case v.file != nil && v.line > 0:
		return fmt.Sprintf("file %s:%d", v.file.path, v.line)
	case v.file != nil:
		return "file " + v.file.path
	}
	return "env " + v.source
}

// value returns the value of a flag in the environment or in a file, and the lines of files that may not set it.
func (c configuration) value(cmd *cobra.Command, flag string, typed map[string]bool) (settingValue, []ignoredSetting) {
	if typed[excludedBy[flag]] {
		return settingValue{}, nil // the command line takes precedence
	}
	if text, found := os.LookupEnv(environment(flag)); found {
		return settingValue{text: text, source: environment(flag)}, nil
	}

	var ignored []ignoredSetting
	for _, file := range c.files {
		value, found := file.lookups.lookup(cmd, flag)
		_, excluded := file.lookups.lookup(cmd, excludedBy[flag])
		if !found && excluded && !file.isOpen {
			return settingValue{}, ignored // this file takes precedence
		}
		if !found {
			continue
		}
		if kind := kindOf(cmd, flag); file.distrust != "" && (kind != harmless || file.isOpen) {
			ignored = append(ignored, ignoredSetting{flag: flag, kind: kind, line: value.line, file: file})
			continue
		}
		return settingValue{text: value.text, source: file.path, line: value.line, file: file}, ignored
	}
	return settingValue{}, ignored
}

// excludedBy maps a flag to the one that excludes it.
var excludedBy = map[string]string{"account": "all-accounts", "all-accounts": "account"}

// environment returns the environment variable of a flag, which is BLOTTER_DATA_DIR for --data-dir.
func environment(flag string) string {
	return "BLOTTER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func isInEnvironment(flag string) bool {
	_, found := os.LookupEnv(environment(flag))
	return found
}

// readConfiguration reads the file of --config or BLOTTER_CONFIG, which must exist. Without one, it reads the files of
// the working folder and of the user if they exist.
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

	userPath := ""
	if dir, err := os.UserConfigDir(); err == nil { // a user may have no home
		userPath = filepath.Join(dir, "blotter", folderFile)
	}
	var config configuration
	if !isSameFile(folderFile, userPath) {
		file, err := readFolderFile(root)
		if err != nil {
			return config, err
		}
		if file != nil {
			config.files = append(config.files, file)
		}
	}

	if userPath == "" {
		return config, nil
	}
	file, err := readChosenFile(root, userPath)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return config, nil
	case err != nil:
		return config, fmt.Errorf("configuration: %w", err)
	}
	config.files = append(config.files, file)
	return config, nil
}

// isSameFile reports whether two paths lead to the same file.
func isSameFile(path, other string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	otherInfo, err := os.Stat(other)
	return err == nil && os.SameFile(info, otherInfo)
}

// readChosenFile reads a file that the user chose, by its name or by its place in the configuration folder. It may set
// everything. A file that others can change is an error.
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

// refusedFile returns the error for a configuration file that others can change.
func refusedFile(path string, err error) error {
	var open *ownership.OpenError
	if !errors.As(err, &open) {
		return cannotRead(path, err)
	}
	where := ""
	if open.Path != path && filepath.Base(open.Path) != filepath.Base(path) {
		where = ", through " + open.Path
	}
	return fmt.Errorf("others can change %s%s (%s), and it decides where money is booked; %s",
		path, where, open.Reason, open.Remedy)
}

// checkEnvironment returns an error for a variable with a relative path, because the author of the working folder would
// choose the file.
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

// pathVariables are the environment variables with paths of programs, servers, credentials and data.
var pathVariables = []string{
	"BLOTTER_CONFIG", "BLOTTER_POSTGRES", "BLOTTER_DATA_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME", "TMPDIR",
	"PGSERVICEFILE", "PGPASSFILE", "PGSYSCONFDIR", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGSSLCRL", "PGSSLCRLDIR",
}

// check returns an error for a relative path in a file of another folder, because the owner of the working folder would
// choose the file.
func (v settingValue) check(cmd *cobra.Command, flag string) error {
	if v.file != nil && filepath.Dir(v.file.path) == "." {
		return nil
	}
	for _, path := range pathsOf(kindOf(cmd, flag), flag, v.text) {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("%s: %s: %s is looked for in the working folder; write an absolute path",
				v.source, flag, path)
		}
	}
	return nil
}

// pathsOf returns the paths in a setting of the kind.
func pathsOf(kind settingKind, flag, value string) (paths []string) {
	switch {
	case value == "":
		return nil
	case kind == program, flag == "data-dir":
		return []string{value}
	case kind != chooser && kind != server:
		return nil
	}

	settings := libpq.Settings(value)
	for _, name := range []string{"sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile", "servicefile"} {
		if path := settings.Get(name); path != "" && path != "system" {
			paths = append(paths, path)
		}
	}
	return paths
}

// ignoredSetting is a line that a file may not set.
type ignoredSetting struct {
	flag string
	kind settingKind
	line int
	file *configFile
}

// reportIgnored prints a line with the settings that were ignored, and what to do. If one of them chooses a database
// and nothing else does, it returns an error, because another database would be used instead.
func reportIgnored(w *os.File, ignored []ignoredSetting, isChosen func(flag string) bool) error {
	if len(ignored) == 0 {
		return nil
	}

	file := ignored[0].file
	var names []string
	for _, setting := range ignored {
		names = append(names, setting.flag)
		instead := "url"
		if setting.flag == "analytics-url" {
			instead = setting.flag
		}
		isReplaced := isChosen(instead) || setting.flag == "data-dir" && isChosen("data-dir")
		if setting.kind == chooser && !isReplaced {
			return fmt.Errorf("%s line %d sets %s, which chooses the database, and %s; %s, or pass --%s",
				file.path, setting.line, setting.flag, file.distrust, file.remedy, instead)
		}
	}

	slices.Sort(names)
	text := fmt.Sprintf("%s: ignored %s: %s; %s", file.path, strings.Join(names, ", "), file.distrust, file.remedy)
	_, err := fmt.Fprintln(w, "blotter:", term.Printable(text))
	return err
}
