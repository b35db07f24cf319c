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

	// sqlWindow also returns these about the window. A page of a backlog lacks them.

	target string // snapshot
	own    uint64 // the reader's transaction
	// pending reports that the window has events, including those that the filter keeps back.
	pending bool
	// fresh reports that the window's target was chosen with this page.
	fresh bool
}

// dense reports whether a page with more events might exceed the limit of bytes.
func (p page) dense(most limit) bool { return p.cut || p.bytes > most.bytes/2 }

// filter selects the events of a window that are read. An empty list lets all through.
type filter struct {
	channels []string
	types    []string
	// fills also lets through the events of the book of which the messages of positions are made.
	fills bool
}

// all reports whether the filter lets every event through.
func (f filter) all() bool { return len(f.channels) == 0 && len(f.types) == 0 }

// condition returns what the filter adds to the condition of a window, and its arguments, numbered from first on. So
// the data of other events never leaves the server.
func (f filter) condition(first int) (sql string, args []any) {
	if len(f.channels) > 0 {
		args = append(args, f.channels)
		sql = fmt.Sprintf("and channel = any($%d)", first)
	}

	if len(f.types) > 0 {
		sql += fmt.Sprintf(" and type = any($%d)", first+len(args))
		args = append(args, f.types)
	}

	if f.fills {
		condition := "and (true %s or channel = $%d and type = any($%d))"
		sql = fmt.Sprintf(condition, sql, first+len(args), first+len(args)+1)
		args = append(args, blotter.ChannelTrades, positionSources)
	}
	return sql, args
}

// Columns of the rows that collectEvents reads: those of events, and after them what sqlWindow says of the window.
const (
	posColumn     = 0
	dataColumn    = 11
	windowColumns = 15 // with the window's target, the reader's transaction, and whether anything is pending
)

// collectEvents reads rows of events up to the limit and appends them to into. Rows beyond the limit of bytes are
// dropped; the next page reads them again. A row without a position says only what the window is.
func collectEvents(rows pgx.Rows, most limit, into []blotter.Event) (page, error) {
	defer rows.Close()

	p := page{events: into}
	var e blotter.Event
	columns := []any{
		&e.Pos, &e.AccountID, &e.XID, &e.Channel, &e.Key, &e.EventID, &e.Type, &e.V, &e.Service, &e.CorrelationID,
		&e.CreatedAt, (*[]byte)(&e.Data),
	}

	for first := true; rows.Next(); first = false {
		if p.cut {
			continue
		}

		values := rows.RawValues()
		if len(values) == windowColumns {
			if first {
				if err := p.readWindow(rows); err != nil {
					return p, err
				}
			}
			columns = append(columns[:dataColumn+1], nil, nil, nil)
		}

		if values[posColumn] == nil {
			continue
		}

		size := len(values[dataColumn])
		if p.bytes+size > most.bytes && len(p.events) > 0 {
			p.cut = true
			continue
		}
		p.bytes += size
		e = blotter.Event{}
		if err := rows.Scan(columns...); err != nil {
			return p, err
		}
		e.CreatedAt = e.CreatedAt.UTC()
		p.events = append(p.events, e)
	}
	p.more = p.cut || len(p.events) >= most.events
	return p, rows.Err()
}

// readWindow reads what a row of sqlWindow says of the window.
func (p *page) readWindow(rows pgx.Rows) error {
	columns := make([]any, windowColumns)
	copy(columns[dataColumn+1:], []any{&p.target, &p.own, &p.pending})
	return rows.Scan(columns...)
}

// collectPositions reads a column of positions.
func collectPositions(rows pgx.Rows) ([]int64, error) { return pgx.CollectRows(rows, pgx.RowTo[int64]) }
