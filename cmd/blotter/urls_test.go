package main_test

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

// A URL of a role's login without --url never leads to the database of the data folder.
func TestRoleURLsWithoutURL(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	d.write(t, "KO.csv", goodBars)
	for _, flag := range append(urls(db)[1:], "--owner-url="+db.OwnerURL) {
		name, _, _ := strings.Cut(flag, "=")
		for _, command := range []string{
			"verify", "doctor --security", "audit verify",
			"import KO.csv", "serve", "demo",
		} {
			d.fails(t, 2, append(strings.Fields(command), flag), "--url is missing", name)
		}
		for _, command := range []string{
			"migrate status", "backup x.dump", "restore KO.csv", "partitions list",
			"events rebase", "maintain status", "psql --as app",
		} {
			if name != "--owner-url" || command == "psql --as app" {
				d.fails(t, 2, append(strings.Fields(command), flag), "--url is missing", name)
			}
		}
		d.fails(t, 2, []string{"up", flag}, "leave out "+name)
		d.fails(t, 2, []string{"down", flag}, "leave out "+name)
	}

	variable := newDesk(t)
	variable.env = append(variable.env, "BLOTTER_REPORTER_URL="+db.Config.ReporterURL)
	variable.fails(t, 2, []string{"doctor", "--security"}, "--url is missing")
	for _, d := range []*desk{d, variable} {
		if _, err := os.Stat(d.dataDir()); err == nil {
			t.Error("a database was made in the data folder")
		}
	}
}

// Commands that only the owner may run need --owner-url alone, and take it before --url.
func TestOwnerURL(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	db := pgtest.Open(t)
	blank := pgtest.Blank(t)
	owner := "--owner-url=" + db.OwnerURL

	for _, command := range []string{
		"migrate status", "partitions list", "events rebase", "maintain status",
		"maintain run partitions",
	} {
		d.ok(t, append(strings.Fields(command), owner)...)
	}

	d.ok(t, "backup", "alone.dump", owner)
	d.ok(t, append(urls(db), "backup", "beside.dump", owner)...)
	d.ok(t, "restore", "alone.dump", "--url="+blank.Config.URL, "--owner-url="+blank.OwnerURL)
	d.fails(t, 1, []string{"backup", "app.dump", "--url=" + db.Config.URL},
		"may not act as trading_owner", "--owner-url")
	d.fails(t, 1, []string{"backup", "admin.dump", "--url=" + db.Config.URL, "--owner-url=" + db.Config.ServiceURL},
		"may not act as trading_owner", "--owner-url")
}

// URLs of two databases are refused, whether one server has both or not.
func TestURLsOfDifferentDatabases(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	db := pgtest.Open(t)
	other := pgtest.Open(t)
	elsewhere := managed(t)
	runSQL(t, elsewhere.AdminURL("postgres"), "create role blotter_owner login superuser",
		"create role trading_reporter",
		"create role blotter_reporter login in role trading_reporter", "create database "+db.Name)
	with := func(role, url string) []string { return append(urls(db), "--"+role+"-url="+url) }
	for role, url := range map[string]string{
		"reporter": other.Config.ReporterURL, "service": other.Config.ServiceURL,
		"readonly": other.Config.ReadOnlyURL,
	} {
		d.fails(t, 1, append(with(role, url), "doctor", "--security"), "another database", "--"+role+"-url", other.Name)
		d.fails(t, 1, append(with(role, url), "serve"), "another database", "--"+role+"-url")
	}

	d.fails(t, 1, append(with("reporter", elsewhere.URL("reporter", db.Name)), "doctor"),
		"another server", "--reporter-url")
	d.fails(t, 1, append(with("reporter", other.Config.ReporterURL), "audit", "verify"), "another database")
	d.fails(t, 1, append(with("owner", other.OwnerURL), "serve"), "another database", "--owner-url")
	d.write(t, "KO.csv", goodBars)
	d.fails(t, 1, append(with("service", other.Config.ServiceURL), "import", "KO.csv"), "another database")
	contains(t, d.ok(t, append(urls(db), "doctor", "--security")...), "checks: ")
}

// psql logs in by the URL of the role that it acts as.
func TestPsqlTakesTheLoginOfItsRole(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	flags := append(urls(db), "--owner-url="+db.OwnerURL, "psql")
	for _, role := range []string{"app", "service", "readonly", "reporter", "owner"} {
		args := append(flags[:len(flags):len(flags)], "--as", role, "--", "-Atc",
			"select session_user || ' ' || current_user || ' ' || current_database()")
		login, rest, _ := strings.Cut(d.ok(t, args...), " ")
		if !strings.HasSuffix(login, "_"+role) || rest != "trading_"+role+" "+db.Name+"\n" {
			t.Errorf("--as %s logs in as %s and is %s", role, login, rest)
		}
	}
	d.ok(t, "psql", "--reporter-url="+db.Config.ReporterURL, "--as", "reporter", "--", "-Atc", "select 1")
}

// The error for a login that may not act as a role names the flag that sets another login.
func TestWrongLoginNamesTheFlag(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	d.write(t, "KO.csv", goodBars)
	d.fails(t, 1, []string{"verify", "--url=" + db.Config.ServiceURL}, "may not act as trading_app", "set URL (--url)")
	d.fails(t, 1, []string{"import", "KO.csv", "--url=" + db.Config.URL},
		"may not act as trading_service", "(--service-url)")
	d.fails(t, 1, []string{"verify", "--url=" + db.Config.URL}, "may not act as trading_", "-url)")
	d.fails(t, 1, []string{"migrate", "up", "--url=" + db.Config.URL}, "may not act as trading_owner", "--owner-url")
	d.fails(t, 1, []string{"partitions", "list", "--url=" + db.Config.URL},
		"may not act as trading_owner", "--owner-url")
	d.fails(t, 1, append(urls(db), "backup", "x.dump"), "may not act as trading_owner", "--owner-url")
}

// A login that owns nothing and is in no role hears which login a backup wants, not of a schema that it may not enter.
func TestBackupAsAnotherLogin(t *testing.T) {
	t.Parallel()
	d, server := newDesk(t), managed(t)
	runSQL(t, server.URL("master", "managed"), d.ok(t, "roles", "sql", "--database", "managed"),
		"grant connect on database managed to blotter_stranger")
	d.ok(t, "migrate", "up", "--url", server.URL("owner", "managed"))
	d.fails(t, 1, []string{"backup", "x.dump", "--url=" + server.URL("stranger", "managed")},
		"may not act as trading_owner", "--owner-url")
}

// A server whose pg_hba.conf has no line for a connection may want TLS.
func TestServerThatWantsTLS(t *testing.T) {
	t.Parallel()

	d, server := newDesk(t), managed(t)
	hba := filepath.Join(server.DataDir, "pg", "pg_hba.conf")
	text, err := os.ReadFile(hba)
	if err == nil {
		err = os.WriteFile(hba, append([]byte("local all blotter_stranger reject\n"), text...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}

	runSQL(t, server.AdminURL("postgres"), "select pg_reload_conf()")
	until(t, "the server has read it", func() bool {
		r := d.run(t, "verify", "--url="+server.URL("stranger", "managed"))
		return strings.Contains(r.err, "no encryption")
	})
	d.fails(t, 1, []string{"verify", "--url=" + server.URL("stranger", "managed")}, "no encryption",
		"the server wants TLS", "sslmode=verify-full")
}

// The error for an invalid URL does not contain the URL.
func TestBadURLsAreExplained(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	key := d.write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Headers: map[string]string{
			"Proc-Type": "4,ENCRYPTED",
			"DEK-Info":  "AES-128-CBC,00112233445566778899AABBCCDDEEFF",
		}, Bytes: make([]byte, 32),
	})))
	for query, want := range map[string]string{
		"sslmode=bogus": "sslmode is invalid",
		"sslmode=verify-full&sslrootcert=" + filepath.Join(d.dir, "none.pem"): "sslrootcert",
		"sslmode=require&sslkey=" + key + "&sslcert=" + key + "&sslpassword=" +
			password: "sslpassword is not the one of sslkey",
		"sslmode=require&sslkey=" + key + "&sslcert=" + key:                                 "sslpassword is missing",
		"service=prod&servicefile=" + filepath.Join(d.dir, "nosuchfile") + "&x=" + password: "service file",
	} {
		r := d.fails(t, 2, []string{"verify", "--url=postgres://me:" + password + "@db.example/trading?" +
			query}, "--url: ", want)
		if strings.Contains(r.err, password) || strings.Contains(r.err, "db.example") {
			t.Errorf("the URL is in %q", r.err)
		}
	}

	d.fails(t, 2, []string{"verify", "--url=postgres://me:sslmode is invalid/ssl`: sslmode is invalid@h:x/d"}, "--url")
}
