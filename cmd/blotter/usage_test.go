package main_test

import (
	"strings"
	"testing"
)

// commands are all of them, as a user types them.
var commands = []string{
	"", "demo", "import", "bars", "up", "down", "status", "psql", "help",
	"bars list", "bars show", "bars gaps", "bars resample", "bars export",
	"migrate", "migrate up", "migrate down", "migrate status", "migrate verify",
	"partitions", "partitions list", "partitions plan", "partitions apply",
	"audit", "audit list", "audit seal", "audit verify", "audit export-head",
	"audit repair-cursor", "backup", "restore",
	"orders", "orders list", "trades", "trades list", "trades import", "trades imports",
	"trades imports list", "trades imports undo",
	"positions", "positions list", "positions compare", "pnl", "pnl list", "verify",
	"accounts", "accounts list", "accounts create", "accounts set",
	"instruments", "instruments set", "instruments list",
	"actions", "actions import", "actions add", "actions list", "actions remove",
	"web", "users", "users add", "users list", "users remove",
	"serve", "load", "events", "events status", "events tail", "events resolve", "events replay", "events expire",
	"events rebase", "events tail",
	"analytics", "analytics show", "analytics reconcile", "analytics rebuild",
	"doctor", "roles", "roles sql", "roles redis", "performance", "prices", "prices list",
	"prices set", "prices forget",
	"config", "config show", "config trust", "config untrust",
	"maintain", "maintain run", "maintain status", "maintain history", "logs",
}

func TestHelp(t *testing.T) {
	t.Parallel()

	d := newHelpDesk(t)
	listed := d.ok(t, "--help")
	for _, command := range commands {
		words := strings.Fields(command)
		if len(words) < 2 {
			continue
		}
		if noun := strings.Join(words[:len(words)-1], " "); !strings.Contains(listed, "blotter "+noun+" [") {
			listed += d.ok(t, append(words[:len(words)-1:len(words)-1], "--help")...)
		}
	}

	for _, command := range commands {
		text := d.ok(t, append(strings.Fields(command), "--help")...)
		contains(t, text, "Examples:\n  blotter")
		narrow(t, command+" --help", text)
		if words := strings.Fields(command); len(words) > 0 {
			contains(t, listed, "\n  "+words[len(words)-1]+" ")
			if command != "help" && d.ok(t, append([]string{"help"}, words...)...) != text {
				t.Errorf("help %s differs from %[1]s --help", command)
			}
		}
	}

	known := " " + strings.Join(commands, " ") + " "
	for line := range strings.Lines(listed) {
		if name, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(line,
			"  ") && name != "blotter" &&
			!strings.HasPrefix(name, "-") && line[2] != ' ' && !strings.Contains(known, " "+name+" ") {
			t.Errorf("command %s is missing in this test", name)
		}
	}
}

func TestWrongUse(t *testing.T) {
	t.Parallel()

	d := newHelpDesk(t)
	for _, test := range []struct{ args, want string }{
		{"nosuch", `there is no command "nosuch"`},
		{"help nosuch", `there is no command "nosuch"`},
		{"migrate nosuch", "blotter migrate --help"},
		{"--nosuch", "blotter has no flag --nosuch; blotter --help lists the flags"},
		{"status -x", "there is no flag -x"},
		{"bars", "say which"},
		{"bars A", "blotter bars --help"},
		{"bars show A B", "want blotter bars show SYMBOL"},
		{"bars show A --from yesterday", `invalid --from "yesterday"`},
		{"bars show A --from 2020-01-02 --to 2020-01-01", "is not before"},
		{"bars show A --format xml", "want table, csv or json"},
		{"bars show A --limit -1", "--limit -1: want 1 or more"},
		{"bars show A --limit many", "--limit"},
		{"import", "want blotter import FILES..."},
		{"up now", "blotter up --help"},
		{"up --url postgres://h/d", "leave out --url"},
		{"down --url postgres://h/d", "leave out --url"},
		{"psql --as postgres", "want app, service, readonly, reporter or owner"},
		{"migrate", "say which"},
		{"migrate down", "say --to VERSION and --yes"},
		{"migrate down --to 3", "say --to VERSION and --yes"},
		{"partitions", "say which"},
		{"roles", "say which"},
		{"roles sql", "say --database NAME"},
		{"roles sql --database d --prefix B;", "lower-case letters"},
		{"performance --since 0s", "--since 0s: want a duration"},
		{"partitions plan --retire market_data=drop", "TABLE=keep, or TABLE=detach:90d"},
		{"partitions apply --retire market_data=drop:0d", "an age of 1 or more"},
		{"partitions apply --months-ahead 25", "--months-ahead 25: want 1 to 24"},
		{"events", "say which"},
		{"events resolve analytics", "want blotter events resolve CONSUMER KEY"},
		{"events replay mailer", "--since is missing"},
		{"events replay analytics --since 2024-01-01", "blotter analytics rebuild"},
		{"events expire analytics", "never expire"},
		{"analytics show --by week", "want symbol or day"},
		{"load --rate 0", "--rate 0: want 1 to 100000"},
		{"load --span 0s", "--span 0s: want more than 0"},
		{"audit", "say which"},
		{"audit verify --account A", "leave out --account"},
		{"audit export-head", "want blotter audit export-head FILE"},
		{"backup", "want blotter backup FILE"},
		{"restore a b", "want blotter restore FILE"},
		{"audit list --limit 0", "--limit 0: want 1 or more"},
		{"maintain", "say which"},
		{"logs --level loud", "want debug, info, warn, error"},
		{"logs --since yesterday", "want an age such as 90s"},
		{"logs --limit 0", "--limit 0: want 1 to"},
		{"status --account A --all-accounts", "--account and --all-accounts exclude each other"},
		{"status --account " + strings.Repeat("x", 100), "account"},
	} {
		d.fails(t, 2, strings.Fields(test.args), test.want)
	}
}

// A misspelled command or flag is refused with the name that was probably meant.
func TestDidYouMean(t *testing.T) {
	t.Parallel()

	d := newHelpDesk(t)
	for _, test := range []struct{ args, want string }{
		{"trads list", `there is no command "trads"; did you mean trades?`},
		{"Verify", `there is no command "Verify"; did you mean verify?`},
		{"evrify", `there is no command "evrify"; did you mean verify?`},
		{"ver", `there is no command "ver"; did you mean verify?`},
		{"rebuild", `there is no command "rebuild"; did you mean blotter analytics rebuild?`},
		{"list", `there is no command "list"; did you mean`},
		{"trades imprt", `blotter trades has no command "imprt"; did you mean import`},
		{"help trades imprt", `blotter trades has no command "imprt"; did you mean import`},
		{"trades frobnicate", `blotter trades has no command "frobnicate"; blotter trades --help lists them`},
		{"trades list --acount A", "blotter trades list has no flag --acount; did you mean --account?"},
		{"trades list --sybmol A", "blotter trades list has no flag --sybmol; did you mean --symbol?"},
		{"trades list --form csv", "did you mean --format or --from?"},
		{"--data_dir x status", "has no flag --data_dir; did you mean --data-dir?"},
	} {
		r := d.fails(t, 2, strings.Fields(test.args), test.want)
		if strings.Count(r.err, "did you mean") > 1 || len(r.err) > 160 {
			t.Errorf("%s: too long: %s", test.args, r.err)
		}
	}

	d.fails(t, 2, []string{"trades", "frobnicate"}, "--help")
	if r := d.run(t, "xyzzy"); strings.Contains(r.err, "did you mean") {
		t.Errorf("a word like no command is taken for one: %s", r.err)
	}
}

// TestUsageOfTheProcess checks what tests of commands in their own process cannot see: the streams and the exit status.
func TestUsageOfTheProcess(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	contains(t, d.ok(t, "--help"), "Examples:\n  blotter")
	contains(t, d.ok(t, "help", "import"), "Examples:\n  blotter")
	d.fails(t, 2, []string{"bars", "show", "A", "B"}, "want blotter bars show SYMBOL")
	d.fails(t, 2, []string{"trads", "list"}, "did you mean trades?")
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if out := newDesk(t).ok(t, "--version"); !strings.HasPrefix(out, "blotter ") || strings.Count(out, "\n") != 1 {
		t.Errorf("%q", out)
	}
}
