package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/internal/chart"
	"github.com/blotterdb/blotter/internal/shell"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
)

// sqlStreams sums up what the relay has published, by channel.
const sqlStreams = `
select distinct on (channel) channel, epoch, first_seq + events - 1, created_at
  from events.batch
 order by channel, epoch desc, first_seq desc`

// pipeline shows the page of the consumers of events.
func (d *Dashboard) pipeline(r *request) (*view, error) {
	ctx := blotter.WithAllAccounts(r.ctx)
	list, err := events.ReadStatus(ctx, d.db)
	if err != nil {
		return nil, err
	}
	d.lag.keep(list, r.now)

	p := &page{Title: "Pipeline", Subtitle: "from a booked trade to those who use it"}
	p.Panels = append(p.Panels, panel{Title: "Consumers", Table: r.consumerTable(list)}, parkedPanel(r, list))
	for i := range list {
		p.Panels = append(p.Panels, d.lagPanel(r, list[i].Consumer, i))
	}

	streams := &table{
		ID: "streams", Caption: "Redis streams", Columns: []column{
			col("Channel"), num("Epoch"),
			num("Last number"), col("Published"),
		},
		Empty: empty{
			Text:    "Nothing was published to Redis. To publish every event:",
			Command: "blotter serve --redis URL",
		},
	}
	err = d.db.ReadOnly(ctx, func(s *postgres.Session) error { return r.readStreams(ctx, s, streams) },
		postgres.Unlogged)
	p.Panels = append(p.Panels, panel{Title: "Redis streams", Table: streams.aligned()})
	return p.show(), err
}

func (r *request) consumerTable(list []events.ConsumerStatus) *table {
	t := &table{
		ID: "consumers", Caption: "Consumers of the outbox",
		Columns: []column{
			col("Consumer"), num("Applied"), num("Waiting"), num("Oldest"), num("Parked keys"), col("Last moved"),
			col("State"),
		},
		Empty: empty{Text: "No consumer has run. The daemon keeps the analytics:", Command: "blotter serve"},
	}

	for i := range list {
		c := &list[i]

		oldest := ""
		state := "works"
		if c.Lag.Events > 0 {
			oldest = span(c.Lag.Age)
			state = "behind"
		}

		switch {
		case c.ExpiredAt != nil:
			state = "expired"
		case len(c.Parked) > 0:
			state = "parked keys"
		}

		t.add(text(c.Consumer), count(c.Applied), count(c.Lag.Events), cell{Text: oldest}, count(len(c.Parked)),
			instant(c.UpdatedAt, r.zone), text(state))
	}

	return t.aligned()
}

// parkedPanel lists the keys that wait behind an event that could not be applied, with the command that resolves each.
func parkedPanel(r *request, list []events.ConsumerStatus) panel {
	t := &table{
		ID: "parked", Caption: "Parked keys",
		Columns: []column{
			col("Consumer"), col("Key"), num("Events"), col("Since"), col("Error"), col("When the cause is fixed"),
		},
		Empty: empty{Text: "No key is parked: every event could be applied."},
	}

	for i := range list {
		for _, parked := range list[i].Parked {
			command := "blotter events resolve " + shell.Quote(list[i].Consumer) + " " + shell.Quote(parked.Key)
			t.add(text(list[i].Consumer), text(parked.Key), count(parked.Events), instant(parked.Since, r.zone),
				cell{Text: fmt.Sprintf("event %d: %s", parked.Pos, parked.Error), Class: "wide"},
				cell{Text: command, Class: "wide mono"})
		}
	}

	return panel{Title: "Dead letters and parked keys", Table: t.aligned()}
}

// lagPanel draws how far a consumer was behind in the last hour.
func (d *Dashboard) lagPanel(r *request, consumer string, n int) panel {
	samples := d.lag.of(consumer)
	p := panel{Title: consumer + ": events waiting", Class: "half"}
	if len(samples) < 2 {
		p.Chart = &figure{Empty: empty{Text: "The history begins when somebody looks at the dashboard."}}
		return p
	}

	t := &table{ID: fmt.Sprintf("lag-%d", n), Caption: p.Title, Columns: []column{col("Time"), num("Events")}}
	for _, sample := range slices.Backward(samples) {
		t.add(instant(sample.At, r.zone), number(sample.Value))
	}
	last := samples[len(samples)-1]
	label := fmt.Sprintf("Events that waited for %s in the last hour; now %s", consumer, plainNumber(last.Value))
	p.Chart = &figure{SVG: drawn(chart.Steps(chart.SmallSize, samples), label), Table: t.aligned()}
	return p
}

// figuresOf writes the figures of a run in one line.
func figuresOf(values map[string]any) string {
	var parts []string
	for name, value := range values {
		parts = append(parts, fmt.Sprintf("%s %v", strings.ReplaceAll(name, "_", " "), value))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// bytesCell returns a cell with a size.
func bytesCell(n int64) cell { return cell{Text: term.Bytes(n)} }

func (r *request) readStreams(ctx context.Context, s *postgres.Session, t *table) error {
	rows, err := s.Query(ctx, sqlStreams)
	if err != nil {
		return err
	}
	defer rows.Close()

	for rows.Next() {
		var channel string
		var epoch, last int64
		var at time.Time
		if err := rows.Scan(&channel, &epoch, &last, &at); err != nil {
			return err
		}
		t.add(text(channel), count(epoch), count(last), instant(at, r.zone))
	}
	return rows.Err()
}
