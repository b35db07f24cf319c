package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/blotterdb/blotter/internal/libpq"
	"github.com/blotterdb/blotter/internal/ownership"
	"github.com/jackc/pgx/v5"
)

// checkPassfiles makes the program ignore a password file that others may read, with a warning, like PostgreSQL's own
// programs. Such a file is an error if a URL names it.
func (s *settings) checkPassfiles() error {
	for _, l := range s.logins() {
		if path := libpq.Settings(l.url).Get("passfile"); path != "" {
			if problem := passfileProblem(path); problem != "" {
				return usagef("%s: the password file %s %s; chmod 600 %[2]s", l.flag, path, problem)
			}
		}
	}

	path := os.Getenv("PGPASSFILE")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil
		}
		path = filepath.Join(home, ".pgpass")
	}
	problem := passfileProblem(path)
	if problem == "" {
		return nil
	}

	before := s.passwords()
	// No file can have this path. A missing file is not an error, neither here nor in the programs that are started.
	if err := os.Setenv("PGPASSFILE", filepath.Join(os.DevNull, "pgpass")); err != nil {
		return err
	}
	for flag, password := range s.passwords() {
		if password != before[flag] {
			fmt.Fprintf(os.Stderr, "blotter: warning: password file %s is ignored: it %s; chmod 600 it\n",
				path, problem)
			return nil
		}
	}
	return nil
}

// passfileProblem returns the reason why PostgreSQL's programs would ignore a password file, or "".
func passfileProblem(path string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil || runtime.GOOS == "windows":
		return ""
	case !info.Mode().IsRegular():
		return "is not a plain file"
	case info.Mode().Perm()&0o077 != 0:
		return "has group or world access"
	}
	return ""
}

// passwords returns the password of each login, by its flag, wherever it comes from.
func (s *settings) passwords() map[string]string {
	found := map[string]string{}
	for _, l := range s.logins() {
		if cfg, err := pgx.ParseConfig(l.url); l.url != "" && err == nil {
			found[l.flag] = cfg.Password
		}
	}
	return found
}

// checkSockets returns an error for a socket of somebody else in a folder that everybody may write, such as /tmp,
// because that user could pretend to be the server.
func (s *settings) checkSockets() error {
	for _, l := range s.logins() {
		if l.url == "" {
			continue
		}
		cfg, err := pgx.ParseConfig(l.url)
		if err != nil {
			continue // checkURLs has reported it
		}

		if err := checkSocket(cfg.Host, cfg.Port); err != nil {
			return usageError{fmt.Errorf("%s: %w", l.flag, err)}
		}
		for _, other := range cfg.Fallbacks {
			if err := checkSocket(other.Host, other.Port); err != nil {
				return usageError{fmt.Errorf("%s: %w", l.flag, err)}
			}
		}
	}
	return nil
}

func checkSocket(folder string, port uint16) error {
	if !strings.HasPrefix(folder, "/") {
		return nil
	}
	info, err := os.Stat(folder)
	if err != nil || info.Mode().Perm()&0o002 == 0 {
		return nil
	}
	socket := filepath.Join(folder, fmt.Sprintf(".s.PGSQL.%d", port))
	info, err = os.Lstat(socket)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}

	owner, isKnown := ownership.Owner(info)
	if !isKnown || owner == 0 || owner == os.Geteuid() || owner == serverAccount() {
		return nil
	}
	return fmt.Errorf("everybody can put a socket into %s, and %s belongs to user %d; "+
		"let the server use a folder that only its user may write (unix_socket_directories), "+
		"or connect to 127.0.0.1 with a password", folder, socket, owner)
}

// serverAccount returns the number of the user that packages of PostgreSQL run the server as, or -1.
func serverAccount() int {
	u, err := user.Lookup("postgres")
	if err != nil {
		return -1
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return -1
	}
	return uid
}
