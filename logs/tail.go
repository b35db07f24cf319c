package logs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

const (
	// tailEvery is how often new rows are looked for.
	tailEvery = 500 * time.Millisecond
	// tailOverlap is how many numbers before the last one are looked at again: a batch that took its numbers first may
	// be committed last.
	tailOverlap = 20_000
	// tailRows is how many rows are read at once.
	tailRows = 5_000
)

// Tail gives f the rows that Read would, then new ones as they are stored, each once, until the context ends or f
// returns an error, which it returns. Rows of one look come in the order of their numbers. A database that is gone for
// a while is waited for; gone hears of it and may be nil.
//
// Errors: those of Read, at the beginning.
func Tail(ctx context.Context, db *postgres.DB, filter Filter, f func(blotter.SystemLog) error, gone func(error)) error {
	t := tail{db: db, seen: map[int64]bool{}}
	if err := t.begin(ctx); err != nil {
		return err
	}
	rows, err := Read(ctx, db, filter)
	if err != nil {
		return err
	}
	t.filter = filter
	t.filter.Since, t.filter.Until = time.Time{}, time.Time{}
	ticker := time.NewTicker(tailEvery)
	defer ticker.Stop()
	for {
		for _, row := range rows {
			if t.seen[row.ID] = true; ctx.Err() != nil {
				return nil
			}
			if err := f(row); err != nil {
				return err
			}
		}
		if len(rows) < tailRows || !t.behind {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
		}
		if rows, err = t.look(ctx); err != nil {
			switch {
			case ctx.Err() != nil:
				return nil
			case !errors.Is(err, blotter.ErrOperational):
				return err
			case gone != nil:
				gone(err)
			}
		}
	}
}

// tail is how far a follower is.
type tail struct {
	db     *postgres.DB
	filter Filter
	last   int64          // the greatest number that was looked at
	seen   map[int64]bool // numbers above last - tailOverlap that are not new
	behind bool           // the last look did not reach the end
}

const (
	sqlTailBegin = `select id from logging.system_logs order by id desc limit $1`
	sqlTailEnd   = `select coalesce(max(id), $1) from logging.system_logs where id > $1`
	sqlTailRows  = `select ` + logFields + ` from logging.system_logs where id > $1 and id <= $2 and id <> all($3) and %s order by id limit %d`
)

// begin takes what is there as seen.
func (t *tail) begin(ctx context.Context) error {
	ctx = blotter.WithAllAccounts(ctx)
	return t.db.ReadOnly(ctx, func(s *postgres.Session) error {
		rows, err := s.Query(ctx, sqlTailBegin, tailOverlap)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		for _, id := range ids {
			t.seen[id] = true
			t.last = max(t.last, id)
		}
		return err
	})
}

// look reads what is new.
func (t *tail) look(ctx context.Context) (found []blotter.SystemLog, err error) {
	ctx = blotter.WithAllAccounts(ctx)
	err = t.db.ReadOnly(ctx, func(s *postgres.Session) error {
		var end int64
		if err := s.QueryRow(ctx, sqlTailEnd, t.last).Scan(&end); err != nil {
			return err
		}
		known := make([]int64, 0, len(t.seen))
		for id := range t.seen {
			known = append(known, id)
		}
		where, args, err := t.filter.where([]any{t.last - tailOverlap, end, known})
		if err != nil {
			return err
		}
		if found, err = collect(ctx, s, fmt.Sprintf(sqlTailRows, where, tailRows), args); err != nil {
			return err
		}
		if t.behind = len(found) == tailRows; t.behind {
			end = max(t.last, found[len(found)-1].ID)
		}
		t.advance(end)
		return nil
	})
	return found, err
}

func (t *tail) advance(end int64) {
	t.last = end
	for id := range t.seen {
		if id <= end-tailOverlap {
			delete(t.seen, id)
		}
	}
}
