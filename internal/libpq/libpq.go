package libpq

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// ErrInvalidURL says that a database URL is invalid. It does not repeat the URL, which may hold a password.
var ErrInvalidURL = errors.New("invalid database URL: want postgres://USER:PASSWORD@HOST:PORT/DATABASE")

var (
	keyValue    = regexp.MustCompile(`(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|\S*)`)
	escapedRune = regexp.MustCompile(`\\(.)`)
)

// Settings returns the settings of a URL, which follow its question mark, or those of its key=value form.
func Settings(text string) url.Values {
	if u, err := url.Parse(text); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		return u.Query()
	}
	values := url.Values{}
	for _, match := range keyValue.FindAllStringSubmatch(text, -1) {
		values.Set(match[1], unquote(match[2]))
	}
	return values
}

func unquote(value string) string {
	if len(value) > 1 && value[0] == '\'' {
		value = value[1 : len(value)-1]
	}
	return escapedRune.ReplaceAllString(value, "$1")
}

// publicSettings are the settings that PostgreSQL's programs know and that are not secret.
var publicSettings = []string{
	"host", "hostaddr", "port", "dbname", "user", "passfile", "service", "servicefile", "options",
	"connect_timeout", "keepalives", "target_session_attrs", "channel_binding", "krbsrvname",
	"sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslsni",
	"ssl_min_protocol_version", "ssl_max_protocol_version",
}

// Target returns the URL without secrets, for the command line of a program, and the program's environment, which has
// the password.
func Target(text string) (target string, env []string, err error) {
	cfg, err := pgx.ParseConfig(text)
	if err != nil {
		return "", nil, ErrInvalidURL
	}
	env = append(os.Environ(), "PGAPPNAME=blotter")
	if cfg.Password != "" {
		env = append(env, "PGPASSWORD="+cfg.Password)
	}

	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		target, err = publicURL(text)
		return target, env, err
	}
	var words []string
	for _, match := range keyValue.FindAllStringSubmatch(text, -1) {
		if slices.Contains(publicSettings, match[1]) {
			words = append(words, match[0])
		}
	}
	return strings.Join(words, " "), env, nil
}

// publicURL returns the URL without its password and without other settings than public ones.
func publicURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", ErrInvalidURL
	}

	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	query := u.Query()
	maps.DeleteFunc(query, func(name string, _ []string) bool { return !slices.Contains(publicSettings, name) })
	u.RawQuery = query.Encode()
	if u.Host == "" && u.User == nil && u.Path == "" {
		u.Path = "/" // String leaves out the "//" otherwise
	}
	return u.String(), nil
}

// linkVariables are the settings that decide how the connection is made and secured, and their environment variables.
var linkVariables = map[string]string{
	"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
	"sslcrl": "PGSSLCRL", "sslsni": "PGSSLSNI", "sslnegotiation": "PGSSLNEGOTIATION",
	"ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION", "channel_binding": "PGCHANNELBINDING",
	"gssencmode": "PGGSSENCMODE", "require_auth": "PGREQUIREAUTH", "connect_timeout": "PGCONNECT_TIMEOUT",
	"target_session_attrs": "PGTARGETSESSIONATTRS",
}

// Environment returns the environment variables for everything that the URL says, including its password. The
// connection is secured as the URL asks.
func Environment(text string) ([]string, error) {
	cfg, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, ErrInvalidURL
	}
	env := os.Environ()
	settings := Settings(text)
	for setting, variable := range linkVariables {
		if value := settings.Get(setting); value != "" {
			env = append(env, variable+"="+value)
		}
	}
	return append(env, "PGHOST="+cfg.Host, fmt.Sprintf("PGPORT=%d", cfg.Port), "PGDATABASE="+cfg.Database,
		"PGUSER="+cfg.User, "PGPASSWORD="+cfg.Password), nil
}
