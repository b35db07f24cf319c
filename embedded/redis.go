package embedded

import (
	"fmt"
	"os"

	"github.com/alicebob/miniredis/v2"
)

// Redis is a Redis server: that of REDIS_URL, or a stand-in inside this process, whose content ends with the process.
type Redis struct {
	// URL is the URL for a Redis client.
	URL string

	standIn *miniredis.Miniredis // nil for the server of REDIS_URL
}

// StartRedis returns the Redis of REDIS_URL, or starts a stand-in. The caller must close it.
func StartRedis() (*Redis, error) {
	if url := os.Getenv("REDIS_URL"); url != "" {
		return &Redis{URL: url}, nil
	}
	return StartRedisStandIn()
}

// StartRedisStandIn starts a stand-in, whatever REDIS_URL is. The caller must close it.
func StartRedisStandIn() (*Redis, error) {
	standIn := miniredis.NewMiniRedis()
	if err := standIn.Start(); err != nil {
		return nil, fmt.Errorf("starting the stand-in for Redis: %w", err)
	}
	return &Redis{URL: "redis://" + standIn.Addr(), standIn: standIn}, nil
}

// Close ends the stand-in; a server of REDIS_URL goes on. It is safe to call twice.
func (r *Redis) Close() {
	if r.standIn != nil {
		r.standIn.Close()
		r.standIn = nil
	}
}
