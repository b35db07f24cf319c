package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"github.com/blotterdb/blotter/postgres"
)

// Config configures a server. The zero value works.
type Config struct {
	// DataDir is the data folder. Default: DefaultDataDir().
	DataDir string
	// BinDir is the folder of the programs postgres and initdb. Default: $BLOTTER_POSTGRES; otherwise they are
	// searched on PATH and in the usual folders, or downloaded.
	BinDir string
	// Port is a TCP port of 127.0.0.1 on which the server listens too, with passwords. Default 0: only the socket.
	Port int
	// Temporary makes the server fast but unsafe in a crash of the machine, and removes its folder when it stops.
	Temporary bool
	// Logger logs each change of state. Default slog.Default().
	Logger *slog.Logger
}

// Database is the name of the server's database.
const Database = "blotter"

// ErrInUse means that another process owns the data folder.
var ErrInUse = errors.New("the data folder is in use")

// ErrNotRunning means that no server runs on the data folder.
var ErrNotRunning = errors.New("no server is running")

// DefaultDataDir returns the data folder of the user: $XDG_DATA_HOME/blotter, ~/.local/share/blotter, or on macOS
// ~/Library/Application Support/blotter. For root, whose home other users cannot enter, it is /var/lib/blotter.
func DefaultDataDir() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) { // a relative one is not valid
		return filepath.Join(dir, "blotter"), nil
	}
	if os.Getuid() == 0 {
		return "/var/lib/blotter", nil
	}

	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the home folder for the data: %w; set --data-dir", err)
	}

	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "blotter"), nil
	}

	return filepath.Join(home, ".local", "share", "blotter"), nil
}

func (c Config) withDefaults() (Config, error) {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.BinDir == "" {
		c.BinDir = os.Getenv("BLOTTER_POSTGRES")
	}

	var err error
	if c.DataDir == "" {
		if c.DataDir, err = DefaultDataDir(); err != nil {
			return c, err
		}
	}

	c.DataDir, err = filepath.Abs(c.DataDir)
	return c, err
}

// State describes the server of a data folder.
type State struct {
	Running   bool   `json:"running"`
	DataDir   string `json:"data_dir"`
	PID       int    `json:"pid,omitempty"`       // of the server
	OwnerPID  int    `json:"owner_pid,omitempty"` // of the process with which the server ends; 0 after Up
	SocketDir string `json:"socket_dir,omitempty"`
	Port      int    `json:"port,omitempty"` // TCP port; 0 if there is only the socket
	Major     int    `json:"major,omitempty"`
	BinDir    string `json:"bin_dir,omitempty"`
	Since     string `json:"since,omitempty"` // RFC 3339
}

// URL returns the URL of a database of the server, through its socket, for a login ("all", "app", "service",
// "readonly", "reporter", "owner"). It needs no password: access to the socket's folder is enough.
func (s State) URL(login, database string) string {
	return fmt.Sprintf("postgres://blotter_%s@/%s?host=%s&port=%d", login, database, escape(s.SocketDir),
		s.socketPort())
}

func (s State) socketPort() int {
	if s.Port != 0 {
		return s.Port
	}
	return 5432
}

// ProgramURL returns the URL of the database for programs that use one login, for example as postgres.Config.URL.
func (s State) ProgramURL() string { return s.URL("all", Database) }

// Config returns the configuration for postgres.Open, with the login of its role for each pool.
func (s State) Config() postgres.Config { return s.ConfigFor(Database) }

// ConfigFor returns Config for another database of the server.
func (s State) ConfigFor(database string) postgres.Config {
	return postgres.Config{
		URL: s.URL("app", database), ReadOnlyURL: s.URL("readonly", database),
		ServiceURL: s.URL("service", database), ReporterURL: s.URL("reporter", database),
	}
}

// OwnerURL returns the URL for migrations.
func (s State) OwnerURL() string { return s.URL("owner", Database) }

// AdminURL returns the URL of the superuser. It is only for creating databases and logins.
func (s State) AdminURL(database string) string { return s.URL("admin", database) }

// PasswordFile returns the path of the file with the passwords for the TCP port.
func (s State) PasswordFile() string { return filepath.Join(s.DataDir, "passwords.json") }
