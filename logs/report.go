package logs

import (
	"fmt"
	"sync"
	"time"
)

// losses are rows that were dropped and that no stored row tells of yet.
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

// take gives what is to be told to the one who tells it.
func (l *losses) take() (taken loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken, l.now = l.now, loss{}
	return taken
}

// giveBack is for losses that could not be told, together with what was dropped meanwhile.
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

// row tells of the losses.
func (l loss) row() row {
	first, last := l.first.UTC().Format(time.RFC3339Nano), l.last.UTC().Format(time.RFC3339Nano)
	return row{
		at: time.Now(), level: "warn", eventType: "logs_dropped",
		message: fmt.Sprintf("%d log rows are missing, from %s to %s; standard error had them", l.dropped, first, last),
		data:    fmt.Appendf(nil, `{"dropped":%d,"first":%q,"last":%q}`, l.dropped, first, last),
	}
}
