package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// A session works like pgx for generated and hand-written code: for every way to send a first and a later statement,
// with and without an account.
func TestSessionIsPgx(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	account := func(q postgres.Querier, ctx context.Context) (got string) {
		if err := q.QueryRow(ctx,
			`select coalesce(current_setting('app.current_account_id', true), '')`).Scan(&got); err != nil {
			t.Error(err)
		}
		return got
	}

	for name, use := range map[string]func(ctx context.Context, q postgres.Querier) error{
		"exec":        func(ctx context.Context, q postgres.Querier) error { _, err := q.Exec(ctx, "select 1"); return err },
		"exec with ;": func(ctx context.Context, q postgres.Querier) error { _, err := q.Exec(ctx, "select 1;\n"); return err },
		"set local": func(ctx context.Context, q postgres.Querier) error {
			_, err := q.Exec(ctx, "set local work_mem = '5MB'")
			return err
		},
		"two at once": func(ctx context.Context, q postgres.Querier) error {
			_, err := q.Exec(ctx, "select 1; select 2")
			return err
		},
		"no arguments": func(ctx context.Context, q postgres.Querier) error {
			_, err := q.Exec(ctx, "do $$ begin end $$")
			return err
		},
		"exec mode": func(ctx context.Context, q postgres.Querier) error {
			var got int
			return q.QueryRow(ctx, "select $1::int", pgx.QueryExecModeExec, 3).Scan(&got)
		},
		"simple protocol": func(ctx context.Context, q postgres.Querier) error {
			var got int
			return q.QueryRow(ctx, "select $1::int", pgx.QueryExecModeSimpleProtocol, 3).Scan(&got)
		},
		"named arguments": func(ctx context.Context, q postgres.Querier) error {
			var got int
			return q.QueryRow(ctx, "select @n::int", pgx.NamedArgs{"n": 3}).Scan(&got)
		},
		"collect": func(ctx context.Context, q postgres.Querier) error {
			rows, err := q.Query(ctx, "select i from generate_series(1, 3) i")
			if err != nil {
				return err
			}
			got, err := pgx.CollectRows(rows, pgx.RowTo[int])
			if len(got) != 3 {
				return fmt.Errorf("collected %v", got)
			}
			return err
		},
		"batch": func(ctx context.Context, q postgres.Querier) error {
			batch := &pgx.Batch{}
			batch.Queue("select $1::int", 1)
			var two int
			batch.Queue("select $1::int", 2).QueryRow(func(row pgx.Row) error { return row.Scan(&two) })
			batch.Queue("select 3")
			if err := q.SendBatch(ctx, batch).Close(); err != nil || two != 2 {
				return fmt.Errorf("batch callback got %d, %w", two, err)
			}
			results := q.SendBatch(ctx, batch)
			defer results.Close()
			var one, three int
			if err := results.QueryRow().Scan(&one); err != nil {
				return err
			}
			if _, err := results.Exec(); err != nil {
				return err
			}
			if err := results.QueryRow().Scan(&three); err != nil || one != 1 || three != 3 {
				return fmt.Errorf("batch gave %d and %d, %w", one, three, err)
			}
			return results.Close()
		},
		"no rows": func(ctx context.Context, q postgres.Querier) error {
			var got int
			err := q.QueryRow(ctx, "select 1 where false").Scan(&got)
			if !errors.Is(err, pgx.ErrNoRows) || !errors.Is(err, blotter.ErrNotFound) {
				return fmt.Errorf("an empty result is %w, want ErrNotFound and pgx.ErrNoRows", err)
			}
			return nil
		},
	} {
		for _, ctx := range []context.Context{t.Context(), as(t, "A1")} {
			scope, _ := blotter.ScopeOf(ctx)
			err := db.Transaction(ctx, func(tx *postgres.Tx) error {
				for range 2 {
					if err := use(ctx, tx); err != nil {
						return err
					}
				}
				if got := account(tx, ctx); got != scope.Account {
					t.Errorf("%s: the transaction's account is %q, want %q", name, got, scope.Account)
				}
				return nil
			})
			if err != nil {
				t.Errorf("%s in a transaction of %q: %v", name, scope.Account, err)
			}
			for _, opts := range [][]postgres.ReadOption{nil, {postgres.Snapshot}} {
				err = db.ReadOnly(ctx, func(s *postgres.Session) error {
					for range 2 {
						if err := use(ctx, s); err != nil {
							return err
						}
						if got := account(s, ctx); got != scope.Account {
							t.Errorf("%s: the read-only session's account is %q, want %q", name, got, scope.Account)
						}
					}
					return nil
				}, opts...)
				if err != nil {
					t.Errorf("%s in a read-only session of %q: %v", name, scope.Account, err)
				}
			}
		}
	}
}

// A database with another encoding stores the same text, not UTF-8 bytes read in its own encoding.
func TestTextInADatabaseOfAnotherEncoding(t *testing.T) {
	t.Parallel()
	blank := pgtest.Blank(t)
	name := blank.Name + "_latin"
	blank.Exec(t,
		"create database "+name+" encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0 owner trading_owner")
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), blank.AdminURL)
		if err == nil {
			_, err = conn.Exec(context.Background(), "drop database "+name+" with (force)")
			_ = conn.Close(context.Background())
		}
		if err != nil {
			t.Error(err)
		}
	})

	other := strings.NewReplacer(blank.Name, name)
	if _, err := migrator(t, other.Replace(blank.OwnerURL)).Up(t.Context()); err != nil {
		t.Fatal(err)
	}

	cfg := blank.Config
	for _, url := range []*string{&cfg.URL, &cfg.ReadOnlyURL, &cfg.ServiceURL, &cfg.ReporterURL} {
		*url = other.Replace(*url)
	}

	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := blotter.WithAccount(t.Context(), "Ü")
	var characters, bytes int
	err = db.Transaction(ctx, func(tx *postgres.Tx) error {
		return tx.QueryRow(ctx, `insert into execution.accounts (account_id) values ($1) returning length(account_id), octet_length(account_id)`, "Ü").Scan(&characters, &bytes)
	})
	if err != nil || characters != 1 || bytes != 1 {
		t.Errorf("an account of one letter has %d characters of %d bytes, %v", characters, bytes, err)
	}

	japanese := blotter.WithAccount(t.Context(), "日本")
	err = db.Transaction(japanese, func(tx *postgres.Tx) error {
		_, err := tx.Exec(japanese, `insert into execution.accounts (account_id) values ($1)`, "日本")
		return err
	})
	if !errors.Is(err, blotter.ErrData) {
		t.Errorf("a letter that the database has not: %v", err)
	}
}
