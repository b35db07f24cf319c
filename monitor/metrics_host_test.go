package monitor_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/monitor"
)

// TestCheckHost checks that a web page cannot read the answers by pointing its own name here.
func TestCheckHost(t *testing.T) {
	t.Parallel()

	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}

	short, _, _ := strings.Cut(machine, ".")
	handler := monitor.CheckHost(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w,
			"secret")
	}),
		"Metrics.Example.COM")

	for host, want := range map[string]int{
		"":                               http.StatusOK,
		"localhost":                      http.StatusOK,
		"LocalHost.:9187":                http.StatusOK,
		"blotter.localhost:9187":         http.StatusOK,
		"127.0.0.1:9187":                 http.StatusOK,
		"10.1.2.3":                       http.StatusOK,
		"[::1]:9187":                     http.StatusOK,
		"[fe80::1%25eth0]":               http.StatusOK,
		"::1":                            http.StatusOK,
		machine:                          http.StatusOK,
		strings.ToUpper(short) + ":9187": http.StatusOK,
		"metrics.example.com:9187":       http.StatusOK,
		"metrics.example.com.":           http.StatusOK,
		"evil.example":                   http.StatusMisdirectedRequest,
		"evil.example:9187":              http.StatusMisdirectedRequest,
		"localhost.evil.example":         http.StatusMisdirectedRequest,
		"evillocalhost":                  http.StatusMisdirectedRequest,
		"127.0.0.1.evil.example":         http.StatusMisdirectedRequest,
		"0x7f000001.evil.example":        http.StatusMisdirectedRequest,
		"x.metrics.example.com":          http.StatusMisdirectedRequest,
		"127.0.0.1:x@evil.example":       http.StatusMisdirectedRequest,
	} {
		request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		request.Host = host
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		body := answer.Body.String()
		if answer.Code != want {
			t.Errorf("%q is answered with %d, want %d", host, answer.Code, want)
		}
		if want != http.StatusOK && (!strings.Contains(body, "--http-host") || strings.Contains(body, "secret")) {
			t.Errorf("%q is answered with %q", host, body)
		}
	}
}

// TestServerChecksHost checks that a server checks the names of requests, and knows the name on which it listens.
func TestServerChecksHost(t *testing.T) {
	t.Parallel()

	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "secret") })
	s := monitor.NewServer(handler, monitor.ServerConfig{
		Address: "localhost:0", Hosts: []string{"metrics.example"}, Logger: silent,
	})
	start(t, s)
	t.Cleanup(func() { _ = s.Stop(context.Background()) })

	ask := func(host string) string {
		conn, err := net.Dial("tcp", s.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()

		fmt.Fprintf(conn, "GET /metrics HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
		answer, err := io.ReadAll(bufio.NewReader(conn))
		if err != nil {
			t.Fatal(err)
		}

		return string(answer)
	}

	for _, host := range []string{s.Address(), "localhost:1", "metrics.example"} {
		if answer := ask(host); !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
			t.Errorf("%s: %s", host, answer)
		}
	}

	if answer := ask("evil.example"); !strings.HasPrefix(answer, "HTTP/1.1 421 ") ||
		strings.Contains(answer, "secret") {
		t.Errorf("%s", answer)
	}
}
