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

func (l *losses) add(n int64, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now.dropped += n; l.now.first.IsZero() {
		l.now.first = at
	}
	l.now.last = at
}

func (l *losses) count() loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// told notes that a row tells of these losses. What was dropped meanwhile is for the next one.
func (l *losses) told(of loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now.dropped -= of.dropped; l.now.dropped == 0 {
		l.now = loss{}
	} else if of.dropped > 0 {
		l.now.first = of.last
	}
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
