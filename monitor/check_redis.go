package monitor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/postgres"
)

const redisCheck = "security_redis"

// RedisCheck returns a check of which Redis users may write to blotter's streams, and so can forge messages. It does
// not query the database.
func RedisCheck(url string) Check {
	return Check{
		Name: redisCheck, Area: securityArea,
		Run: func(ctx context.Context, _ postgres.Querier) ([]Finding, error) {
			access, err := events.InspectRedis(ctx, url, "")
			switch {
			case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil:
				return nil, err
			case err != nil:
				return []Finding{{
					Severity: Warning, Subject: "Redis", Message: "checking who may write to it failed: " + err.Error(),
					Remedy: "Start Redis, or correct its URL (--redis).",
				}}, nil
			}

			return RedisFindings(access), nil
		},
	}
}

// RedisFindings returns findings about the users who may write to Redis. If Redis is only reachable from its own
// machine, everybody may, because users of that machine are trusted.
func RedisFindings(access events.RedisAccess) (findings []Finding) {
	add := func(severity Severity, subject, message, remedy string) {
		findings = append(findings, Finding{
			Check: redisCheck, Severity: severity, Subject: subject, Message: message, Remedy: remedy,
		})
	}

	if access.Open && !access.Local {
		add(Critical, "Redis",
			"anybody on the network may write to blotter's streams without a password, and so forge messages",
			"run the commands that blotter roles redis prints; then, as another administrator: ACL SETUSER "+
				"default resetpass off")
	}
	if access.User == "default" && !access.Open && !access.Local {
		add(Warning, "Redis user default",
			"blotter logs in as the default user, which every other program may be too, and so forge messages",
			"run the commands that blotter roles redis prints, and set blotter serve --redis to the URL of the "+
				"publisher")
	}

	for _, name := range access.Writers {
		if strings.HasSuffix(name, events.PublisherSuffix) || name == "default" && access.Open {
			continue
		}
		add(Warning, "Redis user "+name, "the user may write to blotter's streams, and so forge messages",
			fmt.Sprintf("as an administrator: ACL SETUSER %s resetkeys ~ITS:OWN:PREFIX:*", name))
	}

	if access.Unseen != "" && !access.Local {
		add(Warning, "Redis", "cannot check who else may write to blotter's streams: "+access.Unseen,
			"run blotter doctor --redis with the URL of a user that may ACL LIST and ACL DRYRUN (Redis 7)")
	}

	return findings
}
