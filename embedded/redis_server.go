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

	"github.com/blotterdb/blotter/internal/ownership"
)

// RedisConfig says how a Redis server is started. The zero value does: a temporary one that keeps nothing.
type RedisConfig struct {
	// Dir is where the server keeps its data, and finds it when it is started again. Default a temporary folder,
	// which is removed by Stop.
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

// StartRedisServer finds redis-server on PATH and starts it. The caller must stop it.
func StartRedisServer(ctx context.Context, cfg RedisConfig) (*RedisServer, error) {
	program, err := ownership.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("there is no redis-server on PATH; install Redis (Debian: apt-get install redis-server)")
	}

	r := &RedisServer{program: program, dir: cfg.Dir, temporary: cfg.Dir == ""}
	if r.temporary {
		if r.dir, err = os.MkdirTemp("", "blotter-redis-"); err != nil {
			return nil, fmt.Errorf("create a folder for Redis: %w; free space there or set TMPDIR to another folder",
				err)
		}
	}
	if r.dir, err = filepath.Abs(r.dir); err != nil {
		return nil, err
	}

	r.network = "unix"
	r.address = filepath.Join(r.dir, "redis.sock")
	r.URL = "unix://" + r.address
	r.args = []string{"--port", "0", "--unixsocket", r.address, "--unixsocketperm", "700"}
	if cfg.Port != 0 {
		r.network = "tcp"
		r.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.Port))
		r.URL = "redis://" + r.address
		r.args = []string{"--port", strconv.Itoa(cfg.Port), "--bind", "127.0.0.1"}
	}

	r.args = append(r.args, "--dir", r.dir, "--save", "", "--appendonly", "no", "--daemonize", "no")
	r.args = append(r.args, cfg.Args...)
	if err := r.Restart(ctx); err != nil {
		_ = r.Stop()
		return nil, err
	}

	return r, nil
}

// watchRedis runs the server until its standard input closes, because the owner closes it or ends in any way.
const watchRedis = `
exec 3<&0
"$@" </dev/null 3<&- & server=$!
trap '' INT TERM HUP
(cat <&3 >/dev/null; kill -9 $server 2>/dev/null) &
wait $server
exit 0`

// Restart starts the server again after Kill, with the data that it had saved. It returns when the server answers.
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

	log, err := os.OpenFile(r.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("the folder %s of Redis cannot be written (%w); choose another", r.dir, err)
	}
	defer log.Close()

	watchdog.Stdin = read
	watchdog.Stdout = log
	watchdog.Stderr = log
	if err := watchdog.Start(); err != nil {
		_ = write.Close()
		return fmt.Errorf("start Redis: %w", err)
	}

	r.pipe = write
	r.exited = waited(watchdog)
	return withCause(ctx, r.await(ctx))
}

// await waits until the server answers. It does not answer while it loads saved data.
func (r *RedisServer) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	for !r.answers() {
		select {
		case <-r.exited:
		case <-ctx.Done():
		case <-time.After(pollPeriod):
			continue
		}
		log, _ := os.ReadFile(r.log())
		return fmt.Errorf("Redis did not start: %s", lastLine(strings.TrimSpace(string(log))))
	}

	return nil
}

func (r *RedisServer) log() string { return filepath.Join(r.dir, "redis.log") }

func lastLine(text string) string { return text[strings.LastIndexByte(text, '\n')+1:] }

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

// Kill ends the server like kill -9: data that is not saved is lost. It is safe to call twice.
func (r *RedisServer) Kill() {
	if r.pipe != nil {
		_ = r.pipe.Close()
		<-r.exited
		r.pipe = nil
	}
}

// Stop ends the server, and removes its folder if it is temporary. It is safe to call twice.
func (r *RedisServer) Stop() error {
	r.Kill()
	if r.temporary {
		return os.RemoveAll(r.dir)
	}
	return nil
}
