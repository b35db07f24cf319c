package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// A URL that leads to another database is refused by CheckURLs and by the first session that would use it. URLs of one
// database are accepted.
func TestURLsLeadToOneDatabase(t *testing.T) {
	t.Parallel()
	db, other := pgtest.Open(t), pgtest.Open(t)
	must(t, db.CheckURLs(t.Context()))
	for setting, url := range map[string]*string{
		"ReadOnlyURL": &other.Config.ReadOnlyURL, "ServiceURL": &other.Config.ServiceURL,
		"ReporterURL": &other.Config.ReporterURL,
	} {
		cfg := db.Config
		for name, field := range map[string]*string{
			"ReadOnlyURL": &cfg.ReadOnlyURL, "ServiceURL": &cfg.ServiceURL,
			"ReporterURL": &cfg.ReporterURL,
		} {
			if name == setting {
				*field = *url
			}
		}
		mixed, err := postgres.Open(t.Context(), cfg)
		must(t, err)
		defer mixed.Close()
		none := func(*postgres.Session) error { return nil }
		all := blotter.WithAllAccounts(t.Context())
		use := map[string]func() error{
			"ReadOnlyURL": func() error { return mixed.ReadOnly(t.Context(), none) },
			"ServiceURL":  func() error { return mixed.Transaction(all, func(*postgres.Tx) error { return nil }) },
			"ReporterURL": func() error { return mixed.ReadOnly(all, none) },
		}
		for name, session := range use {
			if err := session(); (err != nil) != (name == setting) {
				t.Errorf("%s of another database, session of %s: %v", setting, name, err)
			}
		}
		if err := mixed.CheckURLs(t.Context()); !errors.Is(err, blotter.ErrInvalid) ||
			!strings.Contains(err.Error(), setting) || !strings.Contains(err.Error(), other.Name) {
			t.Errorf("%s of another database: %v", setting, err)
		}
	}

	for _, owned := range []*pgtest.Database{db, other} {
		conn, err := postgres.ConnectOwner(t.Context(), owned.OwnerURL, "test")
		must(t, err)
		if err := db.CheckOwner(t.Context(), conn); (err == nil) != (owned == db) {
			t.Errorf("an owner of %s: %v", owned.Name, err)
		}
		_ = conn.Close(t.Context())
	}
}

// The error for a login that may not act as the role of its URL names the setting.
func TestWrongLoginNamesTheSetting(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	cfg := db.Config
	cfg.URL = cfg.ServiceURL
	_, err := postgres.Open(t.Context(), cfg)
	if !errors.Is(err, blotter.ErrPermission) || !strings.Contains(err.Error(), "set URL (--url) to a login that may") {
		t.Errorf("%v", err)
	}

	cfg = db.Config
	cfg.ReporterURL = cfg.URL
	mixed, err := postgres.Open(t.Context(), cfg)
	must(t, err)
	defer mixed.Close()
	err = mixed.ReadOnly(blotter.WithAllAccounts(t.Context()), func(*postgres.Session) error { return nil })
	if !errors.Is(err, blotter.ErrPermission) || !strings.Contains(err.Error(), "ReporterURL (--reporter-url)") {
		t.Errorf("%v", err)
	}
}
