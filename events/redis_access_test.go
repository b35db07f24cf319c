package events

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// command runs a command line in Redis.
func (d *desk) command(line string) {
	d.t.Helper()
	var words []any
	for word := range strings.FieldsSeq(line) {
		words = append(words, word)
	}
	if err := d.client.Do(d.ctx(), words...).Err(); err != nil {
		d.t.Fatalf("%s: %v", line, err)
	}
}

// userURL returns the URL of a user with the password "x".
func (d *desk) userURL(user string) string {
	return strings.Replace(d.url, "://", "://"+user+":x@", 1)
}

// The users that RedisACL makes can relay and subscribe, and nothing else; the error for a missing right names it.
func TestRedisACL(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	for range 2 { // a second time is not an error
		for _, line := range RedisACL("", "blotter_") {
			d.command(line)
		}
	}
	d.command("ACL SETUSER blotter_publisher >x")
	d.command("ACL SETUSER blotter_subscriber >x")
	publisher, err := NewRelay(
		RelayConfig{DB: d.db.DB, URL: d.userURL("blotter_publisher"), Logger: d.relay.cfg.Logger},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := publisher.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = publisher.Stop(context.Background()) }()
	d.url = d.userURL("blotter_subscriber")
	fills := d.subscribe(SubscribeConfig{From: map[string]Offset{"trades": {}, "positions": {}, "market_data": {}}})
	d.subscribers("trades", 1)
	d.trade("A1", "T1")
	until(t, "the fill and its position", func() bool { return len(fills.messages()) == 2 })

	for _, user := range []string{"blotter_subscriber", "blotter_publisher"} {
		client, err := OpenRedis(strings.Replace(d.url, "blotter_subscriber", user, 1))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		forbidden := []string{
			"SET data_sync:x 1", "DEL data_sync:trades:log", "XTRIM data_sync:trades:log MAXLEN 0", "FLUSHALL",
			"KEYS *", "CONFIG GET *",
			"ACL LIST", "ACL SETUSER blotter_subscriber +@all", "SUBSCRIBE other", "XADD other * event x",
			"XRANGE other - +",
			"EVAL return(redis.call('DEL','data_sync:trades:log')) 0",
		}
		if user == "blotter_subscriber" {
			forbidden = append(forbidden, "XADD data_sync:trades:log * event x", "PUBLISH data_sync:trades x",
				"EVAL return(1) 0")
		}
		for _, line := range forbidden {
			var words []any
			for word := range strings.FieldsSeq(line) {
				words = append(words, word)
			}
			if err := client.Do(t.Context(), words...).Err(); !isRefusal(err) {
				t.Errorf("%s as %s: %v", line, user, err)
			}
		}
	}

	for missing, what := range map[string]string{
		"-xrange": "xrange", "-xrevrange": "xrevrange", "-subscribe": "subscribe",
	} {
		d.command("ACL SETUSER weak reset on >x ~* &* +@all " + missing)
		client, err := OpenRedis(strings.Replace(d.url, "blotter_subscriber", "weak", 1))
		if err != nil {
			t.Fatal(err)
		}
		err = Subscribe(t.Context(), client,
			SubscribeConfig{Callback: func(context.Context, Message) error { return nil }})
		if !errors.Is(err, blotter.ErrPermission) || !strings.Contains(err.Error(), what) {
			t.Errorf("without %s: %v", missing, err)
		}
		_ = client.Close()
	}
}

// InspectRedis finds the users that may write the streams, as far as its own user may see them, and changes nothing.
func TestInspectRedis(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	plain := d.url
	inspect := func(what, url string, want RedisAccess) {
		t.Helper()
		got, err := InspectRedis(t.Context(), url, "")
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got.Unseen != "" && want.Unseen != "" && strings.Contains(got.Unseen, want.Unseen) {
			got.Unseen = want.Unseen
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", what, diff)
		}
	}
	inspect("a server without users", plain, RedisAccess{User: "default", Local: true, Open: true})

	for _, line := range append(RedisACL("", "blotter_"),
		"ACL SETUSER blotter_publisher >x", "ACL SETUSER blotter_subscriber >x",
		"ACL SETUSER boss on >x ~* &* +@all", "ACL SETUSER forger on >x ~data_sync:* +xadd",
		"ACL SETUSER asleep off >x ~* +xadd",
		"ACL SETUSER elsewhere on >x ~other:* +@all -@admin -@dangerous",
		"ACL SETUSER default resetpass nopass on ~* &* -@all +ping +xadd +acl|whoami") {
		d.command(line)
	}
	inspect("an administrator", d.userURL("boss"),
		RedisAccess{User: "boss", Local: true, Open: true, Writers: []string{"blotter_publisher", "default", "forger"}})
	admin, err := OpenRedis(d.userURL("boss"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	for _, words := range [][]any{{"ACL", "SETUSER", "default", "-xadd"}, {"ACL", "DELUSER", "forger"}} {
		if err := admin.Do(t.Context(), words...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	inspect("nobody forges", d.userURL("boss"),
		RedisAccess{User: "boss", Local: true, Writers: []string{"blotter_publisher"}})
	inspect("the publisher", d.userURL("blotter_publisher"), RedisAccess{Local: true, Unseen: "NOPERM"})
	_, err = InspectRedis(t.Context(), d.userURL("nobody"), "")
	if !errors.Is(err, blotter.ErrPermission) {
		t.Errorf("an unknown user: %v", err)
	}
	if n, err := admin.Exists(t.Context(), "data_sync:trades:log").Result(); err != nil || n != 0 {
		t.Errorf("looking has made a stream: %d, %v", n, err)
	}
}

// The stand-in knows no users, which is no error.
func TestInspectStandIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	got, err := InspectRedis(t.Context(), d.url, "")
	if err != nil || !got.Local || !got.Open || got.Unseen == "" || len(got.Writers) > 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	if n, err := d.client.Exists(t.Context(), "data_sync:trades:log").Result(); err != nil || n != 0 {
		t.Errorf("looking has made a stream: %d, %v", n, err)
	}
}

// A server is local where no network leads to it.
func TestIsLocal(t *testing.T) {
	t.Parallel()

	for url, want := range map[string]bool{
		"redis://localhost": true, "redis://127.0.0.1:6379": true, "redis://127.9.9.9": true,
		"redis://[::1]:6379": true, "unix:///run/redis.sock": true,
		"redis://10.0.0.1": false, "rediss://redis.example": false, "redis://localhost.example": false,
	} {
		opt, err := redis.ParseURL(url)
		if err != nil {
			t.Fatal(err)
		}
		if got := isLocal(opt); got != want {
			t.Errorf("%s: %v, want %v", url, got, want)
		}
	}
}
