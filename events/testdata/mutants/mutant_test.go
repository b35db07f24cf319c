package events

import "testing"

// TestMutants builds one defect in after the other. Every defect is caught by the schedules that name it. A schedule that passes with its defect built in tests nothing.
func TestMutants(t *testing.T) {
	caught := map[string]bool{}
	for _, play := range schedules {
		for _, name := range play.mutants {
			t.Run(name+"/"+play.name, func(t *testing.T) {
				s := newStage(t)
				posFloor = 0
				mutant.Store(&name)
				defer mutant.Store(nil)
				if name == "cache" {
					s.db.Exec(t, `alter table events.outbox alter column pos set cache 50`)
				}
				err := play.play(s)
				if err == nil {
					t.Errorf("nothing noticed the defect %q", name)
					return
				}
				caught[name] = true
				t.Log(err)
			})
		}
	}
	for _, name := range []string{"naive", "pos_floor", "xid_order", "horizon", "own_xid", "unmaterialized", "outside", "cache", "age"} {
		if !caught[name] && !t.Failed() {
			t.Errorf("no schedule is for the defect %q", name)
		}
	}
}

// Every defect of the relay is caught by the schedules of Redis that name it.
func TestRedisMutants(t *testing.T) {
	caught := map[string]bool{}
	for _, play := range redisSchedules {
		for _, name := range play.mutants {
			t.Run(name+"/"+play.name, func(t *testing.T) {
				mutant.Store(&name)
				defer mutant.Store(nil)
				err := play.on(t, true)
				if err == nil {
					t.Errorf("nothing noticed the defect %q", name)
					return
				}
				caught[name] = true
				t.Log(err)
			})
		}
	}
	for _, name := range []string{"no_cas", "target_late", "forget_windows", "forget_target"} {
		if !caught[name] && !t.Failed() {
			t.Errorf("no schedule is for the defect %q", name)
		}
	}
}
