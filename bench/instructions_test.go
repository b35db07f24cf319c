package bench

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// instructionsFlag makes the server run under valgrind, which counts the instructions of each backend. That takes fifty
// times as long and says the same on a machine under any load.
var (
	instructionsFlag = flag.Bool("instructions", false, "count the server's instructions with callgrind")
	countsFlag       = flag.String("counts", "", "keep callgrind's files in this new folder, for callgrind_annotate")
	waysFlag         = flag.String("ways", "", "count only these, named with commas between")
)

// countingPrograms makes a folder of PostgreSQL's programs of which the server runs under callgrind. Backends leave
// their counts in the folder counts, each in a file named by its process id.
func countingPrograms(b testing.TB, dir string) (programs, counts string) {
	b.Helper()
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		b.Fatal("-instructions needs valgrind, which is not installed")
	}
	found, err := embedded.Find(b.Context(), os.Getenv("BLOTTER_POSTGRES"), filepath.Join(dir, "download"), 0)
	if err != nil {
		b.Fatal(err)
	}

	programs = filepath.Join(dir, "programs")
	counts = cmp.Or(*countsFlag, filepath.Join(dir, "counts"))
	script := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in *-D*)\n"+
		"exec %s --tool=callgrind --callgrind-out-file=%s/%%p %s \"$@\" ;;\nesac\nexec %[3]s \"$@\"\n",
		valgrind, counts, found.Path("postgres"))
	for _, folder := range []string{programs, counts} {
		err = errors.Join(err, os.Mkdir(folder, 0o777), os.Chmod(folder, 0o777)) // the server may be another user's
	}
	err = errors.Join(err, os.WriteFile(filepath.Join(programs, "postgres"), []byte(script), 0o755))

	paths, _ := filepath.Glob(found.Path("*"))
	for _, path := range paths {
		if name := filepath.Base(path); name != "postgres" {
			err = errors.Join(err, os.Symlink(path, filepath.Join(programs, name)))
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	return programs, counts
}

// instructionsOf returns what the backends counted, once they have ended.
func instructionsOf(b testing.TB, counts string, pids []int) (total int64) {
	b.Helper()

	for _, pid := range pids {
		path := filepath.Join(counts, strconv.Itoa(pid))
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			text, _ := os.ReadFile(path)
			if _, after, found := strings.Cut(string(text), "\ntotals: "); found {
				count, _, _ := strings.Cut(after, "\n")
				n, err := strconv.ParseInt(strings.TrimSpace(count), 10, 64)
				if err != nil {
					b.Fatal(err)
				}
				total += n
				break
			}

			if time.Now().After(deadline) {
				b.Fatalf("backend %d left no count", pid)
			}
		}
	}

	return total
}

// countedWay is a way to book fills of which instructions are counted. It opens a connection of its own, and returns
// how to book and how to close it.
type countedWay struct {
	name string
	size int // fills of a transaction
	open func() (book func(context.Context, []blotter.Trade) error, done func())
}

// BenchmarkInstructions counts the server's instructions a fill. It runs only with -instructions.
func BenchmarkInstructions(b *testing.B) {
	if !*instructionsFlag {
		b.Skip("needs -instructions")
	}
	for b.Loop() {
		m := newCountedMarket(b)
		for _, r := range m.countAll(b) {
			fmt.Printf("%-24s %8.0f k instructions a fill  %.2f x\n", r.name, r.instructions/1000, r.ratio)
		}
	}
}

// countedMarket is a server under callgrind with a book of blotter's and one of a lean schema.
type countedMarket struct {
	server *embedded.Server
	counts string
	source fillSource
	ways   []countedWay
}

// newCountedMarket makes the databases on a plain server, then starts it again under callgrind.
func newCountedMarket(b testing.TB) *countedMarket {
	b.Helper()
	cfg := embedded.Config{DataDir: pgtest.MigratedFolder(b), Logger: slog.New(slog.DiscardHandler)}
	start := func() *embedded.Server {
		server, err := embedded.Start(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		return server
	}

	plain := start()
	conn, err := pgx.Connect(b.Context(), plain.AdminURL(embedded.Database))
	if err != nil {
		b.Fatal(err)
	}
	exec := func(sql string) {
		if _, err := conn.Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
	seedBook(exec)
	makeLean(exec, "lean")
	exec("alter system set autovacuum = off")
	_ = conn.Close(b.Context())
	if err := plain.Stop(); err != nil {
		b.Fatal(err)
	}

	m := &countedMarket{}
	m.source.hot.Store(true) // 20 orders, so that Blotter knows them from earlier fills, as it does all but new ones
	cfg.BinDir, m.counts = countingPrograms(b, filepath.Dir(cfg.DataDir))
	m.server = start()
	b.Cleanup(func() { _ = m.server.Stop() })
	m.addLean(b, "naive pgx", (*leanPgx).naive)
	m.addLean(b, "pgx, 2 round trips", (*leanPgx).pipelined)
	m.addBlotter(b, "ExecuteTrade", 1)
	m.addBlotter(b, "ExecuteTrades of 25", 25)
	return m
}

func (m *countedMarket) addLean(b testing.TB, name string,
	book func(*leanPgx, context.Context, blotter.Trade) error,
) {
	url := m.server.AdminURL(embedded.Database) + "&pool_max_conns=1&application_name=counted"
	open := func() (func(context.Context, []blotter.Trade) error, func()) {
		l := &leanPgx{pool: bare(b, url), sql: newLeanQueries("lean")}
		return func(ctx context.Context, trades []blotter.Trade) error { return book(l, ctx, trades[0]) }, l.pool.Close
	}
	m.ways = append(m.ways, countedWay{name: name, size: 1, open: open})
}

func (m *countedMarket) addBlotter(b testing.TB, name string, size int) {
	cfg := m.server.Config()
	cfg.Service = "counted"
	cfg.MaxConns = 1

	open := func() (func(context.Context, []blotter.Trade) error, func()) {
		db, err := postgres.Open(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}

		book := func(ctx context.Context, trades []blotter.Trade) error {
			receipts, err := db.ExecuteTrades(ctx, trades)
			for _, r := range receipts {
				err = errors.Join(err, r.Err)
			}
			return err
		}
		return book, db.Close
	}

	m.ways = append(m.ways, countedWay{name: name, size: size, open: open})
}

// instructionCount is the cost of a fill of one way for the server.
type instructionCount struct {
	name         string
	instructions float64
	ratio        float64 // to the first way
}

// The fills of two runs, whose difference leaves out what connecting and preparing cost.
const (
	fewCounted  = 50
	manyCounted = 200
)

func (m *countedMarket) countAll(b testing.TB) (list []instructionCount) {
	for _, way := range m.ways {
		if *waysFlag != "" && !slices.Contains(strings.Split(*waysFlag, ","), way.name) {
			continue
		}

		few := m.count(b, way, fewCounted)
		many := m.count(b, way, manyCounted)
		list = append(list, instructionCount{
			name: way.name, instructions: float64(many-few) / (manyCounted - fewCounted),
		})
	}

	for i := range list {
		list[i].ratio = list[i].instructions / list[0].instructions
	}

	return list
}

// count books fills over a connection of its own and returns the instructions of its backend.
func (m *countedMarket) count(b testing.TB, way countedWay, fills int) int64 {
	b.Helper()
	ctx := blotter.WithAllAccounts(b.Context())
	book, done := way.open()

	for n := 0; n < fills; n += way.size {
		trades := make([]blotter.Trade, way.size)
		for i := range trades {
			trades[i] = m.source.next()
		}
		if err := book(ctx, trades); err != nil {
			b.Fatal(err)
		}
	}

	pids := m.backends(b)
	done()
	return instructionsOf(b, m.counts, pids)
}

// backends returns the process ids of the counted connections.
func (m *countedMarket) backends(b testing.TB) []int {
	conn, err := pgx.Connect(b.Context(), m.server.AdminURL(embedded.Database))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, _ := conn.Query(b.Context(), `select pid from pg_stat_activity where application_name = 'counted'`)
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		b.Fatal(err)
	}
	return pids
}
