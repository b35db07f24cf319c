package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// Use sets the database that Config left out. It has no effect after Start.
func (s *store) Use(db *postgres.DB) {
	if s.runner.Started() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.DB = db
}

// Start starts to store what is queued, and returns. A database that cannot be reached is not an error: Health reports
// it. The end of ctx does not stop the writer. ErrInvalid: there is no database. ErrProgramming: the handler was
// stopped.
func (s *store) Start(ctx context.Context) error {
	ctx = context.WithValue(blotter.WithAllAccounts(ctx), ownKey{}, true)
	return s.runner.Start(ctx, s.checkStart, s.write)
}

func (s *store) checkStart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.DB == nil {
		return blotter.Invalid("Config.DB", "nil", "an open database, or one set by Use")
	}
	if s.isClosed() {
		return &blotter.Error{
			Op: "start logs", Kind: blotter.ErrProgramming, Message: "the handler was stopped; make a new one",
		}
	}
	return nil
}

// Stop takes no more records, stores what is queued, and waits. If ctx ends first, what is left is counted as dropped,
// and the error says how much that is. Later records go to the next handler only.
func (s *store) Stop(ctx context.Context) error {
	s.closing.Lock()
	if !s.closed {
		s.closed = true
		close(s.queue)
	}
	s.closing.Unlock()
	s.runner.Drain(ctx)

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == nil {
		return nil
	}
	return &blotter.Error{
		Op: "stop logs", Kind: blotter.ErrOperational, Err: s.lost,
		Message: fmt.Sprintf("%d log rows of this program were not stored: %v", s.dropped.Load(), s.lost),
	}
}

// Health returns nil while rows are stored as they come.
func (s *store) Health() error { return s.runner.Health() }

func (s *store) isClosed() bool {
	s.closing.RLock()
	defer s.closing.RUnlock()
	return s.closed
}

// writersMax is how many batches are stored at once: while one waits for its COMMIT, another is copied.
const writersMax = 2

// write is the writer: it lives until the queue is closed and empty.
func (s *store) write(ctx context.Context) {
	var delivering sync.WaitGroup
	free := make(chan []row, writersMax)
	for range writersMax {
		free <- make([]row, 0, batchMax)
	}

	for more := true; more; {
		var batch []row
		batch, more = s.gather((<-free)[:0])
		delivering.Go(func() {
			s.deliver(ctx, batch)
			free <- batch
		})
	}

	delivering.Wait()
	s.deliver(ctx, nil) // reports what was dropped
}

// gather waits for rows: for Batch of them, or Every long for fewer, and takes along what else is there. more is false
// when the queue is closed and empty.
func (s *store) gather(batch []row) (_ []row, more bool) {
	first, open := <-s.queue
	if !open {
		return batch, false
	}

	batch = append(batch, first)
	timer := time.NewTimer(s.cfg.Every)
	defer timer.Stop()
	for len(batch) < s.cfg.Batch {
		select {
		case r, open := <-s.queue:
			if !open {
				return batch, false
			}
			batch = append(batch, r)
		case <-timer.C:
			return batch, true
		}
	}

	for len(batch) < batchMax {
		select {
		case r, open := <-s.queue:
			if !open {
				return batch, false
			}
			batch = append(batch, r)
		default:
			return batch, true
		}
	}

	return batch, true
}

const (
	retryFirst = 50 * time.Millisecond
	retryMost  = 2 * time.Second
)

// deliver stores a batch. It waits for a database that is gone until Stop ends it. Rows that the database cannot hold are
// found by halves and dropped.
func (s *store) deliver(ctx context.Context, batch []row) {
	if len(batch) == 0 && s.losses.none() {
		return
	}

	for pause := retryFirst; ; pause = min(pause*2, retryMost) {
		err := s.store(ctx, batch)
		s.runner.State.Set(err)
		switch {
		case err == nil:
			s.written.Add(int64(len(batch)))
			return
		case ctx.Err() != nil:
			s.giveUp(ctx, batch, err)
			return
		case refused(err) && len(batch) > 1:
			s.deliver(ctx, batch[:len(batch)/2])
			s.deliver(ctx, batch[len(batch)/2:])
			return
		case refused(err):
			s.lose(ctx, batch, err)
			s.runner.State.Set(nil)
			return
		case s.isClosed() && !errors.Is(err, blotter.ErrOperational): // nothing to wait for: the DB was closed before
			s.giveUp(ctx, batch, err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// giveUp loses a batch at the end, which Stop tells.
func (s *store) giveUp(ctx context.Context, batch []row, err error) {
	s.mu.Lock()
	s.lost = err
	s.mu.Unlock()
	s.lose(ctx, batch, err)
}

func (s *store) lose(ctx context.Context, batch []row, err error) {
	for _, r := range batch {
		s.drop(1, r.at)
	}
	if len(batch) > 0 {
		record := slog.NewRecord(time.Now(), slog.LevelError, "log rows cannot be stored", 0)
		record.AddAttrs(slog.Int("rows", len(batch)), slog.String("error", err.Error()))
		_ = s.cfg.Next.Handle(ctx, record)
	}
}
