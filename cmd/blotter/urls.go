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

// login is the URL of a login, and its flag.
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

// urlOf returns the URL of the role's own login, otherwise that of --url. It is "" for blotter's own database.
func (s *settings) urlOf(role string) string {
	for _, l := range s.logins() {
		if l.role == role && l.url != "" {
			return l.url
		}
	}
	return s.url
}

// urlFlag returns a flag that was set to a URL, or "" for blotter's own database.
func (s *settings) urlFlag() string {
	for _, l := range s.logins() {
		if l.url != "" {
			return l.flag
		}
	}
	return ""
}

// checkOwn returns an error if a URL shows that another database than that of the data folder is meant.
func (s *settings) checkOwn() error {
	if flag := s.urlFlag(); flag != "" {
		return usagef("--url is missing: %s is set, and this command also needs the --url of that database; "+
			"without any URL, it uses the database of --data-dir", flag)
	}
	return nil
}

// checkURLs returns an error for an invalid URL. It does not contain the URL, which may hold a password.
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

// urlErrors are the complaints of pgx that do not repeat the URL, with their remedies.
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
		// The error begins with the URL, which must not be searched for complaints.
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

// checkOwner returns an error if --owner-url and --url are different databases.
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
