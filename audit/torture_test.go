package audit_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

const writers = 8

var errUndone = errors.New("undone on purpose")

// load drives writers and remembers the changes that the log must hold.
type load struct {
	t       *testing.T
	db      *pgtest.Database
	left    atomic.Int64 // changes to make
	changed atomic.Int64 // changes that were committed
	kills   atomic.Int64
	stop    atomic.Bool
}

// killsMin is how many sealers are killed at least.
const killsMin = 6

// writer changes rows of its account: in short and long transactions, some undone as a whole or to a savepoint.
func (l *load) writer(rng *rand.Rand, n int) {
	account := fmt.Sprintf("W%d", n)
	ctx := blotter.WithCorrelation(blotter.WithAccount(l.t.Context(), account), account)
	one := func(tx *postgres.Tx, i int) error {
		_, err := tx.Exec(ctx, `update risk_management.risk_limits
			set current_value = $1::int, limit_type = case when $1::int % 7 = 0
			then 'x' || limit_type else limit_type end where account_id = $2`, i%1_000_003, account)
		return err
	}
	for i := 1; !l.stop.Load(); {
		made := 0
		err := l.db.Transaction(ctx, func(tx *postgres.Tx) error {
			made = 0
			for range 1 + rng.IntN(12) {
				i++
				if err := one(tx, i); err != nil {
					return err
				}
				made++
			}

			_ = tx.Savepoint(ctx, func(tx *postgres.Tx) error {
				if rng.IntN(4) > 0 {
					return nil
				}
				i++
				return errors.Join(one(tx, i), errUndone)
			})
			if _, err := tx.Exec(ctx, `update risk_management.risk_limits set limit_type = 'loss'
				where account_id = $1 and limit_type <> 'loss'`, account); err != nil {
				return err
			}
			if rng.IntN(8) == 0 {
				return errUndone
			}

			return nil
		})
		switch {
		case errors.Is(err, errUndone):
			continue
		case err != nil:
			l.t.Error(err)
			l.stop.Store(true)
			return
		}
		l.changed.Add(int64(made))
		if l.left.Add(-int64(made)) <= 0 && l.kills.Load() >= killsMin {
			l.stop.Store(true)
		}
	}
}

// sealers starts processes that seal and kills them at random, one after the other.
func (l *load) sealers(rng *rand.Rand) {
	text, err := json.Marshal(map[string]string{
		"URL": l.db.Config.URL, "ServiceURL": l.db.Config.ServiceURL,
		"ReadOnlyURL": l.db.Config.ReadOnlyURL, "ReporterURL": l.db.Config.ReporterURL,
	})
	for err == nil && !l.stop.Load() {
		ctx, cancel := context.WithCancel(l.t.Context())
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), sealerOf+"="+string(text))
		var complaints strings.Builder
		cmd.Stderr = &complaints
		out, piping := cmd.StdoutPipe()
		if err = errors.Join(piping, cmd.Start()); err == nil {
			if _, err = bufio.NewReader(out).ReadString('\n'); err == nil { // it begins
				<-time.After(time.Duration(rng.IntN(300)) * time.Millisecond)
			}
			cancel()
			_ = cmd.Wait()
			l.kills.Add(1)
		}
		cancel()
		if complaints.Len() > 0 {
			err = errors.Join(err, errors.New(complaints.String()))
		}
	}

	if err != nil {
		l.t.Errorf("a sealer: %v", err)
		l.stop.Store(true)
	}
}

// newLoad returns a log that writers have filled while sealers were killed, sealed to its end.
func newLoad(t *testing.T, rng *rand.Rand, changes int) *load {
	l := &load{t: t, db: pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns = 10 })}
	l.left.Store(int64(changes))
	for n := range writers {
		ctx := blotter.WithAccount(t.Context(), fmt.Sprintf("W%d", n))
		execIn(t, l.db, ctx, fmt.Sprintf(`insert into execution.accounts (account_id) values ('W%d')`, n))
		execIn(t, l.db, ctx, fmt.Sprintf(`insert into risk_management.risk_limits (account_id, limit_type,
			limit_value) values ('W%d', 'loss', 1)`, n))
	}

	sealAll(t, l.db, writers/2) // several seals from the start, so that there are some to tamper with
	var all sync.WaitGroup
	for n := range writers {
		mine := rand.New(rand.NewPCG(rng.Uint64(), 1))
		all.Go(func() { l.writer(mine, n) })
	}
	for range 2 {
		mine := rand.New(rand.NewPCG(rng.Uint64(), 2))
		all.Go(func() { l.sealers(mine) })
	}

	all.Wait()

	// The server releases the locks of a killed sealer's connection when it notices.
	until(t, "all is sealed", func() bool {
		sealAll(t, l.db, 0)
		return pgtest.Value[int64](t, l.db, `select (select count(*) from shared.audit_log) - number
			from shared.audit_cursor`) == 0
	})
	return l
}

func execIn(t *testing.T, db *pgtest.Database, ctx context.Context, sql string) {
	t.Helper()
	err := db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, sql); return err })
	if err != nil {
		t.Fatal(err)
	}
}

// Eight writers, and two sealers at once that are killed at random: every committed change is in the log and sealed
// once, none that was undone. Then the log is tampered with, fifty times: each is found and named.
func TestSealersAreKilled(t *testing.T) {
	t.Parallel()

	rng := newRand(t)
	began := time.Now()
	l := newLoad(t, rng, *changesFlag)
	r := intact(t, l.db)
	resets := pgtest.Value[int64](t, l.db, `select count(*) from shared.audit_log
		where table_name = 'risk_management.risk_limits' and operation = 'UPDATE' and new ->> 'limit_type' = 'loss'
		and not new ? 'current_value'`)
	if want := 2*writers + l.changed.Load() + resets; r.Entries != want || r.Pending != 0 {
		t.Errorf("%d entries sealed, %d pending; want %d", r.Entries, r.Pending, want)
	}

	t.Logf("%d changes, %d entries in %d seals, %d sealers killed, in %s; verified in %s", l.changed.Load(), r.Entries,
		r.Seals, l.kills.Load(), time.Since(began).Round(time.Millisecond), r.Elapsed.Round(time.Millisecond))
	if !t.Failed() {
		tamperAll(t, rng, l.db, r)
	}
}
