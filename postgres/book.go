package postgres

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/blotterdb/blotter"
)

// Book books the fills of many callers together: what arrives while a commit is under way forms the next transaction.
// Nobody waits for a timer, so a lone caller is as fast as with DB.ExecuteTrade. Fills of one account are booked in the
// order of the calls.
//
// A transaction has one scope. Under blotter.WithAllAccounts, as a service, it may hold the fills of many accounts; under
// blotter.WithAccount it holds those of one.
//
// The zero Book is of no use; NewBook makes one, Start starts it, Stop ends it.
type Book struct {
	db   *DB
	cfg  BookConfig
	room chan struct{} // a place for each call that waits or is being booked

	mu      sync.Mutex
	wake    sync.Cond // a lane is ready, or the book stops
	state   bookState
	lanes   map[laneKey]*lane
	seats   map[string]*seat // of the accounts that a service's calls are of
	load    []int            // a service's calls in each of its lanes
	ready   []*lane          // lanes with calls that no worker serves
	workers sync.WaitGroup
}

// BookConfig sizes a Book. The zero value is good.
type BookConfig struct {
	Workers  int // transactions at once; default 2, at most half of the pool's connections
	GroupMax int // fills in a transaction; default 256, at most 10,000
	QueueMax int // fills that wait or are being booked, beyond which callers wait for a place; default 16,384
}

type bookState int

const (
	bookNew bookState = iota
	bookRunning
	bookStopped
)

// laneKey tells apart the calls that can share a transaction. A service's accounts are divided over as many lanes as
// there are workers: two transactions never meet in an account.
type laneKey struct {
	account string // of a scope of one account
	part    int    // of a scope of all accounts, from 1
}

// seat keeps an account in one lane for as long as it has calls that wait or are being booked. Then its next call may go
// to the lane that has the fewest.
type seat struct{ part, calls int }

// lane is a queue of calls in their order, of which one worker at most takes.
type lane struct {
	key   laneKey
	scope blotter.Scope
	calls []*bookCall
}

// bookCall is one caller's fill.
type bookCall struct {
	trade       blotter.Trade
	option      ExecuteOption
	correlation string
	lane        *lane // that it waits in; nil once a worker has it
	receipt     Receipt
	err         error
	done        chan struct{}
}

// NewBook makes a Book that is yet to be started. Errors: ErrInvalid names the field that is out of bounds.
func (db *DB) NewBook(cfg BookConfig) (*Book, error) {
	for _, field := range []struct {
		name           string
		value          *int
		standard, most int
	}{
		{"Workers", &cfg.Workers, 2, max(1, db.cfg.MaxConns/2)}, {"GroupMax", &cfg.GroupMax, 256, tradesMax}, {"QueueMax", &cfg.QueueMax, 1 << 14, 1 << 20},
	} {
		setDefault(field.value, min(field.standard, field.most))
		if *field.value < 1 || *field.value > field.most {
			return nil, blotter.Invalid("BookConfig."+field.name, *field.value, fmt.Sprintf("1 to %d", field.most))
		}
	}
	b := &Book{db: db, cfg: cfg, room: make(chan struct{}, cfg.QueueMax), lanes: map[laneKey]*lane{}, seats: map[string]*seat{}, load: make([]int, cfg.Workers)}
	b.wake.L = &b.mu
	return b, nil
}

// Start starts the book. Started twice it does nothing; a book that was stopped is ErrProgramming.
func (b *Book) Start(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.state {
	case bookRunning:
		return nil
	case bookStopped:
		return programming("the book was stopped; make a new one")
	}
	b.state = bookRunning
	for range b.cfg.Workers {
		b.workers.Go(b.work)
	}
	return nil
}

// Stop takes no more calls, books those that wait, and returns when all is done or the context ends; what waits is booked
// even then. It is safe to call twice.
func (b *Book) Stop(ctx context.Context) error {
	b.mu.Lock()
	b.state = bookStopped
	b.wake.Broadcast()
	b.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.workers.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return translate(ctx, "stop the book", ctx.Err())
	}
}

// ExecuteTrade is DB.ExecuteTrade, in a transaction with others' fills. A context that ends while the fill waits takes it
// back, and it is not booked; one that ends later does not interrupt it: ExecuteTrade returns what became of it. Only
// ErrCommitUnknown leaves that open, and then sending the fill again is safe.
func (b *Book) ExecuteTrade(ctx context.Context, trade blotter.Trade, opts ...ExecuteOption) (Receipt, error) {
	call := &bookCall{trade: trade, correlation: blotter.CorrelationOf(ctx), done: make(chan struct{})}
	for _, o := range opts {
		call.option |= o
	}
	refused := func(err error) (Receipt, error) { return failed(trade, err), err }
	scope, _ := blotter.ScopeOf(ctx)
	if err := intoScope(&call.trade.AccountID, scope); err != nil {
		return refused(err)
	}
	select {
	case b.room <- struct{}{}:
		defer func() { <-b.room }()
	case <-ctx.Done():
		return refused(translate(ctx, "execute trade", ctx.Err()))
	}
	if err := b.enqueue(call, scope); err != nil {
		return refused(err)
	}
	select {
	case <-call.done:
	case <-ctx.Done():
		if b.takeBack(call) {
			return refused(translate(ctx, "execute trade", ctx.Err()))
		}
		<-call.done
	}
	return call.receipt, call.err
}

func (b *Book) enqueue(call *bookCall, scope blotter.Scope) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state != bookRunning {
		return &blotter.Error{Op: "execute trade", Kind: blotter.ErrOperational, Message: "the book is not running: Start it, or it was stopped"}
	}
	key := laneKey{account: scope.Account}
	if scope.All {
		key.part = b.sit(call.trade.AccountID)
	}
	l := b.lanes[key]
	if l == nil {
		l = &lane{key: key, scope: scope}
		b.lanes[key] = l
		b.ready = append(b.ready, l)
		b.wake.Signal()
	}
	l.calls, call.lane = append(l.calls, call), l
	return nil
}

// sit is the lane of a service's next call of the account.
func (b *Book) sit(account string) (part int) {
	s := b.seats[account]
	if s == nil {
		s = &seat{part: 1 + slices.Index(b.load, slices.Min(b.load))}
		b.seats[account] = s
	}
	s.calls++
	b.load[s.part-1]++
	return s.part
}

// leave is the end of a call of a service.
func (b *Book) leave(key laneKey, account string) {
	if key.part == 0 {
		return
	}
	s := b.seats[account]
	b.load[s.part-1]--
	if s.calls--; s.calls == 0 {
		delete(b.seats, account)
	}
}

// takeBack takes a call that no worker has out of its lane, and reports that it did: it will not be booked.
func (b *Book) takeBack(call *bookCall) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if call.lane == nil {
		return false
	}
	call.lane.calls = slices.DeleteFunc(call.lane.calls, func(c *bookCall) bool { return c == call })
	b.leave(call.lane.key, call.trade.AccountID)
	return true
}

// work serves lanes until the book stops and none is left.
func (b *Book) work() {
	for {
		l, calls := b.take()
		if l == nil {
			return
		}
		b.serve(l, calls)
		b.gather(l)
		b.release(l)
	}
}

// gatherMax bounds how often gather lets others run.
const gatherMax = 8

// gather lets the callers that were just answered run, who may have their next fill ready, for as long as calls arrive:
// with them the next group is twice as large. Who is alone waits for nobody.
func (b *Book) gather(l *lane) {
	for n, last := 0, -1; n < gatherMax; n++ {
		runtime.Gosched()
		b.mu.Lock()
		waiting := len(l.calls)
		b.mu.Unlock()
		if waiting == last {
			return
		}
		last = waiting
	}
}

// take waits for a lane and takes calls from its head.
func (b *Book) take() (*lane, []*bookCall) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.ready) == 0 {
		if b.state == bookStopped && len(b.lanes) == 0 {
			return nil, nil
		}
		b.wake.Wait()
	}
	l := b.ready[0]
	b.ready = b.ready[1:]
	n := min(len(l.calls), b.cfg.GroupMax)
	calls := slices.Clone(l.calls[:n])
	l.calls = slices.Delete(l.calls, 0, n)
	for _, call := range calls {
		call.lane = nil
	}
	return l, calls
}

// release puts a lane behind the others if calls have arrived meanwhile, and drops it else.
func (b *Book) release(l *lane) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(l.calls) > 0 {
		b.ready = append(b.ready, l)
		b.wake.Signal()
		return
	}
	delete(b.lanes, l.key)
	if b.state == bookStopped {
		b.wake.Broadcast()
	}
}

// serve books calls in one transaction and tells each caller what became of his fill.
func (b *Book) serve(l *lane, calls []*bookCall) {
	if len(calls) == 0 {
		return
	}
	group := &booking{}
	for _, call := range calls {
		group.given = append(group.given, call.trade)
		group.opts = append(group.opts, call.option)
		group.ids = append(group.ids, call.correlation)
	}
	err := b.db.book(l.scope.In(context.Background()), group)
	b.mu.Lock()
	for _, call := range calls {
		b.leave(l.key, call.trade.AccountID)
	}
	b.mu.Unlock()
	for i, call := range calls {
		if err != nil {
			call.receipt, call.err = failed(call.trade, err), err
		} else {
			call.receipt, call.err = group.receipts[i], group.receipts[i].Err
		}
		close(call.done)
	}
}
