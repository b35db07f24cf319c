package embedded

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter/internal/ownership"
)

// MajorMin is the oldest major version of PostgreSQL that blotter works with.
const MajorMin = 15

// Binaries are the programs of one PostgreSQL installation.
type Binaries struct {
	Dir   string // holds postgres, initdb, psql, ...
	Major int
}

// Path returns the full path of a program.
func (b Binaries) Path(program string) string { return filepath.Join(b.Dir, program) }

// usualFolders lists the folders in which packages install the programs: Debian and Ubuntu, Red Hat and Fedora,
// Homebrew (ARM and Intel), Postgres.app, a build from source.
var usualFolders = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql@*/bin", "/opt/homebrew/opt/postgresql/bin",
	"/usr/local/opt/postgresql@*/bin", "/usr/local/opt/postgresql/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/usr/local/pgsql/bin", "/usr/bin",
}

// Find finds PostgreSQL 15 or newer: in setting (a folder of programs) if that is not empty, otherwise on PATH, in
// the usual folders, and in cache, which has an earlier download. It returns the programs of the wanted major
// version, or the newest if wanted is 0. If there are none, it downloads them to cache. If that fails too, the error
// says what to install.
func Find(ctx context.Context, setting, cache string, wanted int) (Binaries, error) {
	if setting != "" {
		b, err := inspectSetting(ctx, setting, wanted)
		return b, withCause(ctx, err)
	}

	found := search(ctx, cache)
	if err := ctx.Err(); err != nil { // then the search was incomplete
		return Binaries{}, fmt.Errorf("find PostgreSQL: %w", err)
	}

	for _, b := range found {
		if wanted == 0 || b.Major == wanted {
			return b, nil
		}
	}

	if wanted != 0 && len(found) > 0 {
		return Binaries{}, wrongMajor(wanted, found[0].Major)
	}
	if cache == "" {
		return Binaries{}, fmt.Errorf("no PostgreSQL %d or newer is installed: %s", MajorMin, installHint())
	}

	b, err := download(ctx, cache)
	switch {
	case err != nil:
		return Binaries{}, fmt.Errorf("no PostgreSQL %d or newer is installed and none could be downloaded (%w): %s",
			MajorMin, err, installHint())
	case wanted != 0 && b.Major != wanted:
		return Binaries{}, wrongMajor(wanted, b.Major)
	}

	return b, nil
}

func wrongMajor(wanted, found int) error {
	return fmt.Errorf("the data folder was made by PostgreSQL %d, and only %d is installed; install PostgreSQL "+
		"%[1]d again or choose another --data-dir",
		wanted, found)
}

func inspectSetting(ctx context.Context, dir string, wanted int) (Binaries, error) {
	b, err := inspect(ctx, dir)
	switch {
	case err != nil:
		return Binaries{}, fmt.Errorf("%s holds no PostgreSQL programs (%v); set --postgres to the folder that "+
			"holds postgres and initdb", dir, err)
	case b.Major < MajorMin:
		return Binaries{}, fmt.Errorf("%s holds PostgreSQL %d and blotter needs %d or newer", dir, b.Major, MajorMin)
	case wanted != 0 && b.Major != wanted:
		return Binaries{}, fmt.Errorf("the data folder was made by PostgreSQL %d and %s holds %d; choose another "+
			"--data-dir or --postgres", wanted, dir, b.Major)
	}

	return b, nil
}

// search returns the installations that it finds, newest first.
func search(ctx context.Context, cache string) []Binaries {
	var dirs []string
	if path, err := ownership.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		dirs = append(dirs, filepath.Dir(path))
	}

	for _, pattern := range usualFolders {
		matches, _ := filepath.Glob(pattern)
		dirs = append(dirs, matches...)
	}

	if cache != "" && isUsableCache(cache) {
		dirs = append(dirs, filepath.Join(cache, "bin"))
	}

	var found []Binaries
	for _, dir := range dirs {
		if b, err := inspect(ctx, dir); err == nil && b.Major >= MajorMin {
			found = append(found, b)
		}
	}

	slices.SortStableFunc(found, func(a, b Binaries) int { return b.Major - a.Major })
	return found
}

// isUsableCache reports whether the programs of an earlier download may be run, because nobody else can change them.
func isUsableCache(cache string) bool {
	bin := Binaries{Dir: filepath.Join(cache, "bin")}
	for _, program := range []string{"postgres", "initdb"} {
		if ownership.Check(bin.Path(program)) != nil {
			return false
		}
	}
	return true
}

var versionNumber = regexp.MustCompile(`\) (\d+)`)

// inspect reads the version of the programs in dir, which must contain postgres and initdb.
func inspect(ctx context.Context, dir string) (Binaries, error) {
	b := Binaries{Dir: dir}
	if _, err := os.Stat(b.Path("initdb")); err != nil {
		return b, err
	}

	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()

	out, err := exec.CommandContext(ctx, b.Path("postgres"), "--version").Output()
	if err != nil {
		return b, err
	}

	match := versionNumber.FindSubmatch(out)
	if match == nil {
		return b, fmt.Errorf("%s --version says %q", b.Path("postgres"), strings.TrimSpace(string(out)))
	}

	b.Major, err = strconv.Atoi(string(match[1]))
	return b, err
}

// installHint returns one sentence that says what to install on this system.
func installHint() string {
	release, _ := os.ReadFile("/etc/os-release")
	return installHintFor(runtime.GOOS, string(release))
}

// installHintFor is installHint for a system and its os-release(5), of which it reads ID and ID_LIKE.
func installHintFor(system, release string) string {
	if system == "darwin" {
		return "install it with brew install postgresql@17"
	}

	names := ""
	for line := range strings.Lines(strings.ToLower(release)) {
		if key, value, _ := strings.Cut(line, "="); key == "id" || key == "id_like" {
			names += " " + value
		}
	}

	for _, known := range []struct{ name, command string }{
		{"debian", "apt-get install postgresql"},
		{"ubuntu", "apt-get install postgresql"},
		{"fedora", "dnf install postgresql-server"},
		{"rhel", "dnf install postgresql-server"},
		{"suse", "zypper install postgresql-server"},
		{"alpine", "apk add postgresql"},
		{"arch", "pacman -S postgresql"},
	} {
		if strings.Contains(names, known.name) {
			return "install it with " + known.command
		}
	}

	return "install it from your system's packages, or set --url to a database elsewhere"
}
