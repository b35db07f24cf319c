package main_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	main "github.com/blotterdb/blotter/cmd/blotter"
	"github.com/blotterdb/blotter/internal/ramdisk"
	"github.com/blotterdb/blotter/pgtest"
)

// program is the file that the tests run as blotter: the test binary itself, under that name.
var program string

// TestMain is also the program: a test binary that is started as blotter acts as blotter, so that nothing is built.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "blotter" {
		os.Exit(main.Run())
	}
	os.Exit(runTests(m))
}

// runTests runs the tests with the program in a folder where every user may run it. Temporary files of tests and of the
// program are in memory, if there is room.
func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "blotter-cmd-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)

	if memory := ramdisk.Folder(); memory != "" {
		_ = os.Setenv("TMPDIR", memory)
	}
	forgetSettings(filepath.Join(dir, "config"))
	// Built with -race, the program would wait for a second at its end.
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0")

	program = filepath.Join(dir, "blotter")
	if err := errors.Join(os.Chmod(dir, 0o755), copyProgram(program)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// forgetSettings removes the tester's settings from the environment, for commands that run in this process. No settings
// are in the folder config.
func forgetSettings(config string) {
	_ = os.Setenv("XDG_CONFIG_HOME", config)
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "BLOTTER_") && name != "BLOTTER_POSTGRES" && name != "BLOTTER_TEST_URL" {
			_ = os.Unsetenv(name)
		}
	}
}

// copyProgram makes path another name of the test binary, or a copy where the file system has no links.
func copyProgram(path string) error {
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	if os.Link(binary, path) == nil {
		return os.Chmod(path, 0o755)
	}

	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o755)
}

// desk is a place to run the program: a working folder, a home and a data folder of its own.
type desk struct {
	dir   string
	env   []string
	stdin string // of the next command
	here  bool   // commands run in the process of the test
}

// newHelpDesk returns a desk for commands that end before they open a database: they run in the process of the test.
func newHelpDesk(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t)
	d.here = true
	return d
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	dir, err := os.MkdirTemp("", "blotter-desk-")
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &desk{dir: dir}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "BLOTTER_") && !strings.HasPrefix(variable, "XDG_") {
			d.env = append(d.env, variable)
		}
	}

	d.env = append(d.env, "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+filepath.Join(dir, "config"))
	if postgres := os.Getenv("BLOTTER_POSTGRES"); postgres != "" {
		d.env = append(d.env, "BLOTTER_POSTGRES="+postgres)
	}

	return d
}

// unset removes a variable from the environment of the program.
func (d *desk) unset(name string) {
	d.env = slices.DeleteFunc(d.env, func(variable string) bool { return strings.HasPrefix(variable, name+"=") })
}

// newBook returns a desk with a migrated database of its own on the server of all tests, which its commands find by
// variables.
func newBook(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t)
	db := pgtest.Open(t)
	d.env = append(d.env, "BLOTTER_URL="+db.Config.URL, "BLOTTER_READONLY_URL="+db.Config.ReadOnlyURL,
		"BLOTTER_SERVICE_URL="+db.Config.ServiceURL, "BLOTTER_REPORTER_URL="+db.Config.ReporterURL,
		"BLOTTER_OWNER_URL="+db.OwnerURL)
	return d
}

// newOwnBook returns a desk with a migrated data folder, whose server commands start themselves.
func newOwnBook(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t)
	made := pgtest.MigratedFolder(t)
	if err := os.Rename(made, d.dataDir()); err != nil {
		t.Fatalf("moving the data folder: %v", err)
	}
	return d
}

func (d *desk) dataDir() string { return filepath.Join(d.dir, "blotter") }

func (d *desk) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// zip writes a zip of the members, each a name and its text.
func (d *desk) zip(t *testing.T, name string, members ...string) string {
	t.Helper()
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	for i := 0; i < len(members); i += 2 {
		w, err := z.Create(members[i])
		if err == nil {
			_, err = io.WriteString(w, members[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}

	if err := z.Close(); err != nil {
		t.Fatal(err)
	}

	return d.write(t, name, packed.String())
}

// outcome holds the output of a run of the program, and its exit status.
type outcome struct {
	out, err string
	status   int
}

func (d *desk) command(args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = d.dir, d.env
	return cmd
}

func (d *desk) run(t *testing.T, args ...string) outcome {
	t.Helper()
	if d.here {
		out, message, status := main.RunHere(t.Context(), args...)
		return outcome{out, message, status}
	}

	var out, errs bytes.Buffer
	cmd := d.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if d.stdin != "" {
		cmd.Stdin, d.stdin = strings.NewReader(d.stdin), ""
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// ok runs the program, which must succeed in silence on standard error, and returns what it says.
func (d *desk) ok(t *testing.T, args ...string) string {
	t.Helper()
	r := d.run(t, args...)
	if r.status != 0 || r.err != "" {
		t.Fatalf("blotter %s: exit status %d\n%s%s", strings.Join(args, " "), r.status, r.out, r.err)
	}
	return r.out
}

// fails runs the program, which must end with the status and one sentence that has every part of want.
func (d *desk) fails(t *testing.T, status int, args []string, want ...string) outcome {
	t.Helper()
	r := d.run(t, args...)
	name := "blotter " + strings.Join(args, " ")
	if r.status != status {
		t.Errorf("%s: exit status %d, want %d", name, r.status, status)
	}
	if !strings.HasPrefix(r.err, "blotter: ") || strings.Count(r.err, "\n") != 1 || !strings.HasSuffix(r.err, "\n") {
		t.Errorf("%s: want one sentence, got %q", name, r.err)
	}
	if strings.Contains(r.err, " blotter: ") || strings.Contains(r.err, "goroutine") ||
		strings.Contains(r.err, "SQLSTATE") {
		t.Errorf("%s: not a sentence for people: %q", name, r.err)
	}
	for _, part := range want {
		if !strings.Contains(r.err, part) {
			t.Errorf("%s: %q does not say %q", name, r.err, part)
		}
	}

	return r
}

// contains checks that a text has every part.
func contains(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, part := range want {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}

// narrow checks that no line is wider than 80 columns, save those that hold what cannot be broken.
func narrow(t *testing.T, name, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 &&
			strings.ContainsRune(strings.TrimSpace(line), ' ') {
			t.Errorf("%s: %d columns: %s", name, n, line)
		}
	}
}

// until polls to a deadline.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
