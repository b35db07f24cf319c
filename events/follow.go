package events

import (
	"context"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/window"
	"github.com/blotterdb/blotter/postgres"
)

// FollowConfig says which events are followed, and what is done with them.
type FollowConfig struct {
	// Channels are those that are followed. Default all.
	Channels []string
	// After is a position of the outbox: what is beyond it comes first. Default, nil, is what is committed from now on.
	After *int64
	// Callback gets the events of the context's scope. Its error ends the following. Required.
	Callback func(ctx context.Context, e blotter.Event) error
}

const (
	followChunk   = 1000
	followPollMin = 5 * time.Millisecond
	followPollMax = 200 * time.Millisecond
)

// Follow hands the callback the events of the outbox in order, each once, for as long as it runs: it keeps no cursor and
// writes nothing. It reads from the primary: for one account, where ReadOnlyURL leads to a replica, that is refused. It
// returns when the context ends, which is no error, with what the callback returned, and with an error
// of the database.
func Follow(ctx context.Context, db *postgres.DB, cfg FollowConfig) error {
	if cfg.Callback == nil {
		return blotter.Invalid("FollowConfig.Callback", "nil", "a function")
	}
	at := cursor{done: window.Until(firstXID)}
	if cfg.After != nil {
		at.posDone = *cfg.After
	} else if err := at.skip(ctx, db); err != nil {
		return err
	}
	for pause := followPollMin; ctx.Err() == nil; {
		p, err := at.follow(ctx, db, cfg.Channels)
		if err != nil {
			return ended(ctx, err)
		}
		for _, e := range p.events {
			if err := cfg.Callback(ctx, e); err != nil {
				return ended(ctx, err)
			}
		}
		switch {
		case p.more:
			continue
		case len(p.events) > 0:
			pause = followPollMin
		default:
			pause = min(2*pause, followPollMax)
		}
		sleep(ctx, pause, nil)
	}
	return nil
}

// ended is nil where it is the context that ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// skip moves the cursor to the present.
func (at *cursor) skip(ctx context.Context, db *postgres.DB) error {
	err := db.ReadOnly(ctx, func(s *postgres.Session) error { return at.chooseTarget(ctx, s) }, postgres.Primary)
	if err != nil {
		return err
	}
	at.done, err = window.Parse(at.target)
	at.target = ""
	return err
}

// follow reads the next events and moves the cursor in memory.
func (at *cursor) follow(ctx context.Context, db *postgres.DB, channels []string) (p page, err error) {
	next := *at
	err = db.ReadOnly(ctx, func(s *postgres.Session) error {
		if err := next.chooseTarget(ctx, s); err != nil {
			return err
		}
		p, err = next.read(ctx, s, filter{channels: channels}, limit{events: followChunk, bytes: chunkBytes}, nil)
		return err
	}, postgres.Snapshot, postgres.Primary)
	if err != nil {
		return page{}, err
	}
	if p.more {
		next.posDone = p.events[len(p.events)-1].Pos
	} else {
		next.done, err = window.Parse(next.target)
		next.target, next.posDone = "", 0
	}
	*at = next
	return p, err
}
