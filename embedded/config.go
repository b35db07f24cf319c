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

// Config says where the server lives. The zero value works.
type Config struct {
	// DataDir is the data folder. Default: DefaultDataDir().
	DataDir string
	// BinDir holds the programs postgres and initdb. Default: $BLOTTER_POSTGRES, else found on PATH, in the usual
	// folders, or downloaded.
	BinDir string
	// Port is a TCP port of 127.0.0.1 that the server listens on besides its socket, with passwords. Default 0: none.
	Port int
	// Temporary makes a throw-away server: fast, without safety against a crash of the machine, its folder removed when
	// it stops.
	Temporary bool
	// Logger gets one line for each change of state. Default slog.Default().
	Logger *slog.Logger
}

// Database is the name of the database that the server holds.
const Database = "blotter"

// ErrInUse says that another process owns the data folder.
var ErrInUse = errors.New("the data folder is in use")

// ErrNotRunning says that no server runs on the data folder.
var ErrNotRunning = errors.New("no server is running")

// DefaultDataDir is the user's folder for data of blotter: $XDG_DATA_HOME/blotter, ~/.local/share/blotter, on macOS
// ~/Library/Application Support/blotter, and for root, whose home other users cannot enter, /var/lib/blotter.
func DefaultDataDir() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) { // a relative one is not valid
		return filepath.Join(dir, "blotter"), nil
	}
	if os.Getuid() == 0 {
		return "/var/lib/blotter", nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("there is no home folder for the data (%w); set --data-dir", err)
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

// State is what is known of the server of a data folder.
type State struct {
	Running   bool   `json:"running"`
	DataDir   string `json:"data_dir"`
	PID       int    `json:"pid,omitempty"`       // of the server
	OwnerPID  int    `json:"owner_pid,omitempty"` // of the process that the server ends with; 0 after Up
	SocketDir string `json:"socket_dir,omitempty"`
	Port      int    `json:"port,omitempty"` // TCP port; 0 where there is only the socket
	Major     int    `json:"major,omitempty"`
	BinDir    string `json:"bin_dir,omitempty"`
	Since     string `json:"since,omitempty"` // RFC 3339
}

// URL is the URL by which a login ("all", "app", "service", "readonly", "reporter", "owner") reaches a database of the
// server through its socket. Entering the socket's folder takes the place of a password.
func (s State) URL(login, database string) string {
	return fmt.Sprintf("postgres://blotter_%s@/%s?host=%s&port=%d", login, database, escape(s.SocketDir), s.socketPort())
}

func (s State) socketPort() int {
	if s.Port != 0 {
		return s.Port
	}
	return 5432
}

// ProgramURL is the URL by which a program reaches the database of the server with one login, as postgres.Config.URL.
func (s State) ProgramURL() string { return s.URL("all", Database) }

// Config is what postgres.Open needs: every pool with the login of its role.
func (s State) Config() postgres.Config { return s.ConfigFor(Database) }

// ConfigFor is Config for another database of the server.
func (s State) ConfigFor(database string) postgres.Config {
	return postgres.Config{
		URL: s.URL("app", database), ReadOnlyURL: s.URL("readonly", database),
		ServiceURL: s.URL("service", database), ReporterURL: s.URL("reporter", database),
	}
}

// OwnerURL is for migrations.
func (s State) OwnerURL() string { return s.URL("owner", Database) }

// AdminURL is the superuser's, for making databases and logins; nothing else uses it.
func (s State) AdminURL(database string) string { return s.URL("admin", database) }

// PasswordFile holds the logins' passwords for the TCP port.
func (s State) PasswordFile() string { return filepath.Join(s.DataDir, "passwords.json") }
