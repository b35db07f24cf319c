//go:build unix

package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// RedisConfig says how a Redis server is started. The zero value does: a temporary one that keeps nothing.
type RedisConfig struct {
	// Dir is where the server keeps its data, and finds it when it is started again. Default a temporary folder, which is
	// removed by Stop.
	Dir string
	// Port is that of 127.0.0.1 to listen on. Default none: a socket in a private folder.
	Port int
	// Args are further ones, which win: {"--save", "1 1"} has the server write a snapshot a second after a change.
	Args []string
}

// RedisServer is a Redis server of this process: it ends with Stop, or with the process.
type RedisServer struct {
	// URL is what a Redis client connects to. It stays the same when the server is killed and started again.
	URL string

	program, dir string
	network      string
	address      string
	args         []string
	temporary    bool
	pipe         io.Closer // its closing tells the watchdog to kill the server; nil while it does not run
	exited       chan struct{}
}

// StartRedisServer finds redis-server on PATH and starts it. The caller stops it.
func StartRedisServer(ctx context.Context, cfg RedisConfig) (*RedisServer, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("there is no redis-server on PATH; install Redis (Debian: apt-get install redis-server)")
	}
	r := &RedisServer{program: program, dir: cfg.Dir, temporary: cfg.Dir == ""}
	if r.temporary {
		if r.dir, err = os.MkdirTemp("", "blotter-redis-"); err != nil {
			return nil, err
		}
	}
	if r.dir, err = filepath.Abs(r.dir); err != nil {
		return nil, err
	}
	r.network, r.address = "unix", filepath.Join(r.dir, "redis.sock")
	r.URL = "unix://" + r.address
	r.args = []string{"--port", "0", "--unixsocket", r.address, "--unixsocketperm", "700"}
	if cfg.Port != 0 {
		r.network, r.address = "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.Port))
		r.URL = "redis://" + r.address
		r.args = []string{"--port", strconv.Itoa(cfg.Port), "--bind", "127.0.0.1"}
	}
	r.args = append(r.args, "--dir", r.dir, "--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", filepath.Join(r.dir, "redis.log"))
	r.args = append(r.args, cfg.Args...)
	if err := r.Restart(ctx); err != nil {
		_ = r.Stop()
		return nil, err
	}
	return r, nil
}

// watchRedis runs the server until standard input closes, because its owner says so or is gone however it went.
const watchRedis = `
"$@" </dev/null >/dev/null 2>&1 & server=$!
trap '' INT TERM HUP
cat >/dev/null
kill -9 $server 2>/dev/null
wait $server 2>/dev/null
exit 0`

// Restart starts the server again, after Kill, with what it had saved. It returns when the server answers.
func (r *RedisServer) Restart(ctx context.Context) error {
	r.Kill()
	_ = os.Remove(filepath.Join(r.dir, "redis.sock")) // of a killed server
	watchdog := exec.Command("/bin/sh", append([]string{"-c", watchRedis, "blotter-watchdog", r.program}, r.args...)...)
	watchdog.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	watchdog.Stdin = read
	if err := watchdog.Start(); err != nil {
		_ = write.Close()
		return fmt.Errorf("starting Redis: %w", err)
	}
	r.pipe, r.exited = write, waited(watchdog)
	return r.await(ctx)
}

// await waits until the server answers, which it does not while it reads what it had saved.
func (r *RedisServer) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for !r.answers() {
		if ctx.Err() != nil {
			log, _ := os.ReadFile(filepath.Join(r.dir, "redis.log"))
			lines := strings.Split(strings.TrimSpace(string(log)), "\n")
			return fmt.Errorf("Redis did not start: %s", lines[len(lines)-1])
		}
		time.Sleep(pollPeriod)
	}
	return nil
}

func (r *RedisServer) answers() bool {
	conn, err := net.DialTimeout(r.network, r.address, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = io.WriteString(conn, "*1\r\n$4\r\nPING\r\n")
	answer, _ := bufio.NewReader(conn).ReadString('\n')
	return answer == "+PONG\r\n"
}

// Kill ends the server as kill -9 does: what it has not saved is lost. It is safe to call twice.
func (r *RedisServer) Kill() {
	if r.pipe != nil {
		_ = r.pipe.Close()
		<-r.exited
		r.pipe = nil
	}
}

// Stop ends the server, and removes its folder if that is a temporary one. It is safe to call twice.
func (r *RedisServer) Stop() error {
	r.Kill()
	if r.temporary {
		return os.RemoveAll(r.dir)
	}
	return nil
}
