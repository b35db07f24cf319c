package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func rolesCommand(set *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "roles",
		Short:   "Print what sets up roles, logins and Redis users in production",
		Example: "  blotter roles sql --database trading\n  blotter roles redis",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("say what: blotter roles sql, or blotter roles redis")
		},
	}
	cmd.AddCommand(rolesSQLCommand(set), rolesRedisCommand(set))
	return cmd
}

func rolesRedisCommand(set *settings) *cobra.Command {
	var login string
	cmd := &cobra.Command{
		Use:   "redis",
		Short: "Print the commands that make two users of Redis",
		Long: `Print the commands that make two users of Redis: one that publishes, for
blotter serve, and one that subscribes and reads the streams. Each may do
nothing else. No password is in it; give each one afterwards, and keep others
from writing:

    ACL SETUSER blotter_publisher >PASSWORD
    ACL SETUSER blotter_subscriber >PASSWORD
    ACL SETUSER default resetpass off
    ACL SAVE

ACL SETUSER default ... off locks everybody out who logs in as default: make a
user that administers first. ACL SAVE needs an aclfile; without one CONFIG
REWRITE keeps the users. blotter doctor --redis URL looks who may write.`,
		Example: "  blotter roles redis | redis-cli",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !redisLogin.MatchString(login) {
				return usagef("--prefix %q: want up to 40 lower-case letters, digits and underscores, a letter first", login)
			}
			lines := events.RedisACL("", login)
			if set.json {
				return printJSON(cmd.OutOrStdout(), lines)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), strings.Join(lines, "\n"))
			return err
		},
	}
	cmd.Flags().StringVar(&login, "prefix", "blotter_", "what the users' `names` begin with")
	return cmd
}

// redisLogin is what names of users of Redis may begin with: it is part of commands that people read.
var redisLogin = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

func rolesSQLCommand(set *settings) *cobra.Command {
	var database, prefix string
	cmd := &cobra.Command{
		Use:   "sql",
		Short: "Print the SQL that makes roles and one login for each",
		Long: `Print the SQL that prepares a database in production: the roles, one login for
each of them, and who may connect; each has no more than it needs. Nothing is
run and no password is in it: read it, then give it to psql, as a login that
owns the database and has CREATEROLE.`,
		Example: "  blotter roles sql --database trading > roles.sql\n  blotter roles sql --url postgres://master@db.example/trading | psql ...",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if database == "" && set.url != "" {
				cfg, err := pgx.ParseConfig(set.url)
				if err != nil {
					return usagef("invalid --url: want postgres://USER:PASSWORD@HOST:PORT/DATABASE")
				}
				database = cfg.Database
			}
			if database == "" {
				return usagef("roles sql: say --database NAME, or --url")
			}
			sql, err := schema.RolesSQL(database, prefix)
			if err != nil {
				return usageError{err}
			}
			if set.json {
				return printJSON(cmd.OutOrStdout(), map[string]string{"database": database, "sql": sql})
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), sql)
			return err
		},
	}
	cmd.Flags().StringVar(&database, "database", "", "`name` of the database (default that of --url)")
	cmd.Flags().StringVar(&prefix, "prefix", "blotter_", "what the logins' `names` begin with")
	return cmd
}
