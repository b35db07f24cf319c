//go:build mutants

package chaos_test

import (
	"testing"
)

// roundsMax is how often chance may be on a defect's side.
const roundsMax = 3

// The harness notices every defect that is built into the projectors. One that it lets pass it would not be for.
func TestMutants(t *testing.T) {
	for _, mutant := range []struct {
		name    string
		noticed func(r report) bool
	}{
		{"naive", func(r report) bool { return r.Lost > 0 && r.Different > 0 }},
		{"xid_order", func(r report) bool { return r.OutOfOrder > 0 && r.Different > 0 }},
		{"outside", func(r report) bool { return r.Double > 0 && r.Different > 0 }},
		{"cache", func(r report) bool { return r.OutOfOrder > 0 && r.Different > 0 }},
	} {
		t.Run(mutant.name, func(t *testing.T) {
			s := newStage(t)
			if mutant.name == "cache" {
				s.db.Exec(t, `alter table events.outbox alter column pos set cache 50`)
			}
			seed := seedOf(t)
			for round := range uint64(roundsMax) {
				if mutant.noticed(newProjection(s, seed+round, 8, "BLOTTER_MUTANT="+mutant.name).run()) {
					return
				}
			}
			t.Errorf("nobody noticed the defect %s in %d rounds", mutant.name, roundsMax)
		})
	}
}

// So it does with those of the relay.
func TestRelayMutants(t *testing.T) {
	for _, mutant := range []struct {
		name    string
		noticed func(r streamReport) bool
	}{
		{"no_cas", func(r streamReport) bool { return r.Gaps > 0 }},
		{"target_late", func(r streamReport) bool { return r.Lost > 0 || r.Double > 0 || r.OutOfOrder > 0 }},
	} {
		t.Run(mutant.name, func(t *testing.T) {
			s, seed := newStage(t), seedOf(t)
			for round := range uint64(roundsMax) {
				r := newRelaying(s, seed+round, 8, "BLOTTER_MUTANT="+mutant.name)
				r.meantime = []happening{{1, r.killRedis}}
				if mutant.noticed(r.run()) {
					return
				}
			}
			t.Errorf("nobody noticed the defect %s in %d rounds", mutant.name, roundsMax)
		})
	}
}
