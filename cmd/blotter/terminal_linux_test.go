package main_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/blotterdb/blotter/pgtest"
)

// terminal is a pseudo terminal that a command runs on.
type terminal struct {
	t      *testing.T
	master *os.File
	slave  *os.File
	mu     sync.Mutex
	shown  bytes.Buffer
}

// newTerminal opens a terminal of so many columns.
func newTerminal(t *testing.T, columns int) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var number, unlocked uint32
	size := [4]uint16{24, uint16(columns), 0, 0}
	control(t, master, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked))
	control(t, master, syscall.TIOCGPTN, unsafe.Pointer(&number))
	control(t, master, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}

	term := &terminal{t: t, master: master, slave: slave}
	go func() { _, _ = io.Copy(term, master) }()
	t.Cleanup(func() { _ = slave.Close(); _ = master.Close() })
	return term
}

func control(t *testing.T, file *os.File, request uintptr, argument unsafe.Pointer) {
	t.Helper()
	if _, _, failure := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), request, uintptr(argument)); failure != 0 {
		t.Fatal(failure)
	}
}

func (term *terminal) Write(text []byte) (int, error) {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.shown.Write(text)
}

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return strings.ReplaceAll(term.shown.String(), "\r\n", "\n")
}

// run runs the program on the terminal. When it shows question, answer is typed. It returns what the terminal shows and
// the exit status.
func (term *terminal) run(d *desk, question, answer string, args ...string) (string, int) {
	term.t.Helper()
	cmd := d.command(args...)
	cmd.Stdin = term.slave
	cmd.Stdout = term.slave
	cmd.Stderr = term.slave
	if err := cmd.Start(); err != nil {
		term.t.Fatal(err)
	}
	if question != "" {
		until(term.t, "the terminal shows "+question, func() bool { return strings.Contains(term.text(), question) })
		if _, err := io.WriteString(term.master, answer+"\n"); err != nil {
			term.t.Fatal(err)
		}
	}
	_ = cmd.Wait()

	const end = "[end of the command]"
	if _, err := io.WriteString(term.slave, end); err != nil {
		term.t.Fatal(err)
	}
	until(term.t, "the terminal shows all", func() bool { return strings.HasSuffix(term.text(), end) })
	return strings.TrimSuffix(term.text(), end), cmd.ProcessState.ExitCode()
}

// On a terminal an import asks before it makes an account.
func TestImportAsksForAccount(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	d.write(t, "fills.csv", fills)
	d.ok(t, "accounts", "create", "DEPOT")
	args := []string{"trades", "import", "fills.csv", "--account", "DEPTO"}

	shown, status := newTerminal(t, 80).run(d, "create it? [y/N]", "", args...)
	contains(t, shown, `there is no account "DEPTO" (similar: DEPOT)`, "not confirmed; nothing was changed")
	if status != 1 || strings.Contains(d.ok(t, "accounts", "list"), "DEPTO") {
		t.Errorf("declined: exit status %d", status)
	}

	shown, status = newTerminal(t, 80).run(d, "create it? [y/N]", "yes", args...)
	contains(t, shown, "fills.csv")
	if status != 0 || !strings.Contains(d.ok(t, "accounts", "list"), "DEPTO") {
		t.Errorf("confirmed: exit status %d", status)
	}
}

// A command that makes up what it writes does not do so in a database of --url unasked.
func TestDemoAsksForURL(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	d.fails(t, 2, append(urls(db), "demo"), "made-up trades of account DEMO in the database of --url",
		"give --yes to allow it")
	d.fails(t, 2, append(urls(db), "load"), "LOAD-1", "give --yes to allow it")
	shown, status := newTerminal(t, 80).run(d, "continue? [y/N]", "n", append(urls(db), "demo")...)
	if status != 1 {
		t.Errorf("declined: exit status %d\n%s", status, shown)
	}
	if n := pgtest.Value[int](t, db, "select count(*) from execution.accounts"); n != 0 {
		t.Errorf("%d accounts were made without consent", n)
	}
	contains(t, d.ok(t, append(urls(db), "demo", "--yes")...), "verified: 3 positions")
}

// down does not pull the database away from under other programs.
func TestDownRefusesWhileInUse(t *testing.T) {
	t.Parallel()
	d := newOwnBook(t)
	d.ok(t, "up")
	t.Cleanup(func() { d.run(t, "down", "--force") })
	one := d.serve(t)
	d.fails(t, 1, []string{"down"}, "the database is in use by blotter", "--force")
	contains(t, d.ok(t, "status"), "running")
	one.end()
	contains(t, d.ok(t, "down"), "stopped")
	contains(t, d.ok(t, "down"), "not running")

	d.ok(t, "up")
	psql := d.command("psql", "--", "-At")
	input, err := psql.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output := &terminal{}
	psql.Stdout = output
	if err := psql.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(input, "select 'connect' || 'ed';\n"); err != nil {
		t.Fatal(err)
	}
	until(t, "psql is connected", func() bool { return strings.Contains(output.text(), "connected") })
	d.fails(t, 1, []string{"down"}, "the database is in use by", "psql")
	contains(t, d.ok(t, "down", "--force"), "stopped")
	_ = input.Close()
	_ = psql.Wait()
}
