//go:build !unix

package embedded

import "context"

// RedisConfig configures a Redis server.
type RedisConfig struct {
	Dir  string
	Port int
	Args []string
}

// RedisServer is a Redis server of this process.
type RedisServer struct{ URL string }

// StartRedisServer is not available on this system.
func StartRedisServer(context.Context, RedisConfig) (*RedisServer, error) {
	return nil, errUnsupported
}

// Restart is not available on this system.
func (r *RedisServer) Restart(context.Context) error { return errUnsupported }

// Kill does nothing on this system.
func (r *RedisServer) Kill() {}

// Stop does nothing on this system.
func (r *RedisServer) Stop() error { return nil }
