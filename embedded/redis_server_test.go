//go:build unix

package embedded_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/embedded"
)

// ask sends Redis a command and returns the first line of its answer.
func ask(url string, words ...string) string {
	network, address, _ := strings.Cut(url, "://")
	if network == "redis" {
		network = "tcp"
	}

	conn, err := net.Dial(network, address)
	if err != nil {
		return ""
	}
	defer conn.Close()

	fmt.Fprintf(conn, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(word), word)
	}

	answer, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(answer)
}

// TestRedisServerRestart checks that a killed server restarts at the same address with the data that it had saved,
// and without the rest.
func TestRedisServerRestart(t *testing.T) {
	t.Parallel()

	port := freePort(t)
	for name, cfg := range map[string]embedded.RedisConfig{
		"socket": {}, "port": {Port: port}, "folder": {Dir: t.TempDir()},
	} {
		server, err := embedded.StartRedisServer(t.Context(), cfg)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}

		url := server.URL
		for _, words := range [][]string{{"SET", "a", "1"}, {"SAVE"}, {"SET", "b", "1"}} {
			if answer := ask(url, words...); answer != "+OK" {
				t.Errorf("%s: %v was answered %q", name, words, answer)
			}
		}

		server.Kill()
		server.Kill()
		if answer := ask(url, "PING"); answer != "" {
			t.Errorf("%s: a killed server answers %q", name, answer)
		}
		if err := server.Restart(t.Context()); err != nil || server.URL != url {
			t.Fatalf("%s: %s, %v", name, server.URL, err)
		}
		if a, b := ask(url, "EXISTS", "a"), ask(url, "EXISTS", "b"); a != ":1" || b != ":0" {
			t.Errorf("%s: saved %s, not saved %s", name, a, b)
		}

		dir := filepath.Dir(strings.TrimPrefix(url, "unix://"))
		for range 2 {
			if err := server.Stop(); err != nil {
				t.Error(err)
			}
		}

		if _, err := os.Stat(dir); name == "socket" && !os.IsNotExist(err) {
			t.Errorf("the temporary folder is still there: %v", err)
		}
	}
}

func TestRedisServerStartError(t *testing.T) {
	t.Parallel()

	_, err := embedded.StartRedisServer(t.Context(), embedded.RedisConfig{Args: []string{"--no-such-option", "1"}})
	if err == nil || !strings.Contains(err.Error(), "Bad directive") {
		t.Errorf("it says %v", err)
	}
}
