package libpq

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestTargetHasNoPassword(t *testing.T) {
	const secret = "S3cr3t"
	for _, text := range []string{
		"postgres://me:" + secret + "@db.example:5433/book?sslmode=disable",
		"postgres://me@db.example:5433/book?sslmode=disable&password=" + secret,
		"host=db.example port=5433 user=me password='" + secret + "' dbname=book sslmode=disable",
	} {
		target, env, err := Target(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}

		if strings.Contains(target, secret) || !strings.Contains(target, "db.example") {
			t.Errorf("the target of %s is %s", text, target)
		}
		if !slices.Contains(env, "PGPASSWORD="+secret) {
			t.Errorf("the environment of %s lacks the password", text)
		}
	}
}

func TestInvalidURLIsNotRepeated(t *testing.T) {
	for _, text := range []string{"postgres://me:S3cr3t@%zz", "postgres://me:S3cr3t@h:port/d"} {
		_, _, err := Target(text)
		if !errors.Is(err, ErrInvalidURL) || strings.Contains(err.Error(), "S3cr3t") {
			t.Errorf("Target(%q): %v, want ErrInvalidURL", text, err)
		}
		if _, err := Environment(text); !errors.Is(err, ErrInvalidURL) {
			t.Errorf("Environment(%q): %v, want ErrInvalidURL", text, err)
		}
	}
}

func TestEnvironmentSecuresTheLinkAsTheURLAsks(t *testing.T) {
	env, err := Environment("postgres://me:pass@h:5433/book?sslmode=prefer&connect_timeout=7")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"PGSSLMODE=prefer", "PGCONNECT_TIMEOUT=7", "PGHOST=h", "PGPORT=5433", "PGDATABASE=book",
		"PGUSER=me", "PGPASSWORD=pass",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
}

func TestKeySecretIsInAFileOfTheOwner(t *testing.T) {
	t.Setenv("PGSERVICE", "")
	env, remove, err := KeySecret("postgres://me@h/d?sslpassword=S3cr3t")
	if err != nil || len(env) != 2 {
		t.Fatalf("%v, %v", env, err)
	}
	file := strings.TrimPrefix(env[0], "PGSERVICEFILE=")

	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v, want 0600", info.Mode(), err)
	}
	text, err := os.ReadFile(file)
	if err != nil || string(text) != "[blotter]\nsslpassword=S3cr3t\n" {
		t.Errorf("the file contains %q, %v", text, err)
	}

	remove()
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after remove: %v, want no file", err)
	}
}

func TestKeySecretsThatTheFileCannotHold(t *testing.T) {
	t.Setenv("PGSERVICE", "")
	for _, text := range []string{
		"postgres://me@h/d?sslpassword=a%0Ab", "postgres://me@h/d?sslpassword=%20a",
		"postgres://me@h/d?sslpassword=a&service=s",
	} {
		if _, _, err := KeySecret(text); err == nil {
			t.Errorf("%s: want an error", text)
		}
	}
}
