package main_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every flag is an environment variable and a line of blotter.toml, and what is typed comes before both.
func TestSettings(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ command, flag, value, want string }{
		// Each value is wrong in a way that the command complains about, which shows that it arrived.
		{"bars show A", "from", "yesterday", `--from "yesterday"`},
		{"bars show A", "to", "tomorrow", `--to "tomorrow"`},
		{"bars show A", "format", "xml", `--format "xml"`},
		{"bars show A", "limit", "-7", "--limit -7"},
		{"psql", "as", "nobody", `--as "nobody"`},
		{"up", "url", "postgres://h/d", "leave out --url"},
		{"bars show A", "readonly-url", "nonsense://", "invalid --readonly-url: want postgres://"},
		{"bars show A", "service-url", "nonsense://", "invalid --service-url: want postgres://"},
		{"bars show A", "reporter-url", "nonsense://", "invalid --reporter-url: want postgres://"},
		{"up", "port", "70000", "invalid port 70000"},
		{"up", "data-dir", "/dev/null/x", "/dev/null/x"},
		{"up", "postgres", "/nowhere", "/nowhere holds no PostgreSQL programs"},
		{"status", "account", strings.Repeat("x", 100), "account"},
	} {
		t.Run(test.flag, func(t *testing.T) {
			t.Parallel()

			words := strings.Fields(test.command)
			variable := "BLOTTER_" + strings.ToUpper(strings.ReplaceAll(test.flag, "-", "_")) + "=" + test.value
			line := fmt.Sprintf("%s = %q\n", test.flag, test.value)
			for how, desk := range map[string]*desk{
				"typed": newDesk(t), "environment": newDesk(t), "file": newDesk(t),
				"table": newDesk(t), "user's file": newDesk(t),
			} {
				desk.env = slices.DeleteFunc(desk.env,
					func(set string) bool { return strings.HasPrefix(set, "BLOTTER_") })
				args := slices.Clone(words)
				switch how {
				case "typed":
					args = append(args, "--"+test.flag+"="+test.value)
				case "environment":
					desk.env = append(desk.env, variable)
				case "file":
					desk.write(t, "blotter.toml", line)
				case "table":
					desk.write(t, "blotter.toml", "["+strings.TrimSuffix(strings.Join(words, "-"), "-A")+"]\n"+line)
				case "user's file":
					desk.write(t, "config/blotter/blotter.toml", line)
				}
				if how == "file" || how == "table" {
					desk.ok(t, "config", "trust")
				}
				r := desk.run(t, args...)
				if r.status == 0 || !strings.Contains(r.err, test.want) {
					t.Errorf("%s: exit status %d, %q, want %q", how, r.status, r.err, test.want)
				}
			}
		})
	}
}

func TestSettingsOfBooleans(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write(t, "blotter.toml", "json = true\n")
	contains(t, d.run(t, "status").out, `"running": false`)
	contains(t, d.run(t, "status", "--json=false").out, "not running\n")
	d.env = append(d.env, "BLOTTER_JSON=false")
	contains(t, d.run(t, "status").out, "not running\n")
	d.env = append(d.env, "BLOTTER_JSON=perhaps")
	d.fails(t, 2, []string{"status"}, "BLOTTER_JSON", "perhaps")
}

// An account in the file does not forbid to type --all-accounts, nor the other way round.
func TestTypedAccountComesFirst(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write(t, "blotter.toml", "account = \"ACC1\"\n")
	if r := d.run(t, "status", "--all-accounts"); r.err != "" {
		t.Errorf("%q", r.err)
	}
	d.write(t, "blotter.toml", "all-accounts = true\n")
	if r := d.run(t, "status", "--account", "ACC1"); r.err != "" {
		t.Errorf("%q", r.err)
	}
	d.write(t, "blotter.toml", "all-accounts = true\naccount = \"ACC1\"\n")
	d.fails(t, 2, []string{"status"}, "exclude each other")
}

// A table is for one command, or for all below one, and the most specific line wins.
func TestSettingsOfNestedCommands(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]string{
		"[trades.import]\ndates = \"xyz\"\n":                            "xyz",
		"[trades-import]\ndates = \"xyz\"\n":                            "xyz",
		"[trades]\ndates = \"xyz\"\n":                                   "xyz",
		"trades.import.dates = \"xyz\"\n":                               "xyz",
		"[trades]\ndates = \"dmy\"\n[trades.import]\ndates = \"xyz\"\n": "xyz",
		"dates = \"dmy\"\n[trades]\ndates = \"xyz\"\n":                  "xyz",
	} {
		d := newDesk(t)
		d.write(t, "fills.csv", fills)
		d.write(t, "blotter.toml", text)
		r := d.run(t, "trades", "import", "fills.csv", "--account", "ACC", "--dry-run")
		if r.status == 0 || !strings.Contains(r.err, want) {
			t.Errorf("%q: exit status %d, %q, want %q", text, r.status, r.err, want)
		}
	}

	d := newDesk(t)
	d.write(t, "blotter.toml", "[trades]\nformat = \"xml\"\n")
	d.fails(t, 2, []string{"trades", "list", "--side", "up"}, `--format "xml"`)
	d.fails(t, 2, []string{"orders", "list", "--side", "up"}, `--side "up"`)
}

// A line that no command takes is refused, with the one that was probably meant.
func TestBadSettingsFile(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]string{
		"datadir = \"x\"\n":            `there is no setting "datadir"; did you mean data-dir?`,
		"[import]\nfromat = \"csv\"\n": `there is no setting "fromat" in [import]; did you mean format`,
		"[imprt]\nsymbol = \"x\"\n": "there is no command for table [imprt]; did " +
			"you mean [import]?",
		"[trades.imprt]\ntz = \"UTC\"\n": "there is no command for table " +
			"[trades.imprt]; did you mean [trades.import]",
		"[trades.list]\ntz = \"UTC\"\n": `there is no setting "tz" in [trades.list]`,
		"[status]\nlimit = 1\n": `there is no setting "limit" in [status]; ` +
			`settings have the names of the flags in blotter status --help`,
		"config = \"other.toml\"\n": `there is no setting "config"`,
		"[[up]]\nport = 2\n": "[[up]] is a list of tables; want one " +
			"table, [up]",
		"trades.import.tz = \"UTC\"\n[trades-import]\ntz = \"UTC\"\n": "tz is set twice for blotter trades import",
		"data-dir = \n":                  "line 1, column 12 is not valid TOML",
		"json = true\njson = false\n":    "is not valid TOML",
		"port = 1\n[[up]]\nport = 2\n[x": "is not valid TOML",
	} {
		d := newDesk(t)
		d.write(t, "blotter.toml", text)
		d.fails(t, 1, []string{"status"}, "blotter.toml", want)
	}

	d := newDesk(t)
	d.fails(t, 1, []string{"status", "--config", "missing.toml"}, "there is no file missing.toml; check the path")
	d.fails(t, 1, []string{"status", "--config", filepath.Join(d.dir)}, "is a folder; want a file")
}
