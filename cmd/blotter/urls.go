package main

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// login is a flag that takes the URL of a login, and what it was given.
type login struct{ flag, role, url string }

func (s *settings) logins() []login {
	return []login{
		{"--url", "app", s.url},
		{"--readonly-url", "readonly", s.readOnlyURL},
		{"--service-url", "service", s.serviceURL},
		{"--reporter-url", "reporter", s.reporterURL},
		{"--owner-url", "owner", s.ownerURL},
	}
}

// urlOf is the URL of the role's own login, else that of --url, else "": the database is blotter's own.
func (s *settings) urlOf(role string) string {
	for _, l := range s.logins() {
		if l.role == role && l.url != "" {
			return l.url
		}
	}
	return s.url
}

// urlFlag is a flag that says that the database is not blotter's own, or "".
func (s *settings) urlFlag() string {
	for _, l := range s.logins() {
		if l.url != "" {
			return l.flag
		}
	}
	return ""
}

// checkOwn refuses to take the database of the data folder where a URL shows that another one is meant.
func (s *settings) checkOwn() error {
	if flag := s.urlFlag(); flag != "" {
		return usagef("--url is missing: %s is given, and this needs --url of the same database; without any URL it is that of --data-dir", flag)
	}
	return nil
}

// checkURLs refuses a URL that does not parse, and says why without the URL, which may hold a password.
func (s *settings) checkURLs() error {
	for _, l := range s.logins() {
		if l.url == "" {
			continue
		}
		if _, err := pgx.ParseConfig(l.url); err != nil {
			return usageError{urlError(l.flag, err)}
		}
	}
	return nil
}

// urlErrors are what pgx complains of without repeating what the URL says, and what to do.
var urlErrors = []struct{ complaint, remedy string }{
	{"sslmode is invalid", "want disable, prefer, require, verify-ca or verify-full"},
	{"unable to read CA file", "sslrootcert must name a file of certificates that can be read"},
	{"unable to add CA to cert pool", "sslrootcert must name a file of certificates in PEM form"},
	{`both "sslcert" and "sslkey" are required`, "give both or neither"},
	{"unable to read sslkey", "sslkey must name a file that can be read"},
	{"failed to decode sslkey", "sslkey must name a key in PEM form"},
	{"unable to find sslpassword", "sslkey is encrypted and sslpassword is missing"},
	{"unable to decrypt key", "sslpassword is not the one of sslkey"},
	{"unable to read cert", "sslcert must name a file that can be read"},
	{"unable to load cert", "sslcert and sslkey must be a pair"},
	{"unable to find service", "the service file has no such service"},
	{"failed to read service file", "PGSERVICEFILE, or servicefile in the URL, must name a file that can be read"},
	{"invalid port", "a port is a number from 1 to 65535"},
	{"invalid default_query_exec_mode", "see docs/security.md"},
}

func urlError(flag string, err error) error {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		// What stands before the text in the error is the URL: a complaint counts after it alone.
		text := err.Error()
		text = text[strings.LastIndex(text, "`: ")+1:]
		for _, known := range urlErrors {
			if strings.Contains(text, known.complaint) {
				return errors.New(flag + ": " + known.complaint + "; " + known.remedy)
			}
		}
	}
	return errors.New("invalid " + flag + ": want postgres://USER:PASSWORD@HOST:PORT/DATABASE")
}

// checkOwner refuses an --owner-url of another database than --url has.
func (s *settings) checkOwner(ctx context.Context, db *postgres.DB) error {
	if s.ownerURL == "" || cmp.Or(s.url, s.ownerURL) == s.ownerURL {
		return nil
	}
	conn, err := postgres.ConnectOwner(ctx, s.ownerURL, "blotter")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return db.CheckOwner(ctx, conn)
}
