package chaos_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blotterdb/blotter"
)

// show is hostile writers, processes that are killed, and what else happens meanwhile.
type show struct {
	*stage
	seed     uint64
	kills    int                  // of processes
	span     time.Duration        // that the writers write at least
	spawn    func(i int) *process // starts process i, at first and each time that it was killed
	ended    func(p *process)     // sees a process that was killed
	patience time.Duration        // how long everything may take to be applied when nobody writes any more
	meantime []happening

	rng      *rand.Rand
	procs    [2]*process
	writers  []*writer
	writing  sync.WaitGroup
	stop     atomic.Bool
	crashing atomic.Int64 // when PostgreSQL was last killed or started, in Unix nanoseconds; 0 for never
}

// happening is an action and its number of repetitions, which are spread over the kills.
type happening struct {
	times int
	what  func(n int)
}

// writersMax is how many write at once.
const writersMax = 16

// play has the writers write while everything is killed. It returns when they have ended; the processes live on.
func (x *show) play() {
	x.t.Helper()
	begin := time.Now()
	x.rng = rand.New(rand.NewPCG(x.seed, 0))
	for i := range x.procs {
		x.procs[i] = x.spawn(i)
	}
	for i := range writersMax {
		w := &writer{
			s: x.stage, rng: rand.New(rand.NewPCG(x.seed, uint64(100+i))), id: i, stop: &x.stop,
			crashing: &x.crashing, told: map[string]int64{},
		}
		x.writers = append(x.writers, w)
		x.writing.Go(w.run)
	}

	x.torture()
	until(x.t, "the writers' time is over", x.span+time.Minute,
		func() bool { return x.t.Failed() || time.Since(begin) > x.span })
	x.stop.Store(true)
	x.writing.Wait()
	x.t.Logf("%d processes killed in %.0f s of writing", x.kills, time.Since(begin).Seconds())
}

// torture kills one process after the other, at random, while it works.
func (x *show) torture() {
	for n := range x.kills {
		i := x.rng.IntN(len(x.procs))
		if !x.procs[i].works(x.t) || x.t.Failed() {
			return
		}

		time.Sleep(20*time.Millisecond + time.Duration(x.rng.Int64N(int64(180*time.Millisecond))))
		x.end(x.procs[i])
		x.procs[i] = x.spawn(i)

		for _, h := range x.meantime {
			if before, after := n*h.times/x.kills, (n+1)*h.times/x.kills; before != after {
				h.what(before)
			}
		}
	}
}

func (x *show) end(p *process) {
	p.kill()
	x.ended(p)
}

// close ends the processes.
func (x *show) close() {
	for _, p := range x.procs {
		if p != nil {
			x.end(p)
		}
	}
}

// orders returns the orders of the next process.
func (x *show) orders() orders {
	c := x.db.Config
	return orders{
		URL: c.URL, ServiceURL: c.ServiceURL, ReadOnlyURL: c.ReadOnlyURL,
		ReporterURL: c.ReporterURL, Seed: x.rng.Uint64(),
	}
}

// crashes kills PostgreSQL a number of times.
func (x *show) crashes(times int) happening {
	return happening{times, func(n int) {
		x.crashing.Store(time.Now().UnixNano())
		x.crash(n)
		x.crashing.Store(time.Now().UnixNano())
	}}
}

// again does what a kill of PostgreSQL a moment ago may make fail.
func (x *show) again(what string, do func() error) {
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := do()
		if err == nil {
			return
		}
		if x.crashing.Load() == 0 || time.Since(begin) > time.Minute || !errors.Is(err, blotter.ErrOperational) &&
			!errors.Is(err, blotter.ErrCommitUnknown) {
			x.t.Errorf("%s: %v", what, err)
			return
		}
	}
}
