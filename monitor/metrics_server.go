package monitor

import (
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

// Server serves a handler over HTTP, as a service. Requests under a name that is not its own are refused (CheckHost).
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
	// Address to listen at. Default 127.0.0.1:9187; what is served has no passwords, so others than this machine should
	// reach it through something that asks for one. Port 0 is any that is free.
	Address string
	// Hosts are names by which it is asked, besides those that CheckHost allows and the one of Address.
	Hosts []string
	// Logger gets a line when serving fails. Default slog.Default().
	Logger *slog.Logger
}

const (
	headerTimeout   = 5 * time.Second
	requestTimeout  = 30 * time.Second
	idleTimeout     = 2 * time.Minute
	headerBytesMost = 16 << 10
)

// NewServer makes a server.
func NewServer(handler http.Handler, cfg ServerConfig) *Server {
	setDefault(&cfg.Address, "127.0.0.1:9187")
	setDefault(&cfg.Logger, slog.Default())
	names := append([]string{hostName(cfg.Address)}, cfg.Hosts...)
	return &Server{cfg: cfg, handler: CheckHost(handler, names...)}
}

// Start listens, and returns when it does: an error where the address cannot be had.
func (s *Server) Start(ctx context.Context) error {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.server != nil {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Address)
	if err != nil {
		return fmt.Errorf("metrics cannot be served at %s: %w; choose another address", s.cfg.Address, err)
	}
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: requestTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytesMost, ErrorLog: slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
	}
	done := make(chan struct{})
	s.server, s.address, s.done = server, listener.Addr(), done
	s.state.Set(nil)
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.state.Set(err)
			s.cfg.Logger.Error("metrics are no longer served", "error", err.Error())
		}
	}()
	return nil
}

// Stop lets requests under way end, at most until ctx does, and closes the address.
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

// Health is nil while it serves.
func (s *Server) Health() error { return s.state.Err() }

// Address is where it listens, "" before Start.
func (s *Server) Address() string {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.server == nil {
		return ""
	}
	return s.address.String()
}
