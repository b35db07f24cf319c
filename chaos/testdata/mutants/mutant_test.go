package chaos_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"
)

const (
	// roundsMax is how often chance may be on a defect's side.
	roundsMax = 3
	// roundKills are the processes killed in a round.
	roundKills = 8
	// roundPatience is what a defect may keep from being applied at all.
	roundPatience = 5 * time.Second
)

// The harness notices every defect that is built into the projectors. One that it lets pass it would not be for.
func TestMutants(t *testing.T) {
	for name, noticed := range map[string]func(r report) bool{
		"naive":     func(r report) bool { return r.Lost > 0 && r.Different > 0 },
		"xid_order": func(r report) bool { return r.OutOfOrder > 0 && r.Different > 0 },
		"outside":   func(r report) bool { return r.Double > 0 && r.Different > 0 },
		"cache":     func(r report) bool { return r.OutOfOrder > 0 && r.Different > 0 },
	} {
		inRounds(t, name, func(t *testing.T, seed uint64) bool {
			s := newStage(t)
			if name == "cache" {
				s.db.Exec(t, `alter table events.outbox alter column pos set cache 50`)
			}
			p := newProjection(s, seed, roundKills, "BLOTTER_MUTANT="+name)
			p.patience = roundPatience
			return noticed(p.run())
		})
	}
}

// So it does with those of the relay.
func TestRelayMutants(t *testing.T) {
	for name, noticed := range map[string]func(r streamReport) bool{
		"no_cas":         func(r streamReport) bool { return r.Gaps > 0 },
		"target_late":    func(r streamReport) bool { return r.Unheard > 0 },
		"forget_windows": func(r streamReport) bool { return r.Unheard > 0 },
	} {
		inRounds(t, name, func(t *testing.T, seed uint64) bool {
			r := newRelaying(newStage(t), seed, roundKills, "BLOTTER_MUTANT="+name)
			r.patience, r.meantime = roundPatience, []happening{{2, r.killRedis}}
			return noticed(r.run())
		})
	}
}

// An event that waits for every older transaction to end is noticed.
func TestHorizonMutants(t *testing.T) {
	t.Parallel()
	if _, _, ok := openTransactions(t, 1, openSpan, "BLOTTER_MUTANT=horizon"); ok {
		t.Error("nobody noticed the defect")
	}
}

// A consumer that leaves no mark with its source is noticed by the test of a cursor in another database.
func TestMarkMutants(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCursorElsewhere$")
	cmd.Env = append(os.Environ(), "BLOTTER_MUTANT=no_flush")
	out, err := cmd.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("--- FAIL: TestCursorElsewhere")) {
		t.Errorf("nobody noticed the defect: %v\n%s", err, out)
	}
}

// inRounds plays rounds until the defect is noticed.
func inRounds(t *testing.T, name string, noticed func(t *testing.T, seed uint64) bool) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		seed := seedOf(t)
		for round := range uint64(roundsMax) {
			if noticed(t, seed+round) || t.Failed() {
				return
			}
		}
		t.Errorf("nobody noticed the defect in %d rounds", roundsMax)
	})
}
