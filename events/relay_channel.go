package events

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// channelRelay relays one channel. It is a consumer whose effect is in Redis: its window is committed before anything
// of it is published.
//
//	between windows --target chosen, flushed--> window --part published--> ... --cursor moved--> between windows
//	      |  ^                                    | |                                                 ^
//	      |  '--nothing for the channel           | '--Redis lost its tail--> back to an earlier batch, and on again
//	      |                                       |                           by the windows in events.batch
//	      '--the stream is ahead, or of a later epoch, or history changed--> next epoch
type channelRelay struct {
	*Consumer
	stream  stream
	channel string
	config  RelayConfig

	published atomic.Int64

	// The fields below belong to the goroutine that makes the passes.

	prefetched prefetched
	checkedAt  time.Time // when Redis last had everything
	announced  announced
}

// announced is the last number that was published to subscribers, as read when the cursor stood at an offset.
type announced struct {
	at   Offset
	last int64
}

// prefetched is the first page of a window, which was read when the target was chosen.
type prefetched struct {
	done, target string
	posDone      int64
	page         page
}

// isOf reports whether the page is the next one of the cursor.
func (p prefetched) isOf(at *cursor) bool {
	return p.target == at.target && p.done == at.done.String() && p.posDone == at.posDone
}

// The least time from one window to the next, so that a window holds more than one event. After an empty window it is
// longer, because only other channels are busy.
const (
	relayPaceBusy = 5 * time.Millisecond
	relayPaceIdle = 20 * time.Millisecond
)

func newChannelRelay(cfg RelayConfig, client redis.UniversalClient, channel string) *channelRelay {
	r := &channelRelay{
		Consumer: newConsumer(Config{
			Source: cfg.DB, Name: "redis:" + channel, Channels: []string{channel},
			PollMin: cfg.PollMin, PollMax: cfg.PollMax, Logger: cfg.Logger,
		}),
		stream:  newStream(client, cfg.Prefix, channel, cfg.StreamMax),
		channel: channel,
		config:  cfg,
	}

	r.step = r.relay
	r.onStart = r.adoptHistory
	r.checkDue = r.isCheckDue
	r.paceBusy = relayPaceBusy
	r.paceIdle = relayPaceIdle
	return r
}

// isCheckDue reports that it is time to check whether Redis still has everything.
func (r *channelRelay) isCheckDue() bool { return time.Since(r.checkedAt) > r.config.CheckEvery }

// filter selects what the channel's messages are made of.
func (r *channelRelay) filter() filter {
	f := r.Consumer.filter()
	f.fills = r.channel == blotter.ChannelPositions
	return f
}

// relay locks the cursor and does the next step.
func (r *channelRelay) relay(ctx context.Context, tx *postgres.Tx, at *cursor) (did progress, leads bool, err error) {
	guess := r.lastCursor
	inWindow := guess != nil && guess.target != ""
	first := r.prefetched
	r.prefetched = prefetched{}

	// One round trip locks the cursor and reads what the step needs, if the cursor is where this instance left it.
	batch := &pgx.Batch{}
	queueCursor(batch, r.cfg.Name, forLeader, at, &leads)
	var past past
	if !inWindow {
		r.queuePast(batch, &past)
	}
	p := first.page
	known := inWindow && first.isOf(guess)
	if !known {
		storedPage(r.cfg.Name, r.filter(), r.limit()).queue(batch, r.limit(), r.emptyBuffer(), &p)
	}
	err = tx.SendBatch(ctx, batch).Close()
	r.buffer = p.events
	if err != nil || !leads {
		return progress{}, leads, err
	}

	moved := inWindow != (at.target != "") || known && !first.isOf(at)
	switch {
	case moved: // by another instance
		return progress{more: true}, true, nil
	case inWindow:
		did, err = r.publish(ctx, tx, at, p)
	default:
		did, err = r.beginWindow(ctx, tx, at, past, p)
	}
	return did, true, err
}

const (
	sqlFlushedCommit = `set local synchronous_commit = on`
	sqlFixTarget     = `
update events.cursor set snap_target = $2::text::pg_snapshot, updated_at = clock_timestamp() where consumer = $1`
)

// beginWindow stores the target of the next window, if the window has anything for the channel. p is the window's first
// page. Nothing is published before this transaction is committed.
func (r *channelRelay) beginWindow(
	ctx context.Context, tx *postgres.Tx, at *cursor, past past, p page,
) (progress, error) {
	if moved, err := r.checkStream(ctx, tx, at, past); moved || err != nil {
		return progress{more: true}, err
	}
	if past.windowDone != "" {
		return progress{more: true}, r.restoreWindow(tx, at, past)
	}

	if err := at.adoptTarget(&p); err != nil {
		return progress{}, err
	}
	if len(p.events) == 0 {
		if !p.pending { // while nothing happens, nothing is written
			at.target = ""
			return progress{}, nil
		}
		return progress{empty: true}, at.advance(tx, nil, 0, false)
	}

	tx.Last(sqlFlushedCommit)
	tx.Last(sqlFixTarget, at.consumer, at.target)
	r.prefetched = prefetched{done: at.done.String(), target: at.target, page: p}
	return progress{more: true}, nil
}

const (
	// sqlLastAnnounced reads the last number that was published to the channel, if the cursor went back.
	sqlLastAnnounced = `
select coalesce(max(first_seq + events - 1), 0) from events.batch where channel = $1 and epoch = $2 and first_seq > $3`
	// sqlRecordBatch stores where a batch can be read again: its window's snapshots, and the position before its first
	// event.
	sqlRecordBatch = sqlInsertBatch + `
on conflict (channel, epoch, first_seq) do update set events = excluded.events, pos_to = excluded.pos_to`
	// sqlRecordWindow stores a window of which nothing is recorded yet.
	sqlRecordWindow = sqlInsertBatch + ` on conflict do nothing`
	sqlInsertBatch  = `
insert into events.batch (channel, epoch, first_seq, events, snap_done, snap_target, pos_from, pos_to)
values ($1, $2, $3, $4, $5::text::pg_snapshot, $6::text::pg_snapshot, $7, $8)`
)

// publish puts the next events of the window into Redis and moves the cursor.
func (r *channelRelay) publish(ctx context.Context, tx *postgres.Tx, at *cursor, p page) (progress, error) {
	list := p.events
	messages := r.compose(ctx, list, at)
	last, err := r.lastAnnounced(ctx, tx, at.offset())
	if err != nil {
		return progress{}, err
	}

	found, end, err := r.send(ctx, at, last, messages)
	if err != nil {
		return progress{}, err
	}
	batch := func(events int) []any {
		from, to := list[0].Pos-1, list[len(list)-1].Pos
		return []any{r.channel, at.epoch, at.applied + 1, events, at.done.String(), at.target, from, to}
	}
	if found != appended {
		return progress{more: true}, r.abandonWindow(ctx, tx, at, end, batch(0))
	}

	if n := len(messages); n > 0 {
		tx.Last(sqlQuietCommit)
		tx.Last(sqlRecordBatch, batch(n)...)
		r.published.Add(int64(n))
	}
	err = at.advance(tx, list, len(messages), p.more)
	r.announced.at = at.offset()
	return progress{events: len(list), more: p.more, dense: p.dense(r.limit())}, err
}

// lastAnnounced returns the last number that was published to the channel before the cursor went back to here, if it
// did.
func (r *channelRelay) lastAnnounced(ctx context.Context, tx *postgres.Tx, here Offset) (int64, error) {
	if r.announced.at == here { // no other instance has moved the cursor
		return r.announced.last, nil
	}
	r.announced.at = Offset{}
	err := tx.QueryRow(ctx, sqlLastAnnounced, r.channel, here.Epoch, here.Seq).Scan(&r.announced.last)
	return r.announced.last, err
}

// compose returns the messages of events, numbered from the cursor on. An event whose data does not match its type is
// logged and left out, each time: a stream cannot wait for it for ever.
func (r *channelRelay) compose(ctx context.Context, list []blotter.Event, at *cursor) [][]byte {
	messages := make([][]byte, 0, len(list))
	for i := range list {
		text, err := r.message(&list[i], Offset{at.epoch, at.applied + int64(len(messages)) + 1})
		if err != nil {
			r.cfg.Logger.ErrorContext(ctx, "an event cannot be published",
				"channel", r.channel, "pos", list[i].Pos, "error", err.Error())
		}
		if text != nil {
			messages = append(messages, text)
		}
	}
	return messages
}

// message returns the message of an event at an offset of the channel, or nil if the event has none.
func (r *channelRelay) message(e *blotter.Event, at Offset) ([]byte, error) {
	m, ok, err := compose(r.channel, e)
	if err != nil || !ok {
		return nil, err
	}
	m.Epoch = at.Epoch
	m.Seq = at.Seq
	return m.encode()
}

// partMax is how many messages one call of the script appends. Redis does nothing else meanwhile.
const partMax = 500

// send puts messages into Redis in parts, at most RateMax messages a second. If Redis does not append a part, send
// returns the reason and the end of the stream.
func (r *channelRelay) send(
	ctx context.Context, at *cursor, last int64, messages [][]byte,
) (found appendResult, end Offset, err error) {
	first := at.offset()
	first.Seq++

	pause := time.Duration(partMax) * time.Second / time.Duration(r.config.RateMax)
	for part := range slices.Chunk(messages, partMax) {
		start := time.Now()
		if found, end, err = r.stream.append(ctx, first, last, part); found != appended || err != nil {
			return found, end, err
		}

		r.checkedAt = start
		first.Seq += int64(len(part))
		if len(part) == partMax {
			sleep(ctx, pause-time.Since(start), nil)
		}
	}
	return appended, end, nil
}
