package connection

import (
	"context"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
)

// pinned are settings that decide what a statement means and how the server writes a result. A login or a database may
// have values of its own for them (ALTER DATABASE ... SET); every connection of blotter has these instead.
//
// They are set by a statement, not as start-up parameters, which poolers refuse. Decisions of an operator stay as they
// are: where tables are stored, the language of messages, whether a database is read-only for now.
var pinned = []struct{ name, value string }{
	// How statements and values are read.
	{"standard_conforming_strings", "on"},
	{"backslash_quote", "safe_encoding"},
	{"transform_null_equals", "off"},
	{"array_nulls", "on"},
	{"DateStyle", "ISO, MDY"},
	{"IntervalStyle", "postgres"},
	{"TimeZone", "UTC"},
	{"xmloption", "content"},

	// How results are written.
	{"bytea_output", "hex"},
	{"extra_float_digits", "1"},
	{"quote_all_identifiers", "off"},
	{"client_min_messages", "notice"}, // warnings report what could not be made

	// How transactions and rows behave.
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_deferrable", "off"},
	{"row_security", "on"},

	// How the schema is made.
	{"check_function_bodies", "on"},
	{"default_table_access_method", "heap"},
	{"plpgsql.extra_errors", "none"},
}

// cleared are settings that no role, database or server may preset for a session: the account and the actor, whether
// triggers fire, the encoding, and settings of PL/pgSQL, which pg_settings does not list before it is loaded. A
// connection for which triggers are switched off and that may not switch them on is refused.
var cleared = []struct{ name, value string }{
	{"app.current_account_id", ""},
	{"app.user_id", ""},
	{"app.correlation_id", ""},
	{"session_replication_role", "origin"},
	{"client_encoding", "UTF8"}, // Go's
	{"plpgsql.check_asserts", "on"},
	{"plpgsql.extra_warnings", "none"},
	{"plpgsql.print_strict_params", "off"},
}

// pinnedSettings returns the names and values of pinned, as arguments of sqlPin.
func pinnedSettings() (names, values []string) {
	for _, s := range pinned {
		names = append(names, s.name)
		values = append(values, s.value)
	}
	return names, values
}

// ownerPath is the search_path of connections that make or maintain the schema. It contains none of the schemas, so
// that nobody's objects stand in for the server's own, and the server writes names in full.
const ownerPath = "pg_catalog, pg_temp"

// sqlPin sets for the session what differs: the given settings, and PostgreSQL's default for every setting that the
// login has a value of its own for. A login may change its own settings for good, and so may everybody who knows its
// password. An acknowledged commit is on disk, unless synchronous_commit is given.
const sqlPin = `
select count(pg_catalog.set_config(name, value, false)) from (
    select name, value from unnest($1::text[], $2::text[]) given(name, value)
    union all
    select 'synchronous_commit', 'on'
     where 'synchronous_commit' <> all ($1)
       and pg_catalog.current_setting('synchronous_commit') in ('off', 'local', 'remote_write')
    union all
    select name, coalesce(boot_val, case name when 'timezone_abbreviations' then 'Default' else '' end)
      from pg_catalog.pg_settings
     where source in ('user', 'database user') and context = 'user'
       and pg_catalog.lower(name) <> all ($3::text[])) wanted
 where coalesce(pg_catalog.current_setting(name, true), '') <> value`

// Plain connects as the login itself, with the pinned settings, to read the catalog.
func Plain(ctx context.Context, url string) (*pgx.Conn, error) {
	cc, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	surviveLogin(cc)

	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return nil, err
	}
	if err := Pin(ctx, conn, Owner); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}

// surviveLogin overrides at start-up what a login may have set for itself so that its connections end before their
// settings are pinned.
func surviveLogin(cc *pgx.ConnConfig) {
	cc.RuntimeParams["local_preload_libraries"] = ""
	cc.RuntimeParams["idle_session_timeout"] = "0"
	cc.RuntimeParams["statement_timeout"] = "0"
}

// PinLogin gives a connection that acts as its own login the settings of blotter's connections, whatever the database
// or the login has, so that what it reads and writes means the same everywhere.
func PinLogin(ctx context.Context, conn *pgx.Conn) error {
	return pgerror.Translate(ctx, "pin settings", Pin(ctx, conn, Owner))
}

// Pin sets the pinned settings of a connection, repeats its start-up parameters, which a pooler may have dropped, and
// sets the search_path of an owner.
func Pin(ctx context.Context, conn *pgx.Conn, r Role) error {
	names, values := pinnedSettings()
	if r == Owner {
		names = append(names, "search_path")
		values = append(values, ownerPath)
	}
	for _, s := range cleared {
		names = append(names, s.name)
		values = append(values, s.value)
	}

	lower := make([]string, len(names))
	for i, name := range names {
		lower[i] = strings.ToLower(name)
	}
	for name, value := range conn.Config().RuntimeParams {
		low := strings.ToLower(name)
		if slices.Contains(lower, low) || slices.Contains(notPinned, low) {
			continue
		}
		names = append(names, name)
		values = append(values, value)
		lower = append(lower, low)
	}

	_, err := conn.Exec(ctx, sqlPin, pgx.QueryExecModeExec, names, values, lower)
	return err
}

// notPinned are start-up parameters that are not settings, or have a check of their own.
var notPinned = []string{"role", "session_authorization", "options", "replication", "user", "database"}
