package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func backupCommand(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Dump every table of blotter's to a file, and compare the counts",
		Long: `Dump blotter's schemas to FILE by PostgreSQL's pg_dump, beside any load, and
count the rows in the file: it must have as many of every table as the database
had at that instant. (A dump by a role that row-level security binds is empty,
without an error.) The file is there when all of it is, and can be read by its
owner alone (0600). The login of --owner-url (or --url) must be a member of
trading_owner, as for migrate. blotter restore FILE brings it back.

What is dumped is beside FILE, as FILE.<number>.part, until all of it is there.
What a killed run has left of that the next one removes.`,
		Example: "  blotter backup /mnt/elsewhere/book.dump\n  blotter backup book.dump --owner-url postgres://owner@db.example/trading",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, start := cmd.Context(), time.Now()
			if err := checkDumpName("backup", args[0]); err != nil {
				return err
			}
			if _, err := os.Lstat(args[0]); err == nil {
				return isThereAlready(args[0])
			}
			if err := checkTarget(args[0]); err != nil {
				return err
			}
			d, url, err := set.openOwner(ctx)
			if err != nil {
				return err
			}
			defer d.Close()
			counts, err := set.backup(ctx, d, url, args[0])
			if err != nil {
				return err
			}
			return set.printDump(cmd.OutOrStdout(), "dumped", args[0], counts, start)
		},
	}
}

// dumpReport is what backup and restore print as JSON.
type dumpReport struct {
	File    string   `json:"file"`
	Bytes   int64    `json:"bytes"`
	Tables  int      `json:"tables"` // partitions apart
	Rows    int64    `json:"rows"`
	Schema  int64    `json:"schema_version,omitempty"`
	Due     []string `json:"due,omitempty"` // commands to run next
	Seconds float64  `json:"seconds"`
}

func newDumpReport(file string, counts rowCounts, start time.Time) dumpReport {
	r := dumpReport{File: file, Tables: len(counts), Rows: counts.rows(), Seconds: time.Since(start).Seconds()}
	if info, err := os.Stat(file); err == nil {
		r.Bytes = info.Size()
	}
	return r
}

func (s *settings) printDump(w io.Writer, verb, file string, counts rowCounts, start time.Time) error {
	r := newDumpReport(file, counts, start)
	if s.json {
		return printJSON(w, r)
	}
	printWrapped(w, r.sentence(verb))
	return nil
}

func (r dumpReport) sentence(verb string) string {
	return fmt.Sprintf("%s %s rows of %d tables and partitions, all counted, in %.1f s: %s, %s", verb, thousands(r.Rows), r.Tables, r.Seconds, r.File, size(r.Bytes))
}

// backup dumps what one snapshot sees, and counts what it sees by the same.
func (s *settings) backup(ctx context.Context, d *database, url, file string) (rowCounts, error) {
	conn, major, err := connectForDump(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	programs, err := s.dumpPrograms(ctx, d.state, major)
	if err != nil {
		return nil, err
	}
	part, err := createPart(file)
	if err != nil {
		return nil, cannotWrite(file, err)
	}
	defer part.discard()
	var live rowCounts
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if err := seesAll(ctx, tx); err != nil {
			return err
		}
		var snapshot string
		if err := tx.QueryRow(ctx, "select pg_export_snapshot()").Scan(&snapshot); err != nil {
			return err
		}
		if err := dump(ctx, programs, url, snapshot, part.File); err != nil {
			return err
		}
		live, err = countRows(ctx, tx)
		return err
	})
	if err != nil {
		return nil, pgerror.Translate(ctx, "backup", err)
	}
	dumped, err := countDump(ctx, programs, part.Name())
	if err != nil {
		return nil, err
	}
	if lacking := live.differences(dumped); len(lacking) > 0 {
		return nil, fmt.Errorf("the dump is not what the database holds, and was removed: %s", sentenceOf(lacking))
	}
	return live, cannotWrite(file, part.publish())
}

// dump runs pg_dump as the owner, whom row-level security lets see all (seesAll). FORCE makes pg_dump ask for that word.
// It writes to the file that is open, whatever has become of its name.
func dump(ctx context.Context, programs embedded.Binaries, url, snapshot string, file *os.File) error {
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
	args := []string{
		"--dbname=" + target, "--role=" + roleOfDumps, "--enable-row-security", "--snapshot=" + snapshot, "--format=custom",
		"--lock-wait-timeout=60s", "--no-password", "--exclude-table-data=" + vacuumed,
	}
	for _, name := range schema.Names() {
		args = append(args, "--schema="+name)
	}
	return runProgram(ctx, programs.Path("pg_dump"), env, file, args...)
}

// sqlHidden lists tables of which the role, bound by row-level security, may not see all: no policy opens them wholly, or
// one narrows them.
const sqlHidden = `
with me as (select oid from pg_roles where rolname = current_user),
policies as (
    select p.* from pg_policy p, me where p.polcmd in ('*', 'r') and (me.oid = any(p.polroles) or p.polroles = '{0}')
)
select format('%I.%I', n.nspname, c.relname)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and n.nspname = any($1) and row_security_active(c.oid)
   and (not exists (select from policies p where p.polrelid = c.oid and p.polpermissive and pg_get_expr(p.polqual, p.polrelid) = 'true')
        or exists (select from policies p where p.polrelid = c.oid and not p.polpermissive))
 order by 1`

// seesAll makes the transaction act as the owner and refuses where that does not see every row: counts would then agree
// with a dump that lacks the same rows.
func seesAll(ctx context.Context, tx pgx.Tx) error {
	exists, err := hasSchema(ctx, tx)
	if err != nil {
		return err
	}
	if !exists {
		return errors.New("the database holds no blotter schema")
	}
	if _, err := tx.Exec(ctx, "set local role "+roleOfDumps); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("the login may not act as %s, whom alone row-level security lets see all; give one that migrates by --owner-url", roleOfDumps)
	}
	rows, err := tx.Query(ctx, sqlHidden, schema.Names())
	if err != nil {
		return err
	}
	hidden, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil && len(hidden) > 0 {
		err = fmt.Errorf("row-level security hides rows of %s from %s, so a dump would lack them; blotter migrate verify says what was changed", hidden[0], roleOfDumps)
	}
	return err
}

// hasSchema asks the catalog, which every login may read; the schema itself is closed to most.
func hasSchema(ctx context.Context, tx pgx.Tx) (exists bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = 'shared' and c.relname = 'schema_version')`).Scan(&exists)
	return exists, err
}

func sentenceOf(list []string) string {
	more := ""
	if len(list) > 3 {
		more = fmt.Sprintf(", and %d more", len(list)-3)
		list = list[:3]
	}
	return strings.Join(list, ", ") + more
}
