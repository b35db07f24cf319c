package chaos_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// streamReport counts the faults that the oracle found in streams. All numbers except the first must be 0.
type streamReport struct {
	Committed  int  // events that have a message
	Lost       int  // messages that are not in the stream
	Double     int  // that are more than once
	OutOfOrder int  // behind a later one of their key
	Different  int  // whose content is not that of their event
	Gaps       int  // entries whose id does not follow the one before
	Unheard    int  // messages that the subscriber did not get once, in order
	Renewed    int  // times that the numbers began again
	Late       bool // not all was there when there had been time enough
}

func (r streamReport) clean() bool {
	return r == streamReport{Committed: r.Committed} && r.Committed > 0
}

func (r streamReport) String() string {
	return fmt.Sprintf("committed %d, lost %d, double %d, out of order %d, different %d, gaps %d, not heard once in "+
		"order %d, numbers renewed %d, late %v",
		r.Committed, r.Lost, r.Double, r.OutOfOrder, r.Different, r.Gaps, r.Unheard, r.Renewed, r.Late)
}

func (r *streamReport) add(o streamReport) {
	r.Committed += o.Committed
	r.Lost += o.Lost
	r.Double += o.Double
	r.OutOfOrder += o.OutOfOrder
	r.Different += o.Different
	r.Gaps += o.Gaps
	r.Unheard += o.Unheard
}

// sourceOf returns the channel of the events that a channel's messages are made of.
func sourceOf(channel string) string {
	if channel == blotter.ChannelPositions {
		return blotter.ChannelTrades
	}
	return channel
}

// source is an event as its message is recognised: positions have ids of their own, and name the trade. The position
// after a refold names none: it is recognised by its number among those of its key.
type source struct {
	key  string
	data []byte
	seen int
}

// sources returns the events of a channel, by what their messages carry.
func (s *stage) sources(channel string) map[string]*source {
	s.t.Helper()
	found := map[string]*source{}
	refolds := refoldCount{}
	err := s.db.Transaction(s.ctx(), func(tx *postgres.Tx) error {
		rows, err := tx.Query(s.ctx(), `select event_id::text, key, data, coalesce(data->>'trade_id', '') || ' '
			|| coalesce(data->>'symbol', '') || ' ' || coalesce(data->>'side', ''), type from events.outbox
			where channel = $1 order by pos`, sourceOf(channel))
		if err != nil {
			return err
		}

		var id, key, trade, kind string
		var data []byte
		_, err = pgx.ForEachRow(rows, []any{&id, &key, &data, &trade, &kind}, func() error {
			switch {
			case channel == blotter.ChannelPositions && kind == blotter.TradesRefolded:
				id = refolds.next(key)
			case channel == blotter.ChannelPositions:
				id = key + " " + strings.Fields(trade)[0]
			}
			found[id] = &source{key: key, data: compact(data)}
			return nil
		})
		return err
	})
	if err != nil {
		s.t.Error(err)
	}

	return found
}

// refoldCount numbers the refolds of each key.
type refoldCount map[string]int

func (c refoldCount) next(key string) string {
	c[key]++
	return fmt.Sprintf("%s refold %d", key, c[key])
}

func compact(text []byte) []byte {
	var b bytes.Buffer
	_ = json.Compact(&b, text)
	return b.Bytes()
}

// judgeStream compares a channel's stream, and what the subscriber was handed, with the events.
func (r *relaying) judgeStream(channel string) (report streamReport) {
	r.t.Helper()
	entries, err := r.client.XRange(r.t.Context(), events.DefaultPrefix+channel+":log", "-", "+").Result()
	if err != nil {
		r.t.Error(err)
	}

	want := r.sources(channel)
	report.Committed = len(want)
	last := map[string]int64{}
	refolds := refoldCount{}
	var ids []string
	for i, entry := range entries {
		var m events.Message
		if err := json.Unmarshal([]byte(entry.Values["event"].(string)), &m); err != nil {
			r.t.Error(err)
		}
		if entry.ID != fmt.Sprintf("%d-%d", m.Epoch, i+1) || entry.ID != m.Offset().String() {
			report.Gaps++
		}
		ids = append(ids, m.ID.String())
		id := m.ID.String()
		switch {
		case channel == blotter.ChannelPositions && m.CorrelationID == "":
			id = refolds.next(m.Key)
		case channel == blotter.ChannelPositions:
			id = m.Key + " " + m.CorrelationID
		}
		report.judge(channel, &m, want[id], last)
	}

	for _, s := range want {
		report.Lost += max(0, 1-s.seen)
		report.Double += max(0, s.seen-1)
	}

	report.Unheard = r.unheard(channel, ids)
	return report
}

// judge compares a message with its event, and its place with those before.
func (r *streamReport) judge(channel string, m *events.Message, s *source, last map[string]int64) {
	if s == nil {
		r.Different++
		return
	}

	s.seen++
	if m.Key != s.key || channel != blotter.ChannelPositions && !bytes.Equal(m.Data, s.data) {
		r.Different++
	}

	_, number, _ := place(&blotter.Event{Key: m.Key, Data: s.data})
	if number > 0 && number < last[m.Key] {
		r.OutOfOrder++
	}

	last[m.Key] = max(last[m.Key], number)
}

// unheard counts the messages that the subscriber did not get in their place.
func (r *relaying) unheard(channel string, ids []string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	heard := r.heard[channel]
	for i := range max(len(ids), len(heard)) {
		if i >= len(ids) || i >= len(heard) || heard[i].ID.String() != ids[i] {
			n++
		}
	}
	return n
}
