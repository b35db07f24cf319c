package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// readmeProgram returns the first Go program of the README.
func readmeProgram(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "```go\npackage main\n")
	program, _, closed := strings.Cut(after, "```")
	if !found || !closed {
		t.Fatal("the README has no Go program")
	}
	return "package main\n" + program
}

// buildGo builds a program that uses this module.
func buildGo(t *testing.T, d *desk, name, source string) string {
	t.Helper()
	file := d.write(t, name+"/main.go", source)
	built := filepath.Join(d.dir, name, "program")
	cmd := exec.Command("go", "build", "-o", built, file)
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", name, err, out)
	}
	return built
}

// The README's program runs as it stands there, on the URL that status prints, and so do the two lines that find the
// book.
func TestReadmeProgram(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	program := buildGo(t, d, "readme", readmeProgram(t))
	opening := buildGo(t, d, "opening", `package main

import (
	"context"
	"fmt"
	"log"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/postgres"
)

func main() {
	ctx := blotter.WithAllAccounts(context.Background())
	state, err := embedded.Attach(embedded.Config{})
	if err != nil {
		log.Fatal(err)
	}
	db, err := postgres.Open(ctx, state.Config())
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	v, err := db.Verify(ctx)
	fmt.Println(v.Trades, "trades", err)
}
`)
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(text), "state, err := embedded.Attach(embedded.Config{})",
		"db, err := postgres.Open(ctx, state.Config())")

	d.ok(t, "up")
	t.Cleanup(func() { d.run(t, "down", "--force") })
	var state struct{ URL string }
	if err := json.Unmarshal([]byte(d.ok(t, "status", "--json")), &state); err != nil {
		t.Fatal(err)
	}
	contains(t, d.ok(t, "status"), "  URL     "+state.URL+"\n")
	for _, want := range []string{"applied 40\n", "duplicate 40\n"} {
		cmd := exec.Command(program)
		cmd.Env = append(d.env, "DATABASE_URL="+state.URL)
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("the README's program: %v, %q, want %q", err, out, want)
		}
	}
	cmd := exec.Command(opening)
	cmd.Env = d.env
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "1 trades <nil>\n" {
		t.Errorf("opening the local book: %v, %q", err, out)
	}

	// The login sees no more than it needs: it owns nothing, and doctor finds no fault with it.
	contains(t, d.ok(t, "verify", "--url", state.URL), "verified: 1 positions and 1 orders, from 1 trades")
	contains(t, d.ok(t, "doctor", "--security", "--strict"), "all is well")
	d.fails(t, 1, []string{"migrate", "up", "--url", state.URL}, "trading_owner")
}
