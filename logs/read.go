package logs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// Filter says which rows are read. The zero value reads all rows, including the archive.
type Filter struct {
	Service       string    // "" means all
	Level         string    // lowest level: "debug", "info", "warn" or "error"; "" means all
	CorrelationID string    // "" means all
	EventType     string    // "" means all
	Since, Until  time.Time // Since <= timestamp < Until; zero is unbounded
	Limit         int       // the newest so many; default 1,000
}

const (
	limitDefault = 1_000
	limitMax     = 100_000
)

var levels = []string{"debug", "info", "warn", "error"}

// Read returns log rows of the live table and the archive at one instant, oldest first. If there are more than the
// limit, it returns the newest. Read returns ErrInvalid for an invalid filter, and ErrPermission if the login may not
// act as trading_reporter.
func Read(ctx context.Context, db *postgres.DB, filter Filter) (found []blotter.SystemLog, err error) {
	where, args, err := filter.where(nil)
	if err != nil {
		return nil, err
	}

	sql := fmt.Sprintf(sqlRead, where, cmp.Or(filter.Limit, limitDefault))
	ctx = blotter.WithAllAccounts(ctx)
	err = db.ReadOnly(ctx, func(s *postgres.Session) error {
		found, err = collect(ctx, s, sql, args)
		return err
	})

	return found, err
}

const logFields = `id, service, level, message, data, correlation_id, event_type, timestamp`

// sqlRead is one query, so that it sees a row once that is moved to the archive meanwhile.
const sqlRead = `
select * from (
    select ` + logFields + ` from (
        select ` + logFields + ` from logging.system_logs
        union all
        select ` + logFields + ` from logging.archived_system_logs) l
     where %s order by timestamp desc, id desc limit %d) newest
 order by timestamp, id`

func collect(ctx context.Context, s *postgres.Session, sql string, args []any) ([]blotter.SystemLog, error) {
	rows, err := s.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l blotter.SystemLog, err error) {
		err = row.Scan(&l.ID, &l.Service, &l.Level, &l.Message, &l.Data, &l.CorrelationID, &l.EventType, &l.Timestamp)
		l.Timestamp = l.Timestamp.UTC()
		return l, err
	})
}

// where returns the condition of the filter, and its arguments after the given ones.
func (f Filter) where(args []any) (string, []any, error) {
	if f.Limit < 0 || f.Limit > limitMax {
		return "", nil, blotter.Invalid("Filter.Limit", f.Limit, fmt.Sprintf("0 for the default, up to %d", limitMax))
	}

	conditions := []string{"true"}
	add := func(condition string, value any) {
		args = append(args, value)
		conditions = append(conditions, condition+" $"+strconv.Itoa(len(args)))
	}

	if f.Level != "" && f.Level != levels[0] {
		least := slices.Index(levels, f.Level)
		if least < 0 {
			return "", nil, blotter.Invalid("Filter.Level", f.Level, strings.Join(levels, ", "))
		}
		args = append(args, levels[least:])
		conditions = append(conditions, "level = any($"+strconv.Itoa(len(args))+")")
	}

	for column, value := range map[string]string{
		"service": f.Service, "correlation_id": f.CorrelationID, "event_type": f.EventType,
	} {
		if value != "" {
			add(column+" =", value)
		}
	}

	if !f.Since.IsZero() {
		add("timestamp >=", f.Since)
	}
	if !f.Until.IsZero() {
		add("timestamp <", f.Until)
	}

	return strings.Join(conditions, " and "), args, nil
}
