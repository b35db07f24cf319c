package main_test

import (
	"strings"
	"testing"
)

// A dashboard that other machines reach needs TLS and names, and a trusted header an address that they do not reach.
func TestOpenDashboardIsRefused(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"web", "--http", "0.0.0.0:0"}, "--tls-cert and --tls-key, or --behind-proxy"},
		{[]string{"serve", "--http", "192.0.2.1:8080"}, "--tls-cert and --tls-key, or --behind-proxy"},
		{[]string{"web", "--http", "8080"}, "want an address, such as 127.0.0.1:8080"},
		{[]string{"web", "--tls-cert", "cert.pem"}, "need each other"},
		{[]string{"web", "--trust-header", "X-User"}, "give --behind-proxy too"},
		{
			[]string{"web", "--http", "0.0.0.0:0", "--behind-proxy", "--trust-header", "X-User"},
			"listen on a loopback address",
		},
		{[]string{"serve", "--behind-proxy"}, "give --http too"},
		{[]string{"web", "--http-host", "https://example.com"}, "want a host name"},
	} {
		d.fails(t, 2, test.args, test.want)
	}
}

// Users are added with accounts that exist and passwords that are long enough, listed, and removed.
func TestDashboardUsers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ok(t, "accounts", "create", "ACC1")
	contains(t, d.ok(t, "users", "list"), "no users; blotter users add")
	d.fails(t, 2, []string{"users", "add", "ann"}, "one account or more, or all of them")
	d.fails(t, 2, []string{"users", "add", "local", "--accounts", "all"}, "another name")
	d.fails(t, 1, []string{"users", "add", "ann", "--accounts", "NONE"}, "there is no account")
	d.fails(t, 1, []string{"users", "remove", "ann"}, `there is no user "ann"`)
	if list := d.ok(t, "users", "list", "--json"); strings.TrimSpace(list) != "[]" {
		t.Errorf("the list of no users is %s", list)
	}
}
