package chaos_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// projectorOf is the environment variable that makes the test binary a projector: its orders as JSON.
const projectorOf = "BLOTTER_CHAOS_PROJECTOR"

// chainOf is the name of the consumer that keeps the chains.
const chainOf = "chain"

// orders tell a process where to work, and how.
type orders struct {
	URL, ServiceURL, ReadOnlyURL, ReporterURL string
	Redis                                     string
	Seed                                      uint64
}

func (o orders) config() postgres.Config {
	return postgres.Config{
		URL: o.URL, ServiceURL: o.ServiceURL, ReadOnlyURL: o.ReadOnlyURL, ReporterURL: o.ReporterURL,
		MaxConns: 6, KeepConns: 4, Service: "blotter", Logger: slog.New(slog.DiscardHandler),
	}
}

// work runs a process until it is killed or its standard input ends, as when the harness dies. It prints a word once it
// works.
func work(text string, start func(context.Context, orders) error) {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}

	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) { // as a supervisor does while there is no database
		err := start(context.Background(), o)
		if err == nil {
			break
		}
		if time.Since(begin) > time.Minute {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}

	fmt.Println("works")
	_, _ = io.Copy(io.Discard, bufio.NewReader(os.Stdin))
	os.Exit(0)
}

// startProjector runs the projector process: a consumer of the user's, and the synchronizer.
func startProjector(ctx context.Context, o orders) error {
	db, err := postgres.Open(ctx, o.config())
	if err != nil {
		return err
	}

	rng := rand.New(rand.NewPCG(o.Seed, 1))
	complaints := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	chain := &chainer{rng: rng}
	c, err := events.NewConsumer(events.Config{
		Source: db, Name: chainOf, Handler: chain.handle, ChunkMin: []int{7, 40, 1000}[rng.IntN(3)],
		ChunkMax: 2000, Logger: complaints,
	})
	if err == nil {
		err = c.Start(ctx)
	}

	var s *analytics.Synchronizer
	if err == nil {
		s, err = analytics.New(analytics.Config{Source: db, Logger: complaints})
	}
	if err == nil {
		err = s.Start(ctx)
	}
	if err != nil {
		_ = c.Stop(ctx)
		db.Close()
	}

	return err
}

// link is the end of a key's chain.
type link struct {
	last, events int64
	hash         []byte
}

// add adds an event to the chain.
func (l *link) add(number int64, data []byte) {
	sum := sha256.Sum256(append(append(l.hash, byte(number), byte(number>>8)), data...))
	l.last = number
	l.events++
	l.hash = sum[:]
}

// place returns where an event belongs: its chain, and the number that a writer gave it within its key. The order of
// fills without numbers is that of their position: nothing orders those of two positions of an account.
func place(e *blotter.Event) (chain string, number int64, err error) {
	var d struct {
		Number  int64  `json:"number"`
		TradeID string `json:"trade_id"`
		Symbol  string `json:"symbol"`
	}
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return "", 0, err
	}

	switch {
	case d.Number > 0:
		return e.Key, d.Number, nil
	case len(d.TradeID) > 1 && d.TradeID[0] == 'N':
		_, err = fmt.Sscan(d.TradeID[1:], &number)
		return e.Key, number, err
	}

	return e.Key + "/" + d.Symbol, 0, nil
}

const (
	sqlLoadChains = `select key, last, events, hash from chaos.chain where key = any($1)`
	sqlSaveChains = `
insert into chaos.chain (key, last, events, hash) select * from unnest($1::text[], $2::bigint[], $3::bigint[],
    $4::bytea[])
on conflict (key) do update set last = excluded.last, events = excluded.events, hash = excluded.hash`
	sqlApplied = `
insert into chaos.applied (pos, key, number) select pos, key, number
    from unnest($1::bigint[], $2::text[], $3::bigint[]) with ordinality u(pos, key, number, place) order by place`
)

// chainer is a handler that reads, computes and writes: what is lost, double or out of order changes every later hash
// of its key. Now and then it dawdles, to be killed with its work half done.
type chainer struct{ rng *rand.Rand }

func (h *chainer) handle(ctx context.Context, tx *postgres.Tx, list []blotter.Event) error {
	var names []string
	var positions, numbers []int64
	chains := map[string]*link{}
	for i := range list {
		name, number, err := place(&list[i])
		if err != nil {
			return err
		}
		names = append(names, name)
		positions = append(positions, list[i].Pos)
		numbers = append(numbers, number)
		chains[name] = &link{}
	}

	if err := load(ctx, tx, names, chains); err != nil {
		return err
	}
	for i := range list {
		chains[names[i]].add(numbers[i], list[i].Data)
	}

	h.dawdle()
	if _, err := tx.Exec(ctx, sqlApplied, positions, names, numbers); err != nil {
		return err
	}

	err := save(ctx, tx, chains)
	h.dawdle()
	return err
}

func (h *chainer) dawdle() {
	if h.rng.IntN(4) == 0 {
		time.Sleep(rand.N(8 * time.Millisecond))
	}
}

func load(ctx context.Context, tx *postgres.Tx, names []string, chains map[string]*link) error {
	rows, err := tx.Query(ctx, sqlLoadChains, names)
	if err != nil {
		return err
	}
	var key string
	var l link
	_, err = pgx.ForEachRow(rows, []any{&key, &l.last, &l.events, &l.hash}, func() error {
		found := l
		found.hash = append([]byte(nil), l.hash...)
		*chains[key] = found
		return nil
	})
	return err
}

func save(ctx context.Context, tx *postgres.Tx, chains map[string]*link) error {
	var names []string
	var last, counts []int64
	var hashes [][]byte
	for key, l := range chains {
		names = append(names, key)
		last = append(last, l.last)
		counts = append(counts, l.events)
		hashes = append(hashes, l.hash)
	}
	_, err := tx.Exec(ctx, sqlSaveChains, names, last, counts, hashes)
	return err
}
