package main_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/blotterdb/blotter/pgtest"
)

// processes lists what runs on the desk's data folder.
func processes(d *desk) (found []string) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		text, err := os.ReadFile(path)
		cwd, _ := os.Readlink(filepath.Join(filepath.Dir(path), "cwd"))
		if err == nil && len(text) > 0 && (strings.Contains(string(text), d.dataDir()) ||
			strings.HasPrefix(cwd, d.dataDir())) {
			found = append(found, strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return found
}

func noProcesses(t *testing.T, d *desk) {
	t.Helper()
	until(t, "nothing runs on the data folder", func() bool { return len(processes(d)) == 0 })
}

// interrupt runs the command, sends Ctrl-C when ready says so, and checks that it ends with one sentence.
func interrupt(t *testing.T, d *desk, ready func() bool, args ...string) {
	t.Helper()
	var errs bytes.Buffer
	cmd := d.command(args...)
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	until(t, "the command works", ready)
	begin := time.Now()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}

	_ = cmd.Wait()
	t.Logf("%v took %s to end", args, time.Since(begin)) // an interrupted command ends itself after 0.7 s
	if cmd.ProcessState.ExitCode() != 1 || !strings.HasPrefix(errs.String(), "blotter: interrupted; ") ||
		strings.Count(errs.String(), "\n") != 1 {
		t.Errorf("%v: %s, %q", args, cmd.ProcessState, errs.String())
	}
}

// pipe makes a file from which a command that reads it gets bars without end.
func pipe(t *testing.T, d *desk, name string) (path string, reading func() bool) {
	t.Helper()
	path = filepath.Join(d.dir, name)
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}

	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = file.Close() })
	passed := make(chan struct{})
	go func() {
		text := []byte(goodBars)
		for n := range 200_000 {
			if _, err := file.Write(text); err != nil {
				return
			}
			if text = []byte(time.Date(1700, 1, 1+n, 0, 0, 0, 0, time.UTC).Format(time.DateOnly) +
				",1,1,1,1,1,1\n"); n == 20_000 {
				close(passed)
			}
		}
	}()
	return path, func() bool {
		select {
		case <-passed:
			return true
		default:
			return false
		}
	}
}

func TestInterruptedImport(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	path, reading := pipe(t, d, "AAPL.csv")
	interrupt(t, d, reading, append(urls(db), "import", path)...)
	if n := pgtest.Value[int](t, db, "select count(*) from data_ingestion.market_data"); n != 0 {
		t.Errorf("%d bars are stored", n)
	}
	d.write(t, "KO.csv", goodBars)
	contains(t, d.ok(t, append(urls(db), "import", "KO.csv")...), "KO.csv  KO         3         3")
}

// An import that waits for a file that gives nothing ends as well.
func TestInterruptedWait(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	path := filepath.Join(d.dir, "AAPL.csv")
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}

	var file *os.File
	t.Cleanup(func() { _ = file.Close() })
	waiting := func() (opened bool) { // a pipe opens for writing when somebody reads it
		var err error
		file, err = os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		return err == nil
	}
	interrupt(t, d, waiting, append(urls(db), "import", path)...)
}

func TestInterruptedDemo(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	for _, step := range []string{"pg.new/base", "pg/postmaster.pid", "server.json"} {
		ready := func() bool {
			_, err := os.Stat(filepath.Join(d.dataDir(), step))
			return err == nil
		}
		interrupt(t, d, ready, "demo")
		noProcesses(t, d)
	}

	path, reading := pipe(t, d, "AAPL.csv")
	interrupt(t, d, reading, "demo", path)
	noProcesses(t, d)
	d.fails(t, 1, []string{"bars", "show", "AAPL"}, "no 1d bars of AAPL are stored")
	contains(t, d.ok(t, "demo"), "The last month of SYN-A")
}

// A pipe is read once: what its end meets in the table, or repeats, costs none of its rows.
func TestImportPipe(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	const rows = 40_000
	text := minutes(time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC), rows)
	d.write(t, "AAPL.csv", text)
	path := filepath.Join(d.dir, "pipe")
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}

	repeated := strings.TrimSuffix(text[strings.LastIndexByte(text[:len(text)-1], '\n')+1:], "\n")
	go func() {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			_, _ = file.WriteString(text + repeated + "\n")
			_ = file.Close()
		}
	}()
	contains(t, d.ok(t, append(urls(db), "import", path, "--symbol", "AAPL", "--timeframe",
		"1m")...), "40,001    40,000")
	d.ok(t, append(urls(db), "import", "--symbol", "AAPL", "--timeframe", "1m", "--source", "csv", "AAPL.csv")...)
	if n := pgtest.Value[int](t, db, "select count(*) from data_ingestion.market_data"); n != rows {
		t.Errorf("%d bars are stored, want %d", n, rows)
	}

	d.zip(t, "x.zip", "AAPL.csv", goodBars)
	cmd := d.command(append(urls(db), "import", "-", "--symbol", "KO")...)
	file, err := os.Open(filepath.Join(d.dir, "x.zip"))
	if err != nil {
		t.Fatal(err)
	}

	defer file.Close()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}

	go func() { _, _ = io.Copy(in, file); _ = in.Close() }()
	if out, err := cmd.CombinedOutput(); err == nil ||
		!strings.Contains(string(out), "a zip (or .xlsx) cannot be read from a stream; save it as a file first") {
		t.Errorf("a zip through a pipe: %v, %s", err, out)
	}
}
