package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// settingKind says what a setting can do, which decides whether an untrusted file may set it.
type settingKind string

const (
	// harmless settings decide what is shown, or how a file that the user names is read. They may come from any folder,
	// because whoever wrote its blotter.toml could also have written other rows into the files beside it.
	harmless settingKind = "harmless"
	// chooser settings choose the database, its login or its data folder. Ignoring one is an error, because another
	// database would be used instead.
	chooser settingKind = "database"
	// server settings choose another server, or start one.
	server settingKind = "server"
	// program settings choose a program to run.
	program settingKind = "program"
	// output settings write a file.
	output settingKind = "output"
	// removal settings decide what is deleted, and when.
	removal settingKind = "removal"
	// guard settings turn off a check or a question, or decide whether anything is done.
	guard settingKind = "guard"
)

// settingDecision says of which kind some flags of a command are.
type settingDecision struct {
	command string // "" is blotter itself, whose flags every command has; "*" is any command that has the flag
	kind    settingKind
	flags   string
}

// settingDecisions has every flag. A flag that is missing here fails TestEverySettingIsDecided, and an untrusted file
// cannot set it.
var settingDecisions = []settingDecision{
	{"", chooser, "url readonly-url service-url reporter-url owner-url data-dir"},
	{"", program, "postgres"},
	{"", harmless, "account all-accounts json verbose"},

	{"*", guard, "safe-for-spreadsheets"},

	{"accounts create", harmless, "currency name zone"},
	{"accounts list", harmless, "format"},
	{"accounts set", harmless, "currency name zone"},
	{"actions add", harmless, "cash currency new-symbol ratio source"},
	{"actions import", harmless, "sheet source symbol"},
	{"actions import", guard, "dry-run strict"},
	{"actions list", harmless, "format from to"},
	{"analytics rebuild", chooser, "analytics-url"},
	{"analytics reconcile", chooser, "analytics-url"},
	{"analytics show", harmless, "by format"},
	{"audit list", harmless, "correlation format from limit login oldest-first operation role table to user"},
	{"audit verify", guard, "heads"},
	{"bars export", harmless, "adjusted format from limit prices timeframe to tz"},
	{"bars export", output, "out"},
	{"bars gaps", harmless, "from timeframe to"},
	{"bars resample", harmless, "format from limit timeframe to to-timeframe tz"},
	{"bars show", harmless, "adjusted format from limit prices timeframe to tz"},
	{"bars show", output, "png"},
	{"config show", harmless, "all"},
	{"demo", output, "png"},
	{"demo", guard, "yes"},
	{"demo", server, "web"},
	{"doctor", harmless, "indexes security"},
	{"doctor", server, "redis replica"},
	{"doctor", guard, "strict threshold"},
	{"down", guard, "force"},
	{"events replay", guard, "since"}, // which events are applied again
	{"events resolve", chooser, "analytics-url"},
	{"events status", chooser, "analytics-url"},
	{"events tail", harmless, "channel count from"},
	{"events tail", server, "redis"},
	{"import", harmless, "cols dates format jobs sheet source symbol timeframe tz"},
	{"import", guard, "allow-negative dry-run prefer splice strict"}, // prefer replaces stored bars
	{"instruments list", harmless, "format"},
	{"instruments set", harmless, "asset-class calendar currency multiplier name"},
	{"instruments set", guard, "allows-negative"},
	{"load", chooser, "analytics-url"},
	{"load", harmless, "accounts callers rate span symbols"},
	{"load", guard, "yes"},
	{"logs", harmless, "correlation event-type follow level limit service since"},
	{"maintain history", harmless, "failed format job limit"},
	{"maintain run", chooser, "analytics-url"},
	{"maintain run", harmless, "months-ahead service"},
	{"maintain run", removal, "archive-days retention-days retire"},
	{"maintain run", guard, "dry-run exact force"},
	{"migrate down", removal, "to"},
	{"migrate down", guard, "yes"},
	{"orders list", harmless, "format from limit oldest-first side status strategy symbol to"},
	{"partitions apply", harmless, "months-ahead"},
	{"partitions apply", removal, "retire"},
	{"partitions plan", harmless, "months-ahead"},
	{"partitions plan", removal, "retire"},
	{"performance", harmless, "service since"},
	{"pnl list", harmless, "by format from strategy symbol to"},
	{"positions compare", harmless, "cols sheet"},
	{"prices set", harmless, "at currency"},
	{"positions list", harmless, "all at format symbol"},
	{"psql", guard, "as"}, // the role decides what SQL may do
	{"roles sql", guard, "database prefix"},
	{"roles redis", guard, "prefix"},
	{"serve", chooser, "analytics-url"},
	{"serve", harmless, "months-ahead"},
	{"serve", server, "http metrics redis"},
	{"serve", removal, "archive-days retention-days retire"},
	{"serve", guard, "behind-proxy http-host maintenance threshold tls-cert tls-key trust-header"},
	{"trades import", harmless, "cols currency dates decimal fees format from-account multiplier"},
	{"trades import", harmless, "repeated-hour sheet strategy symbol tz"},
	{"trades import", guard, "create-account dry-run round simulated strict"},
	{"trades imports list", harmless, "format limit"},
	{"trades list", harmless, "format from limit oldest-first order side strategy symbol to"},
	{"up", server, "port"},
	{"users add", guard, "accounts operator"},
	{"web", server, "http"},
	{"web", guard, "behind-proxy http-host tls-cert tls-key trust-header"},
}

// kindOf returns the kind of a command's flag, which is guard if nothing was decided.
func kindOf(cmd *cobra.Command, flag string) settingKind {
	path := strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()), " ")
	for _, decision := range settingDecisions {
		applies := slices.Contains([]string{path, "", "*"}, decision.command)
		if applies && slices.Contains(strings.Fields(decision.flags), flag) {
			return decision.kind
		}
	}
	return guard
}
