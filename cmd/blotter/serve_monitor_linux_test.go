package main_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

var metricsAddress = regexp.MustCompile(`msg="metrics are served" address=(\S+)`)

// fetch gets a page of a daemon.
func fetch(t *testing.T, d *daemon, path string) string {
	t.Helper()
	return fetchAs(t, d, "", path)
}

// fetchAs gets a page under the name of a host, "" for the address.
func fetchAs(t *testing.T, d *daemon, host, path string) string {
	t.Helper()
	found := metricsAddress.FindStringSubmatch(d.said())
	if found == nil {
		t.Fatal("no metrics are served")
	}

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+found[1]+path, nil)
	if err != nil {
		t.Fatal(err)
	}

	request.Host = host
	answer, err := http.DefaultClient.Do(request)
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
	one := d.serve(t, append(urls(db), "--metrics", "127.0.0.1:0", "--http-host", "metrics.example")...)
	for host, want := range map[string]string{"evil.example": "--http-host NAME", "metrics.example": "go_goroutines"} {
		contains(t, fetchAs(t, one, host, "/metrics"), want)
	}
	for _, name := range []string{"http://x", "x:80", "*.example"} {
		d.fails(t, 2, append(urls(db), "serve", "--http-host="+name), "want a host name")
	}

	until(t, "the checks have run", func() bool {
		return strings.Contains(fetch(t, one, "/metrics"),
			`blotter_check_findings{check="blocking",severity="critical"} 0`)
	})
	contains(t, fetch(t, one, "/metrics"),
		`blotter_query_duration_seconds_count{operation="monitor.check",service="blotter"}`,
		`blotter_pool_connections_max{role="trading_app"}`,
		`blotter_check_findings{check="security_force",severity="critical"} 0`)
	contains(t, fetch(t, one, "/healthz"), "ok")
	contains(t, fetch(t, one, "/readyz"), "ok")
	until(t, "the heart beats", func() bool {
		return pgtest.Value[bool](t, db,
			"select exists (select from shared.heartbeat)")
	})
	two := d.serve(t, append(urls(db), "--metrics", "off")...)
	two.end()
	one.end()
	contains(t, d.ok(t, append(urls(db), "performance")...), "monitor.check", "monitor.heartbeat")
}

// Neither what a daemon serves nor what it logs holds a password of a URL that it was given, nor when the database or
// Redis does not answer.
func TestPasswordsAreNotServed(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	for _, flag := range secretURLs(t, db) {
		name, text, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		d.env = append(d.env, "BLOTTER_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+text)
	}

	d.env = append(d.env, "BLOTTER_REDIS=redis://me:"+password+"@127.0.0.1:1/0")
	one := d.serve(t, "--metrics", "127.0.0.1:0")
	db.Exec(t, "create policy mine on execution.orders using (true)")
	served := ""
	until(t, "the checks have run", func() bool {
		served = fetch(t, one, "/metrics")
		return strings.Contains(served, `blotter_check_findings{check="security_stray_policy",severity="warning"} 1`)
	})
	served += fetch(t, one, "/healthz") + fetch(t, one, "/readyz") + fetch(t, one, "/")
	admin := db.Connect(t, db.AdminURL)
	if _, err := admin.Exec(t.Context(), "alter database "+db.Name+" connection limit 0"); err != nil {
		t.Fatal(err)
	}

	db.Exec(t, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> "+
		"pg_backend_pid()")
	until(t, "it is not ready", func() bool {
		page := fetch(t, one, "/readyz")
		served += page
		return !strings.HasPrefix(page, "ok")
	})
	served += fetch(t, one, "/metrics") + fetch(t, one, "/healthz")

	// It ends all the same, and says what it could not store.
	_ = one.cmd.Process.Signal(syscall.SIGTERM)
	if err := one.cmd.Wait(); err == nil || !strings.Contains(one.said(), "log rows of this program were not stored") ||
		strings.Contains(one.said(), "interrupted") {
		t.Errorf("without its database it ended with %v", err)
	}

	served += one.said()
	if !strings.Contains(served, "127.0.0.1:1") { // Redis does not answer, which is said
		t.Error("too little was said")
	}
	if at := strings.Index(served, "S3cr3t"); at >= 0 {
		t.Errorf("the password is in ...%s", served[max(0, at-200):at])
	}
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
