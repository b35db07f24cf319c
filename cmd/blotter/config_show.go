package main

import (
	"cmp"
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// shownSetting is a line of config show.
type shownSetting struct {
	Command string `json:"command,omitempty"` // "" for every command
	Setting string `json:"setting"`
	Value   string `json:"value"` // without passwords
	Origin  string `json:"origin"`
	Ignored string `json:"ignored,omitempty"` // why the line has no effect
}

// shownProgram is a program that would be run.
type shownProgram struct {
	Program string `json:"program"`
	Path    string `json:"path"`
}

func configShowCommand(set *settings, named *string) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "show [COMMAND...]",
		Short: "List the settings with their values and where each comes from",
		Long: `List the settings with their values, without passwords, and where each comes
from: a flag, a variable (env), a line of a file, or the default. What a file
sets without effect is listed too, with the reason. Of a COMMAND all settings
are listed, otherwise those that every command has and what is set for others;
--all lists everything. Below are PostgreSQL's programs that would be run.`,
		Example: "  blotter config show\n  blotter config show trades import",
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			about := root
			for _, word := range args {
				sub := findCommand(about, word)
				if sub == nil {
					return unknownCommand(about, word)
				}
				about = sub
			}
			config, err := readConfiguration(root, *named)
			if err != nil {
				return err
			}
			typed := typedFlags(cmd)
			list := config.show(root, typed, true)
			for _, one := range allCommands(about) {
				if one != root {
					list = append(list, config.show(one, typed, all || one == about)...)
				}
			}
			programs := set.foundPrograms(cmd.Context(), list)
			if set.json {
				return printJSON(cmd.OutOrStdout(), map[string]any{"settings": list, "programs": programs})
			}
			return printShown(cmd.OutOrStdout(), list, programs)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also what is not set, of every command")
	return cmd
}

// show lists the flags of the command itself; those that are not set only if all is true.
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
		for _, one := range ignored {
			line, _ := one.file.lookups.lookup(cmd, flag.Name)
			from := settingValue{source: one.file.path, line: one.line, file: one.file}
			list = append(list, shownSetting{name, flag.Name, redacted(one.kind, line.text), from.origin(), one.file.distrust})
		}
		one := shownSetting{Command: name, Setting: flag.Name, Value: flag.DefValue, Origin: "default"}
		switch {
		case isTyped:
			one.Value, one.Origin = flag.Value.String(), "flag"
		case value.isSet():
			one.Value, one.Origin = value.text, value.origin()
		case flag.Name == "redis" && os.Getenv("REDIS_URL") != "" && name == "serve":
			one.Value, one.Origin = os.Getenv("REDIS_URL"), "env REDIS_URL"
		case !all:
			return
		}
		one.Value = redacted(kindOf(cmd, flag.Name), one.Value)
		list = append(list, one)
	})
	return list
}

// redacted is a setting's value without its passwords.
func redacted(kind settingKind, value string) string {
	if kind != chooser && kind != server || !strings.ContainsAny(value, "@=") && !strings.Contains(value, "://") {
		return value
	}
	return connection.RedactURL(value)
}

// foundPrograms lists the PostgreSQL programs that would be run with the settings.
func (s *settings) foundPrograms(ctx context.Context, list []shownSetting) (programs []shownProgram) {
	folder := s.postgres
	for _, one := range list {
		if one.Setting == "postgres" && one.Command == "" && one.Ignored == "" {
			folder = one.Value
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
	with := *s
	with.postgres = folder
	if found, err := with.dumpPrograms(ctx, embedded.State{}, 0); err == nil {
		programs = append(programs, shownProgram{"pg_dump", found.Path("pg_dump")}, shownProgram{"pg_restore", found.Path("pg_restore")})
	}
	return programs
}

func printShown(w io.Writer, list []shownSetting, programs []shownProgram) error {
	columns := []column{{name: "setting"}, {name: "value", least: fileLeast}, {name: "origin", least: fileLeast}}
	var rows [][]string
	slices.SortStableFunc(list, func(a, b shownSetting) int { return cmp.Compare(a.Command, b.Command) })
	for _, one := range list {
		name := one.Setting
		if one.Command != "" {
			name = one.Command + " --" + name
		}
		origin := one.Origin
		if one.Ignored != "" {
			origin += ", ignored: " + one.Ignored
		}
		rows = append(rows, []string{name, one.Value, origin})
	}
	for _, one := range programs {
		rows = append(rows, []string{"(program " + one.Program + ")", one.Path, ""})
	}
	return printListing(w, columns, rows)
}
