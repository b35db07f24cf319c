package embedded_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/embedded"
)

func TestRedisStandIn(t *testing.T) {
	t.Setenv("REDIS_URL", "")
	redis, err := embedded.StartRedis()
	if err != nil {
		t.Fatal(err)
	}

	address, isRedis := strings.CutPrefix(redis.URL, "redis://")
	conn, err := net.Dial("tcp", address)
	if err != nil || !isRedis {
		t.Fatalf("%s: %v", redis.URL, err)
	}
	defer conn.Close()

	fmt.Fprint(conn, "*1\r\n$4\r\nPING\r\n")
	if answer, err := bufio.NewReader(conn).ReadString('\n'); answer != "+PONG\r\n" {
		t.Errorf("PING was answered %q, %v", answer, err)
	}

	redis.Close()
	redis.Close()
	if after, err := net.Dial("tcp", address); err == nil {
		after.Close()
		t.Error("the stand-in answers after Close")
	}
}

func TestRedisOfTheEnvironment(t *testing.T) {
	t.Setenv("REDIS_URL", "redis://redis.example:6379/2")
	redis, err := embedded.StartRedis()
	if err != nil || redis.URL != "redis://redis.example:6379/2" {
		t.Errorf("StartRedis gave %+v, %v", redis, err)
	}
	redis.Close()
}
