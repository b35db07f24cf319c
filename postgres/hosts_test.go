//go:build unix

package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// Each value of target_session_attrs, in the URL of each role, leads to the right one of two hosts, in any order. That
// includes the roles that only read, whose sessions are read-only on every server.
func TestTargetSessionAttrs(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Replicas(t, 1)
	primary, replica := cluster.Primary, cluster.Replicas[0]
	orders := map[string][]*pgtest.Node{"primary first": {primary, replica}, "replica first": {replica, primary}}

	for attrs, want := range map[string]*pgtest.Node{
		"any": nil, "read-write": primary, "primary": primary, "read-only": replica, "standby": replica,
		"prefer-standby": replica,
	} {
		for order, nodes := range orders {
			wanted := want
			if wanted == nil {
				wanted = nodes[0]
			}
			for login, isReplica := range isReplicaBy {
				got, err := isReplica(t, primary.Config, cluster.URL(login, attrs, nodes...))
				if err != nil || got != (wanted == replica) {
					t.Errorf("%s of %s, %s: replica: %v (%v), want %v", attrs, login, order, got, err,
						wanted == replica)
				}
			}
		}
	}

	// If no host is of the kind, that is an error.
	for attrs, only := range map[string]*pgtest.Node{
		"read-write": replica, "primary": replica, "read-only": primary,
		"standby": primary,
	} {
		for login, isReplica := range isReplicaBy {
			if _, err := isReplica(t, primary.Config, cluster.URL(login, attrs, only)); !errors.Is(err,
				blotter.ErrOperational) {
				t.Errorf("%s of %s, which is the other kind only: %v", attrs, login, err)
			}
		}
	}
	// prefer-standby takes the primary if there is no replica.
	for login, isReplica := range isReplicaBy {
		if got, err := isReplica(t, primary.Config, cluster.URL(login, "prefer-standby", primary)); err != nil || got {
			t.Errorf("prefer-standby of %s, with a primary alone: %v, %v", login, got, err)
		}
	}
}

// isReplicaBy reports, for the URL of each login, whether its sessions are on a replica. The other URLs are those of
// cfg.
var isReplicaBy = map[string]func(t *testing.T, cfg postgres.Config, url string) (replica bool, err error){
	"app": func(t *testing.T, cfg postgres.Config, url string) (bool, error) {
		cfg.URL = url
		return askWriter(t.Context(), cfg)
	},
	"service": func(t *testing.T, cfg postgres.Config, url string) (bool, error) {
		cfg.ServiceURL = url
		return askWriter(blotter.WithAllAccounts(t.Context()), cfg)
	},
	"readonly": func(t *testing.T, cfg postgres.Config, url string) (bool, error) {
		cfg.ReadOnlyURL = url
		return askReader(t.Context(), cfg)
	},
	"reporter": func(t *testing.T, cfg postgres.Config, url string) (bool, error) {
		cfg.ReporterURL = url
		return askReader(blotter.WithAllAccounts(t.Context()), cfg)
	},
	"owner": func(t *testing.T, _ postgres.Config, url string) (replica bool, err error) {
		conn, err := postgres.ConnectOwner(t.Context(), url, "test")
		if err != nil {
			return false, err
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		err = conn.QueryRow(t.Context(), sqlIsReplica).Scan(&replica)
		return replica, err
	},
}

const sqlIsReplica = "select pg_is_in_recovery()"

func askWriter(ctx context.Context, cfg postgres.Config) (replica bool, err error) {
	cfg.LookOnly = true
	db, err := postgres.Open(ctx, cfg)
	if err != nil {
		return false, err
	}
	defer db.Close()
	err = db.AutoCommit(ctx, func(s *postgres.Session) error { return s.QueryRow(ctx, sqlIsReplica).Scan(&replica) })
	return replica, err
}

func askReader(ctx context.Context, cfg postgres.Config) (replica bool, err error) {
	cfg.LookOnly = true
	db, err := postgres.Open(ctx, cfg)
	if err != nil {
		return false, err
	}
	defer db.Close()
	err = db.ReadOnly(ctx, func(s *postgres.Session) error { return s.QueryRow(ctx, sqlIsReplica).Scan(&replica) })
	return replica, err
}
