package main_test

import (
	"bytes"
	"flag"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/blotterdb/blotter/internal/health"
	"github.com/blotterdb/blotter/pgtest"
)

// daemon is a running blotter serve.
type daemon struct {
	t   *testing.T
	cmd *exec.Cmd
	mu  sync.Mutex
	log bytes.Buffer
}

func (d *daemon) Write(text []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(text)
}

func (d *daemon) said() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.String()
}

// serve starts a daemon and waits until it serves.
func (d *desk) serve(t *testing.T, args ...string) *daemon {
	t.Helper()
	one := &daemon{t: t, cmd: d.command(append([]string{"serve"}, args...)...)}
	one.cmd.Stderr = one
	if err := one.cmd.Start(); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = one.cmd.Process.Kill(); _ = one.cmd.Wait() })
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(one.said())
		}
	})
	until(t, "the daemon serves", func() bool { return strings.Contains(one.said(), `msg="blotter is serving"`) })
	return one
}

// end ends the daemon as an operator does, and checks that it ends well.
func (d *daemon) end() {
	d.t.Helper()
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("the daemon ended with %v:\n%s", err, d.said())
	}
	contains(d.t, d.said(), `msg="service stopped" service=analytics`, `msg="blotter has ended" cpu=`)
}

func TestServe(t *testing.T) {
	t.Parallel()

	d := newOwnBook(t)
	const notStarted = "the analytics have not started; blotter serve starts them ("
	contains(t, d.ok(t, "analytics", "reconcile"), notStarted+"no events waiting)")
	d.fails(t, 1, []string{"load", "--rate", "50", "--span", "100ms"},
		"the analytics have not started: start blotter serve")
	contains(t, d.ok(t, "analytics", "reconcile"), notStarted, " waiting, the")
	contains(t, d.ok(t, "analytics", "reconcile", "--json"), `"never_ran": true`)
	one := d.serve(t)
	two := d.serve(t) // on the same database
	out := d.ok(t, "load", "--rate", "400", "--span", "2s", "--accounts", "3")
	contains(t, out, "booked     800 fills", "reconciled: ", "no events waiting", " probes)")
	narrow(t, "load", out)
	contains(t, d.ok(t, "analytics", "reconcile"), "reconciled: ")
	contains(t, d.ok(t, "analytics", "show", "--account", "LOAD-1"), "symbol", "realized")
	contains(t, d.ok(t, "analytics", "show", "--by", "day"), "LOAD-2", "load", "LOAD-PROBE")
	contains(t, d.ok(t, "analytics", "rebuild"), "rebuilt: ", "from 8")
	status := d.ok(t, "events", "status")
	contains(t, status, "consumer", "analytics")
	narrow(t, "events status", status)
	contains(t, d.ok(t, "events", "rebase"), "nothing to do")
	two.end()
	one.end() // with it the server that it started
	noProcesses(t, d)
}

var (
	loadSpan    = flag.Duration("load-span", 3*time.Second, "for how long fills are booked beside the daemon")
	loadCrosses = flag.Bool("load-crosses", false, "fail unless a month ends while they are")
)

// A daemon that has fills to fold and to publish loses none and logs nothing that alarms anybody. make calendar runs
// this across the ends of months and of a year.
func TestServeUnderLoad(t *testing.T) {
	t.Parallel()
	d := newOwnBook(t)
	one := d.serve(t, "--redis", "embedded", "--metrics", "off")

	begin := time.Now().UTC()
	out := d.ok(t, "load", "--rate", "300", "--span", loadSpan.String())
	end := time.Now().UTC()
	contains(t, out, fmt.Sprintf("booked     %s fills", grouped(300*int(loadSpan.Seconds()))),
		"reconciled: ", "no events waiting")

	contains(t, d.ok(t, "verify"), "verified: ")
	contains(t, d.ok(t, "analytics", "reconcile"), "reconciled: ", "no events waiting")
	until(t, "every event is published", func() bool {
		status := d.ok(t, "events", "status", "--json")
		return strings.Count(status, `"lag_events": 0,`) == strings.Count(status, `"consumer"`)
	})
	contains(t, d.ok(t, "doctor"), "all is well")
	one.end()
	for line := range strings.Lines(one.said()) {
		if !strings.Contains(line, "level=INFO") {
			t.Errorf("the daemon logged: %s", line)
		}
	}

	crossed := begin.Month() != end.Month()
	t.Logf("booked from %s to %s; a month ended meanwhile: %t", begin.Format(time.RFC3339),
		end.Format(time.RFC3339), crossed)
	if *loadCrosses && !crossed {
		t.Error("no month ended meanwhile")
	}
}

// While the database refuses connections for a moment, every service of the daemon tries again and logs a warning.
func TestServeShortOutage(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	admin := pgtest.Blank(t)
	one := d.serve(t, append(urls(db), "--owner-url="+db.OwnerURL, "--redis", "embedded", "--metrics", "off")...)
	until(t, "the first maintenance is over", func() bool {
		return strings.Contains(one.said(),
			`"maintenance done" job=outbox`)
	})
	said := func(level string, messages ...string) func() bool {
		return func() bool {
			for _, message := range messages {
				if !strings.Contains(one.said(), "level="+level+" msg="+message) {
					return false
				}
			}
			return true
		}
	}

	begin := time.Now()
	admin.Exec(t, "alter database "+db.Name+" allow_connections false")
	admin.Exec(t, "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", db.Name)
	until(t, "the services fail", said("WARN", `"consumer is failing" consumer=analytics`,
		`"consumer is failing" consumer=redis:trades`,
		`"the audit log is not being sealed"`, `"maintenance cannot reach its database"`,
		`"the heartbeat cannot be written"`))
	admin.Exec(t, "alter database "+db.Name+" allow_connections true")
	outage := time.Since(begin)
	until(t, "they work again", said("INFO", `"consumer works again" consumer=analytics`,
		`"consumer works again" consumer=redis:trades`,
		`"the audit log is being sealed again"`, `"maintenance reaches its database again"`,
		`"the heartbeat is written again"`))

	one.end()
	if strings.Contains(one.said(), "level=ERROR") {
		t.Errorf("an outage of %s, less than %s, was logged as an error:\n%s", outage, health.Patience, one.said())
	}
}

// grouped writes n, below a million, with a comma between thousands.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// Daemons are killed again and again while fills are booked: every figure follows from the trades.
func TestServeKilled(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	daemons := []*daemon{d.serve(t, urls(db)...), d.serve(t, urls(db)...)}
	done := make(chan string)
	go func() {
		r := d.run(t, append(urls(db), "load", "--yes", "--rate", "500", "--span", "4s")...)
		done <- fmt.Sprint(r.status, r.out, r.err)
	}()
	for kills := 0; ; kills++ {
		select {
		case out := <-done:
			t.Logf("%d daemons were killed", kills)
			contains(t, out, "0booked     2,000 fills", "reconciled: ", "no events waiting")
			return
		case <-time.After(150 * time.Millisecond):
			one := daemons[kills%2]
			_ = one.cmd.Process.Kill()
			_ = one.cmd.Wait()
			daemons[kills%2] = d.serve(t, urls(db)...)
		}
	}
}

// The analytics in a database of their own.
func TestServeAnalyticsElsewhere(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	db := pgtest.Open(t)
	elsewhere := pgtest.Open(t)
	url := "--analytics-url=" + elsewhere.AdminURL
	one := d.serve(t, append(urls(db), url)...)

	contains(t, d.ok(t, append(urls(db), "load", "--yes", "--rate", "200", "--span", "1s", url)...),
		"reconciled: ", "no events waiting")
	contains(t, d.ok(t, append(urls(db), "analytics", "reconcile", url)...), "reconciled: ")
	contains(t, d.ok(t, append(urls(db), "events", "status", url)...), "analytics")
	if n := pgtest.Value[int](t, db, `select count(*) from analytics.portfolio_summary`); n != 0 {
		t.Errorf("%d rows are beside the trades", n)
	}
	one.end()
}

// An event that cannot be applied is said, and resolved when it is mended.
func TestServeParks(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	one := d.serve(t, urls(db)...)
	db.Exec(t, `insert into events.outbox (account_id, channel, key, event_id, type, v, service, data)
		values ('O''Brien', 'trades', 'O''Brien', gen_random_uuid(), 'trade_executed', 1, 'execution',
		    '{"account_id": "O''Brien", "quantity": "many"}')`)
	until(t, "it is said", func() bool { return strings.Contains(one.said(), "cannot be applied") })

	// The log names the event before the next pass parks it.
	var r outcome
	until(t, "it is parked", func() bool {
		r = d.run(t, append(urls(db), "events", "status")...)
		return r.status == 1
	})
	if r.err != "" {
		t.Error(r.err)
	}

	contains(t, r.out, "has been parked", "\n  blotter events resolve analytics", `'O'\''Brien'`)
	narrow(t, "events status", r.out)
	d.fails(t, 1, append(urls(db), "events", "resolve", "analytics", "O'Brien"), "O'Brien is still parked: event 1")
	db.Exec(t, `update events.outbox set service = 'nobody'`)
	contains(t, d.ok(t, append(urls(db), "events", "resolve", "analytics", "O'Brien")...),
		"resolved: every event of O'Brien is applied")
	d.fails(t, 1, append(urls(db), "events", "resolve", "analytics", "O'Brien"), "has no parked key O'Brien")
	one.end()
}
