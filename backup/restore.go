package backup

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
)

// Restored is the result of Restore.
type Restored struct {
	Rows          RowCounts
	SchemaVersion int64
}

// Restore brings a dump into a database without blotter's schema, or with one whose tables are empty. It restores
// everything or nothing, and compares the rows of every table with those of the dump.
func Restore(ctx context.Context, cfg Config, file string) (Restored, error) {
	var result Restored
	conn, major, err := connect(ctx, cfg.URL)
	if err != nil {
		return result, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	programs, err := FindPrograms(ctx, cfg.BinDir, major)
	if err != nil {
		return result, err
	}
	dumped, err := countDump(ctx, programs, file)
	if err != nil {
		return result, fmt.Errorf("%s is not a file that blotter backup has written: %w", file, err)
	}

	if err := makeRoom(ctx, conn, cfg.URL); err != nil {
		return result, err
	}
	if err := runRestore(ctx, programs, cfg.URL, file); err != nil {
		return result, err
	}
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		result, err = inspectRestored(ctx, tx)
		return err
	})
	if err != nil {
		return result, pgerror.Translate(ctx, "restore", err)
	}
	if differences := dumped.differences(result.Rows); len(differences) > 0 {
		return result, fmt.Errorf("the restored database differs from the dump: %s", firstOf(differences))
	}
	return result, nil
}

// runRestore runs pg_restore in one transaction.
func runRestore(ctx context.Context, programs Programs, url, file string) error {
	return runOnDatabase(ctx, programs.Path("pg_restore"), url, io.Discard, "--role="+ownerRole, "--no-owner",
		"--single-transaction", "--exit-on-error", "--no-password", file)
}

// inspectRestored completes the schema and counts its rows.
func inspectRestored(ctx context.Context, tx pgx.Tx) (result Restored, err error) {
	if err := checkVisible(ctx, tx); err != nil {
		return result, err
	}

	// A dump of schemas lacks default privileges. Without them, everybody could call functions that migrations add
	// later.
	if _, err := tx.Exec(ctx, "alter default privileges revoke execute on functions from public"); err != nil {
		return result, err
	}
	const sqlVersion = "select max(version_id) from shared.schema_version where is_applied"
	if err := tx.QueryRow(ctx, sqlVersion).Scan(&result.SchemaVersion); err != nil {
		return result, err
	}
	result.Rows, err = countRows(ctx, tx)
	return result, err
}

// sqlUserTables lists the tables that hold the data of users. A new schema has rows in other tables, and so has the log
// of one that a program has just connected to.
const sqlUserTables = `
select format('%I.%I', n.nspname, c.relname)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r'
   and (n.nspname in ('data_ingestion', 'execution', 'strategy_engine', 'risk_management', 'analytics', 'dashboard')
        or n.nspname = 'events' and c.relname like 'outbox%'
        or n.nspname = 'shared' and c.relname like 'audit_log%')
 order by 1`

// makeRoom leaves a database without blotter's schema, but with its roles. It returns an error if the database holds
// data.
func makeRoom(ctx context.Context, conn *pgx.Conn, url string) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return checkEmpty(ctx, tx) })
	if err != nil {
		return pgerror.Translate(ctx, "restore", err)
	}

	m, err := schema.NewMigrator(ctx, url) // creates the missing roles, and the schema shared
	if err != nil {
		return err
	}
	_, err = m.DownTo(ctx, 0)
	if err = errors.Join(err, m.Close()); err != nil {
		return err
	}
	for _, sql := range []string{
		"set role " + ownerRole,
		"drop table if exists shared.schema_version",
		"drop schema shared",
		"reset role",
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return pgerror.Translate(ctx, "restore: make room", err)
		}
	}
	return nil
}

// checkEmpty returns an error if a table of users has rows.
func checkEmpty(ctx context.Context, tx pgx.Tx) error {
	if exists, err := hasSchema(ctx, tx); err != nil || !exists {
		return err
	}
	if err := checkVisible(ctx, tx); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, sqlUserTables)
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}

	for _, name := range tables {
		var filled bool
		if err := tx.QueryRow(ctx, "select exists (select from "+name+")").Scan(&filled); err != nil {
			return err
		}
		if filled {
			return fmt.Errorf("cannot restore: %s has rows, and a dump needs an empty database; "+
				"create one, or choose another --data-dir", name)
		}
	}
	return nil
}
