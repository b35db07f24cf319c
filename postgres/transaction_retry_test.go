package postgres_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// Two sessions each read both rows and change one. Without serializable isolation, the sum would fall below zero.
func TestSerializableWriteSkewIsRetried(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := blotter.WithAllAccounts(t.Context())
	for _, symbol := range []string{"X", "Y"} {
		db.Exec(t, `insert into data_ingestion.latest_prices values ($1, 60, now(), 'test')`, symbol)
	}

	var attempts atomic.Int32
	both := make(chan struct{})
	withdraw := func(symbol string) error {
		return db.Transaction(ctx, func(tx *postgres.Tx) error {
			var sum int
			if err := tx.QueryRow(ctx,
				`select sum(price)::int from data_ingestion.latest_prices`).Scan(&sum); err != nil {
				return err
			}
			if attempts.Add(1) == 2 { // both first attempts have read before either writes
				close(both)
			}
			<-both
			if sum < 100 {
				return nil
			}
			_, err := tx.Exec(ctx, `update data_ingestion.latest_prices set price = price - 100 where symbol = $1`, symbol)
			return err
		}, postgres.Serializable)
	}

	var wait sync.WaitGroup
	for _, symbol := range []string{"X", "Y"} {
		wait.Go(func() {
			if err := withdraw(symbol); err != nil {
				t.Error(err)
			}
		})
	}

	wait.Wait()
	if n := attempts.Load(); n != 3 {
		t.Errorf("%d attempts, want 3: one of the two retried once", n)
	}
	if sum := pgtest.Value[int](t, db, `select sum(price)::int from data_ingestion.latest_prices`); sum != 20 {
		t.Errorf("the sum is %d, want 20", sum)
	}
}

func TestRetriesAreBounded(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, code := range []string{"40001", "40P01"} {
		attempts := 0
		err := db.Transaction(t.Context(), func(tx *postgres.Tx) error {
			attempts++
			return raise(t.Context(), tx, code)
		}, postgres.MaxRetries(2))
		wantKind(t, code, err, blotter.ErrSerialization)
		if attempts != 3 {
			t.Errorf("%s: %d attempts, want 3", code, attempts)
		}
	}

	attempts := 0
	err := db.Transaction(t.Context(), func(tx *postgres.Tx) error {
		attempts++
		return raise(t.Context(), tx, "23505")
	})
	if wantKind(t, "23505", err, blotter.ErrIntegrity); attempts != 1 {
		t.Errorf("23505: %d attempts, want 1", attempts)
	}
}

// raise makes the server fail with a code.
func raise(ctx context.Context, q postgres.Querier, code string) error {
	_, err := q.Exec(ctx, "do $$ begin raise exception 'made by a test' using errcode = '"+code+"'; end $$")
	return err
}

// A commit that the server refuses, for example because of a deferred constraint, is not unknown.
func TestCommitRefusedByTheServer(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, `create table execution.deferred (i int unique deferrable initially deferred)`)
	db.Exec(t, `grant insert on execution.deferred to trading_app`)
	err := db.Transaction(t.Context(), func(tx *postgres.Tx) error {
		_, err := tx.Exec(t.Context(), `insert into execution.deferred values (1), (1)`)
		return err
	})
	if wantKind(t, "deferred unique key", err, blotter.ErrIntegrity); errors.Is(err, blotter.ErrCommitUnknown) {
		t.Errorf("a refused commit was called unknown: %v", err)
	}
}

// A fill does not fail for want of a partition: the partition is made and the function runs again, once.
func TestMissingPartitionIsMade(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	const (
		event = `insert into events.outbox (account_id, channel, key, event_id, type, service, data)
			values ('A1', 'c', 'A1', gen_random_uuid(), 't', 's', '{}')`
		entry = `select shared.record_access('execution.orders', 'read', null, 'A1')`
		log   = `insert into logging.system_logs (service, level, message) values ('t', 'info', 'm')`
		call  = `insert into logging.performance_logs (service, operation, execution_time_ms) values ('t', 'o', 1)`
		quote = `insert into data_ingestion.market_data (symbol, timestamp, open, high, low, close, volume, source)
			values ('A', now(), 1, 1, 1, 1, 1, 's')`
	)

	drop := func() {
		for _, leaf := range pgtest.Value[[]string](t, db, `select array_agg(leaf::text) from shared.partitions`) {
			db.Exec(t, "drop table "+leaf)
		}
	}

	run := func(ctx context.Context, sql string) (calls int, err error) {
		err = db.Transaction(ctx, func(tx *postgres.Tx) error {
			calls++
			_, err := tx.Exec(ctx, sql)
			return err
		}, postgres.MaxRetries(0))
		return calls, err
	}

	for ctx, list := range map[context.Context][]string{
		as(t, "A1"):                          {event, entry},
		blotter.WithAllAccounts(t.Context()): {event, entry, log, call, quote},
	} {
		for _, sql := range list {
			drop()
			if calls, err := run(ctx, sql); err != nil || calls != 2 {
				t.Errorf("%s: %v after %d calls, want 2", sql, err, calls)
			}
			if calls, err := run(ctx, sql); err != nil || calls != 1 {
				t.Errorf("%s with its partition: %v after %d calls, want 1", sql, err, calls)
			}
		}
	}

	far := `insert into events.outbox (pos, account_id, channel, key, event_id, type, service, data) overriding system value
		values (9e15, 'A1', 'c', 'A1', gen_random_uuid(), 't', 's', '{}')`
	if calls, err := run(blotter.WithAllAccounts(t.Context()), far); !errors.Is(err, blotter.ErrIntegrity) || calls != 2 {
		t.Errorf("a row that gets no partition: %v after %d calls, want ErrIntegrity after 2", err, calls)
	}

	bar := `insert into data_ingestion.market_data (symbol, timestamp, open, high, low, close, volume, source) values ('A', '1950-01-01', 1, 1, 1, 1, 1, 's')`
	if calls, err := run(blotter.WithAllAccounts(t.Context()), bar); !errors.Is(err, blotter.ErrIntegrity) || calls != 2 {
		t.Errorf("a bar of a time whose partition is not due: %v after %d calls, want ErrIntegrity after 2", err, calls)
	}
}
