package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// What a statement means, and how the server writes what it finds, follows from settings that a login or a database may
// have of its own (ALTER DATABASE ... SET). Every connection of blotter has these values instead.
//
// They are set by a statement, not as start-up parameters, which poolers refuse. What an operator decides, for the server
// or the database, stays as it is: where tables are stored, which language messages have, that a database is read-only for
// the time being.
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
	{"client_min_messages", "notice"}, // what could not be made is told by warnings

	// What transactions and rows are like.
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_deferrable", "off"},
	{"row_security", "on"},

	// How the schema is made.
	{"check_function_bodies", "on"},
	{"default_table_access_method", "heap"},
	{"plpgsql.extra_errors", "none"},
}

// unset are what no role, database or server may preset for a session: an account, an actor, that triggers do not fire, an
// encoding, and what the system's view of settings does not list before PL/pgSQL is loaded. A connection for which triggers are
// switched off and that may not switch them on is refused.
var unset = []struct{ name, value string }{
	{"app.current_account_id", ""},
	{"app.user_id", ""},
	{"app.correlation_id", ""},
	{"session_replication_role", "origin"},
	{"client_encoding", "UTF8"}, // Go's
	{"plpgsql.check_asserts", "on"},
	{"plpgsql.extra_warnings", "none"},
	{"plpgsql.print_strict_params", "off"},
}

// pinnedSettings are the names and the values of pinned, as arguments of sqlPin.
func pinnedSettings() (names, values []string) {
	for _, s := range pinned {
		names, values = append(names, s.name), append(values, s.value)
	}
	return names, values
}

// ownerPath is where connections that make or maintain the schema look names up, which they give in full: nobody's
// objects stand in for the server's own, and the server writes names in full.
const ownerPath = "pg_catalog, pg_temp"

// sqlPin sets what is not so already, for the session: the settings that are given, and the defaults of PostgreSQL for
// whatever the login has of its own. A login may change its own settings, for good, and so may whoever was given its
// password; nobody else has a say in them. What is acknowledged is on disk, unless synchronous_commit is given.
const sqlPin = `
select count(pg_catalog.set_config(name, value, false)) from (
    select name, value from unnest($1::text[], $2::text[]) given(name, value)
    union all
    select 'synchronous_commit', 'on'
     where 'synchronous_commit' <> all ($1) and pg_catalog.current_setting('synchronous_commit') in ('off', 'local', 'remote_write')
    union all
    select name, coalesce(boot_val, case name when 'timezone_abbreviations' then 'Default' else '' end)
      from pg_catalog.pg_settings
     where source in ('user', 'database user') and context = 'user' and pg_catalog.lower(name) <> all ($3::text[])) wanted
 where coalesce(pg_catalog.current_setting(name, true), '') <> value`

// connectPlain connects as the login itself, with the pinned settings, to look at the catalog.
func connectPlain(ctx context.Context, url string) (*pgx.Conn, error) {
	cc, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	surviveLogin(cc)
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return nil, err
	}
	if err := pin(ctx, conn, roleOwner); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}

// surviveLogin asks at start-up for what a login may have set for itself so that no connection of it lasts until its
// settings are pinned.
func surviveLogin(cc *pgx.ConnConfig) {
	cc.RuntimeParams["local_preload_libraries"] = ""
	cc.RuntimeParams["idle_session_timeout"] = "0"
	cc.RuntimeParams["statement_timeout"] = "0"
}

// PinSettings gives a connection that acts as its own login the settings of blotter's connections, whatever the database or
// the login has: what it reads and writes then means the same everywhere.
func PinSettings(ctx context.Context, conn *pgx.Conn) error {
	return translate(ctx, "pin settings", pin(ctx, conn, roleOwner))
}

// pin gives a connection the pinned settings, those that it asked for when it began, which a pooler may have dropped, and
// one of the owner its search_path.
func pin(ctx context.Context, conn *pgx.Conn, r role) error {
	names, values := pinnedSettings()
	if r == roleOwner {
		names, values = append(names, "search_path"), append(values, ownerPath)
	}
	for _, s := range unset {
		names, values = append(names, s.name), append(values, s.value)
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
		names, values, lower = append(names, name), append(values, value), append(lower, low)
	}
	_, err := conn.Exec(ctx, sqlPin, pgx.QueryExecModeExec, names, values, lower)
	return err
}

// notPinned are start-up parameters that are not settings, or have a check of their own.
var notPinned = []string{"role", "session_authorization", "options", "replication", "user", "database"}
