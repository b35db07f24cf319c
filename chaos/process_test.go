package chaos_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// process is a process of the test binary that is there to be killed.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ready chan struct{} // closed when it has said that it works
	said  output
}

// output holds what a process complained of.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(text)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// spawn starts the test binary as what the variable says, with these orders.
func spawn(t *testing.T, variable string, o any, env ...string) *process {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}

	p := &process{cmd: exec.Command(os.Args[0]), ready: make(chan struct{})}
	p.cmd.Env = append(append(os.Environ(), variable+"="+string(text)), env...)
	p.cmd.Stderr = &p.said
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		p.stdin, err = p.cmd.StdinPipe()
	}
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}

	go func() {
		if line, _ := bufio.NewReader(out).ReadString('\n'); line == "works\n" {
			close(p.ready)
		}
	}()
	return p
}

// works waits until the process does its work.
func (p *process) works(t *testing.T) bool {
	t.Helper()
	select {
	case <-p.ready:
		return true
	case <-time.After(time.Minute):
		t.Errorf("a process does not come to work: %s", p.said.String())
		return false
	}
}

// kill kills the process with kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.stdin.Close()
}
