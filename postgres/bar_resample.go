package postgres

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

// resampleQuery combines bars into longer ones. The first %s is one of the buckets below, the second asc or desc. The
// bucket of a bar is the interval that contains its timestamp. Intervals without bars give none.
const resampleQuery = `
select 0::bigint, bucket, (array_agg(open order by timestamp))[1], max(high), min(low),
       (array_agg(close order by timestamp desc))[1], sum(volume), (array_agg(adj_close order by timestamp desc))[1],
       min(source), max(created_at)
  from (select *, %s as bucket from data_ingestion.market_data
         where symbol = $1 and timeframe = $2 and timestamp >= $3 and timestamp < $4) bars
 group by bucket order by bucket %s limit $5`

// The buckets: intraday intervals in UTC, and days and longer intervals by the calendar of a zone ($7). The latter are
// stamped with midnight UTC of their first date, like every such bar. Weeks begin on Monday.
const (
	bucketFixed  = `date_bin($6::interval, timestamp, '1970-01-01Z')`
	bucketDays   = `date_bin($6::interval, timestamp at time zone $7, '1970-01-05') at time zone 'UTC'`
	bucketMonths = `(date_trunc('year', timestamp at time zone $7)
         + $6::int * div(extract(month from timestamp at time zone $7) - 1, $6::int) * interval '1 month')
         at time zone 'UTC'`
)

const day = 24 * time.Hour

// queryResampled runs the query of a filter that asks for longer bars than are stored.
func (s *Session) queryResampled(ctx context.Context, f *BarFilter, limit *int) (pgx.Rows, error) {
	from, fromMonths, err := blotter.TimeframeLength(f.Timeframe)
	if err != nil {
		return nil, err
	}
	to, toMonths, err := blotter.TimeframeLength(f.Resample)
	if err != nil {
		return nil, err
	}
	if !canResample(from, fromMonths, to, toMonths) {
		return nil, blotter.Invalid("resampling to", f.Resample, resampleTargets(f.Timeframe, from, fromMonths))
	}

	zone := cmp.Or(f.Zone, "UTC")
	if _, err := time.LoadLocation(zone); err != nil {
		return nil, blotter.Invalid("zone", f.Zone, "an IANA name, for example America/New_York or UTC")
	}
	if from >= day {
		zone = "UTC" // a daily bar's timestamp is its date
	}

	order := "asc"
	if f.NewestFirst {
		order = "desc"
	}
	args := []any{f.Symbol, f.Timeframe, f.From, f.To, limit}
	switch {
	case toMonths > 0:
		return s.Query(ctx, fmt.Sprintf(resampleQuery, bucketMonths, order), append(args, toMonths, zone)...)
	case to >= day:
		return s.Query(ctx, fmt.Sprintf(resampleQuery, bucketDays, order), append(args, to, zone)...)
	}
	return s.Query(ctx, fmt.Sprintf(resampleQuery, bucketFixed, order), append(args, to)...)
}

// canResample reports whether bars of one length, or of some months, can be combined into longer ones: a multiple that
// divides the day or, of months, the year.
func canResample(from time.Duration, fromMonths int, to time.Duration, toMonths int) bool {
	switch {
	case fromMonths > 0:
		return toMonths > 0 && toMonths%fromMonths == 0 && 12%toMonths == 0
	case toMonths > 0:
		return day%min(from, 2*day) == 0 && 12%toMonths == 0
	case to < from || to%from != 0:
		return false
	case to < day:
		return day%to == 0
	}
	return to%day == 0
}

// resampleTargets says into which timeframes bars can be combined.
func resampleTargets(timeframe string, from time.Duration, months int) string {
	switch {
	case months > 0:
		return "a multiple of " + timeframe + " that divides the year, up to 12mo"
	case from >= day && day%min(from, 2*day) != 0:
		return "a multiple of " + timeframe
	case from >= day:
		return "a multiple of " + timeframe + ", or 1mo, 2mo, 3mo, 4mo, 6mo or 12mo"
	}

	var targets []string
	for _, target := range []string{
		"5s", "10s", "15s", "30s", "1m", "2m", "3m", "4m", "5m", "6m", "8m", "10m", "12m", "15m", "20m", "30m",
		"1h", "2h", "3h", "4h", "6h", "8h", "12h",
	} {
		if to, _, _ := blotter.TimeframeLength(target); to > from && to%from == 0 {
			targets = append(targets, target)
		}
	}
	if len(targets) == 0 {
		return "a multiple of " + timeframe + " of a day or longer"
	}
	return "a multiple of " + timeframe + " that divides the day (" + strings.Join(targets, ", ") +
		"), or days, weeks and months"
}
