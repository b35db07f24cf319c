package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/redis/go-redis/v9"
)

// PublisherSuffix is what the name of the user ends with that RedisACL makes for relays.
const PublisherSuffix = "publisher"

// RedisACL returns the commands that make two users of Redis, named with the prefix login ("blotter_" makes
// blotter_publisher and blotter_subscriber): one that may do what a relay does, and one that may do what Subscribe and
// readers of the streams do, both on names that begin with prefix (DefaultPrefix for ""). They hold no password and
// change none, and may be run again.
func RedisACL(prefix, login string) []string {
	prefix = cmp.Or(prefix, DefaultPrefix)
	names := fmt.Sprintf(" on resetkeys resetchannels -@all ~%s*:log &%s* ", prefix, prefix)
	publish := "+hello +ping +eval +evalsha +exists +xinfo|stream +xadd +publish"
	listen := "+hello +ping +subscribe +unsubscribe +psubscribe +punsubscribe +xread +xrange +xrevrange +xlen"
	return []string{
		"ACL SETUSER " + login + PublisherSuffix + names + publish,
		"ACL SETUSER " + login + "subscriber" + names + listen,
	}
}

// RedisAccess is who may write what a relay publishes, as far as it can be seen. Whoever may add to a stream can forge
// messages.
type RedisAccess struct {
	User    string   // as which the URL logs in; "" where the server has no users
	Local   bool     // the server is reached without a network
	Open    bool     // anybody who reaches the server may add to a stream, without a password
	Writers []string // users that may add to a stream, except for User and for administrators, who may change what users may
	Unseen  string   // why Writers could not be looked up; "" where they were
}

// InspectRedis reports who may add to the streams of the Redis at url whose names begin with prefix (DefaultPrefix for "").
// It changes nothing. Who may write besides the user of the URL is told only to one that may ACL LIST and ACL DRYRUN.
// Errors are ErrInvalid for a URL that is none, ErrOperational where Redis does not answer, ErrPermission where it refuses
// the user.
func InspectRedis(ctx context.Context, url, prefix string) (RedisAccess, error) {
	access, err := inspectRedis(ctx, url, prefix)
	if err == nil || errors.Is(err, blotter.ErrInvalid) {
		return access, err
	}

	// The socket has the deadline of the context, and may time out just before the context does.
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return access, &blotter.Error{
			Op: "inspect redis", Kind: blotter.ErrOperational, Message: "the deadline passed before Redis answered",
			Err: errors.Join(context.DeadlineExceeded, err),
		}
	}
	return access, err
}

func inspectRedis(ctx context.Context, url, prefix string) (RedisAccess, error) {
	opt, err := redisOptions(url)
	if err != nil {
		return RedisAccess{}, err
	}
	client := redis.NewClient(opt)
	defer client.Close()
	if err := client.Ping(ctx).Err(); err != nil && !redis.IsPermissionError(err) {
		return RedisAccess{}, redisError("inspect redis", err)
	}

	access := RedisAccess{Local: isLocal(opt)}
	if access.User, err = client.ACLWhoAmI(ctx).Result(); err != nil && !isReply(err) {
		return access, redisError("inspect redis", err)
	}
	streams := make([]string, 0, len(relayed))
	for _, channel := range relayed {
		streams = append(streams, newOutlet(client, cmp.Or(prefix, DefaultPrefix), channel, 0).stream)
	}

	anybody := *opt
	anybody.Username = ""
	anybody.Password = ""
	anybody.CredentialsProvider = nil
	if access.Open, err = mayAppend(ctx, &anybody, streams); err != nil {
		return access, err
	}
	access.Writers, access.Unseen, err = writers(ctx, client, access.User, streams)
	return access, err
}

// mayAppend reports whether a client may add to one of the streams. It tries with an id that no entry can have, and without
// making a stream where there is none.
func mayAppend(ctx context.Context, opt *redis.Options, streams []string) (bool, error) {
	client := redis.NewClient(opt)
	defer client.Close()
	for _, stream := range streams {
		err := client.XAdd(ctx, &redis.XAddArgs{Stream: stream, NoMkStream: true, ID: "0-0", Values: []string{streamField, ""}}).Err()
		switch {
		case err != nil && !isReply(err):
			return false, redisError("inspect redis", err)
		case !isRefusal(err):
			return true, nil
		}
	}
	return false, nil
}

// writers are the users who may log in and may add to one of the streams, except for the one given and administrators.
func writers(ctx context.Context, client *redis.Client, self string, streams []string) (names []string, unseen string, err error) {
	list, err := client.ACLList(ctx).Result()
	if err != nil {
		return nil, unseenReason(err), operational(err)
	}
	for _, line := range list { // user NAME on|off ...
		words := strings.Fields(line)
		if len(words) < 3 || words[2] != "on" || words[1] == self {
			continue
		}
		name := words[1]
		administers, err := mayRun(ctx, client, name, "ACL", "SETUSER", name)
		if err != nil {
			return nil, unseenReason(err), operational(err)
		}
		if administers {
			continue
		}
		for _, stream := range streams {
			appends, err := mayRun(ctx, client, name, "XADD", stream, "*", streamField, "")
			if err != nil {
				return nil, unseenReason(err), operational(err)
			}
			if appends {
				names = append(names, name)
				break
			}
		}
	}
	slices.Sort(names)
	return names, "", nil
}

// mayRun reports whether a user may run a command, without running it.
func mayRun(ctx context.Context, client *redis.Client, user string, command ...any) (bool, error) {
	answer, err := client.ACLDryRun(ctx, user, command...).Result()
	return answer == "OK", err
}

// unseenReason is what the server answered; operational is an error that is no answer.
func unseenReason(err error) string {
	if !isReply(err) {
		return ""
	}
	return err.Error()
}

func operational(err error) error {
	if isReply(err) {
		return nil
	}
	return redisError("inspect redis", err)
}

// isReply reports whether the server itself answered with an error.
func isReply(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}

// isRefusal reports whether the server refused a client or a command because of who asks.
func isRefusal(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return redis.IsPermissionError(err) || redis.IsAuthError(err) || strings.HasPrefix(text, "DENIED") ||
		strings.HasPrefix(text, "ERR The user executing the script can't")
}

// isLocal reports whether a server is reached by a socket or at an address of this machine alone.
func isLocal(opt *redis.Options) bool {
	if opt.Network == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(opt.Addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// refusedError is the error for what Redis refuses the user.
func refusedError(op string, err error) error {
	return &blotter.Error{
		Op: op, Kind: blotter.ErrPermission, Err: err,
		Message: "Redis refuses it to the user of the URL: " + err.Error() + "; blotter roles redis prints the users that it needs",
	}
}
