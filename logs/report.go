package logs

import (
	"fmt"
	"sync"
	"time"
)

// losses counts dropped rows that no stored row reports yet.
type losses struct {
	mu  sync.Mutex
	now loss
}

type loss struct {
	dropped     int64
	first, last time.Time
}

func (l *losses) add(n int64, at time.Time) { l.giveBack(loss{n, at, at}) }

func (l *losses) none() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now.dropped == 0
}

// take returns the losses to report, and forgets them.
func (l *losses) take() (taken loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken = l.now
	l.now = loss{}
	return taken
}

// giveBack adds losses that could not be reported to those since then.
func (l *losses) giveBack(of loss) {
	l.mu.Lock()
	defer l.mu.Unlock()

	if of.dropped == 0 {
		return
	}
	if l.now.dropped == 0 || of.first.Before(l.now.first) {
		l.now.first = of.first
	}
	if of.last.After(l.now.last) {
		l.now.last = of.last
	}

	l.now.dropped += of.dropped
}

// row returns a row that reports the losses.
func (l loss) row() row {
	first := l.first.UTC().Format(time.RFC3339Nano)
	last := l.last.UTC().Format(time.RFC3339Nano)
	return row{
		at: time.Now(), level: "warn", eventType: "logs_dropped",
		message: fmt.Sprintf("%d log rows are missing, from %s to %s; standard error had them", l.dropped, first, last),
		data:    fmt.Appendf(nil, `{"dropped":%d,"first":%q,"last":%q}`, l.dropped, first, last),
	}
}
