package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func restoreCommand(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Bring a dump of blotter backup into an empty database",
		Long: `Restore FILE into the database, which must be empty: without blotter's schema,
or with one whose tables hold nothing. All of it is restored in one transaction,
or nothing, and the rows of every table are counted again. The login of
--owner-url (or --url) must be one that migrates; roles that are missing are
made.

Transaction ids begin anew in another cluster. Consumers of events must be told:
blotter events rebase. The audit log's chain goes on by itself, and proves that
nothing was lost: blotter audit verify.`,
		Example: "  blotter restore book.dump --data-dir ~/restored\n  blotter restore book.dump --owner-url postgres://owner@db.example/restored",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, start := cmd.Context(), time.Now()
			if err := checkDumpName("restore", args[0]); err != nil {
				return err
			}
			if err := checkReadable(args[0]); err != nil {
				return err
			}
			d, url, err := set.openOwner(ctx)
			if err != nil {
				return err
			}
			defer d.Close()
			counts, version, err := set.restore(ctx, d, url, args[0])
			if err != nil {
				return err
			}
			r := newDumpReport(args[0], counts, start)
			r.Schema, r.Due = version, []string{"blotter events rebase"}
			if version < schema.Version() {
				r.Due = append([]string{"blotter migrate up"}, r.Due...)
			}
			if set.json {
				return printJSON(cmd.OutOrStdout(), r)
			}
			printRestored(cmd.OutOrStdout(), r)
			return nil
		},
	}
}

func printRestored(w io.Writer, r dumpReport) {
	printWrapped(w, r.sentence("restored"))
	for _, command := range r.Due {
		switch command {
		case "blotter migrate up":
			printWrapped(w, fmt.Sprintf("the schema is version %d: run %s before anything else", r.Schema, command))
		default:
			printWrapped(w, "transaction ids are another cluster's now: run "+command+" before anything consumes events")
		}
	}
	printWrapped(w, "blotter audit verify proves that the audit log is what was sealed")
}

// restore restores the file and compares the counts, and reports the version of the schema that is there now.
func (s *settings) restore(ctx context.Context, d *database, url, file string) (rowCounts, int64, error) {
	conn, major, err := connectForDump(ctx, url)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	programs, err := s.dumpPrograms(ctx, d.state, major)
	if err != nil {
		return nil, 0, err
	}
	dumped, err := countDump(ctx, programs, file)
	if err != nil {
		return nil, 0, fmt.Errorf("%s is not a file that blotter backup has written: %w", file, err)
	}
	if err := makeRoom(ctx, conn, url); err != nil {
		return nil, 0, err
	}
	if err := restoreDump(ctx, programs, url, file); err != nil {
		return nil, 0, err
	}
	var restored rowCounts
	var version int64
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if err := seesAll(ctx, tx); err != nil {
			return err
		}
		// A dump of schemas has no default privileges: new functions are callable by those they are granted to alone.
		if _, err := tx.Exec(ctx, "alter default privileges revoke execute on functions from public"); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, "select max(version_id) from shared.schema_version where is_applied").Scan(&version); err != nil {
			return err
		}
		restored, err = countRows(ctx, tx)
		return err
	})
	if err != nil {
		return nil, 0, pgerror.Translate(ctx, "restore", err)
	}
	if lacking := dumped.differences(restored); len(lacking) > 0 {
		return nil, 0, fmt.Errorf("what was restored is not what the dump holds: %s", sentenceOf(lacking))
	}
	return restored, version, nil
}

// load runs pg_restore in one transaction.
func restoreDump(ctx context.Context, programs embedded.Binaries, url, file string) error {
	target, env, err := libpq(url)
	if err != nil {
		return err
	}
	secret, done, err := keySecret(url)
	if err != nil {
		return err
	}
	defer done()
	env = append(env, secret...)
	return runProgram(ctx, programs.Path("pg_restore"), env, io.Discard,
		"--dbname="+target, "--role="+roleOfDumps, "--no-owner", "--single-transaction", "--exit-on-error", "--no-password", file)
}

// sqlFilled lists the tables that hold what people put there. A new schema has rows in others, and so has one that a
// program has just connected to, in the logs.
const sqlFilled = `
select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and (n.nspname in ('data_ingestion', 'execution', 'strategy_engine', 'risk_management', 'analytics')
       or n.nspname = 'events' and c.relname like 'outbox%' or n.nspname = 'shared' and c.relname like 'audit_log%')
 order by 1`

// makeRoom leaves a database without blotter's schema and with its roles, and refuses one that holds anything.
func makeRoom(ctx context.Context, conn *pgx.Conn, url string) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if exists, err := hasSchema(ctx, tx); err != nil || !exists {
			return err
		}
		if err := seesAll(ctx, tx); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlFilled)
		if err != nil {
			return err
		}
		tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, name := range tables {
			var filled bool
			if err == nil {
				err = tx.QueryRow(ctx, "select exists (select from "+name+")").Scan(&filled)
			}
			if err == nil && filled {
				err = fmt.Errorf("%s holds rows, and a dump is restored into an empty database; make a new one, or choose another --data-dir", name)
			}
		}
		return err
	})
	if err != nil {
		return pgerror.Translate(ctx, "restore", err)
	}
	m, err := schema.NewMigrator(ctx, url) // makes the roles that are missing, and the schema shared
	if err != nil {
		return err
	}
	_, err = m.DownTo(ctx, 0)
	if err = errors.Join(err, m.Close()); err != nil {
		return err
	}
	for _, sql := range []string{"set role " + roleOfDumps, "drop table if exists shared.schema_version", "drop schema shared", "reset role"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return pgerror.Translate(ctx, "restore: make room", err)
		}
	}
	return nil
}
