package events

import (
	"context"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/window"
	"github.com/blotterdb/blotter/postgres"
)

// FollowConfig configures Follow.
type FollowConfig struct {
	// Channels are the channels that are followed. Default all.
	Channels []string
	// After is a position of the outbox: events beyond it come first. Nil, the default, is events committed from now
	// on.
	After *int64
	// Callback gets the events of the context's scope. Its error ends Follow. Required.
	Callback func(ctx context.Context, e blotter.Event) error
}

const (
	followChunk   = 1000
	followPollMin = 5 * time.Millisecond
	followPollMax = 200 * time.Millisecond
)

// Follow passes the events of the outbox to the callback, in order, each once, until ctx ends, and then returns nil. It
// stores no cursor and writes nothing. It reads from the primary: for one account, with a ReadOnlyURL of a replica,
// that is refused. It also returns errors of the callback and of the database.
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
			return unlessEnded(ctx, err)
		}
		for _, e := range p.events {
			if err := cfg.Callback(ctx, e); err != nil {
				return unlessEnded(ctx, err)
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

// unlessEnded returns err, or nil if the context has ended.
func unlessEnded(ctx context.Context, err error) error {
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
	return at.finishWindow()
}

// follow reads the next events and moves the cursor, in memory.
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
	} else if err := next.finishWindow(); err != nil {
		return page{}, err
	}

	*at = next
	return p, nil
}
