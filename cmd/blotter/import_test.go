package main_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

// urls are the flags that lead to a database of pgtest.
func urls(db *pgtest.Database) []string {
	return []string{"--url=" + db.Config.URL, "--readonly-url=" + db.Config.ReadOnlyURL, "--service-url=" + db.Config.ServiceURL, "--reporter-url=" + db.Config.ReporterURL}
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
		"quarantined: KO.csv line 5: open is missing", "quarantined: KO.csv line 6: high 1 is not allowed",
		"AAPL.csv  AAPL       3         3            0", "all                  8         6            2")
	narrow(t, "import", strings.ReplaceAll(r.out, d.dir, ""))
	if n := pgtest.Value[int](t, db, "select count(*) from data_ingestion.market_data"); n != 6 {
		t.Errorf("%d bars are stored, want the 6 of the good files", n)
	}
	if n := pgtest.Value[int](t, db, "select count(*) from data_ingestion.data_quality_logs where file = 'KO.csv'"); n != 2 {
		t.Errorf("%d rows in the quarantine, want 2", n)
	}

	again := d.run(t, append(urls(db), "import", "--json", "AAPL.csv", "KO.csv", "empty.csv")...)
	var report counts
	if err := json.Unmarshal([]byte(again.out), &report); err != nil {
		t.Fatalf("%v\n%s", err, again.out)
	}
	if n := report.Total; again.status != 1 || n.Unchanged != 6 || n.Inserted+n.Updated != 0 || n.Quarantined != 2 || !strings.Contains(report.Files[2].Error, "it is empty") {
		t.Errorf("exit status %d, %+v", again.status, report)
	}
	d.fails(t, 1, append(urls(db), "import", "--strict", "--symbol", "PEP", "KO.csv"), "line 5: open is missing")
	if n := pgtest.Value[int](t, db, "select count(*) from data_ingestion.market_data where symbol = 'PEP'"); n != 0 {
		t.Errorf("--strict kept %d bars", n)
	}
	d.fails(t, 1, append(urls(db), "import", "--timeframe", "banana", "AAPL.csv"), "timeframe")
}

func TestBars(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	d.write(t, "AAPL.csv", goodBars)
	d.ok(t, append(urls(db), "import", "AAPL.csv")...)
	bars := func(args ...string) string { return d.ok(t, append(append(urls(db), "bars"), args...)...) }
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
	d.fails(t, 1, append(urls(db), "bars", "NOPE"), "no 1d bars of NOPE are stored; blotter import FILES")
	d.fails(t, 1, append(urls(db), "bars", "AAPL", "--from", "2021-01-01"), "no 1d bars of AAPL are stored in that range")
	d.fails(t, 1, append(urls(db), "bars", "AAPL", "--timeframe", "1w"), "no 1w bars of AAPL")
}
