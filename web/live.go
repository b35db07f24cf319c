package web

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/service"
	"github.com/blotterdb/blotter/postgres"
)

const (
	lookEvery   = time.Second            // between two looks for changes
	keepPage    = 500 * time.Millisecond // that viewers of the same scope share
	sharedMax   = 256                    // pages that are kept
	beatEvery   = 20 * time.Second       // between two signs of life on a quiet connection
	newRowsMax  = 20_000                 // events that are looked at in one second
	pauseFailed = 5 * time.Second        // after the database did not answer
)

// live tells open pages when the database has changed, and lets viewers of the same scope share what is read. One query
// a second asks for changes, while somebody looks, whatever the number of viewers.
type live struct {
	d      *Dashboard
	runner service.Runner

	mu      sync.Mutex
	version int64               // counts the changes
	waiting map[*watcher]bool   // open connections
	woken   chan struct{}       // receives a value when the first viewer comes
	pages   map[string]*sharing // by scope and address
}

// watcher is an open connection for live updates.
type watcher struct {
	viewer  viewer
	account string        // "" for all accounts
	changed chan struct{} // has room for one value
}

// sharing is a page that is being made, or was made a moment ago.
type sharing struct {
	done    chan struct{} // closed when made
	page    *rendered
	err     error
	version int64
	at      time.Time
}

func newLive(d *Dashboard) *live {
	return &live{
		d: d, runner: service.Runner{Name: "the live updates"}, waiting: map[*watcher]bool{},
		woken: make(chan struct{}, 1), pages: map[string]*sharing{},
	}
}

// shared returns the page of a key. Requests while it is made, or right after, get the same page, unless the
// database has changed in between.
func (l *live) shared(
	ctx context.Context, key string, make func(context.Context) (*rendered, error),
) (*rendered, error) {
	entry, isMine := l.entry(key)
	if isMine {
		// Others wait for it too, so that it is made even if this viewer has gone.
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadlineOf)
		defer cancel()
		entry.page, entry.err = make(own)
		l.mu.Lock()
		entry.at = time.Now()
		l.mu.Unlock()
		close(entry.done)
		return entry.page, entry.err
	}

	select {
	case <-entry.done:
		return entry.page, entry.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// entry returns the entry of a key, and whether the caller has to make its page.
func (l *live) entry(key string) (entry *sharing, isMine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for k, e := range l.pages {
		if !e.at.IsZero() && (e.version != l.version || now.Sub(e.at) >= keepPage) {
			delete(l.pages, k)
		}
	}

	if entry = l.pages[key]; entry != nil && entry.version == l.version {
		return entry, false
	}
	entry = &sharing{done: make(chan struct{}), version: l.version}
	if len(l.pages) < sharedMax {
		l.pages[key] = entry
	}
	return entry, true
}

// run looks for changes while somebody watches.
func (l *live) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			l.disconnect()
			return
		case <-l.woken:
		}
		l.follow(ctx)
	}
}

// follow looks for changes until nobody watches.
func (l *live) follow(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()

	seen := ""
	for l.watchers() > 0 {
		accounts, now, err := l.look(ctx, seen)
		if err != nil {
			l.runner.State.Set(err)
			seen = ""
			if !pause(ctx, pauseFailed) {
				return
			}
			continue
		}
		l.runner.State.Set(nil)
		if seen != "" && len(accounts) > 0 {
			l.announce(accounts)
		}
		seen = now
		l.d.lag.sample(ctx, l.d.db)

		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// sqlChanged returns the accounts of events that became visible since a snapshot, and the present snapshot. An event
// without an account, such as a price, is of the empty account.
const sqlChanged = `
select pg_current_snapshot()::text,
       case when $1 = '' then '{}' else array(
           select distinct coalesce(account_id, '')
             from (select account_id, xid from events.outbox
                    where xid >= pg_snapshot_xmin($1::text::pg_snapshot)::text::xid8
                    limit $2) o
            where not pg_visible_in_snapshot(xid, $1::text::pg_snapshot)) end`

func (l *live) look(ctx context.Context, seen string) (accounts []string, now string, err error) {
	ctx = blotter.WithOperation(blotter.WithAllAccounts(ctx), "web/live")
	err = l.d.db.ReadOnly(ctx, func(s *postgres.Session) error {
		return s.QueryRow(ctx, sqlChanged, seen, newRowsMax).Scan(&now, &accounts)
	}, postgres.Unlogged)
	return accounts, now, err
}

// announce tells the watchers that rows of some accounts, or prices, have changed.
func (l *live) announce(accounts []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version++
	for w := range l.waiting {
		if !w.concerns(accounts) {
			continue
		}
		select {
		case w.changed <- struct{}{}:
		default: // it has not read the last one
		}
	}
}

// announceAll tells all watchers that something has changed.
func (l *live) announceAll() { l.announce([]string{""}) }

func (w *watcher) concerns(accounts []string) bool {
	for _, a := range accounts {
		if a == "" || a == w.account || w.account == "" && w.viewer.sees(a) {
			return true
		}
	}
	return false
}

func (l *live) watchers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

func (l *live) join(w *watcher) {
	l.mu.Lock()
	l.waiting[w] = true
	l.mu.Unlock()
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

func (l *live) leave(w *watcher) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, w)
}

// disconnect ends all connections.
func (l *live) disconnect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.waiting {
		close(w.changed)
		delete(l.waiting, w)
	}
}

// serveLive sends an event whenever the data of a page may have changed.
func (d *Dashboard) serveLive(w http.ResponseWriter, r *http.Request) {
	v, ok := d.viewer(w, r)
	if !ok {
		return
	}
	req, err := d.newRequest(r, *v)
	if err != nil {
		d.fail(w, r, v, err)
		return
	}
	leave, err := take(r.Context(), d.limits.watching, 0)
	if err != nil {
		d.fail(w, r, v, err)
		return
	}
	defer leave()

	own := &watcher{viewer: *v, account: req.account, changed: make(chan struct{}, 1)}
	d.live.join(own)
	defer d.live.leave(own)
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	d.stream(w, r, own)
}

// stream writes events until the viewer goes, or may not look any more.
func (d *Dashboard) stream(w http.ResponseWriter, r *http.Request, own *watcher) {
	send := func(event string) bool {
		out := http.NewResponseController(w)
		_ = out.SetWriteDeadline(time.Now().Add(writeTime))
		_, err := fmt.Fprint(w, event)
		return err == nil && out.Flush() == nil
	}
	if !send("retry: 2000\n\n") {
		return
	}

	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case _, isOpen := <-own.changed:
			if !isOpen || !send("event: change\ndata: {}\n\n") {
				return
			}
		case <-beat.C:
			if v, err := d.sessions.viewerOf(r); err != nil || v == nil || !send(": \n\n") {
				return
			}
		}
	}
}
