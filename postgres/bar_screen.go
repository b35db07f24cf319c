package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/jackc/pgx/v5"
)

// LeftOut counts quarantined rows of an import that belong to no partition, for one reason.
type LeftOut struct {
	Line   int64  `json:"line"` // of the first row
	Reason string `json:"reason"`
	Rows   int64  `json:"rows"`
}

// screen finds the bars that get no partition: those outside the years that may have partitions, and those of a period
// whose partition was detached.
type screen struct {
	limit   time.Time // the first instant that is too late for a partition
	retired []retired
}

// retired is a period whose partition was detached, or is being detached.
type retired struct {
	span
	leaf string
}

// earliestPartition is the first instant that may have a partition, as in shared.check_partition_range. The last one
// follows from the server's clock, see shared.partitions_until.
var earliestPartition = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)

// sqlRetired lists detached leaves. Their columns distinguish them from other tables of such a name.
const sqlRetired = `
select c.relname
  from pg_class c
 where c.relnamespace = 'data_ingestion'::regnamespace and c.relkind = 'r' and not c.relispartition
   and c.relname ~ '^market_data_(y[0-9]{4}|[0-9]{4}_[0-9]{2})$'
   and not exists (select attname from pg_attribute
                    where attrelid = 'data_ingestion.market_data'::regclass and attnum > 0 and not attisdropped
                   except select attname from pg_attribute where attrelid = c.oid)
union all
select c.relname from shared.partitions p join pg_class c on c.oid = p.leaf
 where p.table_name = 'data_ingestion.market_data'::regclass and p.detach_pending`

const sqlPartitionsUntil = `select shared.partitions_until()`

// readScreen reads the periods that get no partition.
func (im *importer) readScreen(ctx context.Context, loan *loan) error {
	im.screen = screen{}
	if err := loan.QueryRow(ctx, sqlPartitionsUntil).Scan(&im.screen.limit); err != nil {
		return translate(ctx, "", err)
	}

	rows, err := loan.Query(ctx, sqlRetired)
	if err != nil {
		return translate(ctx, "", err)
	}
	leaves, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, leaf := range leaves {
		r := retired{leaf: leaf}
		name := strings.TrimPrefix(leaf, "market_data_")
		if r.from, err = time.Parse("y2006", name); err == nil {
			r.to = calendar.AddYears(r.from, 1)
		} else if r.from, err = time.Parse("2006_01", name); err == nil {
			r.to = calendar.AddMonths(r.from, 1)
		} else {
			err = nil // it was renamed while it is being detached
			continue
		}
		im.screen.retired = append(im.screen.retired, r)
	}
	return translate(ctx, "", err)
}

// mayHit reports whether a bar needs a closer look. Most need none.
func (s *screen) mayHit(at time.Time) bool {
	return at.Before(earliestPartition) || !at.Before(s.limit) || len(s.retired) > 0
}

// reason returns why a bar gets no partition, or "".
func (s *screen) reason(at time.Time, covered coverage) string {
	switch {
	case at.Before(earliestPartition):
		return "its date is before 1900; bars are kept from 1900 to two years ahead"
	case !at.Before(s.limit):
		return "its date is more than two years ahead; bars are kept from 1900 to two years ahead"
	}
	for _, r := range s.retired {
		if !at.Before(r.from) && at.Before(r.to) && !covered.has(at) {
			return "its period was retired: its partition data_ingestion." + r.leaf + " is detached"
		}
	}
	return ""
}

// has reports whether a partition covers the time.
func (c coverage) has(at time.Time) bool {
	for _, s := range c {
		if !at.Before(s.from) && at.Before(s.to) {
			return true
		}
	}
	return false
}

// sift moves the bars of a batch that get no partition to the rejected ones. Under Strict, the first is an error.
func (im *importer) sift(b *barBatch, covered coverage) error {
	if b == nil {
		return nil
	}

	kept := b.bars[:0]
	for i := range b.bars {
		bar := &b.bars[i]
		reason := ""
		if im.screen.mayHit(bar.Timestamp) {
			reason = im.screen.reason(bar.Timestamp, covered)
		}
		if reason == "" {
			kept = append(kept, *bar)
			continue
		}

		at := bar.Timestamp.UTC().Format(time.RFC3339)
		rejected := &blotter.RejectedRow{
			Line: bar.Line, Member: bar.Member, Symbol: bar.Symbol, Check: "period", Reason: reason,
			Raw: fmt.Sprint(at, ",", bar.Open, ",", bar.High, ",", bar.Low, ",", bar.Close, ",", bar.Volume),
		}
		if im.in.Strict {
			return rejected
		}
		b.rejected = append(b.rejected, rejected)
		im.leaveOut(bar.Line, reason)
	}
	b.bars = kept
	return nil
}

// leftOutMax is the most reasons that a result lists.
const leftOutMax = 20

// leaveOut counts a row that was left out.
func (im *importer) leaveOut(line int64, reason string) {
	all := &im.result.LeftOut
	for i := range *all {
		if (*all)[i].Reason == reason {
			(*all)[i].Rows++
			return
		}
	}
	if len(*all) < leftOutMax {
		*all = append(*all, LeftOut{line, reason, 1})
	}
}
