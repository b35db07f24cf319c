package main_test

import (
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/blotterdb/blotter/pgtest"
)

// urls returns the flags that lead to a database of pgtest.
func urls(db *pgtest.Database) []string {
	return []string{"--url=" + db.Config.URL, "--readonly-url=" + db.Config.ReadOnlyURL, "--service-url=" +
		db.Config.ServiceURL, "--reporter-url=" + db.Config.ReporterURL}
}

func TestImport(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	d.write(t, "AAPL.csv", goodBars)
	d.write(t, "KO.csv", goodBars+"2019-01-07,null,null,null,null,null,null\n2019-01-08,1,1,1,2,2,5\n")
	d.write(t, "empty.csv", "")
	d.write(t, "letter.csv", "Dear customer,\n")
	d.write(t, "secret.csv", goodBars)
	if err := os.Symlink("secret.csv/nowhere", d.dir+"/broken.csv"); err != nil {
		t.Fatal(err)
	}
	args := append(urls(db), "import", "AAPL.csv", "empty.csv", "KO.csv", "letter.csv", "missing.csv", "broken.csv")
	r := d.fails(t, 1, args, "4 of 6 files were not imported")
	contains(t, r.out, "not imported: empty.csv: it is empty", "not imported: letter.csv: it is not a bar file",
		"not imported: missing.csv: there is no such file", "not imported: broken.csv",
		"quarantined: KO.csv line 5: open is missing", "quarantined: KO.csv line 6: invalid high 1: want",
		"AAPL.csv  AAPL       3         3            0", "all                  8         6            2")
	narrow(t, "import", strings.ReplaceAll(r.out, d.dir, ""))
	if n := pgtest.Value[int](t, db, "select count(*) from data_ingestion.market_data"); n != 6 {
		t.Errorf("%d bars are stored, want the 6 of the good files", n)
	}
	if n := pgtest.Value[int](t, db,
		"select count(*) from data_ingestion.data_quality_logs where file = 'KO.csv'"); n != 2 {
		t.Errorf("%d rows in the quarantine, want 2", n)
	}

	again := d.run(t, append(urls(db), "import", "--json", "AAPL.csv", "KO.csv", "empty.csv")...)
	var report counts
	if err := json.Unmarshal([]byte(again.out), &report); err != nil {
		t.Fatalf("%v\n%s", err, again.out)
	}
	if n := report.Total; again.status != 1 || n.Unchanged != 6 || n.Inserted+n.Updated != 0 || n.Quarantined != 2 ||
		!strings.Contains(report.Files[2].Error, "it is empty") {
		t.Errorf("exit status %d, %+v", again.status, report)
	}
	d.fails(t, 1, append(urls(db), "import", "--strict", "--symbol", "PEP", "KO.csv"), "line 5: open is missing")
	if n := pgtest.Value[int](t, db, "select count(*) from data_ingestion.market_data where symbol = 'PEP'"); n != 0 {
		t.Errorf("--strict kept %d bars", n)
	}
	d.fails(t, 2, append(urls(db), "import", "--timeframe", "banana", "AAPL.csv"), "timeframe")
}

func TestBars(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	d.write(t, "AAPL.csv", goodBars)
	d.ok(t, append(urls(db), "import", "AAPL.csv")...)
	bars := func(args ...string) string {
		return d.ok(t, append(append(urls(db), "bars", "show"), args...)...)
	}
	const table = `date              open        high         low       close    volume  source
2019-01-02  154.889999  158.850006  154.229996  157.919998  37039700  yahoo
2019-01-03  143.979996  145.720001  142.000000  142.190002  91312200  yahoo
2019-01-04  144.529999  148.550003  143.800003  148.259995  58607100  yahoo
`
	if got := bars("aapl"); got != table {
		t.Errorf("got\n%s\nwant\n%s", got, table)
	}

	const csv = `symbol,timeframe,timestamp,open,high,low,close,volume,adj_close,source
AAPL,1d,2019-01-03T00:00:00Z,143.979996,145.720001,142,142.190002,91312200,141.582779,yahoo
`
	if got := bars("AAPL", "--from", "2019-01-03", "--to", "2019-01-04", "--format", "csv"); got != csv {
		t.Errorf("got\n%s\nwant\n%s", got, csv)
	}

	var list []struct{ Symbol, Open, Timestamp string }
	if err := json.Unmarshal([]byte(bars("AAPL", "--limit", "1", "--json")), &list); err != nil || len(list) != 1 ||
		list[0].Open != "144.529999" || list[0].Timestamp != "2019-01-04T00:00:00Z" {
		t.Errorf("%+v, %v, want the newest bar", list, err)
	}

	d.fails(t, 1, append(urls(db), "bars", "show", "NOPE"), "no 1d bars of NOPE are stored; blotter import FILES")
	d.fails(t, 1, append(urls(db), "bars", "show", "AAPL", "--from", "2021-01-01"),
		"no 1d bars of AAPL are stored in that range")
	d.fails(t, 1, append(urls(db), "bars", "show", "AAPL", "--timeframe", "1w"), "no 1w bars of AAPL")
}

// Times are printed in UTC, whatever the zone of the machine.
func TestTimesAreUTC(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	d.env = append(d.env, "TZ=Asia/Kolkata")
	d.write(t, "AAPL.csv", goodBars)
	d.write(t, "fills.csv", "date,symbol,side,quantity,price,currency\n2024-01-02T10:00:00Z,AAPL,buy,1,2,USD\n")
	d.ok(t, append(urls(db), "import", "AAPL.csv")...)
	d.ok(t, append(urls(db), "trades", "import", "fills.csv", "--account", "A", "--create-account")...)

	for _, args := range []string{
		"bars show AAPL --json", "bars list --json", "trades list --all-accounts --json",
		"positions list --all-accounts --json", "orders list --all-accounts --json",
		"trades list --all-accounts --format csv", "partitions list --json", "maintain status --json",
	} {
		out := d.ok(t, append(append(urls(db), "--owner-url="+db.OwnerURL), strings.Fields(args)...)...)
		if strings.Contains(out, "+05:30") {
			t.Errorf("%s prints local times:\n%s", args, out)
		}
	}
}

// A folder, a pattern and standard input are imported; what is something else is named and skipped.
func TestImportFolder(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	for _, dir := range []string{"bars/deep", "bars/.hidden"} {
		if err := os.MkdirAll(d.dir+"/"+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}

	d.write(t, "bars/AAPL.csv", goodBars)
	d.write(t, "bars/deep/KO.csv", goodBars)
	d.write(t, "bars/.hidden/PEP.csv", goodBars)
	d.write(t, "bars/README.md", "These are bars.\n")
	d.write(t, "bars/trades.csv", "timestamp,price,amount,side\n1605499846,15993.5,0.026472,buy\n")
	run := func(args ...string) string {
		return d.ok(t, append(urls(db), append([]string{"import"}, args...)...)...)
	}
	dry := run("--dry-run", "bars")
	contains(t, dry, "all                  6         6", "skipped: bars/README.md: it is not a bar file",
		"skipped: bars/trades.csv: it holds trades, not bars", "dry run: nothing was stored")
	if n := pgtest.Value[int](t, db, "select count(*) from data_ingestion.market_data"); n != 0 {
		t.Errorf("a dry run stored %d bars", n)
	}

	out := run("bars")
	contains(t, out, "AAPL.csv  AAPL       3         3", "KO.csv    KO         3         3",
		"all                  6         6")
	narrow(t, "import", out)
	contains(t, run("bars/**"), "all                  6         0          6")

	// A pattern in quotes names files as the shell does without them: another kind of file is an error.
	r := d.fails(t, 1, append(urls(db), "import", "bars/*"), "2 of 4 files were not imported")
	contains(t, r.out, "not imported: bars/README.md: it is not a bar file",
		"all                  6         0          6")
	contains(t, run("bars/**/*.csv"+"x", "bars"), "all                  6         0          6")
	contains(t, d.run(t, append(urls(db), "import", "**/KO.csv", "bars/**/deep/*.csv")...).out,
		"all                6         0          6")
	d.stdin = goodBars
	contains(t, run("-", "--symbol", "spy"), "SPY", "3         3")
	d.fails(t, 1, append(urls(db), "import", "bars/trades.csv"), "bars/trades.csv: it holds trades, not bars")
	d.fails(t, 1, append(urls(db), "import", "bars/none*"), "none*: there is no such file")
	d.fails(t, 2, append(urls(db), "import", "--jobs", "0", "bars"), "--jobs 0: want 1 to 8")
	d.fails(t, 2, append(urls(db), "import", "--format", "word", "bars/AAPL.csv"), "want yahoo, yfinance, csv")
}

func TestBarsCommands(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	minutes, tiny := "timestamp,open,high,low,close,volume\n", "date,open,high,low,close,volume\n"
	for i := range 300 {
		minutes += fmt.Sprintf("%d,1.5,%d,1,1.25,0.5\n", 1609459200+60*i, 2+i)
		tiny += fmt.Sprintf("%s,0.0000123456789,0.0000223456789,0.0000123456789,0.0000123456789,123456789.123456789\n",
			time.Date(2020, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
	}
	d.write(t, "BTC-1m.csv", minutes)
	d.write(t, "SHIB.csv", tiny)
	d.write(t, "AAPL.csv", goodBars)
	d.write(t, "KO.csv", strings.Replace(goodBars, "\n2019-01-03", "\n2013-01-03", 1))
	d.ok(t, append(urls(db), "import", "BTC-1m.csv", "SHIB.csv", "AAPL.csv", "KO.csv")...)
	source := "csv:" + filepath.Base(d.dir)
	run := func(args ...string) string { return d.ok(t, append(urls(db), append([]string{"bars"}, args...)...)...) }

	contains(t, run("list"), "BTC     1m          300  2021-01-01  2021-01-01",
		"AAPL    1d            3  2019-01-02  2019-01-04")
	wide := run("show", "SHIB")
	narrow(t, "bars show", wide)
	contains(t, wide, "2020-10-26  0.000012345…  0.000022345…  0.000012345…  0.000012345…  123456789.…")
	contains(t, run("resample", "BTC", "--timeframe", "1m", "--to-timeframe", "1h"),
		"2021-01-01 00:00Z  1.50   61.00  1.00   1.25      30", "2021-01-01 04:00Z  1.50  301.00  1.00   1.25      30")
	contains(t, run("gaps", "KO"), "2019-01-03  2019-01-03     1")
	contains(t, run("gaps", "AAPL"), "no gaps in the 1d bars of AAPL")
	if got := run("gaps", "AAPL", "--json"); strings.TrimSpace(got) != "[]" {
		t.Errorf("no gaps as JSON: %s", got)
	}
	run("export", "BTC", "--timeframe", "1m", "--out", "out.csv")
	exported, err := os.ReadFile(d.dir + "/out.csv")
	if err != nil || strings.Count(string(exported), "\n") != 301 ||
		!strings.Contains(string(exported), "BTC,1m,2021-01-01T04:59:00Z,1.5,301,1,1.25,0.5,,"+source+"\n") {
		t.Errorf("%v, exported %.200s", err, exported)
	}
	d.ok(t, append(urls(db), "import", "out.csv")...)
	if n := pgtest.Value[int](t, db, "select count(*) from data_ingestion.market_data"); n != 606 {
		t.Errorf("%d bars after importing what was exported, want 606", n)
	}
	if lines := strings.Split(strings.TrimSpace(run("export", "AAPL", "--format", "json", "--from", "2019-01-03")),
		"\n"); len(lines) != 2 || !json.Valid([]byte(lines[1])) {
		t.Errorf("exported %q", lines)
	}
	for _, args := range [][]string{
		{"SHIB"},
		{"BTC", "--timeframe", "1m", "--from", "2021-01-01"},
		{"AAPL", "--limit", "1"},
	} {
		run(append([]string{"show", "--png", "bars.png"}, args...)...)
		f, err := os.Open(d.dir + "/bars.png")
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(f)
		_ = f.Close()
		if err != nil || picture.Bounds().Dx() != 1200 {
			t.Errorf("%v: %v, %v", args, picture.Bounds(), err)
		}
	}
	for _, test := range []struct {
		status int
		args   string
		want   string
	}{
		{1, "show BTC", "no 1d bars of BTC are stored; there are bars of --timeframe 1m"},
		{
			1, "show AAPL --from 2021-01-01",
			"no 1d bars of AAPL are stored in that range; they are of 2019-01-02 to 2019-01-04",
		},
		{1, "gaps NOPE", "no 1d bars of NOPE are stored; blotter import FILES"},
		{1, "export NOPE", "no 1d bars of NOPE are stored"},
		{2, "show AAPL --timeframe 5q", `invalid --timeframe "5q": want a number and a unit`},
		{
			1, "resample BTC --timeframe 1m --to-timeframe 7m",
			"want a multiple of 1m that divides the day (2m, 3m, 4m, 5m,",
		},
		{1, "export NOPE --out x.csv", "no 1d bars of NOPE are stored"},
		{1, "show AAPL --png missing/x.png", "missing/x.png cannot be written"},
		{2, "show AAPL --limit 0", "--limit 0: want 1 or more"},
		{2, "show AAPL --json --format csv", "--json and --format csv exclude each other"},
		{2, "resample AAPL", "say --to-timeframe"},
		{1, "resample AAPL --to-timeframe 1h", "a multiple of 1d"},
		{1, "resample AAPL --to-timeframe 1y", "timeframe"},
	} {
		d.fails(t, test.status, append(urls(db), append([]string{"bars"}, strings.Fields(test.args)...)...), test.want)
	}
	if r := d.run(t, append(urls(db), "bars", "export", "NOPE")...); r.out != "" {
		t.Errorf("an unknown symbol is exported as %q", r.out)
	}
	d.write(t, "DEC.csv",
		"Date,Open,High,Low,Close,Volume\n2024-01-02,1e-8,0.00000001,0.00000001,1E-08,1e3\n"+
			"2024-01-03,0.1234567890123456789,1,0.1,0.5,5\n"+
			"2024-01-05,12345678901234567890.5,12345678901234567890.5,1,1.5,5\n"+
			"2024-01-06,1,1,1,1,12345678901234567890123\n")
	contains(t, d.ok(t, append(urls(db), "import", "DEC.csv")...), "read as: CSV, 1d, source "+source)
	narrow(t, "bars show", run("show", "DEC"))
	contains(t, run("show", "DEC"), "2024-01-05", "1.234e19…", "1.234e22…")
	left, err := filepath.Glob(d.dir + "/.*.*")
	if err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}

// Of an archive, the members that are not bar files are named; a bar that two members give differently stays the
// first's.
func TestImportArchive(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	lines := strings.SplitAfter(goodBars, "\n")
	later := lines[0] + strings.Replace(lines[3], "144.529999", "145.000000", 1) + lines[2]
	d.zip(t, "all.zip", "readme.txt", "hello\n", "1/AAPL.csv", goodBars, "2/AAPL.csv", later)
	out := d.run(t, append(urls(db), "import", "--json", "all.zip")...)
	var report struct {
		Files []struct {
			Quarantined int      `json:"quarantined"`
			Members     []string `json:"skipped_members"`
		} `json:"files"`
	}
	if err := json.Unmarshal([]byte(out.out), &report); err != nil || out.status != 0 {
		t.Fatalf("%v\n%+v", err, out)
	}
	if f := report.Files[0]; f.Quarantined != 1 || len(f.Members) != 1 ||
		!strings.HasPrefix(f.Members[0], "all.zip/readme.txt: it is not a bar file") {
		t.Errorf("%+v, want one quarantined row and the member readme.txt skipped", f)
	}

	contains(t, d.ok(t, append(urls(db), "import", "all.zip")...), "skipped: all.zip/readme.txt: it is not a bar file")
	if got := pgtest.Value[string](t, db,
		"select open::text from data_ingestion.market_data where timestamp = '2019-01-04Z'"); got != "144.529999" {
		t.Errorf("open %s is stored, want the first member's 144.529999", got)
	}
	if got := pgtest.Value[string](t, db, "select string_agg(file || ' ' || line || ' ' || message, e'\n') from "+
		"data_ingestion.data_quality_logs"); !strings.HasPrefix(got,
		"all.zip/2/AAPL.csv 2 contradicts line 4 of 1/AAPL.csv: open 144.529999") {
		t.Errorf("the quarantine holds %s", got)
	}
}

// Rows of dates that bars are not kept for, and of a period that was retired, are quarantined; the rest is stored.
// Errors and the quarantine name the file as it was given.
func TestImportPeriods(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	far := calendar.AddYears(time.Now(), 3).Format(time.DateOnly)
	row := func(date string) string { return date + ",1,2,1,2,2,3\n" }
	text := strings.SplitAfter(goodBars, "\n")[0] + row("1899-12-29") + row("1985-01-02") + row("1985-01-03") + row(
		"1985-01-04") + row("2019-01-02") + row(far)
	d.write(t, "1/AAPL.csv", text)
	d.write(t, "2/AAPL.csv", text)
	db.Exec(t, "select shared.create_yearly_partition('market_data', '1985-01-01')")
	db.Exec(t, "alter table data_ingestion.market_data detach partition data_ingestion.market_data_y1985")
	args := func(more ...string) []string { return append(append(urls(db), "import", "--timeframe", "1d"), more...) }
	dry := d.ok(t, args("--dry-run", "1/AAPL.csv")...)
	out := d.ok(t, args("1/AAPL.csv", "2/AAPL.csv")...)
	for _, text := range []string{dry, out} {
		text = strings.Join(strings.Fields(text), " ")
		contains(t, text, "AAPL.csv line 2: its date is before 1900",
			"AAPL.csv line 7: its date is more than two years ahead",
			"AAPL.csv line 3: its period was retired: its partition data_ingestion.market_data_y1985 is detached "+
				"(and 2 more like it)")
	}

	contains(t, dry, "all                  6         1            5")
	if n := pgtest.Value[int](t, db, "select count(*) from data_ingestion.market_data"); n != 1 {
		t.Errorf("%d bars are stored, want the one of 2019", n)
	}
	for _, file := range []string{"1/AAPL.csv", "2/AAPL.csv"} {
		if n := pgtest.Value[int](t, db, "select count(*) from data_ingestion.data_quality_logs where file = $1",
			file); n != 5 {
			t.Errorf("%d rows of %s are in the quarantine, want 5", n, file)
		}
	}

	d.fails(t, 1, args("--strict", "1/AAPL.csv"), "1/AAPL.csv: line 2: its date is before 1900")
	if n := pgtest.Value[int](t, db,
		"select count(*) from pg_inherits where inhrelid = 'data_ingestion.market_data_y1985'::regclass"); n != 0 {
		t.Error("the retired partition is attached again")
	}
}

// The later of two files that differ wins, no matter how many are imported at once.
func TestImportKeepsTheOrderOfFiles(t *testing.T) {
	t.Parallel()

	var large strings.Builder
	large.WriteString("timestamp,open,high,low,close,volume\n")
	for n := range 30_000 {
		fmt.Fprintf(&large, "2024-01-%02dT%02d:%02d:00Z,10,11,9,10,%d\n", 2+n/1440, n/60%24, n%60, n)
	}

	for _, jobs := range []string{"1", "4"} {
		d := newBook(t)
		d.write(t, "in/a/X.csv", large.String())
		d.write(t, "in/b/X.csv",
			"timestamp,open,high,low,close,volume\n2024-01-02T00:00:00Z,10,12,9,12,1\n"+
				"2024-01-02T00:01:00Z,10,12,9,12,1\n"+
				"2024-01-02T00:02:00Z,10,12,9,12,1\n")
		d.run(t, "import", "in", "--jobs", jobs, "--source", "one")
		if high := d.ok(t, "psql", "--", "-Atc",
			"select max(high) from data_ingestion.market_data"); strings.TrimSpace(high) != "12" {
			t.Errorf("--jobs %s: the highest is %s, want that of the later file", jobs, high)
		}
	}
}

// Days of a range are those of --tz, and weekends count for what trades on them, whichever file said so first.
func TestResampleDaysOfAZone(t *testing.T) {
	t.Parallel()

	d := newBook(t)
	var minutes, weekdays, others strings.Builder
	minutes.WriteString("timestamp,open,high,low,close,volume\n")
	for n := range 6 * 24 {
		fmt.Fprintf(&minutes, "2024-03-%02dT%02d:00:00Z,10,11,9,10,1\n", 8+n/24, n%24)
	}

	weekdays.WriteString("Date,Open,High,Low,Close,Adj Close,Volume\n")
	others.WriteString("Date,Open,High,Low,Close,Adj Close,Volume\n")
	for day := 2; day <= 31; day++ {
		line := fmt.Sprintf("2023-01-%02d,10,11,9,10,10,1\n", day)
		if weekday := (day - 2) % 7; weekday < 4 {
			weekdays.WriteString(line)
		}
		others.WriteString(line)
	}

	d.write(t, "HOURS.csv", minutes.String())
	d.write(t, "BTC-USD.csv", weekdays.String())
	d.write(t, "ETH-USD.csv", others.String())
	d.write(t, "later/BTC-USD.csv",
		"Date,Open,High,Low,Close,Adj "+
			"Close,Volume\n2023-01-07,10,11,9,10,10,1\n2023-01-08,10,11,9,10,10,1\n"+
			"2023-01-21,10,11,9,10,10,1\n2023-01-22,10,11,9,10,10,1\n")
	d.ok(t, "import", "HOURS.csv", "--timeframe", "1h", "--tz", "UTC")
	out := d.ok(t, "bars", "resample", "HOURS", "--timeframe", "1h", "--to-timeframe", "1d", "--tz", "America/New_York",
		"--from", "2024-03-10", "--to", "2024-03-12", "--format", "csv")
	if lines := strings.Count(out, "\n"); lines != 3 {
		t.Errorf("two days of New York are\n%s", out)
	}

	contains(t, out, ",23,", ",24,") // the clocks went forward on the tenth
	d.ok(t, "import", "BTC-USD.csv", "ETH-USD.csv")
	d.ok(t, "import", "later/BTC-USD.csv")
	contains(t, d.ok(t, "bars", "gaps", "BTC-USD"), "2023-01-13  2023-01-15     3")
}
