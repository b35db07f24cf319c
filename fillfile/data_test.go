//go:build data

package fillfile_test

import (
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
)

var (
	dataFolder = flag.String("data", "", "folder of real files with a manifest.csv")
	update     = flag.Bool("update", false, "write the table of docs/real-files.md")
)

// remarks are the files of which the manifest counts other rows than we do, by how many, and why.
var remarks = map[string]struct {
	rows int64
	why  string
}{
	"broker-fills/degiro-export.csv": {
		rows: 9,
		why: "8 cost lines are part of their fills, 1 line is the rest of an order id; " +
			"a line of 30 x 22.4 has an amount of 9999.99",
	},
	"broker-fills/ibkr-transaction-history.csv":   {9, "9 lines are headers and the summary"},
	"broker-fills/saxo-export.csv":                {0, "a line of 1.5 x 110.01 has an amount of 110"},
	"broker-fills/freqtrade-backtest-result.json": {-179, "an entry and an exit a trade"},
}

// Every real file yields as many rows as the manifest counts.
func TestRealFiles(t *testing.T) {
	f, err := os.Open(filepath.Join(*dataFolder, "manifest.csv"))
	if err != nil {
		t.Fatalf("%v; say -data FOLDER", err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}

	column := func(line []string, name string) string { return line[slices.Index(lines[0], name)] }
	table := []string{
		"| file | layout | fills | rejected | left out | remark |",
		"| --- | --- | ---: | ---: | --- | --- |",
	}

	for _, line := range lines[1:] {
		path := column(line, "file")
		if !slices.Contains([]string{"broker-fills", "exchange-json", "alpaca-json"}, column(line, "layout")) {
			continue
		}

		rows, _ := strconv.ParseInt(column(line, "rows"), 10, 64)
		table = append(table, realFile(t, path, rows, column(line, "unit")))
	}

	compareTable(t, strings.Join(table, "\n")+"\n")
}

// realFile reads a file and checks its counts; it is the line of the table.
func realFile(t *testing.T, path string, rows int64, unit string) string {
	file, asked, err := openAsked(filepath.Join(*dataFolder, path))
	var not *fillfile.NotFillsError
	if errors.As(err, &not) && not.Kind != "" {
		return fmt.Sprintf("| %s | | | | | no fills: %s |", path, not.Kind)
	} else if err != nil {
		t.Errorf("%s: %v", path, err)
		return ""
	}
	defer file.Close()

	for fill, err := range file.Fills() {
		if err == nil {
			err = fill.Check()
		}
		if err != nil && !errors.As(err, new(*blotter.RejectedRow)) {
			t.Errorf("%s: %v", path, err)
		}
	}

	counted := file.Count + file.Rejected
	for kind, n := range file.Others {
		if unit != "Trade elements" || kind == "currency conversion" {
			counted += n
		}
	}

	if remark := remarks[path]; counted+remark.rows != rows {
		t.Errorf("%s: %d rows are counted, the manifest says %d: %s", path, counted, rows, file.Summary())
	}

	var others []string
	for _, kind := range slices.Sorted(maps.Keys(file.Others)) {
		others = append(others, fmt.Sprintf("%s %d", kind, file.Others[kind]))
	}

	remark := strings.Join(slices.DeleteFunc([]string{remarks[path].why, asked}, func(s string) bool {
		return s == ""
	}), "; ")
	if file.Rounded > 0 {
		remark += fmt.Sprintf("; %d rounded", file.Rounded)
	}

	return fmt.Sprintf("| %s | %s | %d | %d | %s | %s |", path, file.Format, file.Count, file.Rejected,
		strings.Join(others, ", "), remark)
}

// openAsked opens a file as a user would: first without options, then with what the error asks for.
func openAsked(path string) (file *fillfile.File, asked string, err error) {
	var opts fillfile.Options
	var names []string
	for range 4 {
		file, err = fillfile.Open(path, opts)
		var ask *fillfile.AskError
		if !errors.As(err, &ask) {
			break
		}

		names = append(names, "--"+ask.Option)
		switch ask.Option {
		case "account":
			opts.Account = "A"
		case "tz":
			opts.Zone = "UTC"
		}
	}

	if len(names) > 0 {
		asked = "requires " + strings.Join(names, " and ")
	}

	return file, asked, err
}

const (
	document  = "../docs/real-files.md"
	tableFrom = "<!-- real files -->\n"
	tableTo   = "<!-- end of real files -->\n"
)

// compareTable compares the table with the one of the document, or writes it there.
func compareTable(t *testing.T, table string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}

	before, rest, found := strings.Cut(string(text), tableFrom)
	documented, after, found2 := strings.Cut(rest, tableTo)
	if !found || !found2 {
		t.Fatalf("%s has no place for the table", document)
	}

	if *update {
		if err := os.WriteFile(document, []byte(before+tableFrom+table+tableTo+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}

	if documented != table {
		t.Errorf("%s is out of date; run this test with -update", document)
	}
}
