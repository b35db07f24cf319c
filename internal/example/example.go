package example

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// Example is a file of a vendor or broker, and what a test wants of it.
type Example struct {
	Name string

	settings map[string]string
	sections map[string]string
}

// Load reads all examples of a folder, in the order of their file names.
func Load(folder string) ([]Example, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no examples in %s", folder)
	}

	var all []Example
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}

		e, err := parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, e)
	}

	return all, nil
}

func parse(text string) (Example, error) {
	e := Example{settings: map[string]string{}, sections: map[string]string{}}
	section := ""

	for line := range strings.Lines(text) {
		begun, isSection := sectionName(line)
		key, value, isSetting := strings.Cut(strings.TrimSpace(line), ": ")

		switch {
		case isSection:
			section = begun
			e.sections[section] = ""
		case section != "":
			e.sections[section] += line
		case e.Name == "" && strings.HasPrefix(line, "# "):
			e.Name = strings.TrimSpace(line[2:])
		case isSetting:
			e.settings[key] = value
		default:
			return e, fmt.Errorf("neither a setting nor a section: %q", line)
		}
	}

	return e, nil
}

// sectionName returns the name in a line such as "-- file --".
func sectionName(line string) (name string, ok bool) {
	name, ok = strings.CutPrefix(strings.TrimSpace(line), "-- ")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(name, " --")
}

// Setting returns the value of a setting, or "".
func (e Example) Setting(name string) string { return e.settings[name] }

// File returns the file in the bytes in which its vendor writes it.
func (e Example) File() string {
	text := e.sections["file"]
	for _, encoding := range strings.Fields(e.settings["bytes"]) {
		switch encoding {
		case "CRLF":
			text = strings.ReplaceAll(text, "\n", "\r\n")
		case "Latin-1":
			text, _ = charmap.ISO8859_1.NewEncoder().String(text)
		case "BOM":
			text = "\xef\xbb\xbf" + text
		}
	}

	return text
}

// Lines returns the lines of a section.
func (e Example) Lines(section string) []string {
	text := strings.TrimSuffix(e.sections[section], "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// SetOptions sets the fields of a struct of options that the settings name, in lower case. options is a pointer.
func (e Example) SetOptions(options any) {
	value := reflect.ValueOf(options).Elem()
	for i := range value.NumField() {
		setting := e.settings[strings.ToLower(value.Type().Field(i).Name)]
		if setting == "" {
			continue
		}

		switch field := value.Field(i); field.Kind() {
		case reflect.String:
			field.SetString(setting)
		case reflect.Int:
			n, _ := strconv.Atoi(setting)
			field.SetInt(int64(n))
		}
	}
}
