package main_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/partition"
	"github.com/blotterdb/blotter/pgtest"
)

func TestPartitions(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	db.Exec(t, `select shared.create_monthly_partition('system_logs', '2020-02-01')`)
	db.Exec(t, `insert into logging.system_logs (service, level, message, timestamp)
		values ('a', 'info', 'm', '2020-02-03')`)
	run := func(args ...string) string {
		text := d.ok(t, append([]string{"--url=" + db.OwnerURL, "partitions"}, args...)...)
		if !strings.HasPrefix(text, "{") {
			narrow(t, strings.Join(args, " "), text)
		}
		return text
	}
	contains(t, run("list"), "partition            from        to          rows",
		"system_logs_2020_02  2020-02-01  2020-03-01", "outbox_p0  0     5,000,000")

	retire := "--retire=system_logs=archive:90d"
	contains(t, run("plan", retire), "vacuum    logging.system_logs_2020_02",
		"bound     logging.system_logs_2020_02  2020-02-01 to 2020-03-01",
		"archive   logging.system_logs_2020_02  to logging.archived_system_logs")
	if n := pgtest.Value[int](t, db, "select count(*) from logging.archived_system_logs"); n != 0 {
		t.Error("plan archived")
	}
	var report struct {
		Steps []struct{ Step, Partition, Outcome string }
		Busy  string
	}
	read := func(text string) {
		t.Helper()
		report.Steps, report.Busy = nil, ""
		if err := json.Unmarshal([]byte(text), &report); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	if read(run("apply", retire, "--json")); len(report.Steps) < 5 ||
		report.Steps[len(report.Steps)-1].Outcome != "archived" {
		t.Errorf("%+v", report)
	}
	if n := pgtest.Value[int](t, db, "select count(*) from logging.archived_system_logs"); n != 1 {
		t.Errorf("%d rows are archived", n)
	}
	contains(t, run("apply", "--months-ahead=5"), "create    logging.system_logs_")

	// A second runner says who works, which is not a failure.
	lock, err := partition.Lock(t.Context(), db.OwnerURL, "the other one")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close(context.WithoutCancel(t.Context())) }()
	contains(t, run("apply"), "another runner works on the partitions: process ", "(the other one)", "nothing was done")
	if read(run("apply", "--json")); report.Busy == "" {
		t.Errorf("%+v", report)
	}
	for bad, want := range map[string]string{
		"--retire=x": "TABLE=", "--retire=x=drop:5d": "one of data_ingestion.market_data",
		"--retire=events.outbox=drop:5d":  "partitioned by time",
		"--retire=market_data=archive:1y": "detach or drop", "--months-ahead=0": "want 1 to 24",
	} {
		r := d.run(t, "--url="+db.OwnerURL, "partitions", "plan", bad)
		if r.status == 0 || !strings.Contains(r.err, want) || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%s: exit status %d, %q", bad, r.status, r.err)
		}
	}
	d.fails(t, 1, append(urls(db), "partitions", "list"), "trading_owner")
}
