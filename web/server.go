package web

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/blotterdb/blotter/internal/health"
	"github.com/blotterdb/blotter/monitor"
)

// ServerConfig says where a dashboard is served. Address is required.
type ServerConfig struct {
	// Address is host:port, with port 0 for any free one, or unix:PATH.
	Address string
	// Hosts are the names under which browsers ask for it, besides localhost and the name of this machine.
	Hosts []string
	// CertFile and KeyFile are files with a certificate and its key. Default: no TLS.
	CertFile, KeyFile string
	// Logger logs when serving fails. Default slog.Default().
	Logger *slog.Logger
}

// IsLoopback reports whether only this machine reaches an address: a loopback address, or a socket of Unix.
func IsLoopback(address string) bool {
	if strings.HasPrefix(address, unixPrefix) {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

const (
	unixPrefix     = "unix:"
	headerTimeout  = 5 * time.Second
	requestTimeout = 15 * time.Second
	idleTimeout    = 2 * time.Minute
	headerBytesMax = 16 << 10
	connectionsMax = 512
)

// Server serves a dashboard. It refuses requests under other names than its own.
type Server struct {
	cfg       ServerConfig
	dashboard *Dashboard

	guard   sync.Mutex
	server  *http.Server
	address net.Addr
	done    chan struct{}
	state   health.State
}

// NewServer returns a server of the dashboard. It starts nothing.
func NewServer(d *Dashboard, cfg ServerConfig) *Server {
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	return &Server{cfg: cfg, dashboard: d}
}

// Start starts to listen. It returns an error if the address is not available.
func (s *Server) Start(ctx context.Context) error {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.server != nil {
		return nil
	}

	listener, err := s.listen(ctx)
	if err != nil {
		return err
	}
	if err := s.dashboard.Start(ctx); err != nil {
		_ = listener.Close()
		return err
	}

	host, _, _ := net.SplitHostPort(s.cfg.Address)
	s.server = &http.Server{
		Handler:           monitor.CheckHost(s.dashboard.Handler(), append([]string{host}, s.cfg.Hosts...)...),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytesMax,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
	}
	s.address = listener.Addr()
	s.done = make(chan struct{})
	s.state.Set(nil)
	go s.serve(listener, s.server, s.done)
	return nil
}

func (s *Server) serve(listener net.Listener, server *http.Server, done chan struct{}) {
	defer close(done)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		s.state.Set(err)
		s.cfg.Logger.Error("serving the dashboard failed", "error", err.Error())
	}
}

func (s *Server) listen(ctx context.Context) (net.Listener, error) {
	network, address := "tcp", s.cfg.Address
	if path, isUnix := strings.CutPrefix(address, unixPrefix); isUnix {
		network, address = "unix", path
	}

	var config *tls.Config
	if s.cfg.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(s.cfg.CertFile, s.cfg.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificate of the dashboard: %w", err)
		}
		config = &tls.Config{
			Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		}
	}

	listener, err := new(net.ListenConfig).Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s for the dashboard: %w; choose another address", s.cfg.Address, err)
	}
	if network == "unix" {
		if err := os.Chmod(address, 0o600); err != nil {
			_ = listener.Close()
			return nil, err
		}
	}
	listener = &boundedListener{Listener: listener, slots: make(chan struct{}, connectionsMax)}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	return listener, nil
}

// Stop ends live updates, waits for running requests until ctx ends, and stops listening.
func (s *Server) Stop(ctx context.Context) error {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.server == nil {
		return nil
	}

	err := s.dashboard.Stop(ctx)
	if shutdownErr := s.server.Shutdown(ctx); shutdownErr != nil {
		err = errors.Join(err, shutdownErr)
		_ = s.server.Close()
	}
	<-s.done
	s.server = nil
	return err
}

// Health returns nil while the server serves.
func (s *Server) Health() error { return s.state.Err() }

// URL returns the address of the dashboard for a browser, or "" if it does not run or listens on a socket of Unix.
func (s *Server) URL() string {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.server == nil || s.address.Network() != "tcp" {
		return ""
	}
	scheme := "http"
	if s.cfg.CertFile != "" {
		scheme = "https"
	}
	return scheme + "://" + s.address.String()
}

// boundedListener accepts a bounded number of connections at the same time.
type boundedListener struct {
	net.Listener
	slots chan struct{}
}

// Accept waits for a connection, and for a place for it.
func (l *boundedListener) Accept() (net.Conn, error) {
	l.slots <- struct{}{}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &boundedConn{Conn: conn, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

type boundedConn struct {
	net.Conn
	release func()
}

// Close closes the connection and gives its place free.
func (c *boundedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
