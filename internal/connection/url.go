package connection

import (
	"net/url"
	"regexp"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
)

// ParseURL parses the URL of a database. An error is ErrInvalid, names the field that holds the URL, and shows no
// password.
func ParseURL(field, text string) (*pgx.ConnConfig, error) {
	cc, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, InvalidURL(field, text, err)
	}
	return cc, nil
}

// InvalidURL returns the error for a URL that pgx could not parse.
func InvalidURL(field, text string, err error) error {
	return blotter.Invalid(field, RedactURL(text), "a database URL that parses: "+pgerror.ParseReason(err))
}

var (
	passwordWord = regexp.MustCompile(`(?i)(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)`)
	userPart     = regexp.MustCompile(`^[a-z]+://[^:/@]*:`)
)

// RedactURL returns the database URL with "xxxxx" in place of its password.
func RedactURL(text string) string {
	if u, err := url.Parse(text); err == nil && u.Scheme != "" {
		return passwordWord.ReplaceAllString(u.Redacted(), "${1}xxxxx")
	}
	// The URL does not parse, and its password may contain anything: cut after the user's name.
	if user := userPart.FindString(text); user != "" {
		return user + "xxxxx"
	}
	return passwordWord.ReplaceAllString(text, "${1}xxxxx")
}
