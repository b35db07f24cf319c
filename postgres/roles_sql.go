package postgres

import (
	_ "embed"
	"regexp"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

//go:embed roles.sql
var rolesSQL string

// loginPrefix is what logins of ours may begin with: it is part of SQL that people read.
var loginPrefix = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// RolesSQL is the SQL that prepares a database in production: the roles, one login for each, named with the prefix
// ("blotter_" makes blotter_app, blotter_service, ...), and who may connect. It holds no password. ErrInvalid for a
// prefix that is no plain lower-case name, or a database without a name.
func RolesSQL(database, prefix string) (string, error) {
	if !loginPrefix.MatchString(prefix) {
		return "", blotter.Invalid("prefix", prefix, "1 to 40 lower-case letters, digits and underscores, a letter first")
	}
	if database == "" || strings.ContainsAny(database, "\x00\n\r") {
		return "", blotter.Invalid("database", database, "the name of a database")
	}
	return strings.NewReplacer(
		"{{database}}", pgx.Identifier{database}.Sanitize(), "{{database_text}}", "'"+strings.ReplaceAll(database, "'", "''")+"'",
		"{{name}}", shellWord(database), "{{schemas}}", "'"+strings.Join(Schemas(), "', '")+"'",
		"{{prefix}}", prefix, "{{prefix_text}}", "'"+prefix+"'").Replace(rolesSQL), nil
}

// shellWord is the word of a shell's command line that means the text.
func shellWord(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
