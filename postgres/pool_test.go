package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// 30 sessions are served, and the 31st waits and gets ErrPoolTimeout. After the burst, 10 connections stay open.
func TestPoolLimits(t *testing.T) {
	t.Parallel()
	const limit = 300 * time.Millisecond
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.AcquireTimeout = limit })
	release := make(chan struct{})
	var busy, done sync.WaitGroup
	hold := func() error {
		return db.Transaction(t.Context(), func(tx *postgres.Tx) error {
			_, err := tx.Exec(t.Context(), "select 1")
			busy.Done()
			<-release
			return err
		})
	}

	for range 30 {
		busy.Add(1)
		done.Go(func() {
			err := hold()
			for errors.Is(err, blotter.ErrPoolTimeout) { // on a busy machine, connecting takes longer than the limit
				err = hold()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}

	busy.Wait()
	start := time.Now()
	err := db.Transaction(t.Context(), func(*postgres.Tx) error { return nil })
	waited := time.Since(start)
	if !errors.Is(err, blotter.ErrPoolTimeout) || !errors.Is(err, blotter.ErrOperational) || !blotter.Retryable(err) {
		t.Errorf("the 31st session got %v, want a retryable ErrPoolTimeout", err)
	}

	for _, part := range []string{"30 of 30", "300ms"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
	if waited < limit || waited > 100*limit {
		t.Errorf("the 31st session waited %s, want %s", waited, limit)
	}
	if stats := db.PoolStats()[0]; stats.InUse != 30 || stats.MaxConns != 30 || stats.Waited < limit ||
		stats.Acquired < 31 {
		t.Errorf("the pool's figures are %+v; want 30 in use and the wait counted", stats)
	}

	ctx, cancel := context.WithTimeout(t.Context(), limit/10)
	defer cancel()
	if err := db.Transaction(ctx, func(*postgres.Tx) error { return nil }); errors.Is(err, blotter.ErrPoolTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller whose own deadline ends first got %v", err)
	}
	if n := db.OpenConns(); n != 30 {
		t.Errorf("%d connections in the burst, want 30", n)
	}

	close(release)
	done.Wait()
	deadline := time.Now().Add(time.Minute)
	for db.OpenConns() != 10 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}

	if n := db.OpenConns(); n != 10 {
		t.Errorf("%d connections after the burst, want 10", n)
	}
}

// A waiting caller gets a connection that would otherwise be closed as one too many.
func TestPoolServesWaitersBeforeItShrinks(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns, c.KeepConns = 4, 1 })
	var wait sync.WaitGroup
	for range 40 {
		wait.Go(func() {
			for range 10 {
				err := db.Transaction(t.Context(), func(tx *postgres.Tx) error {
					_, err := tx.Exec(t.Context(), "select 1")
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}

	wait.Wait()
	deadline := time.Now().Add(time.Minute)
	for db.OpenConns() != 1 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}

	if n := db.OpenConns(); n != 1 {
		t.Errorf("%d connections are kept, want 1", n)
	}
}

// Nothing that one user leaves on a connection reaches the next.
func TestConnectionsComeBackClean(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns = 1 })
	ctx := blotter.WithAllAccounts(t.Context())
	state := func(ctx context.Context) string {
		var got string
		err := db.Transaction(ctx, func(tx *postgres.Tx) error {
			return tx.QueryRow(ctx, `
				select format('role %s, account %s, path %s, memory %s, temporary %s, cursors %s, locks %s, listening %s, prepared %s, timeout %s',
					current_user, current_setting('app.current_account_id', true), current_setting('search_path'), current_setting('work_mem'),
					(select count(*) from pg_class where relpersistence = 't' and relnamespace = pg_my_temp_schema()),
					(select count(*) from pg_cursors where is_holdable), (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
					(select count(*) from pg_listening_channels()), (select count(*) from pg_prepared_statements where name !~ '^stmtcache'),
					current_setting('statement_timeout'))`).Scan(&got)
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}

	clean := state(ctx)
	for _, sql := range []string{
		`set app.current_account_id = 'A2'`,
		`select set_config('app.current_account_id', 'A2', false)`,
		`SELECT Set_Config('app.current_account_id', 'A2', false)`,
		`do $$ begin perform set_config('app.current_account_id', 'A2', false); end $$`,
		`set search_path = public`,
		`set work_mem = '7MB'`,
		`set statement_timeout = 0`,
		`select 1; set work_mem = '7MB'`,
		`create temporary table left_behind (i int)`,
		`select 1 as i into temporary left_behind`,
		`declare held cursor with hold for select 1`,
		`select pg_advisory_lock(42)`,
		`listen somebody`,
		`prepare mine as select 1`,
		`set session role none`,
		`set role trading_service`,
	} {
		for name, use := range map[string]func(context.Context) error{
			"transaction": func(ctx context.Context) error {
				return db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, sql); return err })
			},
			"batch": func(ctx context.Context) error {
				return db.Transaction(ctx, func(tx *postgres.Tx) error {
					batch := &pgx.Batch{}
					batch.Queue(sql)
					return tx.SendBatch(ctx, batch).Close()
				})
			},
			"by hand": func(ctx context.Context) error {
				tx, err := db.Begin(ctx)
				if err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, sql); err != nil {
					return errors.Join(err, tx.Rollback(ctx))
				}
				return tx.Commit(ctx)
			},
		} {
			if err := use(ctx); err != nil && !(name == "batch" && strings.Contains(err.Error(), "multiple commands")) {
				t.Errorf("%s in a %s: %v", sql, name, err)
			}
			if after := state(ctx); after != clean {
				t.Errorf("%s in a %s leaves\n%s, want\n%s", sql, name, after, clean)
			}
		}
	}
}

func TestReadOnlyConnectionsComeBackClean(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns = 1 })
	makeAccount(t, db.DB, "A1")
	for _, sql := range []string{
		`set app.current_account_id = 'A1'`, `select set_config('app.current_account_id', 'A1', false)`,
		`set default_transaction_read_only = off`, `declare held cursor with hold for select 1`,
	} {
		_ = db.ReadOnly(t.Context(), func(s *postgres.Session) error { _, err := s.Exec(t.Context(), sql); return err })

		err := db.ReadOnly(t.Context(), func(s *postgres.Session) error {
			var rows, cursors int
			var readOnly string
			err := s.QueryRow(t.Context(), `select (select count(*) from execution.accounts), (select count(*) from pg_cursors),
				current_setting('transaction_read_only')`).Scan(&rows, &cursors, &readOnly)
			if rows != 0 || cursors != 1 && cursors != 0 || readOnly != "on" {
				t.Errorf("after %s the next session sees %d accounts, read-only is %s", sql, rows, readOnly)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestIsPlain(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]bool{
		"select 1": true, "  (SELECT 1)": true, "with x as (select 1) select * from x;": true,
		"insert into t values (1)": true,
		"UPDATE t SET a = 1":       true, "delete from t": true, "values (1)": true,
		"": false, "set x = 1": false, "select 1; set x = 1": false, "create table t()": false, "do $$ $$": false,
		"begin":                             false,
		"select set_config('a', 'b', true)": false, "select PG_ADVISORY_lock(1)": false, "select 1 into temp t": false,
		"/* hidden */ set x = 1": false, "selecting": false, "call f()": false, "select query_to_xml('x')": false,
	} {
		if got := postgres.IsPlain(sql); got != want {
			t.Errorf("isPlain(%q) is %v, want %v", sql, got, want)
		}
	}
}

// Configured pools that the server cannot serve are refused. Default pools are made smaller.
func TestPoolsFitTheServer(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	cfg := d.Config
	cfg.MaxConns = 1000
	_, err := postgres.Open(t.Context(), cfg)
	wantKind(t, "MaxConns above max_connections", err, blotter.ErrInvalid)
}
