package main_test

import (
	"bufio"
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

func TestLogs(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	args := func(more ...string) []string { return append(append(urls(db), "logs"), more...) }
	contains(t, d.ok(t, args()...), "no such rows")
	db.Exec(t, `select shared.ensure_partitions('system_logs', now() - interval '3 days', now())`)
	db.Exec(t, `insert into logging.system_logs (service, level, message, data, correlation_id, event_type,
		timestamp) values
		('execution', 'info', e'two\nlines \x1b[31mred', '{}', '', '', now() - interval '3 days'),
		('execution', 'warn', 'a fill', '{"symbol": "AAPL", "price": 101.25, "text": "two words"}', 'corr-1', 'fill',
		    now() - interval '10 minutes'),
		('analytics', 'error', 'it broke', '{}', '', '', now())`)
	all := d.ok(t, args()...)
	contains(t, all, "INFO  execution  two\\nlines \\x1b[31mred\n",
		` WARN  execution  a fill  event_type=fill  price=101.25  symbol=AAPL  text="two words"  correlation_id=corr-1`,
		"ERROR analytics  it broke")
	if lines := strings.Split(all, "\n"); len(lines) != 4 || lines[0] > lines[1] {
		t.Errorf("%q", lines)
	}

	for flags, want := range map[string]int{
		"--level warn": 2, "--level WARNING": 2, "--level ERROR": 1, "--since 1h": 2,
		"--since 2d --service execution": 1, "--correlation corr-1": 1, "--event-type fill": 1, "--limit 1": 1,
	} {
		var rows []map[string]any
		if err := json.Unmarshal([]byte(d.ok(t, append(args("--json"), strings.Fields(flags)...)...)),
			&rows); err != nil || len(rows) != want {
			t.Errorf("%s: %d rows, %v, want %d", flags, len(rows), err, want)
		}
	}
}

func TestLogsFollow(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	cmd := d.command(append(urls(db), "logs", "--follow", "--json")...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}

	conn := db.Connect(t, db.AdminURL)
	until(t, "it follows", func() (follows bool) {
		err := conn.QueryRow(t.Context(), `select count(*) > 0 from pg_stat_activity
			where datname = current_database() and pid <> pg_backend_pid()
			and query like $1`, "%<> all(%").Scan(&follows)
		return err == nil && follows
	})
	db.Exec(t, `insert into logging.system_logs (service, level, message)
		values ('a', 'info', 'first'), ('a', 'info', 'second')`)
	lines := bufio.NewScanner(out)
	for _, want := range []string{"first", "second"} {
		var row struct{ Message string }
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &row) != nil || row.Message != want {
			t.Fatalf("%q, want %s", lines.Text(), want)
		}
	}

	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
}
