package main

import (
	"cmp"
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/backup"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// shownSetting is a line of config show.
type shownSetting struct {
	Command string `json:"command,omitempty"` // "" for every command
	Setting string `json:"setting"`
	Value   string `json:"value"` // without passwords
	Origin  string `json:"origin"`
	Ignored string `json:"ignored,omitempty"` // the reason why the line has no effect
}

// shownProgram is a program that blotter would run.
type shownProgram struct {
	Program string `json:"program"`
	Path    string `json:"path"`
}

func configShowCommand(set *settings, named *string) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "show [COMMAND...]",
		Short: "List the settings with their values and origins",
		Long: `List the settings with their values, without passwords, and where each comes
from: a flag, a variable (env), a line of a file, or the default. A line of a
file that has no effect is listed with the reason. With COMMAND, all of its
settings are listed, otherwise the settings that every command has and those
that are set for others; --all lists everything. The list ends with the
PostgreSQL programs that blotter would run.`,
		Example: "  blotter config show\n  blotter config show trades import",
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			selected := root
			for _, word := range args {
				sub := findCommand(selected, word)
				if sub == nil {
					return unknownCommand(selected, word)
				}
				selected = sub
			}

			config, err := readConfiguration(root, *named)
			if err != nil {
				return err
			}
			typed := typedFlags(cmd)
			list := config.show(root, typed, true)
			for _, sub := range allCommands(selected) {
				if sub != root {
					list = append(list, config.show(sub, typed, all || sub == selected)...)
				}
			}
			programs := set.foundPrograms(cmd.Context(), list)
			report := map[string]any{"settings": list, "programs": programs}
			return set.print(cmd, report, func(w io.Writer) error { return printShown(w, list, programs) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also settings of every command that are not set")
	return cmd
}

// show lists the command's own flags. Flags that are not set are left out unless all is true.
func (c configuration) show(cmd *cobra.Command, typed map[string]bool, all bool) (list []shownSetting) {
	name := strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()), " ")
	flags := cmd.LocalNonPersistentFlags()
	if !cmd.HasParent() {
		flags = cmd.PersistentFlags()
	}
	flags.VisitAll(func(flag *pflag.Flag) {
		if notInFile[flag.Name] {
			return
		}

		value, ignored := c.value(cmd, flag.Name, typed)
		isTyped := flag.Changed && typed[flag.Name]
		if isTyped {
			ignored = nil
		}
		for _, skipped := range ignored {
			line, _ := skipped.file.lookups.lookup(cmd, flag.Name)
			from := settingValue{source: skipped.file.path, line: skipped.line, file: skipped.file}
			list = append(list, shownSetting{
				Command: name, Setting: flag.Name, Value: redacted(skipped.kind, line.text),
				Origin: from.origin(), Ignored: skipped.file.distrust,
			})
		}

		shown := shownSetting{Command: name, Setting: flag.Name, Value: flag.DefValue, Origin: "default"}
		switch {
		case isTyped:
			shown.Value = flag.Value.String()
			shown.Origin = "flag"
		case value.isSet():
			shown.Value = value.text
			shown.Origin = value.origin()
		case flag.Name == "redis" && os.Getenv("REDIS_URL") != "" && name == "serve":
			shown.Value = os.Getenv("REDIS_URL")
			shown.Origin = "env REDIS_URL"
		case !all:
			return
		}
		shown.Value = redacted(kindOf(cmd, flag.Name), shown.Value)
		list = append(list, shown)
	})
	return list
}

// redacted returns the value of a setting without passwords.
func redacted(kind settingKind, value string) string {
	canBeURL := kind == chooser || kind == server
	if canBeURL && (strings.ContainsAny(value, "@=") || strings.Contains(value, "://")) {
		return connection.RedactURL(value)
	}
	return value
}

// foundPrograms lists the PostgreSQL programs that would be run with the settings.
func (s *settings) foundPrograms(ctx context.Context, list []shownSetting) (programs []shownProgram) {
	folder := s.postgres
	for _, setting := range list {
		if setting.Setting == "postgres" && setting.Command == "" && setting.Ignored == "" {
			folder = setting.Value
		}
	}

	server := "none found"
	if found, err := embedded.Find(ctx, folder, "", 0); err == nil {
		server = found.Path("postgres")
	}
	programs = append(programs, shownProgram{"postgres", server})
	if path, err := findPsql(ctx, []string{folder}); err == nil {
		programs = append(programs, shownProgram{"psql", path})
	}

	dumpFolder := cmp.Or(folder, os.Getenv("BLOTTER_POSTGRES"))
	if found, err := backup.FindPrograms(ctx, dumpFolder, 0); err == nil {
		for _, name := range []string{"pg_dump", "pg_restore"} {
			programs = append(programs, shownProgram{name, found.Path(name)})
		}
	}
	return programs
}

func printShown(w io.Writer, list []shownSetting, programs []shownProgram) error {
	columns := []term.Column{{Name: "setting"}, {Name: "value", Least: fileLeast}, {Name: "origin", Least: fileLeast}}
	slices.SortStableFunc(list, func(a, b shownSetting) int { return cmp.Compare(a.Command, b.Command) })

	var rows [][]string
	for _, setting := range list {
		name := setting.Setting
		if setting.Command != "" {
			name = setting.Command + " --" + name
		}
		origin := setting.Origin
		if setting.Ignored != "" {
			origin += ", ignored: " + setting.Ignored
		}
		rows = append(rows, []string{name, setting.Value, origin})
	}
	for _, program := range programs {
		rows = append(rows, []string{"(program " + program.Program + ")", program.Path, ""})
	}
	return term.PrintTable(w, columns, rows)
}
