package events

import (
	"context"
	"errors"
	"testing"

	"github.com/blotterdb/blotter"
)

// Follow delivers each event of the context's accounts once and in order, late commits included.
func TestFollow(t *testing.T) {
	t.Parallel()

	d := newDesk(t, false)
	d.trade("A1", "T1")
	d.emit(2500) // more than two chunks

	begin := func(ctx context.Context, cfg FollowConfig) (got chan blotter.Event, ended chan error) {
		got, ended = make(chan blotter.Event, 5000), make(chan error, 1)
		cfg.Callback = func(_ context.Context, e blotter.Event) error {
			got <- e
			return nil
		}

		go func() { ended <- Follow(ctx, d.db.DB, cfg) }()

		return got, ended
	}

	ctx, cancel := context.WithCancel(t.Context())
	all, allEnded := begin(blotter.WithAllAccounts(ctx), FollowConfig{After: new(int64)})
	own, ownEnded := begin(blotter.WithAccount(ctx, "A2"),
		FollowConfig{After: new(int64), Channels: []string{"trades"}})
	until(t, "what is there", func() bool { return len(all) == 2501 })
	late := (&stage{t: t, db: d.db}).begin().
		do(`insert into events.outbox (channel, key, event_id, type, service, data)
			values ('x', 'late', gen_random_uuid(), 'x', 'x', '{}')`)
	d.trade("A1", "T2")
	d.trade("A2", "T3")
	until(t, "two trades", func() bool { return len(all) == 2503 })
	late.commit()
	until(t, "what committed late", func() bool { return len(all) == 2504 && len(own) == 1 })
	cancel()

	if err := errors.Join(<-allEnded, <-ownEnded); err != nil {
		t.Error(err)
	}

	seen := map[int64]bool{}
	for range 2504 {
		seen[(<-all).Pos] = true
	}

	if e := <-own; len(seen) != 2504 || e.AccountID != "A2" {
		t.Errorf("%d different events; the account got %+v", len(seen), e)
	}

	enough := errors.New("enough")
	err := Follow(d.ctx(), d.db.DB,
		FollowConfig{After: new(int64), Callback: func(context.Context, blotter.Event) error { return enough }})
	if !errors.Is(err, enough) {
		t.Errorf("the callback's error came back as %v", err)
	}
}
