package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"

	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/internal/libpq"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
)

// Config says what is dumped or restored into, and with which programs.
type Config struct {
	// URL is the database URL of a login that is a member of trading_owner.
	URL string
	// BinDir is the folder of pg_dump and pg_restore; "" means to find them.
	BinDir string
}

// ownerRole runs the programs. Row-level security lets it see all rows, which checkVisible makes sure of.
const ownerRole = "trading_owner"

// vacuumTable records which files of tables were vacuumed. A dump has no such files, so it is left out.
const vacuumTable = "shared.vacuumed_partitions"

// Create dumps the database to a new file, which only its owner can read, and returns the rows of every table. The dump
// is written beside the file and gets its name when it is complete and has as many rows as the database had at that
// instant.
func Create(ctx context.Context, cfg Config, file string) (RowCounts, error) {
	conn, major, err := connect(ctx, cfg.URL)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	programs, err := FindPrograms(ctx, cfg.BinDir, major)
	if err != nil {
		return nil, err
	}
	part, err := createPart(file)
	if err != nil {
		return nil, &fs.PathError{Op: "write", Path: file, Err: err}
	}
	defer part.discard()

	var live RowCounts
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, conn, snapshot, func(tx pgx.Tx) error {
		live, err = dumpSnapshot(ctx, tx, programs, cfg.URL, part.File)
		return err
	})
	if err != nil {
		return nil, pgerror.Translate(ctx, "backup", err)
	}

	dumped, err := countDump(ctx, programs, part.Name())
	if err != nil {
		return nil, err
	}
	if differences := live.differences(dumped); len(differences) > 0 {
		return nil, fmt.Errorf("the dump differs from the database, and was removed: %s", firstOf(differences))
	}
	if err := part.publish(); err != nil {
		return nil, &fs.PathError{Op: "write", Path: file, Err: err}
	}
	return live, nil
}

// dumpSnapshot dumps what the transaction sees, and counts its rows.
func dumpSnapshot(ctx context.Context, tx pgx.Tx, programs Programs, url string, out *os.File) (RowCounts, error) {
	if err := checkVisible(ctx, tx); err != nil {
		return nil, err
	}
	var snapshot string
	if err := tx.QueryRow(ctx, "select pg_export_snapshot()").Scan(&snapshot); err != nil {
		return nil, err
	}
	if err := runDump(ctx, programs, url, snapshot, out); err != nil {
		return nil, err
	}
	return countRows(ctx, tx)
}

// runDump runs pg_dump as the owner. FORCE ROW LEVEL SECURITY makes --enable-row-security necessary. The output is an
// open file, so that nothing else can take its name meanwhile.
func runDump(ctx context.Context, programs Programs, url, snapshot string, out *os.File) error {
	args := []string{
		"--role=" + ownerRole, "--enable-row-security", "--snapshot=" + snapshot, "--format=custom",
		"--lock-wait-timeout=60s", "--no-password", "--exclude-table-data=" + vacuumTable,
	}
	for _, name := range schema.Names() {
		args = append(args, "--schema="+name)
	}
	return runOnDatabase(ctx, programs.Path("pg_dump"), url, out, args...)
}

// sqlHidden lists tables of which the role may not see all rows: row-level security applies, and no policy opens them
// wholly, or a policy narrows them.
const sqlHidden = `
with me as (select oid from pg_roles where rolname = current_user),
policies as (
    select p.*
      from pg_policy p, me
     where p.polcmd in ('*', 'r') and (me.oid = any(p.polroles) or p.polroles = '{0}')
)
select format('%I.%I', n.nspname, c.relname)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and n.nspname = any($1) and row_security_active(c.oid)
   and (not exists (select from policies p
                     where p.polrelid = c.oid and p.polpermissive and pg_get_expr(p.polqual, p.polrelid) = 'true')
        or exists (select from policies p where p.polrelid = c.oid and not p.polpermissive))
 order by 1`

// checkVisible makes the transaction act as the owner, and returns an error unless the owner sees every row. Otherwise
// the counts would agree with a dump that lacks the same rows.
func checkVisible(ctx context.Context, tx pgx.Tx) error {
	exists, err := hasSchema(ctx, tx)
	if err != nil {
		return err
	}
	if !exists {
		return errors.New("the database has no blotter schema")
	}
	if _, err := tx.Exec(ctx, "set local role "+ownerRole); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("the login may not act as %s, which alone sees all rows; "+
			"name a login that may migrate with --owner-url", ownerRole)
	}

	rows, err := tx.Query(ctx, sqlHidden, schema.Names())
	if err != nil {
		return err
	}
	hidden, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	if len(hidden) > 0 {
		return fmt.Errorf("row-level security hides rows of %s from %s, so a dump would lack them; "+
			"blotter migrate verify lists what was changed", hidden[0], ownerRole)
	}
	return nil
}

// hasSchema asks the catalog, which every login may read. The schema itself is closed to most.
func hasSchema(ctx context.Context, tx pgx.Tx) (exists bool, err error) {
	err = tx.QueryRow(ctx, `
select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where n.nspname = 'shared' and c.relname = 'schema_version')`).Scan(&exists)
	return exists, err
}

// connect connects as the login itself, and returns the major version of the server.
func connect(ctx context.Context, url string) (conn *pgx.Conn, major int, err error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, 0, libpq.ErrInvalidURL
	}
	maps.Copy(cfg.RuntimeParams, map[string]string{
		"application_name": "blotter", "statement_timeout": "0", "timezone": "UTC",
		"local_preload_libraries": "", "idle_session_timeout": "0", // a login may have set these for itself
	})
	if conn, err = pgx.ConnectConfig(ctx, cfg); err != nil {
		return nil, 0, pgerror.Translate(ctx, "connect", err)
	}

	var version int
	err = connection.PinLogin(ctx, conn)
	if err == nil {
		err = conn.QueryRow(ctx, "select current_setting('server_version_num')::int").Scan(&version)
	}
	if err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, 0, pgerror.Translate(ctx, "connect", err)
	}
	return conn, version / 10_000, nil
}

// firstOf joins the first elements of a list, and counts the others.
func firstOf(list []string) string {
	const most = 3
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s, and %d more", strings.Join(list[:most], ", "), len(list)-most)
}
