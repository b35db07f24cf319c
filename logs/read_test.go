package logs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/logs"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/google/go-cmp/cmp"
)

// TestRead checks the filters of Read, in the archive too.
func TestRead(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	now := time.Now()
	db.Exec(t, `select shared.ensure_partitions('system_logs', $1, $2)`, now.Add(-time.Hour), now)
	db.Exec(t, `insert into logging.system_logs (service, level, message, correlation_id, event_type, timestamp)
		select 's' || n % 2, (array['debug', 'info', 'warn', 'error'])[1 + n % 4], 'm' || n, 'c' || n % 3, 'e'
		|| n % 5, $1::timestamptz - n * interval '1 minute' from generate_series(0, 11) n`, now)
	db.Exec(t, `select shared.ensure_partitions('archived_system_logs',
		now() - interval '90 days', now() - interval '89 days')`)
	db.Exec(t, `insert into logging.archived_system_logs (id, service, level, message, timestamp)
			values (-1, 's1', 'error', 'old', now() - interval '90 days')`)
	for _, test := range []struct {
		filter logs.Filter
		want   string
	}{
		{logs.Filter{}, "old m11 m10 m9 m8 m7 m6 m5 m4 m3 m2 m1 m0"},
		{logs.Filter{Limit: 2}, "m1 m0"},
		{logs.Filter{Service: "s1"}, "old m11 m9 m7 m5 m3 m1"},
		{logs.Filter{Level: "debug", Limit: 1}, "m0"},
		{logs.Filter{Level: "warn"}, "old m11 m10 m7 m6 m3 m2"},
		{logs.Filter{Level: "error", Since: now.Add(-time.Hour)}, "m11 m7 m3"},
		{logs.Filter{CorrelationID: "c1"}, "m10 m7 m4 m1"},
		{logs.Filter{CorrelationID: "c1", EventType: "e2"}, "m7"},
		{logs.Filter{Since: now.Add(-210 * time.Second), Until: now.Add(-90 * time.Second)}, "m3 m2"},
		{logs.Filter{Service: "nobody' or true --"}, ""},
	} {
		var got []string
		for _, row := range stored(t, db, test.filter) {
			got = append(got, row.Message)
		}
		if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%+v:\n%s", test.filter, diff)
		}
	}

	for _, bad := range []logs.Filter{{Level: "loud"}, {Limit: -1}, {Limit: 1_000_000}} {
		if _, err := logs.Read(t.Context(), db.DB, bad); !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestTail checks that Tail returns every new row once, even one whose transaction began before others.
func TestTail(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	insert := func(message string) string {
		return fmt.Sprintf(`insert into logging.system_logs (service, level, message)
				values ('other', 'info', '%s')`, message)
	}
	db.Exec(t, insert("old 1"))
	db.Exec(t, insert("old 2"))
	db.Exec(t, insert("old 3"))
	late := db.Connect(t, db.AdminURL)
	if _, err := late.Exec(t.Context(), "begin; "+insert("late")); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	rows, ended := make(chan string, 100), make(chan error)
	go func() {
		ended <- logs.Tail(ctx, db.DB, logs.Filter{Limit: 2}, func(row blotter.SystemLog) error {
			rows <- row.Message
			return nil
		}, nil)
	}()

	next := func(want ...string) {
		t.Helper()

		for _, w := range want {
			select {
			case got := <-rows:
				if got != w {
					t.Fatalf("got %q, want %q", got, w)
				}
			case err := <-ended:
				t.Fatal("it ended: ", err)
			case <-time.After(patience):
				t.Fatalf("%q does not come", w)
			}
		}
	}

	next("old 2", "old 3")
	db.Exec(t, insert("new 1"))
	next("new 1")
	if _, err := late.Exec(t.Context(), "commit"); err != nil {
		t.Fatal(err)
	}

	next("late")
	h := newHandler(t, db, nil)
	start(t, h)
	slog.New(h).Info("from a handler")
	next("from a handler")
	open := shut(t, db)
	open()
	db.Exec(t, insert("after an outage"))
	next("after an outage")
	db.Exec(t, `insert into logging.system_logs (service, level, message) select 'bulk', 'info', 'bulk ' || n
			from generate_series(1, 12000) n`)
	for n := range 12_000 {
		next(fmt.Sprint("bulk ", n+1))
	}

	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(rows) > 0 {
		t.Errorf("%q came too", <-rows)
	}
}

// TestTailEnds checks that an error of the caller ends Tail.
func TestTailEnds(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, `insert into logging.system_logs (service, level, message) values ('a', 'info', 'm')`)
	enough := errors.New("enough")
	if err := logs.Tail(t.Context(), db.DB, logs.Filter{}, func(blotter.SystemLog) error { return enough },
		nil); err != enough {
		t.Error(err)
	}
	if err := logs.Tail(t.Context(), db.DB, logs.Filter{Level: "loud"}, nil, nil); !errors.Is(err, blotter.ErrInvalid) {
		t.Error(err)
	}
}
