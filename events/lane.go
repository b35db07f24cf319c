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

// lane relays one channel: a consumer whose effect is in Redis, so that its window is fixed for good before anything of it
// is published.
//
//	between windows --target chosen, flushed--> window --part published--> ... --cursor moved--> between windows
//	      |  ^                                    | |                                                 ^
//	      |  '--nothing for the channel           | '--Redis lost its tail--> gone back by events.batch, by whose
//	      |                                       |                          windows it comes forward again
//	      '--the stream is ahead, or of a later epoch, or history changed--> next epoch
type lane struct {
	*Consumer
	out     outlet
	channel string
	config  RelayConfig

	// What follows belongs to the goroutine that runs.
	held      held
	checkedAt time.Time // when Redis was last seen to have everything
	told      told
	published atomic.Int64
}

// told is up to which number subscribers were told, as it was read when the cursor stood there.
type told struct {
	at   Offset
	upTo int64
}

// held are the first events of a window, which were read when its target was chosen.
type held struct {
	done, target string
	posDone      int64
	page         page
}

// paces of a lane: the least time between two windows, so that one holds more than one event; longer where the last one
// held none, because others' channels are busy.
const (
	laneBusy = 5 * time.Millisecond
	laneIdle = 20 * time.Millisecond
)

func newLane(cfg RelayConfig, client redis.UniversalClient, channel string) *lane {
	sources := []string{channel}
	if channel == blotter.ChannelPositions {
		sources = append(sources, blotter.ChannelTrades)
	}
	consumer := &Consumer{cfg: Config{
		Source: cfg.DB, Name: "redis:" + channel, Channels: sources, PollMin: cfg.PollMin, PollMax: cfg.PollMax, Logger: cfg.Logger,
	}.withDefaults()}
	l := &lane{Consumer: consumer, channel: channel, config: cfg, out: newOutlet(client, cfg.Prefix, channel, cfg.StreamMax)}
	l.chunk, l.step, l.arrived, l.due = l.cfg.ChunkMin, l.relay, l.adopt, l.unchecked
	l.paceBusy, l.paceIdle = laneBusy, laneIdle
	return l
}

// unchecked reports that it is time to look whether Redis still has everything.
func (l *lane) unchecked() bool { return time.Since(l.checkedAt) > l.config.CheckEvery }

// relay does the next step, with the cursor locked.
func (l *lane) relay(ctx context.Context, tx *postgres.Tx, at *cursor) (progress, error) {
	if at.target == "" && mutated("target_late") {
		if err := at.aim(ctx, tx); err != nil {
			return progress{}, err
		}
	}
	if at.target == "" {
		return l.choose(ctx, tx, at)
	}
	return l.publish(ctx, tx, at)
}

const (
	sqlFlushedCommit = `set local synchronous_commit = on`
	sqlFixTarget     = `
update events.cursor set snap_target = $2::text::pg_snapshot, updated_at = clock_timestamp() where consumer = $1`
)

// choose fixes the target of the next window, if that has anything for the channel. Nothing is published before the commit
// of this transaction.
func (l *lane) choose(ctx context.Context, tx *postgres.Tx, at *cursor) (progress, error) {
	if done, err := l.reconcile(ctx, tx, at); done || err != nil {
		return progress{more: true}, err
	}
	l.checkedAt = time.Now()
	if again, err := l.recall(ctx, tx, at); again || err != nil {
		return progress{more: true}, err
	}
	if err := at.aim(ctx, tx); err != nil {
		return progress{}, err
	}
	if err := l.failpoint("aimed"); err != nil {
		return progress{}, err
	}
	h := held{done: at.done.String(), target: at.target}
	p, err := at.read(ctx, tx, l.filter(), l.limit(), l.emptyBuffer())
	if l.buffer = p.events; err != nil {
		return progress{}, err
	}
	if len(p.events) == 0 {
		if !l.found { // nothing is written while nothing happens
			at.target = ""
			return progress{}, nil
		}
		return progress{empty: true}, at.advance(ctx, tx, nil, 0, false)
	}
	batch := &pgx.Batch{}
	batch.Queue(sqlFlushedCommit)
	batch.Queue(sqlFixTarget, at.consumer, at.target)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return progress{}, err
	}
	h.page, l.held = p, h
	return progress{more: true}, nil
}

// window reads the next page of the window.
func (l *lane) window(ctx context.Context, tx *postgres.Tx, at *cursor) (page, error) {
	h := l.held
	l.held = held{}
	if h.page.events != nil && h.target == at.target && h.done == at.done.String() && h.posDone == at.posDone {
		return h.page, nil
	}
	p, err := at.read(ctx, tx, l.filter(), l.limit(), l.emptyBuffer())
	l.buffer = p.events
	return p, err
}

const (
	// sqlTold is up to which number the channel has been told already, where the cursor went back.
	sqlTold = `
select coalesce(max(first_seq + events - 1), 0) from events.batch where channel = $1 and epoch = $2 and first_seq > $3`
	// sqlBatch keeps from where a batch can be read again: its window's snapshots, and the position before its first event.
	sqlBatch = sqlKeepBatch + ` on conflict (channel, epoch, first_seq) do update set events = excluded.events, pos_to = excluded.pos_to`
	// sqlWindowLeft keeps a window of which nothing is noted yet.
	sqlWindowLeft = sqlKeepBatch + ` on conflict do nothing`
	sqlKeepBatch  = `
insert into events.batch (channel, epoch, first_seq, events, snap_done, snap_target, pos_from, pos_to)
values ($1, $2, $3, $4, $5::text::pg_snapshot, $6::text::pg_snapshot, $7, $8)`
)

// publish puts the next events of the window into Redis and moves the cursor.
func (l *lane) publish(ctx context.Context, tx *postgres.Tx, at *cursor) (progress, error) {
	p, err := l.window(ctx, tx, at)
	if err != nil {
		return progress{}, err
	}
	list := p.events
	if err := l.failpoint("read"); err != nil {
		return progress{}, err
	}
	messages := l.compose(ctx, list, at)
	told, err := l.toldUpTo(ctx, tx, Offset{at.epoch, at.applied})
	if err != nil {
		return progress{}, err
	}
	what, end, err := l.send(ctx, at, told, messages)
	if err != nil {
		return progress{}, err
	}
	batch := func(events int) []any {
		return []any{l.channel, at.epoch, at.applied + 1, events, at.done.String(), at.target, list[0].Pos - 1, list[len(list)-1].Pos}
	}
	if what != inStream {
		return progress{more: true}, l.leave(ctx, tx, at, end, batch(0))
	}
	if err := l.failpoint("published"); err != nil {
		return progress{}, err
	}
	if n := len(messages); n > 0 {
		if _, err := tx.Exec(ctx, sqlQuietCommit); err != nil {
			return progress{}, err
		}
		tx.Last(sqlBatch, batch(n)...)
		l.published.Add(int64(n))
	}
	err = at.advance(ctx, tx, list, len(messages), p.more)
	l.told.at = Offset{at.epoch, at.applied}
	return progress{events: len(list), more: p.more, dense: p.dense(l.limit())}, err
}

// toldUpTo is up to which number the channel was told before the cursor went back to here, where it did.
func (l *lane) toldUpTo(ctx context.Context, tx *postgres.Tx, here Offset) (int64, error) {
	if l.told.at == here { // nobody else has moved the cursor
		return l.told.upTo, nil
	}
	l.told.at = Offset{}
	err := tx.QueryRow(ctx, sqlTold, l.channel, here.Epoch, here.Seq).Scan(&l.told.upTo)
	return l.told.upTo, err
}

// compose makes the messages of events, numbered on from the cursor. An event whose data is not what its type says is
// reported and left out: a stream cannot wait behind it for ever, and always leaves out the same.
func (l *lane) compose(ctx context.Context, list []blotter.Event, at *cursor) [][]byte {
	messages := make([][]byte, 0, len(list))
	for i := range list {
		text, err := l.message(&list[i], Offset{at.epoch, at.applied + int64(len(messages)) + 1})
		if err != nil {
			l.cfg.Logger.ErrorContext(ctx, "an event cannot be published", "channel", l.channel, "pos", list[i].Pos, "error", err.Error())
		}
		if text != nil {
			messages = append(messages, text)
		}
	}
	return messages
}

// message makes the message of an event, at its place in the channel. It is nil for an event that makes none.
func (l *lane) message(e *blotter.Event, at Offset) ([]byte, error) {
	m, ok, err := compose(l.channel, e)
	if err != nil || !ok {
		return nil, err
	}
	m.Epoch, m.Seq = at.Epoch, at.Seq
	return m.encode()
}

// partMax is how many messages one call of the script appends: for as long Redis does nothing else.
const partMax = 500

// send puts messages into Redis in parts, at most RateMax a second. If it could not, it reports what became of a part, and
// where the stream ends.
func (l *lane) send(ctx context.Context, at *cursor, told int64, messages [][]byte) (what int64, end Offset, err error) {
	first := Offset{at.epoch, at.applied + 1}
	for part := range slices.Chunk(messages, partMax) {
		start := time.Now()
		if what, end, err = l.out.put(ctx, first, told, part); what != inStream || err != nil {
			return what, end, err
		}
		l.checkedAt = start
		first.Seq += int64(len(part))
		if err := l.failpoint("part"); err != nil {
			return what, end, err
		}
		if len(part) == partMax {
			sleep(ctx, time.Duration(partMax)*time.Second/time.Duration(l.config.RateMax)-time.Since(start), nil)
		}
	}
	return inStream, end, nil
}
