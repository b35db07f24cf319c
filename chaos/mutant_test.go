//go:build mutants

package chaos_test

import (
	"testing"
	"time"
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
			p := plan{seed: seedOf(t), writers: 16, kills: 8, patience: 20 * time.Second, env: []string{"BLOTTER_MUTANT=" + mutant.name}}
			for range roundsMax {
				if mutant.noticed(run(s, p)) {
					return
				}
				p.seed++
			}
			t.Errorf("nobody noticed the defect %s in %d rounds", mutant.name, roundsMax)
		})
	}
}
