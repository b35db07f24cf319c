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

// RedisCheck asks the Redis of the URL who may add to blotter's streams: whoever may can forge messages. It asks nothing
// of the database.
func RedisCheck(url string) Check {
	return Check{Name: redisCheck, Area: securityArea, Run: func(ctx context.Context, _ postgres.Querier) ([]Finding, error) {
		access, err := events.InspectRedis(ctx, url, "")
		switch {
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil:
			return nil, err
		case err != nil:
			return []Finding{{
				Severity: Warning, Subject: "Redis", Message: "it cannot be asked who may write: " + err.Error(),
				Remedy: "Start Redis, or correct the URL (--redis).",
			}}, nil
		}
		return RedisFindings(access), nil
	}}
}

// RedisFindings judges who may write to Redis. Where no network leads to it, everybody may: whoever is on that machine
// is trusted.
func RedisFindings(access events.RedisAccess) (findings []Finding) {
	add := func(severity Severity, subject, message, remedy string) {
		findings = append(findings, Finding{
			Check: redisCheck, Severity: severity, Subject: subject, Message: message, Remedy: remedy,
		})
	}

	if access.Open && !access.Local {
		add(Critical, "Redis",
			"whoever reaches it over the network may add to blotter's streams without a password: every message can be forged",
			"run the commands of blotter roles redis; then, once another user may administer: ACL SETUSER default resetpass off")
	}
	if access.User == "default" && !access.Open && !access.Local {
		add(Warning, "Redis user default",
			"blotter logs in as the user that every other program has as well: each of them may forge messages",
			"run the commands of blotter roles redis, and give blotter serve --redis the URL of the publisher")
	}
	for _, name := range access.Writers {
		if strings.HasSuffix(name, events.PublisherSuffix) || name == "default" && access.Open {
			continue
		}
		add(Warning, "Redis user "+name, "the user may add to blotter's streams, and so forge messages",
			fmt.Sprintf("as a user that may: ACL SETUSER %s resetkeys ~NAMES:OF:ITS:OWN:*", name))
	}
	if access.Unseen != "" && !access.Local {
		add(Warning, "Redis", "who else may add to blotter's streams cannot be seen: "+access.Unseen,
			"run blotter doctor --redis with the URL of a user that may ACL LIST and ACL DRYRUN (Redis 7)")
	}
	return findings
}
