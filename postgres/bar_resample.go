package postgres

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

// resampleQuery makes longer bars of shorter ones: the first %s is a bucket of those below, the second asc or desc. The
// bucket of a bar is the interval that its timestamp is in; intervals
// without bars give none.
const resampleQuery = `
select 0::bigint, bucket, (array_agg(open order by timestamp))[1], max(high), min(low),
       (array_agg(close order by timestamp desc))[1], sum(volume), (array_agg(adj_close order by timestamp desc))[1],
       min(source), max(created_at)
  from (select *, %s as bucket from data_ingestion.market_data
         where symbol = $1 and timeframe = $2 and timestamp >= $3 and timestamp < $4) bars
 group by bucket order by bucket %s limit $5`

// The buckets, in UTC within a day, and by the calendar of a zone ($7) from a day on: an interval of a day or longer is
// stamped with midnight UTC of its first date, as every such bar is. Weeks begin on Monday.
const (
	bucketFixed  = `date_bin($6::interval, timestamp, '1970-01-01Z')`
	bucketDays   = `date_bin($6::interval, timestamp at time zone $7, '1970-01-05') at time zone 'UTC'`
	bucketMonths = `(date_trunc('year', timestamp at time zone $7)
         + $6::int * div(extract(month from timestamp at time zone $7) - 1, $6::int) * interval '1 month') at time zone 'UTC'`
)

const day = 24 * time.Hour

// queryResampled runs the query of a filter that asks for longer bars than are stored.
func (s *Session) queryResampled(ctx context.Context, f *BarFilter, limit *int) (pgx.Rows, error) {
	from, sourceMonths, err := f.Timeframe.Length()
	if err != nil {
		return nil, err
	}
	to, months, err := f.Resample.Length()
	if err != nil {
		return nil, err
	}
	zone := cmp.Or(f.Zone, "UTC")
	if _, err := time.LoadLocation(zone); err != nil {
		return nil, blotter.Invalid("zone", f.Zone, "an IANA name, as America/New_York or UTC")
	}
	if from >= day {
		zone = "UTC" // a daily bar's timestamp is its date
	}
	order := "asc"
	if f.NewestFirst {
		order = "desc"
	}
	refused := blotter.Invalid("resampling to", string(f.Resample), resampleTargets(f.Timeframe, from, sourceMonths))
	switch {
	case sourceMonths > 0 && (months == 0 || months%sourceMonths != 0), months == 0 && (to < from || to%from != 0),
		months > 0 && sourceMonths == 0 && day%min(from, 2*day) != 0, months > 0 && 12%months != 0, to > day && to%day != 0,
		to < day && months == 0 && day%to != 0:
		return nil, refused
	case months > 0:
		return s.Query(ctx, fmt.Sprintf(resampleQuery, bucketMonths, order), f.Symbol, f.Timeframe, f.From, f.To, limit, months, zone)
	case to >= day:
		return s.Query(ctx, fmt.Sprintf(resampleQuery, bucketDays, order), f.Symbol, f.Timeframe, f.From, f.To, limit, to, zone)
	}
	return s.Query(ctx, fmt.Sprintf(resampleQuery, bucketFixed, order), f.Symbol, f.Timeframe, f.From, f.To, limit, to)
}

// resampleTargets says which timeframes bars of one can be made into.
func resampleTargets(timeframe blotter.Timeframe, from time.Duration, months int) string {
	switch {
	case months > 0:
		return "a multiple of " + string(timeframe) + " that divides the year, up to 12mo"
	case from >= day && day%min(from, 2*day) != 0:
		return "a multiple of " + string(timeframe)
	case from >= day:
		return "a multiple of " + string(timeframe) + ", or 1mo, 2mo, 3mo, 4mo, 6mo or 12mo"
	}
	text, within := "a multiple of "+string(timeframe)+" that divides the day (", 0
	for _, target := range []string{"5s", "10s", "15s", "30s", "1m", "2m", "3m", "4m", "5m", "6m", "8m", "10m", "12m", "15m", "20m", "30m", "1h", "2h", "3h", "4h", "6h", "8h", "12h"} {
		if to, _, _ := blotter.Timeframe(target).Length(); to > from && to%from == 0 {
			text += target + ", "
			within++
		}
	}
	if within == 0 {
		return "a multiple of " + string(timeframe) + " of a day or longer"
	}
	return text[:len(text)-2] + "), or days, weeks and months"
}
