package events

import (
	"errors"
	"fmt"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/jackc/pgx/v5"
)

// A redisSchedule is a sequence of steps that fails if the relay has one defect or another.
type redisSchedule struct {
	name    string
	real    bool // needs a real server
	args    []string
	play    func(d *desk, l *channelRelay) error
	mutants []string
}

var redisSchedules = []redisSchedule{
	{name: "a crash after publishing", play: func(d *desk, l *channelRelay) error {
		d.emit(3)
		if err := d.interrupt(l, beforeRecord); err != nil {
			return err
		}
		d.emit(2)
		return errors.Join(d.drain(l), d.whole(l.channel))
	}, mutants: []string{"no_cas"}},

	{name: "a crash after publishing, and an earlier position meanwhile", play: func(d *desk, l *channelRelay) error {
		s := &stage{t: d.t.(*testing.T), db: d.db}
		early := s.begin().
			do(`insert into events.outbox (channel, key, event_id, type, service, data)
				values ('market_data', 'E', gen_random_uuid(), 'market_data_updated', 'data_ingestion', '{}')`)
		d.emit(3)
		if err := d.interrupt(l, beforeRecord); err != nil {
			return err
		}
		early.commit()
		return errors.Join(d.drain(l), d.whole(l.channel))
	}, mutants: []string{"target_late"}},

	{name: "Redis forgets everything while idle", play: func(d *desk, l *channelRelay) error {
		d.emit(5)
		if err := d.drain(l); err != nil {
			return err
		}
		if err := errors.Join(d.client.FlushAll(d.ctx()).Err(), d.drain(l), d.whole(l.channel)); err != nil {
			return err
		}
		if n := d.log.count("Redis has lost messages"); n != 1 {
			return fmt.Errorf("the loss was logged %d times", n)
		}
		return nil
	}, mutants: []string{"no_cas"}},

	{name: "Redis forgets everything, and an earlier position came late", play: func(d *desk, l *channelRelay) error {
		s := &stage{t: d.t.(*testing.T), db: d.db}
		d.emit(1) // the window that the cursor goes back to
		if err := d.drain(l); err != nil {
			return err
		}
		early := s.begin().
			do(`insert into events.outbox (channel, key, event_id, type, service, data)
				values ('market_data', 'E', gen_random_uuid(), 'market_data_updated', 'data_ingestion', '{}')`)
		d.emit(3)
		if err := d.drain(l); err != nil {
			return err
		}
		early.commit()
		if err := d.drain(l); err != nil {
			return err
		}
		return d.forget(l)
	}, mutants: []string{"forget_windows"}},

	{
		name: "Redis forgets everything behind a crash after publishing, and an earlier position came late",
		play: func(d *desk, l *channelRelay) error {
			s := &stage{t: d.t.(*testing.T), db: d.db}
			d.emit(1)
			if err := d.drain(l); err != nil {
				return err
			}
			early := s.begin().
				do(`insert into events.outbox (channel, key, event_id, type, service, data)
					values ('market_data', 'E', gen_random_uuid(), 'market_data_updated', 'data_ingestion', '{}')`)
			d.emit(3)
			if err := d.interrupt(l, beforeRecord); err != nil {
				return err
			}
			early.commit()
			return d.forget(l)
		},
		mutants: []string{"forget_windows", "forget_target"},
	},

	{name: "Redis loses its tail", real: true, play: func(d *desk, l *channelRelay) error {
		d.emit(5)
		if err := errors.Join(d.drain(l), d.client.Save(d.ctx()).Err()); err != nil {
			return err
		}
		d.emit(5)
		if err := d.drain(l); err != nil {
			return err
		}
		if err := d.server.Restart(d.ctx()); err != nil {
			return err
		}
		d.emit(1)
		return errors.Join(d.drain(l), d.whole(l.channel))
	}, mutants: []string{"no_cas"}},

	{name: "a zombie's late batch", play: func(d *desk, l *channelRelay) error {
		d.emit(5)
		zombie := d.newRelay(nil).channel(l.channel)
		d.faults.at(beforeEffect, 1, func(*pgx.Conn) error { return errors.Join(d.steal(l.channel), d.drain(l)) })
		if err := d.drain(zombie); err == nil {
			return errors.New("the zombie committed")
		}
		return errors.Join(d.drain(l), d.whole(l.channel))
	}, mutants: []string{"no_cas"}},
}

// forget empties Redis and has the lane fill it again: each message that was there has to have its number again.
func (d *desk) forget(l *channelRelay) error {
	before, err := d.stream(l.channel)
	if err := errors.Join(err, d.client.FlushAll(d.ctx()).Err(), d.drain(l)); err != nil {
		return err
	}
	after, err := d.stream(l.channel)
	for i := range before {
		if len(after) < len(before) || after[i].ID != before[i].ID {
			return errors.Join(err, errors.New("the numbers are of other messages than they were"))
		}
	}
	return errors.Join(err, d.whole(l.channel))
}

// steal ends the database session that holds the lane's cursor, as when its link breaks and it does not know.
func (d *desk) steal(channel string) error {
	ended := pgtest.Value[int](d.t, d.db,
		`select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where datname = current_database()
			and state = 'idle in transaction'`)
	if ended == 0 {
		return errors.New("nobody held the cursor of " + channel)
	}
	return nil
}

func (play redisSchedule) on(t *testing.T, real bool) error {
	d := newDesk(t, real, play.args...)
	return play.play(d, d.relay.channel(blotter.ChannelMarketData))
}

// Every schedule of Redis ends well.
func TestRedisSchedules(t *testing.T) {
	for _, play := range redisSchedules {
		t.Run(play.name, func(t *testing.T) {
			for _, real := range []bool{true, false} {
				if !real && play.real {
					continue
				}
				if err := play.on(t, real); err != nil {
					t.Errorf("real server %v: %v", real, err)
				}
			}
		})
	}
}
