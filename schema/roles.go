package schema

import (
	_ "embed"
	"regexp"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/shell"
	"github.com/jackc/pgx/v5"
)

//go:embed roles.sql
var rolesSQL string

// loginPrefix matches what the names of logins may begin with. The prefix is part of SQL that people read.
var loginPrefix = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// RolesSQL returns the SQL that prepares a database in production: the roles, one login for each, named with the prefix
// ("blotter_" makes blotter_app, blotter_service, ...), and who may connect. It contains no password. ErrInvalid for a
// prefix other than 1 to 40 lower-case letters, digits and underscores, and for a database without a name.
func RolesSQL(database, prefix string) (string, error) {
	if !loginPrefix.MatchString(prefix) {
		return "", blotter.Invalid("prefix", prefix,
			"1 to 40 lower-case letters, digits and underscores, a letter first")
	}
	if database == "" || strings.ContainsAny(database, "\x00\n\r") {
		return "", blotter.Invalid("database", database, "the name of a database")
	}

	return strings.NewReplacer(
		"{{database}}", pgx.Identifier{database}.Sanitize(),
		"{{database_text}}", "'"+strings.ReplaceAll(database, "'", "''")+"'",
		"{{name}}", shell.Quote(database),
		"{{schemas}}", "'"+strings.Join(Names(), "', '")+"'",
		"{{prefix}}", prefix,
		"{{prefix_text}}", "'"+prefix+"'",
	).Replace(rolesSQL), nil
}

// Names lists the schemas of blotter's tables, in the order of their names.
func Names() []string {
	return []string{
		"analytics", "dashboard", "data_ingestion", "events", "execution", "logging", "risk_management", "shared",
		"strategy_engine",
	}
}
