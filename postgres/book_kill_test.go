package postgres_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/ramdisk"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
)

const (
	// bookClientOf is the environment variable that makes the test binary a client: its orders as JSON.
	bookClientOf = "BLOTTER_TEST_BOOK_CLIENT"
	// fillsOfClient is the most fills that one client process sends.
	fillsOfClient = 100_000
	// inFlightMax is more than one client process has sent and not told of.
	inFlightMax = 500
)

// clientOrders tell a client process which fills to send where.
type clientOrders struct {
	URL, ServiceURL, ReadOnlyURL, ReporterURL string
	Seed                                      uint64
	First                                     int
}

// plannedFill returns trade n of a seed.
func plannedFill(seed uint64, n int) blotter.Trade {
	return (&client{rng: rand.New(rand.NewPCG(seed, uint64(n))), name: "planned", n: n - 1}).fill()
}

// bookClient runs the client process: it sends trades in every way at once, and writes the number of each that is
// booked to standard output, until it is killed.
func bookClient(text string) {
	var o clientOrders
	err := json.Unmarshal([]byte(text), &o)
	ctx := blotter.WithAllAccounts(context.Background())
	db, opening := postgres.Open(ctx, postgres.Config{
		URL: o.URL, ServiceURL: o.ServiceURL, ReadOnlyURL: o.ReadOnlyURL, ReporterURL: o.ReporterURL,
		MaxConns: 6, Logger: slog.New(slog.DiscardHandler),
	})
	if err = errors.Join(err, opening); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}

	book, _ := db.NewBook(postgres.BookConfig{})
	_ = book.Start(ctx)
	var next atomic.Int64
	next.Store(int64(o.First))
	for worker := range 12 {
		go func() {
			for {
				var numbers []int
				var fills []blotter.Trade
				for range []int{1, 1, 20}[worker%3] {
					n := int(next.Add(1)) - 1
					numbers, fills = append(numbers, n), append(fills, plannedFill(o.Seed, n))
				}
				var err error
				switch worker % 3 {
				case 0:
					_, err = db.ExecuteTrade(ctx, fills[0], postgres.AdoptOrder)
				case 1:
					_, err = book.ExecuteTrade(ctx, fills[0], postgres.AdoptOrder)
				case 2:
					_, err = db.ExecuteTrades(ctx, fills, postgres.AdoptOrder, postgres.AllOrNothing)
				}
				for _, n := range numbers {
					if err != nil {
						fmt.Fprintln(os.Stderr, n, err)
						os.Exit(1)
					}
					fmt.Println(n)
				}
			}
		}()
	}
	select {}
}

// killedClient runs a client process, kills it, and returns the numbers of the trades that it knows to be booked.
func killedClient(t *testing.T, o clientOrders, after time.Duration) (booked []int) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), bookClientOf+"="+string(text))
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}

	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n') // a line without its end was not written whole
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
			break
		}
		if len(booked) == 0 {
			defer time.AfterFunc(after, func() { _ = cmd.Process.Kill() }).Stop()
		}

		var n int
		if _, err := fmt.Sscanln(line, &n); err != nil {
			t.Fatal(err)
		}
		booked = append(booked, n)
	}

	_ = cmd.Wait()
	if complaints.Len() > 0 {
		t.Errorf("the client complains: %s", complaints.String())
	}
	return booked
}

// Client processes are killed while they book. Every trade with an answer is booked, and all trades that may have been
// sent can be sent again: each is booked once.
func TestKilledClients(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	d := pgtest.OpenConfig(t, fewConns)
	x := newTorture(t, d)
	rng := rand.New(rand.NewPCG(seed, 1))
	o := clientOrders{
		URL: d.Config.URL, ServiceURL: d.Config.ServiceURL, ReadOnlyURL: d.Config.ReadOnlyURL,
		ReporterURL: d.Config.ReporterURL, Seed: seed,
	}

	unanswered := 0
	for kill := range *killsFlag {
		o.First = 1 + kill*fillsOfClient
		last := o.First
		for _, n := range killedClient(t, o, time.Duration(10+rng.IntN(250))*time.Millisecond) {
			x.ledger.answers[keyOfFill(plannedFill(seed, n))] = &answers{applied: 1}
			last = max(last, n)
		}
		unanswered += x.sendAgain(seed, o.First, last+inFlightMax)
	}
	if unanswered == 0 && *killsFlag >= 50 {
		t.Error("no client was killed after a fill was booked and before the answer came; the test shows too little")
	}
	x.ledger.check(d)
	t.Logf("%d kills, %d fills, %d booked of which the client never heard", *killsFlag, len(x.ledger.answers),
		unanswered)
}

// sendAgain sends all trades of a killed client, and returns how many were booked without an answer to it.
func (x *torture) sendAgain(seed uint64, from, to int) (unanswered int) {
	ctx := blotter.WithAllAccounts(x.t.Context())
	for ; from <= to; from += 200 {
		var fills []blotter.Trade
		for n := from; n < from+200; n++ {
			fills = append(fills, plannedFill(seed, n))
		}
		receipts, err := x.d.ExecuteTrades(ctx, fills, postgres.AdoptOrder)
		if err != nil {
			x.t.Fatal(err)
		}

		for i, f := range fills {
			a := x.ledger.answers[keyOfFill(f)]
			if a == nil {
				x.ledger.answers[keyOfFill(f)] = &answers{unknown: 1}
				if receipts[i].Outcome == postgres.Duplicate {
					unanswered++
				}
			}
			if !x.ledger.hear(f, receipts[i], receipts[i].Err) {
				x.t.Errorf("fill %+v: %v", f, receipts[i].Err)
			}
		}
	}
	return unanswered
}

// PostgreSQL is killed while clients book: its postmaster, which the next start recovers from, or one of its processes,
// which makes it recover by itself.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	dir, err := os.MkdirTemp(ramdisk.Folder(), "blotter-book-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })

	cfg := embedded.Config{DataDir: filepath.Join(dir, "data"), Logger: slog.New(slog.DiscardHandler)}
	server, d := startBook(t, cfg)
	x := newTorture(t, d)
	x.left.Store(1 << 40)
	var clients sync.WaitGroup
	for i := range 16 {
		clients.Go(x.client(seed, i).run)
	}

	for crash := range *crashesFlag {
		booked := x.counts[countBooked].Load()
		until(t, "fills are booked", func() bool { return x.counts[countBooked].Load() > booked+200 })
		if crash%2 == 0 {
			if err := errors.Join(syscall.Kill(server.PID, syscall.SIGKILL), server.Stop()); err != nil {
				t.Error(err)
			}
			if server, err = embedded.Start(t.Context(), cfg); err != nil {
				t.Error(err)
				break
			}
			t.Cleanup(func() { _ = server.Stop() })
			continue
		}
		killBackend(t, d)
	}

	booked := x.counts[countBooked].Load()
	until(t, "fills are booked after the last crash",
		func() bool { return t.Failed() || x.counts[countBooked].Load() > booked+200 })
	x.left.Store(0)
	clients.Wait()
	x.ledger.check(d)
	t.Logf("%d crashes, %d fills, %d answers unknown, %d sent again", *crashesFlag, len(x.ledger.answers),
		x.counts[countUnknown].Load(), x.counts[countResent].Load())
}

// startBook starts a server of the test's own with a migrated database.
func startBook(t *testing.T, cfg embedded.Config) (*embedded.Server, *pgtest.Database) {
	t.Helper()
	server, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })

	m, err := schema.NewMigrator(t.Context(), server.OwnerURL())
	if err == nil {
		_, err = m.Up(t.Context())
		err = errors.Join(err, m.Close())
	}
	if err != nil {
		t.Fatal(err)
	}

	d := &pgtest.Database{
		Name: embedded.Database, Config: server.Config(), OwnerURL: server.OwnerURL(),
		AdminURL: server.AdminURL(embedded.Database),
	}
	d.Config.Logger = slog.New(slog.DiscardHandler)
	fewConns(&d.Config)
	if d.DB, err = postgres.Open(t.Context(), d.Config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return server, d
}

// killBackend kills the process that serves one of the clients.
func killBackend(t *testing.T, d *pgtest.Database) {
	t.Helper()
	pid := pgtest.Value[int](t, d,
		`select pid from pg_stat_activity where application_name = 'blotter' order by state = 'idle', random() limit 1`)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}
