package analytics

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// Consumer is the name of the synchronizer's consumer.
const Consumer = "analytics"

// Config configures a Synchronizer.
type Config struct {
	// Source is the database of the trades. Required.
	Source *postgres.DB
	// Target is the database of the analytics, with the same migrations. Default Source.
	Target *postgres.DB
	// Logger gets one line for each change of state. Default slog.Default().
	Logger *slog.Logger
}

// Synchronizer folds events into the analytics. Any number of them share the work.
type Synchronizer struct {
	cfg      Config
	consumer *events.Consumer
	zoned    zoneCache
}

// New makes a Synchronizer. It returns ErrInvalid if there is no Source.
func New(cfg Config) (*Synchronizer, error) {
	if cfg.Source == nil {
		return nil, blotter.Invalid("Config.Source", "nil", "the database of the trades")
	}
	if cfg.Target == nil {
		cfg.Target = cfg.Source
	}
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())

	s := &Synchronizer{cfg: cfg}
	var err error
	s.consumer, err = events.NewConsumer(events.Config{
		Source: cfg.Source, Target: cfg.Target, Name: Consumer, Logger: cfg.Logger,
		Handler: s.handle, Alongside: s.zoned.queue,
		Channels: []string{blotter.ChannelTrades, blotter.ChannelMarketData},
		Types: []string{
			blotter.TradeExecuted, blotter.TradeUndone, blotter.TradesRefolded, blotter.MarketDataUpdated,
		},
	})
	return s, err
}

// Start starts to follow the events. The first time, it computes the analytics from the stored trades, because the
// outbox may not reach back to the first one. ErrConflict: a database was restored; the error names the remedy.
func (s *Synchronizer) Start(ctx context.Context) error {
	exists, err := s.hasCursor(ctx)
	if err == nil && !exists {
		_, err = s.Rebuild(ctx)
	}
	if err != nil {
		return err
	}
	return s.consumer.Start(ctx)
}

const sqlHasCursor = `select exists (select from events.cursor where consumer = $1)`

func (s *Synchronizer) hasCursor(ctx context.Context) (exists bool, err error) {
	ctx = blotter.WithAllAccounts(ctx)
	err = s.cfg.Target.AutoCommit(ctx, func(q *postgres.Session) error {
		return q.QueryRow(ctx, sqlHasCursor, Consumer).Scan(&exists)
	})
	return exists, err
}

// Stop lets the current transaction end and waits for it. If ctx ends first, Stop returns its error.
func (s *Synchronizer) Stop(ctx context.Context) error { return s.consumer.Stop(ctx) }

// Health returns nil while this or another instance works, and otherwise the error of the last attempt.
func (s *Synchronizer) Health() error { return s.consumer.Health() }

// Applied returns how many events this instance has folded.
func (s *Synchronizer) Applied() int64 { return s.consumer.Applied() }

// handle folds a chunk of events and adds the sums to the stored figures when the transaction commits.
func (s *Synchronizer) handle(ctx context.Context, tx *postgres.Tx, list []blotter.Event) error {
	accounts := map[string]bool{}
	for i := range list {
		if isBookEvent(&list[i]) {
			accounts[list[i].AccountID] = true
		}
	}

	zones, err := s.zones(ctx, tx, accounts)
	if err != nil {
		return err
	}
	f := newFold(zones)
	for i := range list {
		if err := f.event(&list[i]); err != nil {
			return err
		}
	}
	if err := s.noteRefused(ctx, tx, f.refused); err != nil {
		return err
	}
	f.deferWrite(tx)
	return nil
}

// noteRefused stores the events that the fold refused, for people to look at. Later events go on.
func (s *Synchronizer) noteRefused(ctx context.Context, tx *postgres.Tx, refused []events.Refusal) error {
	if len(refused) == 0 {
		return nil
	}
	first := refused[0]
	s.cfg.Logger.WarnContext(ctx, "events were refused because their content is wrong; events.dead_letter has them",
		"events", len(refused), "pos", first.Event.Pos, "key", first.Event.Key, "type", first.Event.Type,
		"error", first.Reason.Error())
	return events.Refuse(ctx, tx, Consumer, refused...)
}

// zonesFor is how long the zone of an account is cached. A changed zone requires a rebuild in any case.
const zonesFor = time.Second

// zoneCache holds the zones of accounts that had events recently. It belongs to the consumer's goroutine.
type zoneCache struct {
	zones map[string]*time.Location
	used  map[string]bool // accounts that had events since then
	since time.Time
}

// queue queues, if the zones are old, a query of those that were used since they were read.
func (z *zoneCache) queue(batch *pgx.Batch) {
	if time.Since(z.since) < zonesFor {
		return
	}

	names := slices.Sorted(maps.Keys(z.used))
	if len(names) == 0 {
		z.renew(nil, nil)
		return
	}

	batch.Queue(sqlZones, names).Query(func(rows pgx.Rows) error {
		// An account whose zone is unknown is left out: get reads it again, and its events are at fault alone.
		unknown := map[string]bool{}
		found, err := collectZones(rows, func(account, _ string) error {
			unknown[account] = true
			return nil
		})
		if err != nil {
			return err
		}
		z.renew(slices.DeleteFunc(names, func(name string) bool { return unknown[name] }), found)
		return nil
	})
}

// renew replaces the zones by those that were found of the accounts.
func (z *zoneCache) renew(accounts []string, found map[string]*time.Location) {
	z.zones = map[string]*time.Location{}
	z.used = map[string]bool{}
	z.since = time.Now()
	z.add(accounts, found)
}

func (z *zoneCache) add(accounts []string, found map[string]*time.Location) {
	for _, account := range accounts {
		z.zones[account] = cmp.Or(found[account], time.UTC)
	}
}

// get returns the zones of the accounts, and calls read for those that are not cached.
func (z *zoneCache) get(
	accounts map[string]bool, read func(names []string) (map[string]*time.Location, error),
) (map[string]*time.Location, error) {
	if z.zones == nil {
		z.renew(nil, nil)
	}
	var missing []string
	for account := range accounts {
		z.used[account] = true
		if z.zones[account] == nil {
			missing = append(missing, account)
		}
	}
	if len(missing) == 0 {
		return z.zones, nil
	}

	slices.Sort(missing)
	found, err := read(missing)
	if err != nil {
		return nil, err
	}
	z.add(missing, found)
	return z.zones, nil
}

func (s *Synchronizer) zones(
	ctx context.Context, tx *postgres.Tx, accounts map[string]bool,
) (map[string]*time.Location, error) {
	return s.zoned.get(accounts, func(names []string) (zones map[string]*time.Location, err error) {
		if s.cfg.Source == s.cfg.Target {
			return readZones(ctx, tx, names)
		}
		err = s.cfg.Source.AutoCommit(ctx, func(q *postgres.Session) error {
			zones, err = readZones(ctx, q, names)
			return err
		})
		return zones, err
	})
}
