package monitor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/blotterdb/blotter/internal/health"
)

// Server is a service that serves a handler over HTTP. It refuses requests under other names than its own (CheckHost).
type Server struct {
	cfg     ServerConfig
	handler http.Handler
	guard   sync.Mutex
	server  *http.Server
	address net.Addr
	done    chan struct{}
	state   health.State
}

// ServerConfig says where a Server listens. The zero value works.
type ServerConfig struct {
	// Address to listen on. Default 127.0.0.1:9187. The server asks for no password, so let other machines reach it
	// only through a proxy that does. Port 0 is any free port.
	Address string
	// Hosts are further names of the server, in addition to the one in Address and those that CheckHost allows.
	Hosts []string
	// Logger logs when serving fails. Default slog.Default().
	Logger *slog.Logger
}

const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 30 * time.Second
	idleTimeout    = 2 * time.Minute
	headerBytesMax = 16 << 10
)

// NewServer returns a server of a handler.
func NewServer(handler http.Handler, cfg ServerConfig) *Server {
	cfg.Address = cmp.Or(cfg.Address, "127.0.0.1:9187")
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	names := append([]string{hostName(cfg.Address)}, cfg.Hosts...)
	return &Server{cfg: cfg, handler: CheckHost(handler, names...)}
}

// Start starts to listen. It returns an error if the address is not available.
func (s *Server) Start(ctx context.Context) error {
	s.guard.Lock()
	defer s.guard.Unlock()

	if s.server != nil {
		return nil
	}

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Address)
	if err != nil {
		return fmt.Errorf("listen on %s for metrics: %w; choose another address", s.cfg.Address, err)
	}

	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytesMax,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
	}

	done := make(chan struct{})
	s.server = server
	s.address = listener.Addr()
	s.done = done
	s.state.Set(nil)

	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.state.Set(err)
			s.cfg.Logger.Error("serving metrics failed", "error", err.Error())
		}
	}()

	return nil
}

// Stop waits for running requests until ctx ends, and stops listening.
func (s *Server) Stop(ctx context.Context) error {
	s.guard.Lock()
	defer s.guard.Unlock()

	if s.server == nil {
		return nil
	}

	err := s.server.Shutdown(ctx)
	if err != nil {
		_ = s.server.Close()
	}

	<-s.done
	s.server = nil
	return err
}

// Health returns nil while the server serves.
func (s *Server) Health() error { return s.state.Err() }

// Address returns the address on which the server listens, or "" if it does not.
func (s *Server) Address() string {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.server == nil {
		return ""
	}
	return s.address.String()
}
