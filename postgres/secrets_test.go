package postgres_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
)

// secret is the password of this test's URLs.
const secret = "S3cr3t'pa55 word"

// lines collects the log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// No error, log line or printed value of the library contains a password, whatever fails.
func TestPasswordsAreNowhere(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	log := &lines{}
	logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var said []string
	say := func(values ...any) {
		for _, v := range values {
			said = append(said, fmt.Sprintf("%v %+v %#v %s", v, v, v, v))
			logger.Info("said", "value", v)
			slog.New(slog.NewTextHandler(log, nil)).Info("said", "value", v)
			encoded, _ := json.Marshal(v)
			logger.Info("said", "inside", struct{ Value any }{v}, "encoded", string(encoded))
		}
	}

	for _, text := range badURLs(t, db) {
		cfg := postgres.Config{URL: text, Logger: logger, AcquireTimeout: time.Second}
		_, err := postgres.Open(t.Context(), cfg)
		if err == nil {
			t.Errorf("%s works", text)
		}
		_, migrating := schema.NewMigrator(t.Context(), text)
		_, owning := postgres.ConnectOwner(t.Context(), text, "test")
		_, comparing := postgres.CompareRegistry(t.Context(), text)
		good := db.Config
		good.ReadOnlyURL, good.Logger = text, logger
		handle, opening := postgres.Open(t.Context(), good) // connects its read-only pool later
		if opening == nil {
			opening = handle.ReadOnly(t.Context(), func(s *postgres.Session) error { _, err := s.Exec(t.Context(), "select 1"); return err })
			say(handle)
			handle.Close()
		}
		say(err, migrating, owning, comparing, opening, cfg, &cfg, good)
	}

	cfg := db.Config
	cfg.URL, cfg.Logger = withPassword(t, db.Config.URL), logger
	handle, err := postgres.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(handle.Close)
	failInEveryWay(t, handle, say)
	m, err := schema.NewMigrator(t.Context(), withPassword(t, db.OwnerURL))
	must(t, err)
	defer m.Close()
	say(handle, cfg, m)
	log.mu.Lock()
	defer log.mu.Unlock()
	if log.text.Len() < 1000 || len(said) < 50 {
		t.Fatalf("only %d things were said and %d bytes logged", len(said), log.text.Len())
	}

	for _, text := range append(said, log.text.String()) {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), "S3cr3t"} {
			if at := strings.Index(text, form); at >= 0 {
				t.Errorf("the password is in ...%s", text[max(0, at-80):at])
			}
		}
	}
}

// withPassword returns the URL with the secret as its password, which a server with trust authentication ignores.
func withPassword(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	must(t, err)
	if _, has := u.User.Password(); !has {
		u.User = url.UserPassword(u.User.Username(), secret)
	}
	return u.String()
}

// badURLs returns wrong URLs of every kind, each with the secret in it.
func badURLs(t *testing.T, db *pgtest.Database) []string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // nobody answers on it
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	silent := listener.Addr().(*net.TCPAddr).Port
	escaped := url.QueryEscape(secret)

	own, err := url.Parse(withPassword(t, db.Config.URL))
	must(t, err)
	nobody, nowhere := *own, *own
	nobody.User = url.UserPassword("no_such_login", secret)
	nowhere.Path = "/no_such_database"

	return []string{
		"postgres://me:" + escaped + "@127.0.0.1:1/d", "postgres://me:" + escaped + "@nowhere.invalid/d",
		fmt.Sprintf("postgres://me:%s@127.0.0.1:%d/d?connect_timeout=1", escaped, silent),
		nobody.String(), nowhere.String(), "postgres://me:" + secret + "@h/d", "postgres://me:" + escaped + "@h:port/d",
		"postgres://me:" + escaped + "@h/d?sslmode=nonsense", "postgres://me:" + escaped + "%zz@h/d",
		"postgres://h/d?user=me&password=" + escaped + "&sslmode=bad",
		"host=127.0.0.1 port=1 user=me password='S3cr3t\\'pa55 word'", "host=127.0.0.1 port=x user=me password=S3cr3t",
		"password = S3cr3t nonsense",
		"postgres://me:" + escaped + "@127.0.0.1:1/d?sslmode=verify-full&sslrootcert=/no/such/file",
	}
}

// failInEveryWay makes sessions fail, so that errors and stacks are logged.
func failInEveryWay(t *testing.T, db *postgres.DB, say func(...any)) {
	t.Helper()
	ctx := as(t, "A1")
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	say(db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, "nonsense"); say(tx.Session == nil); return err }))
	say(db.Transaction(cancelled, func(tx *postgres.Tx) error { return tx.CreateOrder(cancelled, &blotter.Order{}) }))
	say(db.ReadOnly(ctx, func(s *postgres.Session) error { _, err := s.Exec(ctx, "create table mine (i int)"); return err }))
	func() {
		defer func() { say(recover()) }()
		_ = db.Transaction(ctx, func(*postgres.Tx) error { panic("storm") })
	}()
	say(db.PoolStats())
}

// If a URL requires TLS and the server has none, no connection sends anything to it.
func TestTLSIsRequiredOfEveryConnection(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	var heard []byte
	var mu sync.Mutex
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			request := make([]byte, 8)
			_, _ = io.ReadFull(conn, request)
			_, _ = conn.Write([]byte("N")) // no TLS
			rest, _ := io.ReadAll(io.LimitReader(conn, 1000))
			mu.Lock()
			heard = append(heard, rest...)
			mu.Unlock()
			_ = conn.Close()
		}
	}()

	for _, mode := range []string{"require", "verify-ca", "verify-full"} {
		u := url.URL{
			Scheme: "postgres", User: url.UserPassword("me", secret), Host: listener.Addr().String(),
			Path: "/d", RawQuery: "sslmode=" + mode,
		}
		plain := u.String()
		cfg := db.Config
		cfg.ReadOnlyURL = plain
		cfg.ServiceURL = plain
		cfg.ReporterURL = plain
		handles, err := postgres.Open(t.Context(), cfg)
		must(t, err)
		attempts := map[string]error{}
		_, attempts["open"] = postgres.Open(t.Context(), postgres.Config{URL: plain})
		_, attempts["migrator"] = schema.NewMigrator(t.Context(), plain)
		_, attempts["owner"] = postgres.ConnectOwner(t.Context(), plain, "test")
		all := blotter.WithAllAccounts(t.Context())
		attempts["service"] = handles.Transaction(all, func(tx *postgres.Tx) error { _, err := tx.Exec(all, "select 1"); return err })
		attempts["reporter"] = handles.ReadOnly(all, func(s *postgres.Session) error { _, err := s.Exec(all, "select 1"); return err })
		attempts["read-only"] = handles.ReadOnly(t.Context(), func(s *postgres.Session) error { _, err := s.Exec(t.Context(), "select 1"); return err })
		handles.Close()
		for what, err := range attempts {
			if err == nil || !strings.Contains(err.Error(), "TLS") {
				t.Errorf("%s with sslmode=%s: %v", what, mode, err)
			}
		}
	}

	mu.Lock()
	defer mu.Unlock()
	if len(heard) > 0 {
		t.Errorf("in the clear was said: %q", heard)
	}
}
