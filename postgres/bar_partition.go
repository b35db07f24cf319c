package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
)

// span is a range of time that includes both ends.
type span struct{ from, to time.Time }

// spans are ranges that need partitions, one for each year.
type spans struct{ byYear map[int]span }

func (s *spans) empty() bool { return len(s.byYear) == 0 }

func (s *spans) add(at time.Time) {
	year := at.UTC().Year()
	known, found := s.byYear[year]
	if !found {
		if s.byYear == nil {
			s.byYear = map[int]span{}
		}
		known = span{at, at}
	}

	if at.Before(known.from) {
		known.from = at
	}
	if at.After(known.to) {
		known.to = at
	}
	s.byYear[year] = known
}

// coverage lists the ranges that have partitions, in order. They do not include to.
type coverage []span

// miss notes the bars that no partition covers, and reports whether there are any.
func (c coverage) miss(bars []blotter.BarRow, needs *spans) (missing bool) {
	var last span
	for i := range bars {
		at := bars[i].Timestamp
		if !at.Before(last.from) && at.Before(last.to) {
			continue
		}

		n, found := slices.BinarySearchFunc(c, at, func(s span, at time.Time) int {
			switch {
			case at.Before(s.from):
				return 1
			case !at.Before(s.to):
				return -1
			}
			return 0
		})
		if found {
			last = c[n]
			continue
		}
		needs.add(at)
		missing = true
	}
	return missing
}

const sqlCoverage = `
select lower::timestamptz, upper::timestamptz from shared.partitions
 where table_name = 'data_ingestion.market_data'::regclass and not detach_pending order by 1`

// coverage reads which ranges have partitions.
func (im *importer) coverage(ctx context.Context, loan *loan) (coverage, error) {
	rows, err := loan.Query(ctx, sqlCoverage)
	if err != nil {
		return nil, translate(ctx, "", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s span, err error) {
		err = row.Scan(&s.from, &s.to)
		return s, err
	})
	return list, translate(ctx, "", err)
}

// makePartitions makes the partitions that the import needs, in one transaction for each year, on the given connection
// or on another. In the transaction of the file, two imports would deadlock.
func (im *importer) makePartitions(ctx context.Context, on *loan, wait time.Duration) (coverage, error) {
	if on == nil {
		if im.db.cfg.MaxConns < 2 {
			return nil, partitionBusy(nil)
		}
		other, err := im.db.pools[connection.Service].acquire(ctx)
		if errors.Is(err, blotter.ErrPoolTimeout) {
			return nil, partitionBusy(err)
		} else if err != nil {
			return nil, err
		}
		defer other.release()
		on = other
	}

	years := make([]span, 0, len(im.needs.byYear))
	for _, s := range im.needs.byYear {
		years = append(years, s)
	}
	slices.SortFunc(years, func(a, b span) int { return a.from.Compare(b.from) })

	for _, year := range years {
		err := makeYear(ctx, on, year, wait)
		switch {
		case wait > 0 && pgerror.State(err) == pgerror.LockTimeout:
			return nil, partitionBusy(err)
		case err != nil:
			return nil, err
		}
	}
	im.needs = spans{}
	return im.coverage(ctx, on)
}

const sqlEnsurePartitions = `select shared.ensure_partitions('data_ingestion.market_data', $1, $2)`

// makeYear makes the partitions of one year. A wait of 0 is that of an import.
func makeYear(ctx context.Context, on *loan, year span, wait time.Duration) error {
	_, err := on.Exec(ctx, "begin; set local lock_timeout = "+connection.Milliseconds(cmp.Or(wait, importTimeout)))
	if err == nil {
		_, err = on.Exec(ctx, sqlEnsurePartitions, year.from, year.to)
	}
	if err == nil {
		_, err = on.Exec(ctx, "commit")
	}
	if err != nil {
		_, _ = on.Exec(context.WithoutCancel(ctx), "rollback")
	}
	return translate(ctx, "", err)
}

// errPartitionBusy is the cause of the error of an import that could not make a partition because it has rows in the
// table.
var errPartitionBusy = errors.New("a partition could not be made beside the import")

func partitionBusy(cause error) error {
	return &blotter.Error{
		Kind: blotter.ErrOperational, SQLState: pgerror.State(cause), Err: errors.Join(errPartitionBusy, cause),
		Message: "a partition could not be made beside the import: nothing was stored, repeat it",
	}
}
