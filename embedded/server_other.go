//go:build !unix

package embedded

import (
	"context"
	"errors"
	"os"
)

var errUnsupported = errors.New("the embedded database needs Linux, macOS or BSD; set --url to a PostgreSQL server")

// Server is a server that this process owns.
type Server struct{ State }

// Start is not available on this system.
func Start(context.Context, Config) (*Server, error) { return nil, errUnsupported }

// Attach is not available on this system.
func Attach(Config) (State, error) { return State{}, errUnsupported }

// Kill does nothing on this system.
func (s *Server) Kill() error { return nil }

// Stop does nothing on this system.
func (s *Server) Stop() error { return nil }

// Up is not available on this system.
func Up(context.Context, Config) (State, error) { return State{}, errUnsupported }

// Down is not available on this system.
func Down(context.Context, Config) error { return errUnsupported }

func waitLock(context.Context, string) (*os.File, error) { return nil, errUnsupported }

func folderError(_ string, err error) error { return err }

// Status is not available on this system.
func Status(Config) (State, error) { return State{}, errUnsupported }
