package postgres

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/blotterdb/blotter"
)

// Book books the trades of many callers together: trades that arrive while a commit is under way form the next
// transaction. No caller waits for a timer, so a lone caller is as fast as with DB.ExecuteTrade. Trades of one account
// are booked in the order of the calls.
//
// A transaction has one scope. Under blotter.WithAllAccounts, as a service, it may hold the trades of many accounts;
// under blotter.WithAccount it holds those of one account.
//
// NewBook creates a Book, Start starts it, Stop ends it. The zero Book cannot be used.
type Book struct {
	db    *DB
	cfg   BookConfig
	slots chan struct{} // one is taken by each call that waits or is being booked

	mu       sync.Mutex
	wake     sync.Cond // a queue is ready, or the book stops
	state    bookState
	queues   map[queueKey]*callQueue
	accounts map[string]*accountQueue // of a service's calls that wait or are being booked
	load     []int                    // how many of a service's calls are in each of its queues
	ready    []*callQueue             // queues with calls that no worker serves
	workers  sync.WaitGroup
}

// BookConfig sizes a Book. The zero value is good.
type BookConfig struct {
	Workers  int // concurrent transactions; default 2, at most half of the pool's connections
	GroupMax int // trades in a transaction; default 256, at most 10,000

	// QueueMax is how many trades may wait or be booked at once; further callers wait for a slot. Default 16,384, at
	// most 1,048,576.
	QueueMax int
}

type bookState int

const (
	bookNew bookState = iota
	bookRunning
	bookStopped
)

// queueKey tells apart the calls that can share a transaction. The accounts of a service are divided over as many
// queues as there are workers, so that two transactions never meet in an account.
type queueKey struct {
	account string // of a scope of one account
	number  int    // of a scope of all accounts, from 1
}

// accountQueue keeps an account in one queue while it has calls that wait or are being booked. After that, its next
// call may go to the queue that has the fewest.
type accountQueue struct {
	number int
	calls  int
}

// callQueue is a queue of calls in their order. At most one worker takes calls from it.
type callQueue struct {
	key   queueKey
	scope blotter.Scope
	calls []*bookCall
}

// bookCall is the trade of one caller.
type bookCall struct {
	trade       blotter.Trade
	options     ExecuteOption
	correlation string
	queue       *callQueue // nil once a worker has taken the call
	receipt     Receipt
	err         error
	done        chan struct{}
}

// NewBook creates a Book; Start starts it. Errors: ErrInvalid names the field that is out of bounds.
func (db *DB) NewBook(cfg BookConfig) (*Book, error) {
	for _, field := range []struct {
		name         string
		value        *int
		defaultValue int
		most         int
	}{
		{"Workers", &cfg.Workers, 2, max(1, db.cfg.MaxConns/2)},
		{"GroupMax", &cfg.GroupMax, 256, tradesMax},
		{"QueueMax", &cfg.QueueMax, 1 << 14, 1 << 20},
	} {
		setDefault(field.value, min(field.defaultValue, field.most))
		if *field.value < 1 || *field.value > field.most {
			return nil, blotter.Invalid("BookConfig."+field.name, *field.value, fmt.Sprintf("1 to %d", field.most))
		}
	}

	b := &Book{
		db:       db,
		cfg:      cfg,
		slots:    make(chan struct{}, cfg.QueueMax),
		queues:   map[queueKey]*callQueue{},
		accounts: map[string]*accountQueue{},
		load:     make([]int, cfg.Workers),
	}
	b.wake.L = &b.mu
	return b, nil
}

// Start starts the book. On a running book it does nothing; on a stopped one it returns ErrProgramming.
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

// Stop refuses further calls, books the waiting ones, and returns when all are booked or the context ends; even then
// the waiting calls are booked. It is safe to call twice.
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

// ExecuteTrade works like DB.ExecuteTrade, in a transaction with the trades of others. If the context ends while the
// trade waits, the trade is withdrawn and not booked. If it ends later, ExecuteTrade still waits for the outcome and
// returns it. Only ErrCommitUnknown leaves the outcome open, and then sending the trade again is safe.
func (b *Book) ExecuteTrade(ctx context.Context, trade blotter.Trade, opts ...ExecuteOption) (Receipt, error) {
	call := &bookCall{
		trade:       trade,
		options:     joinOptions(opts),
		correlation: blotter.CorrelationOf(ctx),
		done:        make(chan struct{}),
	}
	refused := func(err error) (Receipt, error) { return failed(trade, err), err }
	scope, _ := blotter.ScopeOf(ctx)
	if err := resolveAccount(&call.trade.AccountID, scope); err != nil {
		return refused(err)
	}

	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	case <-ctx.Done():
		return refused(translate(ctx, "execute trade", ctx.Err()))
	}
	if err := b.enqueue(call, scope); err != nil {
		return refused(err)
	}

	select {
	case <-call.done:
	case <-ctx.Done():
		if b.withdraw(call) {
			return refused(translate(ctx, "execute trade", ctx.Err()))
		}
		<-call.done
	}
	return call.receipt, call.err
}

// enqueue appends the call to the queue of its scope and, for a service, of its account.
func (b *Book) enqueue(call *bookCall, scope blotter.Scope) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state != bookRunning {
		return &blotter.Error{
			Op: "execute trade", Kind: blotter.ErrOperational,
			Message: "the book is not running: call Start, or make a new one if it was stopped",
		}
	}

	key := queueKey{account: scope.Account}
	if scope.All {
		key.number = b.assignQueue(call.trade.AccountID)
	}
	q := b.queues[key]
	if q == nil {
		q = &callQueue{key: key, scope: scope}
		b.queues[key] = q
		b.ready = append(b.ready, q)
		b.wake.Signal()
	}
	q.calls = append(q.calls, call)
	call.queue = q
	return nil
}

// assignQueue returns the number of the queue for a service's next call of the account, and counts the call.
func (b *Book) assignQueue(account string) (number int) {
	a := b.accounts[account]
	if a == nil {
		a = &accountQueue{number: 1 + slices.Index(b.load, slices.Min(b.load))}
		b.accounts[account] = a
	}
	a.calls++
	b.load[a.number-1]++
	return a.number
}

// finishCall takes back what assignQueue counted, when the call is booked or withdrawn.
func (b *Book) finishCall(key queueKey, account string) {
	if key.number == 0 {
		return // not a service's call
	}
	a := b.accounts[account]
	b.load[a.number-1]--
	a.calls--
	if a.calls == 0 {
		delete(b.accounts, account)
	}
}

// withdraw removes the call from its queue, and reports whether it did: a call that a worker has taken is being booked.
func (b *Book) withdraw(call *bookCall) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if call.queue == nil {
		return false
	}
	call.queue.calls = slices.DeleteFunc(call.queue.calls, func(c *bookCall) bool { return c == call })
	b.finishCall(call.queue.key, call.trade.AccountID)
	return true
}

// work serves queues until the book stops and no queue is left.
func (b *Book) work() {
	for {
		q, calls := b.take()
		if q == nil {
			return
		}
		b.serve(q, calls)
		b.gather(q)
		b.release(q)
	}
}

// take waits for a queue and takes calls from its head.
func (b *Book) take() (*callQueue, []*bookCall) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.ready) == 0 {
		if b.state == bookStopped && len(b.queues) == 0 {
			return nil, nil
		}
		b.wake.Wait()
	}

	q := b.ready[0]
	b.ready = b.ready[1:]
	n := min(len(q.calls), b.cfg.GroupMax)
	calls := slices.Clone(q.calls[:n])
	q.calls = slices.Delete(q.calls, 0, n)
	for _, call := range calls {
		call.queue = nil
	}
	return q, calls
}

// serve books the calls in one transaction and answers each caller.
func (b *Book) serve(q *callQueue, calls []*bookCall) {
	if len(calls) == 0 {
		return
	}

	group := &booking{}
	for _, call := range calls {
		group.trades = append(group.trades, call.trade)
		group.options = append(group.options, call.options)
		group.correlations = append(group.correlations, call.correlation)
	}
	receipts, err := b.db.book(q.scope.In(context.Background()), group)

	b.mu.Lock()
	for _, call := range calls {
		b.finishCall(q.key, call.trade.AccountID)
	}
	b.mu.Unlock()

	for i, call := range calls {
		if err != nil {
			call.receipt, call.err = failed(call.trade, err), err
		} else {
			call.receipt, call.err = receipts[i], receipts[i].Err
		}
		close(call.done)
	}
}

// gatherMax bounds how often gather lets others run.
const gatherMax = 8

// gather lets the callers that were just answered run for as long as calls arrive: they may have their next trade
// ready, and with it the next group is twice as large. A lone caller never waits.
func (b *Book) gather(q *callQueue) {
	last := -1
	for range gatherMax {
		runtime.Gosched()
		b.mu.Lock()
		waiting := len(q.calls)
		b.mu.Unlock()
		if waiting == last {
			return
		}
		last = waiting
	}
}

// release puts a queue behind the others if calls have arrived meanwhile, and otherwise drops it.
func (b *Book) release(q *callQueue) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(q.calls) > 0 {
		b.ready = append(b.ready, q)
		b.wake.Signal()
		return
	}
	delete(b.queues, q.key)
	if b.state == bookStopped {
		b.wake.Broadcast()
	}
}
