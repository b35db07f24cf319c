package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 3, 2, 14, 30, 0, 123456000, time.UTC)

func dec(text string) blotter.Decimal { return blotter.MustDecimal(text) }

// crud stores a row, finds it unchanged, changes it and removes it, as far as the table's grants allow.
func crud[T any](t *testing.T, db *pgtest.Database, table *postgres.Table[T], row T, change func(*T)) {
	t.Helper()
	t.Run(table.Def().QualifiedName(), func(t *testing.T) {
		ctx := blotter.WithAllAccounts(t.Context())
		err := db.Transaction(ctx, func(tx *postgres.Tx) error {
			given := row
			if err := table.Insert(ctx, tx, &row); err != nil {
				return err
			}

			found, err := table.Find(ctx, tx)
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return fmt.Errorf("Find returns nothing after Insert of %+v", given)
			}
			if diff := cmp.Diff(row, found[len(found)-1], sameJSON); diff != "" {
				return fmt.Errorf("Find differs from what Insert returned: %s", diff)
			}

			if change == nil {
				return nil
			}
			change(&row)
			if err := table.Update(ctx, tx, &row); err != nil {
				return err
			}
			again, err := table.Find(ctx, tx)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(row, again[len(again)-1], sameJSON); diff != "" {
				return fmt.Errorf("Find differs from what Update returned: %s", diff)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

var sameJSON = cmp.Comparer(func(a, b json.RawMessage) bool {
	var x, y any
	return len(a) == 0 && len(b) == 0 || json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && cmp.Equal(x, y)
})

func TestEveryTableStoresAndFinds(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	crud(t, db, postgres.Accounts, blotter.Account{AccountID: "A1", Name: "first"},
		func(a *blotter.Account) { a.Zone = "America/New_York" })
	crud(t, db, postgres.Instruments, blotter.Instrument{Symbol: "ES", Multiplier: dec("50")},
		func(i *blotter.Instrument) { i.AllowsNegative = true })
	db.Exec(t, `select shared.ensure_partitions('market_data', $1, $1)`, now)
	crud(t, db, postgres.MarketData, blotter.Bar{Symbol: "AAPL", Timestamp: now, Open: dec("1"), High: dec("2.5"), Low: dec("0.5"), Close: dec("1.00000001"), Volume: dec("0.00012"), Source: "test"}, func(b *blotter.Bar) { b.AdjClose = new(dec("0.9")) })
	crud(t, db, postgres.LatestPrices, blotter.LatestPrice{Symbol: "AAPL", Price: dec("1.5"), At: now, Source: "test"},
		func(p *blotter.LatestPrice) { p.Price = dec("2") })
	crud(t, db, postgres.DataQualityLogs,
		blotter.DataQualityLog{CheckType: "parse", Message: "no price", File: "a.csv", Line: 3, RawRow: "x,y"},
		func(d *blotter.DataQualityLog) { d.Status = "resolved" })
	crud(t, db, postgres.Orders, newOrder("A1", "O-1"), func(o *blotter.Order) {
		o.Status = blotter.PartiallyFilled
		o.FilledQuantity = dec("3")
		o.FilledNotional = dec("100")
	})
	crud(t, db, postgres.Trades, blotter.Trade{AccountID: "A1", TradeID: "T-1", OrderID: "O-1", Symbol: "AAPL", Side: blotter.Buy, Quantity: dec("1"), Price: dec("189.5"), Commission: dec("-0.01"), PositionEffect: blotter.Opened, ExecutedAt: now, QuantityAfter: dec("1"), CostBasisAfter: dec("189.5"), SettlementDate: new(time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC))}, nil)
	crud(t, db, postgres.Positions,
		blotter.Position{AccountID: "A1", Symbol: "AAPL", Quantity: dec("-3"), CostBasis: dec("568.5"), OpenedAt: &now},
		func(p *blotter.Position) { p.Fees = dec("1") })
	crud(t, db, postgres.RoundTrips, blotter.RoundTrip{AccountID: "A1", Symbol: "AAPL", OpenedAt: now, ClosedAt: now, MaxQuantity: dec("5"), Gross: dec("10"), Fees: dec("1"), Trades: 2}, nil)
	crud(t, db, postgres.Outbox, blotter.Event{AccountID: "A1", Channel: "trades", Key: "A1", EventID: [16]byte{1}, Type: "note", Service: "test", Data: json.RawMessage(`{"a": 1}`)}, nil)
	crud(t, db, postgres.EventCursors, blotter.EventCursor{Consumer: "analytics", SnapDone: "10:20:10,14"},
		func(c *blotter.EventCursor) { c.SnapTarget = "11:30:" })
	crud(t, db, postgres.EventWitnesses, blotter.EventWitness{Lineage: [16]byte{1}, Consumer: "analytics", Number: 1},
		func(w *blotter.EventWitness) { w.Number = 2 })
	crud(t, db, postgres.EventBatches,
		blotter.EventBatch{Channel: "trades", FirstSeq: 1, Events: 2, SnapDone: "10:20:", SnapTarget: "11:30:"},
		func(b *blotter.EventBatch) { b.Events = 3 })
	crud(t, db, postgres.DeadLetters, blotter.DeadLetter{Consumer: "analytics", Pos: 1, Key: "A1", Error: "poison"},
		func(d *blotter.DeadLetter) { d.ResolvedAt = &now })
	crud(t, db, postgres.PortfolioSummaries,
		blotter.PortfolioSummary{AccountID: "A1", Symbol: "AAPL", Quantity: dec("1")},
		func(p *blotter.PortfolioSummary) { p.MarketPrice = new(dec("2")) })
	crud(t, db, postgres.PerformanceMetrics, blotter.PerformanceMetrics{AccountID: "A1", Strategy: "trend", Date: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), TotalTrades: 5, ClosingTrades: 3, Wins: 2}, func(p *blotter.PerformanceMetrics) { p.Wins = 1 })
	crud(t, db, postgres.SystemLogs,
		blotter.SystemLog{Service: "test", Level: "info", Message: "hello", Data: json.RawMessage(`{"k": "v"}`)}, nil)
	crud(t, db, postgres.PerformanceLogs,
		blotter.PerformanceLog{Service: "test", Operation: "read", ExecutionTimeMS: dec("1.25")}, nil)
	crud(t, db, postgres.MaintenanceRuns, blotter.MaintenanceRun{Job: "analyze", RunBy: "test"},
		func(m *blotter.MaintenanceRun) { m.Result, m.EndedAt = "ok", &now })
	crud(t, db, postgres.Strategies, blotter.Strategy{StrategyID: "trend", Name: "Trend"},
		func(s *blotter.Strategy) { s.Status = "paused" })
	crud(t, db, postgres.StrategySignals, blotter.StrategySignal{SignalID: "S-1", StrategyID: "trend", Symbol: "AAPL", SignalType: "buy", Confidence: new(dec("0.75")), Timestamp: now}, func(s *blotter.StrategySignal) { s.Quantity = new(dec("5")) })
	crud(t, db, postgres.RiskLimits,
		blotter.RiskLimit{AccountID: "A1", LimitType: "max_loss", LimitValue: dec("1000"), IsActive: true},
		func(r *blotter.RiskLimit) { r.CurrentValue = dec("3") })
	crud(t, db, postgres.RiskEvents,
		blotter.RiskEvent{AccountID: "A1", EventID: "E-1", EventType: "loss", Message: "near the limit"},
		func(r *blotter.RiskEvent) { r.ResolvedAt = &now })

	db.Exec(t, `select shared.ensure_partitions('archived_system_logs', now(), now())`)
	crud(t, db, postgres.ArchivedSystemLogs,
		blotter.ArchivedSystemLog{ID: 7, Service: "test", Level: "warn", Message: "old"}, nil)
	ctx := blotter.WithAllAccounts(t.Context())
	err := db.ReadOnly(ctx, func(s *postgres.Session) error {
		values, err := postgres.PositionValues.Find(ctx, s)
		if err != nil || len(values) != 1 || values[0].MarketValue == nil || values[0].MarketValue.String() != "-6" ||
			values[0].UnrealizedPnL.String() != "562.5" {
			t.Errorf("position_values: %+v, %v; want -3 at 2 worth -6, won 562.5", values, err)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// The tables declared in Go are those of the catalog: columns, types, nullability, keys and foreign keys.
func TestRegistryAgreesWithTheCatalog(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	differences, err := postgres.CompareRegistry(t.Context(), db.AdminURL)
	if err != nil {
		t.Fatal(err)
	}

	for _, d := range differences {
		t.Error(d)
	}

	db.Exec(t, `alter table execution.orders drop column session_id; alter table execution.orders add column note text;
		alter table execution.orders alter column strategy drop not null; create table execution.strange (i int primary key)`)

	differences, err = postgres.CompareRegistry(t.Context(), db.AdminURL)
	if err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{
		"execution.orders.session_id", "execution.orders.note", "execution.orders.strategy",
		"execution.strange",
	} {
		if !strings.Contains(strings.Join(differences, "\n"), want) {
			t.Errorf("the comparison does not find %s: %q", want, differences)
		}
	}
}

func TestUpdateNoticesAStaleVersion(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "ACC1")
	ctx := as(t, "ACC1")
	order := newOrder("ACC1", "O-7")
	update := func(o *blotter.Order) error {
		return db.Transaction(ctx, func(tx *postgres.Tx) error { return postgres.Orders.Update(ctx, tx, o) })
	}
	if err := db.Transaction(ctx, func(tx *postgres.Tx) error { return postgres.Orders.Insert(ctx, tx, &order) }); err != nil {
		t.Fatal(err)
	}

	stale := order
	for range 2 {
		order.Status = blotter.Submitted
		if err := update(&order); err != nil {
			t.Fatal(err)
		}
	}

	if order.Version != 3 || !order.UpdatedAt.After(order.CreatedAt) {
		t.Errorf("after two updates the version is %d and updated_at %s (created %s)", order.Version, order.UpdatedAt,
			order.CreatedAt)
	}

	stale.Status = blotter.Cancelled
	err := update(&stale)
	wantKind(t, "a stale update", err, blotter.ErrConflict)
	if want := "orders ACC1/O-7: another session changed version 1, which is now 3"; err == nil ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want it to say %q", err, want)
	}

	missing := newOrder("ACC1", "no such order")
	wantKind(t, "an update of nothing", update(&missing), blotter.ErrNotFound)
}

func TestGetUpsertDelete(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := blotter.WithAllAccounts(t.Context())
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		s := blotter.Strategy{StrategyID: "trend", Name: "Trend"}
		for want := int64(1); want <= 2; want++ {
			if err := postgres.Strategies.Upsert(ctx, tx, &s); err != nil || s.Version != want {
				return fmt.Errorf("Upsert %d: version %d, %w", want, s.Version, err)
			}
			s.Name = "Trend following"
		}
		got, err := postgres.Strategies.Get(ctx, tx, "trend")
		if err != nil || got.Name != "Trend following" {
			return fmt.Errorf("Get: %+v, %w", got, err)
		}
		if _, err := postgres.Strategies.Get(ctx, tx, "none"); !errors.Is(err, blotter.ErrNotFound) {
			t.Errorf("Get of nothing: %v", err)
		}
		if err := postgres.Strategies.Delete(ctx, tx, "trend"); err != nil {
			return err
		}
		return postgres.Strategies.Delete(ctx, tx, "trend")
	})

	wantKind(t, "Delete of nothing", err, blotter.ErrNotFound)
}

func TestFind(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := blotter.WithAllAccounts(t.Context())
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		var rows []blotter.LatestPrice
		for i := range 10 {
			rows = append(rows,
				blotter.LatestPrice{Symbol: fmt.Sprintf("S%d", i), Price: dec(fmt.Sprint(i)), At: now, Source: "test"})
		}
		if n, err := postgres.LatestPrices.CopyIn(ctx, tx, rows); err != nil || n != 10 {
			return fmt.Errorf("CopyIn: %d, %w", n, err)
		}
		for want, clauses := range map[string][]postgres.Clause{
			"S3":       {postgres.Eq("symbol", "S3")},
			"S8 S9":    {postgres.Gt("price", dec("7")), postgres.Asc("symbol")},
			"S9 S8 S7": {postgres.Ge("price", dec("7")), postgres.Desc("price")},
			"S0 S1":    {postgres.Lt("price", dec("2")), postgres.Asc("symbol")},
			"S0 S1 S2": {postgres.Le("price", dec("2")), postgres.Asc("symbol")},
			"S1 S4":    {postgres.In("symbol", []string{"S4", "S1"}), postgres.Asc("symbol")},
			"S5 S6":    {postgres.Asc("symbol"), postgres.Limit(2), postgres.Offset(5)},
			"":         {postgres.Eq("symbol", "'; drop table data_ingestion.latest_prices; --")},
			"S0 S2 S3 S4 S5": {
				postgres.Ne("symbol", "S1"), postgres.NotNull("source"), postgres.Asc("symbol"),
				postgres.Limit(5),
			},
		} {
			found, err := postgres.LatestPrices.Find(ctx, tx, clauses...)
			if err != nil {
				return err
			}
			var symbols []string
			for _, p := range found {
				symbols = append(symbols, p.Symbol)
			}
			if got := strings.Join(symbols, " "); got != want {
				t.Errorf("Find(%v) found %q, want %q", clauses, got, want)
			}
		}
		seen := 0
		for row, err := range postgres.LatestPrices.Stream(ctx, tx, postgres.Asc("symbol")) {
			if err != nil {
				return err
			}
			if seen++; row.Symbol == "S4" {
				break
			}
		}
		if _, err := tx.Exec(ctx, "select 1"); err != nil || seen != 5 {
			t.Errorf("after leaving a stream at row %d the session says %v", seen, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	for _, clause := range []postgres.Clause{
		postgres.Eq("no_column", 1), postgres.Asc("price; drop table x"),
		postgres.Limit(0),
	} {
		err := db.ReadOnly(ctx, func(s *postgres.Session) error {
			_, err := postgres.LatestPrices.Find(ctx, s, clause)
			return err
		})
		wantKind(t, fmt.Sprintf("Find(%v)", clause), err, blotter.ErrProgramming)
	}
}

func TestTableDeclarations(t *testing.T) {
	t.Parallel()
	type row struct {
		ID int `db:"id"`
	}

	for name, declare := range map[string]func(){
		"unqualified": func() { postgres.NewTable[row]("orders") },
		"unknown key": func() { postgres.NewTable[row]("s.orders", postgres.Key("nothing")) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: the declaration was accepted", name)
				}
			}()
			declare()
		}()
	}

	err := postgres.PositionValues.Insert(context.Background(), nil, &blotter.PositionValue{})
	wantKind(t, "an insert into a view", err, blotter.ErrProgramming)
}
