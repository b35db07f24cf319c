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

// PublisherSuffix ends the name of the user that RedisACL makes for relays.
const PublisherSuffix = "publisher"

// RedisACL returns the commands that make two users of Redis, whose names begin with login ("blotter_" makes
// blotter_publisher and blotter_subscriber). The one may do what a relay does, the other what Subscribe and readers of
// the streams do, both on names that begin with prefix (DefaultPrefix for ""). The commands set no password and may be
// run again.
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

// RedisAccess describes who may write to the streams of a relay. A user who may add to a stream can forge messages.
type RedisAccess struct {
	User    string   // the user of the URL; "" if the server has no users
	Local   bool     // the server is reached without a network
	Open    bool     // anybody who reaches the server may add to a stream, without a password
	Writers []string // other users that may add to a stream, without administrators, who may change rights
	Unseen  string   // why Writers could not be read; "" if they were
}

// InspectRedis reports who may add to the streams of the Redis at url whose names begin with prefix (DefaultPrefix for
// ""). It changes nothing. To see other users, the user of the URL needs the rights to ACL LIST and ACL DRYRUN.
//
// ErrInvalid: the URL is invalid. ErrOperational: Redis does not answer. ErrPermission: it refuses the user.
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
		return RedisAccess{}, redisError(ctx, "inspect redis", err)
	}

	access := RedisAccess{Local: isLocal(opt)}
	if access.User, err = client.ACLWhoAmI(ctx).Result(); err != nil && !isReply(err) {
		return access, redisError(ctx, "inspect redis", err)
	}
	streams := make([]string, 0, len(relayed))
	for _, channel := range relayed {
		streams = append(streams, newStream(client, cmp.Or(prefix, DefaultPrefix), channel, 0).name)
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

// mayAppend reports whether a client may add to one of the streams. It tries with an id that no entry can have, and
// does not create a stream.
func mayAppend(ctx context.Context, opt *redis.Options, streams []string) (bool, error) {
	client := redis.NewClient(opt)
	defer client.Close()
	for _, stream := range streams {
		entry := redis.XAddArgs{Stream: stream, NoMkStream: true, ID: "0-0", Values: []string{streamField, ""}}
		err := client.XAdd(ctx, &entry).Err()
		switch {
		case err != nil && !isReply(err):
			return false, redisError(ctx, "inspect redis", err)
		case !isRefusal(err):
			return true, nil
		}
	}
	return false, nil
}

// writers returns the users who may log in and may add to one of the streams, except self and administrators. unseen is
// the reason of the server for not telling.
func writers(
	ctx context.Context, client *redis.Client, self string, streams []string,
) (names []string, unseen string, err error) {
	list, err := client.ACLList(ctx).Result()
	if err != nil {
		return nil, unseenReason(err), operational(ctx, err)
	}

	for _, line := range list { // user NAME on|off ...
		words := strings.Fields(line)
		if len(words) < 3 || words[2] != "on" || words[1] == self {
			continue
		}
		writes, err := isWriter(ctx, client, words[1], streams)
		if err != nil {
			return nil, unseenReason(err), operational(ctx, err)
		}
		if writes {
			names = append(names, words[1])
		}
	}
	slices.Sort(names)
	return names, "", nil
}

// isWriter reports whether a user is not an administrator and may add to one of the streams.
func isWriter(ctx context.Context, client *redis.Client, user string, streams []string) (bool, error) {
	administers, err := mayRun(ctx, client, user, "ACL", "SETUSER", user)
	if err != nil || administers {
		return false, err
	}
	for _, stream := range streams {
		appends, err := mayRun(ctx, client, user, "XADD", stream, "*", streamField, "")
		if err != nil || appends {
			return appends, err
		}
	}
	return false, nil
}

// mayRun reports whether a user may run a command, without running it.
func mayRun(ctx context.Context, client *redis.Client, user string, command ...any) (bool, error) {
	answer, err := client.ACLDryRun(ctx, user, command...).Result()
	return answer == "OK", err
}

// unseenReason returns the error that the server answered, or "".
func unseenReason(err error) string {
	if !isReply(err) {
		return ""
	}
	return err.Error()
}

// operational returns an error that is not an answer of the server.
func operational(ctx context.Context, err error) error {
	if isReply(err) {
		return nil
	}
	return redisError(ctx, "inspect redis", err)
}

// isReply reports whether the server itself answered with an error.
func isReply(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}

// isRefusal reports whether the server refused the user.
func isRefusal(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return redis.IsPermissionError(err) || redis.IsAuthError(err) || strings.HasPrefix(text, "DENIED") ||
		strings.HasPrefix(text, "ERR The user executing the script can't")
}

// isLocal reports whether a server is reached by a socket or at a loopback address.
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

// refusedError returns the error for a command that Redis refuses the user.
func refusedError(op string, err error) error {
	return &blotter.Error{
		Op: op, Kind: blotter.ErrPermission, Err: err,
		Message: "Redis refuses the user of the URL: " + err.Error() +
			"; blotter roles redis prints the users that blotter needs",
	}
}
