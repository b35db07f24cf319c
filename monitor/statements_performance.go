package monitor

import (
	"context"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// Performance sums up what the Recorders of all processes wrote about an operation of a service. Times are in
// milliseconds.
type Performance struct {
	Service   string          `db:"service"`
	Operation string          `db:"operation"`
	Calls     int64           `db:"calls"`
	Errors    int64           `db:"errors"`
	Slow      int64           `db:"slow"` // calls of a second or more
	Rows      int64           `db:"rows"`
	MeanMS    blotter.Decimal `db:"mean_ms"`
	P99MS     blotter.Decimal `db:"p99_ms"` // of the worst minute, because percentiles do not add up
	MaxMS     blotter.Decimal `db:"max_ms"`
	Seconds   blotter.Decimal `db:"seconds"` // total time of all calls
}

// sqlPerformance sums up the rows of minutes if the service writes them, otherwise those of single calls. Slow calls
// have rows of their own in both cases.
const sqlPerformance = `
with chosen as (
    select service, operation, kind, calls, errors, rows, execution_time_ms, p99_ms, max_ms,
           bool_or(kind = 'minute') over (partition by service, operation) as by_minutes
      from logging.performance_logs
     where timestamp >= now() - $1::interval and ($2 = '' or service = $2)
)
select service, operation, sum(calls) filter (where counts)::bigint, sum(errors) filter (where counts)::bigint,
       count(*) filter (where kind = 'call' and execution_time_ms >= 1000), sum(rows) filter (where counts)::bigint,
       trim_scale(round(coalesce(sum(execution_time_ms * calls) filter (where counts)
                                 / sum(calls) filter (where counts), 0), 3)),
       trim_scale(max(coalesce(p99_ms, execution_time_ms))), trim_scale(max(coalesce(max_ms, execution_time_ms))),
       trim_scale(round(sum(execution_time_ms * calls) filter (where counts) / 1000, 3))
  from (select *, kind = 'minute' or not by_minutes as counts from chosen) c
 group by 1, 2
having count(*) filter (where counts) > 0
 order by 10 desc, 1, 2
 limit 500`

// ReadPerformance returns up to 500 operations of the given time until now, those that took the most time first. It
// reads those of one service, or of all if service is "".
func ReadPerformance(
	ctx context.Context, db *postgres.DB, ago time.Duration, service string,
) (list []Performance, err error) {
	ctx = blotter.WithOperation(blotter.WithAllAccounts(ctx), "monitor.performance")
	err = db.ReadOnly(ctx, func(s *postgres.Session) error {
		list, err = read[Performance](ctx, s, sqlPerformance, ago, service)
		return err
	})
	return list, err
}
