package monitor_test

import (
	"strings"
	"testing"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/monitor"
)

// TestRedisFindings checks the findings about users who may forge messages in Redis. They are critical if that is
// everybody on a network.
func TestRedisFindings(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		what   string
		access events.RedisAccess
		want   string
	}{
		{"a stand-in", events.RedisAccess{Local: true, Open: true, Unseen: "unknown command"}, ""},
		{"a server of one machine", events.RedisAccess{User: "default", Local: true, Open: true}, ""},
		{"an open server", events.RedisAccess{User: "default", Open: true}, "critical Redis"},
		{
			"an open server, seen by another user",
			events.RedisAccess{User: "boss", Open: true, Writers: []string{"default"}},
			"critical Redis",
		},
		{"one password for all", events.RedisAccess{User: "default"}, "warning Redis user default"},
		{"the publisher", events.RedisAccess{User: "blotter_publisher", Unseen: "NOPERM"}, "warning Redis"},
		{"users as they should be", events.RedisAccess{User: "boss", Writers: []string{"blotter_publisher"}}, ""},
		{
			"a user too many",
			events.RedisAccess{User: "boss", Local: true, Writers: []string{"blotter_publisher", "x"}},
			"warning Redis user x",
		},
	} {
		var got []string
		for _, f := range monitor.RedisFindings(test.access) {
			if f.Message == "" || f.Remedy == "" || f.Check != "security_redis" {
				t.Errorf("%s: an incomplete finding: %+v", test.what, f)
			}
			got = append(got, string(f.Severity)+" "+f.Subject)
		}
		if list := strings.Join(got, ", "); list != test.want {
			t.Errorf("%s: %q, want %q", test.what, list, test.want)
		}
	}
}

// TestRedisCheck checks that the stand-in has no findings, and that a Redis that does not answer has one.
func TestRedisCheck(t *testing.T) {
	t.Parallel()

	standIn, err := embedded.StartRedisStandIn()
	if err != nil {
		t.Fatal(err)
	}

	check := monitor.RedisCheck(standIn.URL)
	if found, err := check.Run(t.Context(), nil); err != nil || len(found) > 0 {
		t.Errorf("of the stand-in: %+v, %v", found, err)
	}

	standIn.Close()
	found, err := check.Run(t.Context(), nil)
	if err != nil || len(found) != 1 || found[0].Severity != monitor.Warning {
		t.Errorf("of a server that is gone: %+v, %v", found, err)
	}
}
