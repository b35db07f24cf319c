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
	// tailEvery is how often new rows are read.
	tailEvery = 500 * time.Millisecond
	// tailOverlap is the number of ids before the last one that are read again, because a batch that got its ids
	// first may commit last.
	tailOverlap = 20_000
	// tailRows is the maximum number of rows that are read at once.
	tailRows = 5_000
)

// Tail calls f with the rows that Read returns, then with new rows as they are stored, each once, until the context
// ends or f returns an error, which Tail returns. New rows come in the order of their ids. If the database is gone
// for a while, Tail waits for it, and calls lost, which may be nil. At the beginning Tail returns the errors of Read.
func Tail(
	ctx context.Context, db *postgres.DB, filter Filter, f func(blotter.SystemLog) error, lost func(error),
) error {
	t := tail{db: db, seen: map[int64]bool{}}
	if err := t.begin(ctx); err != nil {
		return err
	}

	rows, err := Read(ctx, db, filter)
	if err != nil {
		return err
	}

	t.filter = filter
	t.filter.Since = time.Time{}
	t.filter.Until = time.Time{}
	ticker := time.NewTicker(tailEvery)
	defer ticker.Stop()

	for {
		for _, row := range rows {
			t.seen[row.ID] = true
			if ctx.Err() != nil {
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
		if rows, err = t.read(ctx); err != nil {
			switch {
			case ctx.Err() != nil:
				return nil
			case !errors.Is(err, blotter.ErrOperational):
				return err
			case lost != nil:
				lost(err)
			}
		}
	}
}

// tail is the position of a call of Tail.
type tail struct {
	db     *postgres.DB
	filter Filter
	last   int64          // the highest id that was read
	seen   map[int64]bool // ids above last - tailOverlap that are not new
	behind bool           // the last read did not reach the end
}

const (
	sqlTailBegin = `select id from logging.system_logs order by id desc limit $1`
	sqlTailEnd   = `select coalesce(max(id), $1) from logging.system_logs where id > $1`
	sqlTailRows  = `select ` + logFields + ` from logging.system_logs
		where id > $1 and id <= $2 and id <> all($3) and %s order by id limit %d`
)

// begin marks the existing rows as seen.
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

// read returns the new rows.
func (t *tail) read(ctx context.Context) (found []blotter.SystemLog, err error) {
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

		t.behind = len(found) == tailRows
		if t.behind {
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
