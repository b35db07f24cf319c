package embedded

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"github.com/jackc/pgx/v5"
)

// logins lists the database logins with the roles of which each is a member.
var logins = map[string][]string{
	"blotter_app":      {"trading_app"},
	"blotter_service":  {"trading_service"},
	"blotter_readonly": {"trading_readonly"},
	"blotter_reporter": {"trading_reporter"},
	"blotter_owner":    {"trading_owner"},
	localLogin:         {"trading_app", "trading_service", "trading_readonly", "trading_reporter"},
}

// localLogin is the login of programs on this machine that open the database with one URL. It has no password, so it
// can only log in through the socket, and everybody who can do that can use the other logins too.
const localLogin = "blotter_all"

// sqlMarkLocal marks the login for the check security_several_roles of package monitor, which ignores it.
const sqlMarkLocal = `comment on role ` + localLogin + ` is 'blotter: programs on this machine'`

func escape(path string) string { return url.QueryEscape(path) }

// prepareLogins creates missing roles and logins, and the database. The passwords are for the TCP port. They are in
// passwords.json, which only its owner may read.
func prepareLogins(ctx context.Context, s State) error {
	conn, err := pgx.Connect(ctx, s.AdminURL("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the new server: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))

	passwords, err := readPasswords(s.DataDir)
	if err != nil {
		return err
	}

	var replica bool
	if err := conn.QueryRow(ctx, "select pg_is_in_recovery()").Scan(&replica); err != nil {
		return fmt.Errorf("ask the new server whether it is a replica: %w", err)
	}
	if replica { // its logins are those of its primary
		return nil
	}

	for login, roles := range logins {
		statements := []string{makeRole(login, "login")}
		if login == localLogin {
			statements = append(statements, sqlMarkLocal)
		} else {
			statements = append(statements, fmt.Sprintf("alter role %s password '%s'", login, passwords[login]))
		}

		for _, role := range roles {
			statements = append(statements, makeRole(role, "nologin"), fmt.Sprintf("grant %s to %s", role, login))
		}

		for _, sql := range statements {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return fmt.Errorf("prepare login %s: %w", login, err)
			}
		}
	}

	// The checks of package monitor need to see the sessions of other logins.
	if _, err := conn.Exec(ctx, "grant pg_read_all_stats to trading_reporter"); err != nil {
		return fmt.Errorf("prepare role trading_reporter: %w", err)
	}

	var exists bool
	err = conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", Database).Scan(&exists)
	if err != nil || exists {
		return err
	}

	_, err = conn.Exec(ctx, "create database "+Database+" owner trading_owner")
	return err
}

func makeRole(name, kind string) string {
	return fmt.Sprintf(`do $$ begin
		if not exists (select from pg_roles where rolname = '%s') then create role %[1]s %s; end if;
	end $$`, name, kind)
}

// readPasswords reads the passwords of the logins, and creates missing ones.
func readPasswords(dataDir string) (map[string]string, error) {
	path := State{DataDir: dataDir}.PasswordFile()
	passwords := map[string]string{}
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}

	if err == nil {
		if err := json.Unmarshal(text, &passwords); err != nil {
			return nil, fmt.Errorf("%s is damaged (%w); remove it, and new passwords are created", path, err)
		}
	}

	known := len(passwords)
	for login := range logins {
		if passwords[login] == "" && login != localLogin {
			passwords[login] = rand.Text()
		}
	}

	if len(passwords) == known {
		return passwords, nil
	}
	if text, err = json.MarshalIndent(passwords, "", "  "); err != nil {
		return nil, err
	}

	return passwords, writeFile(path, text)
}

// writeFile replaces a file atomically. Only its owner may read it.
func writeFile(path string, text []byte) error {
	temporary := path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}

	// The folder may belong to the server's user, who must not make root write through a link.
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}

	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}

	return os.Rename(temporary, path)
}
