package main_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

var metricsAddress = regexp.MustCompile(`msg="metrics are served" address=(\S+)`)

// fetch gets a page of a daemon.
func fetch(t *testing.T, d *daemon, path string) string {
	t.Helper()
	found := metricsAddress.FindStringSubmatch(d.said())
	if found == nil {
		t.Fatal("no metrics are served")
	}
	answer, err := http.Get("http://" + found[1] + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// A daemon serves what it counts and what its checks find, beats the heart, and writes its statistics when it ends.
func TestServeMonitors(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	one := d.serve(t, append(urls(db), "--metrics", "127.0.0.1:0")...)
	until(t, "the checks have run", func() bool {
		return strings.Contains(fetch(t, one, "/metrics"), `blotter_check_findings{check="blocking",severity="critical"} 0`)
	})
	contains(t, fetch(t, one, "/metrics"), `blotter_query_duration_seconds_count{operation="monitor.check",service="blotter"}`,
		`blotter_pool_connections_max{role="trading_app"}`, `blotter_check_findings{check="security_force",severity="critical"} 0`)
	contains(t, fetch(t, one, "/healthz"), "ok")
	contains(t, fetch(t, one, "/readyz"), "ok")
	until(t, "the heart beats", func() bool { return pgtest.Value[bool](t, db, "select exists (select from shared.heartbeat)") })
	two := d.serve(t, append(urls(db), "--metrics", "off")...)
	two.end()
	one.end()
	contains(t, d.ok(t, append(urls(db), "performance")...), "monitor.check", "monitor.heartbeat")
}

func TestServeMetricsAddress(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	one := d.serve(t, append(urls(db), "--metrics", "127.0.0.1:0")...)
	taken := metricsAddress.FindStringSubmatch(one.said())[1]
	r := d.run(t, append(urls(db), "serve", "--metrics", taken)...)
	if r.status != 1 {
		t.Errorf("exit status %d of an address that is taken", r.status)
	}
	contains(t, r.err, "choose another address")
	r = d.run(t, append(urls(db), "serve", "--metrics", "nowhere")...)
	if r.status != 2 {
		t.Errorf("exit status %d of no address", r.status)
	}
	one.end()
}
