package events

import (
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

// chunkBytes bounds the data of one page of a window unless Config.ChunkBytes does. Each consumer, and each channel of
// a relay, holds at most one page: this bounds the daemon's memory.
const chunkBytes = 8 << 20

// limit ends a page of a window: after a number of events or, if that comes first, of bytes of their data. One event is
// read however large it is: rows older than the limit on an event's size pass one by one.
type limit struct {
	events int
	bytes  int
}

// page is the result of one read of a window.
type page struct {
	events []blotter.Event
	// more reports that the window may have more: the page ended at its limit.
	more bool
	// cut reports that the page ended at its limit of bytes.
	cut bool
	// bytes is the size of the data of its events.
	bytes int
}

// dense reports whether a page with more events might exceed the limit of bytes.
func (p page) dense(most limit) bool { return p.cut || p.bytes > most.bytes/2 }

// filter selects the events of a window that are read. An empty list lets all through.
type filter struct {
	channels []string
	types    []string
}

// all reports whether the filter lets every event through.
func (f filter) all() bool { return len(f.channels) == 0 && len(f.types) == 0 }

// filterArg is the number of the filter's first parameter in the statements of a window.
const filterArg = 7

// condition returns what the filter adds to the condition of a window, and its arguments, from $7 on. So the data of
// other events never leaves the server.
func (f filter) condition() (sql string, args []any) {
	if len(f.channels) > 0 {
		args = append(args, f.channels)
		sql = fmt.Sprintf("and channel = any($%d)", filterArg)
	}
	if len(f.types) > 0 {
		sql += fmt.Sprintf(" and type = any($%d)", filterArg+len(args))
		args = append(args, f.types)
	}
	return sql, args
}

// dataColumn is the index of the data in the rows that collectEvents reads: the last.
const dataColumn = 11

// collectEvents reads rows of events up to the limit and appends them to into. Rows beyond the limit of bytes are
// dropped; the next page reads them again.
func collectEvents(rows pgx.Rows, most limit, into []blotter.Event) (page, error) {
	defer rows.Close()

	p := page{events: into}
	for rows.Next() {
		if p.cut {
			continue
		}
		size := len(rows.RawValues()[dataColumn])
		if p.bytes+size > most.bytes && len(p.events) > 0 {
			p.cut = true
			continue
		}

		p.bytes += size
		var e blotter.Event
		err := rows.Scan(&e.Pos, &e.AccountID, &e.XID, &e.Channel, &e.Key, &e.EventID, &e.Type, &e.V, &e.Service,
			&e.CorrelationID, &e.CreatedAt, (*[]byte)(&e.Data))
		if err != nil {
			return p, err
		}
		e.CreatedAt = e.CreatedAt.UTC()
		p.events = append(p.events, e)
	}
	p.more = p.cut || len(p.events) >= most.events
	return p, rows.Err()
}

// collectPositions reads a column of positions.
func collectPositions(rows pgx.Rows) ([]int64, error) { return pgx.CollectRows(rows, pgx.RowTo[int64]) }
