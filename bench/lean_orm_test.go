package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	gormpostgres "gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

// The rows of a lean schema as models of GORM and Bun, which read their tags.
type (
	ormOrder struct {
		bun.BaseModel  `bun:"lean_bun.orders" gorm:"-"`
		AccountID      string `gorm:"primaryKey" bun:",pk"`
		OrderID        string `gorm:"primaryKey" bun:",pk"`
		Symbol         string
		Side           string
		Quantity       blotter.Decimal
		FilledQuantity blotter.Decimal
		FilledNotional blotter.Decimal
		Status         string
		Strategy       string
		Version        int64
		UpdatedAt      time.Time
	}
	ormPosition struct {
		bun.BaseModel `bun:"lean_bun.positions" gorm:"-"`
		AccountID     string `gorm:"primaryKey" bun:",pk"`
		Symbol        string `gorm:"primaryKey" bun:",pk"`
		Quantity      blotter.Decimal
		CostBasis     blotter.Decimal
		RealizedPnL   blotter.Decimal `gorm:"column:realized_pnl" bun:"realized_pnl"`
		Fees          blotter.Decimal
		Multiplier    blotter.Decimal
		Currency      string
		OpenedAt      *time.Time
		MaxQuantity   blotter.Decimal
		LifePnL       blotter.Decimal `gorm:"column:life_pnl" bun:"life_pnl"`
		LifeFees      blotter.Decimal
		LifeTrades    int64
		Strategy      string
		Version       int64
		LastUpdated   time.Time
	}
	ormTrade struct {
		bun.BaseModel      `bun:"lean_bun.trades" gorm:"-"`
		AccountID          string `gorm:"primaryKey" bun:",pk"`
		TradeID            string `gorm:"primaryKey" bun:",pk"`
		OrderID            string
		Symbol             string `gorm:"primaryKey" bun:",pk"`
		Side               string `gorm:"primaryKey" bun:",pk"`
		Quantity           blotter.Decimal
		Price              blotter.Decimal
		Multiplier         blotter.Decimal
		Currency           string
		Commission         blotter.Decimal
		CommissionCurrency string
		RealizedPnL        blotter.Decimal `gorm:"column:realized_pnl" bun:"realized_pnl"`
		PositionEffect     string
		Strategy           string
		ExecutedAt         time.Time
		QuantityAfter      blotter.Decimal
		CostBasisAfter     blotter.Decimal
		RealizedPnLAfter   blotter.Decimal `gorm:"column:realized_pnl_after" bun:"realized_pnl_after"`
		FeesAfter          blotter.Decimal
	}
	ormRoundTrip struct {
		bun.BaseModel `bun:"lean_bun.round_trips" gorm:"-"`
		ID            int64 `gorm:"primaryKey" bun:",pk,autoincrement"`
		AccountID     string
		Symbol        string
		OpenedAt      time.Time
		ClosedAt      time.Time
		MaxQuantity   blotter.Decimal
		Gross         blotter.Decimal
		Fees          blotter.Decimal
		Strategy      string
		Trades        int64
	}
	ormEvent struct {
		bun.BaseModel `bun:"lean_bun.events" gorm:"-"`
		Pos           int64 `gorm:"primaryKey" bun:",pk,autoincrement"`
		AccountID     string
		EventID       uuid.UUID
		Type          string
		Data          json.RawMessage `bun:"type:jsonb" gorm:"type:jsonb"`
	}
)

func (ormOrder) TableName() string     { return "lean_gorm.orders" }
func (ormPosition) TableName() string  { return "lean_gorm.positions" }
func (ormTrade) TableName() string     { return "lean_gorm.trades" }
func (ormRoundTrip) TableName() string { return "lean_gorm.round_trips" }
func (ormEvent) TableName() string     { return "lean_gorm.events" }

// ormFill is a fill and the models that it changes.
type ormFill struct {
	order    ormOrder
	position ormPosition
	trade    ormTrade
	event    ormEvent
	closed   *ormRoundTrip
}

// apply computes the models from the trade, by the rules that blotter applies.
func (m *ormFill) apply(t blotter.Trade) error {
	f := leanFill{trade: t, order: m.order.toOrder(), position: m.position.toPosition()}
	if err := f.apply(); err != nil {
		return err
	}
	data, err := json.Marshal(f.trade.EventData())
	if err != nil {
		return err
	}

	m.order.FilledQuantity = f.order.FilledQuantity
	m.order.FilledNotional = f.order.FilledNotional
	m.order.Status = string(f.order.Status)
	m.order.Version++
	m.order.UpdatedAt = time.Now()
	m.position.set(&f.position)
	m.trade = newORMTrade(&f.trade)
	m.event = ormEvent{
		AccountID: t.AccountID, EventID: uuid.Must(uuid.NewV7()), Type: "trade_executed", Data: data,
	}
	if r := f.closed; r != nil {
		m.closed = &ormRoundTrip{
			AccountID: r.AccountID, Symbol: r.Symbol, OpenedAt: r.OpenedAt, ClosedAt: r.ClosedAt,
			MaxQuantity: r.MaxQuantity, Gross: r.Gross, Fees: r.Fees, Strategy: r.Strategy, Trades: r.Trades,
		}
	}
	return nil
}

func (o *ormOrder) toOrder() blotter.Order {
	return blotter.Order{
		AccountID: o.AccountID, OrderID: o.OrderID, Symbol: o.Symbol, Side: blotter.Side(o.Side),
		Quantity: o.Quantity, FilledQuantity: o.FilledQuantity, FilledNotional: o.FilledNotional,
		Status: blotter.OrderStatus(o.Status), Strategy: o.Strategy, Version: o.Version,
	}
}

func (p *ormPosition) toPosition() blotter.Position {
	return blotter.Position{
		AccountID: p.AccountID, Symbol: p.Symbol, Quantity: p.Quantity, CostBasis: p.CostBasis,
		RealizedPnL: p.RealizedPnL, Fees: p.Fees, Multiplier: p.Multiplier, Currency: p.Currency,
		OpenedAt: p.OpenedAt, MaxQuantity: p.MaxQuantity, LifePnL: p.LifePnL, LifeFees: p.LifeFees,
		LifeTrades: p.LifeTrades, Strategy: p.Strategy,
	}
}

func (p *ormPosition) set(after *blotter.Position) {
	p.Quantity = after.Quantity
	p.CostBasis = after.CostBasis
	p.RealizedPnL = after.RealizedPnL
	p.Fees = after.Fees
	p.OpenedAt = after.OpenedAt
	p.MaxQuantity = after.MaxQuantity
	p.LifePnL = after.LifePnL
	p.LifeFees = after.LifeFees
	p.LifeTrades = after.LifeTrades
	p.Strategy = after.Strategy
	p.Version++
	p.LastUpdated = time.Now()
}

func newORMTrade(t *blotter.Trade) ormTrade {
	return ormTrade{
		AccountID: t.AccountID, TradeID: t.TradeID, OrderID: t.OrderID, Symbol: t.Symbol, Side: string(t.Side),
		Quantity: t.Quantity, Price: t.Price, Multiplier: t.Multiplier, Currency: t.Currency,
		Commission: t.Commission, CommissionCurrency: t.CommissionCurrency, RealizedPnL: t.RealizedPnL,
		PositionEffect: string(t.PositionEffect), Strategy: t.Strategy, ExecutedAt: t.ExecutedAt,
		QuantityAfter: t.QuantityAfter, CostBasisAfter: t.CostBasisAfter, RealizedPnLAfter: t.RealizedPnLAfter,
		FeesAfter: t.FeesAfter,
	}
}

// orms returns the booking functions of GORM and Bun, on one database/sql pool each.
func orms(b testing.TB, pool *pgxpool.Pool, conns int) (withGORM, withBun func(context.Context, blotter.Trade) error) {
	b.Helper()
	open := func() *sql.DB {
		db := stdlib.OpenDB(*pool.Config().ConnConfig)
		db.SetMaxOpenConns(conns)
		db.SetMaxIdleConns(conns)
		b.Cleanup(func() { _ = db.Close() })
		return db
	}

	g, err := gorm.Open(gormpostgres.New(gormpostgres.Config{Conn: open()}), &gorm.Config{
		Logger: logger.Discard, SkipDefaultTransaction: true, PrepareStmt: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	bunDB := bun.NewDB(open(), pgdialect.New())
	withGORM = func(ctx context.Context, t blotter.Trade) error { return bookGORM(g.WithContext(ctx), t) }
	withBun = func(ctx context.Context, t blotter.Trade) error { return bookBun(ctx, bunDB, t) }
	return withGORM, withBun
}

func bookGORM(db *gorm.DB, t blotter.Trade) error {
	return db.Transaction(func(tx *gorm.DB) error {
		var m ormFill
		locked := tx.Clauses(clause.Locking{Strength: "UPDATE"})
		err := locked.Where("account_id = ? and order_id = ?", t.AccountID, t.OrderID).Take(&m.order).Error
		if err != nil {
			return err
		}
		locked = tx.Clauses(clause.Locking{Strength: "UPDATE"})
		err = locked.Where("account_id = ? and symbol = ?", t.AccountID, t.Symbol).Take(&m.position).Error
		if err != nil {
			return err
		}
		if err := m.apply(t); err != nil {
			return err
		}

		models := []any{&m.trade, &m.event}
		if m.closed != nil {
			models = append(models, m.closed)
		}
		for _, model := range models {
			if err := tx.Create(model).Error; err != nil {
				return err
			}
		}
		changed := []string{"FilledQuantity", "FilledNotional", "Status", "Version", "UpdatedAt"}
		if err := tx.Model(&m.order).Select(changed).Updates(&m.order).Error; err != nil {
			return err
		}
		return tx.Model(&m.position).Select("*").Updates(&m.position).Error
	})
}

func bookBun(ctx context.Context, db *bun.DB, t blotter.Trade) error {
	return db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var m ormFill
		err := tx.NewSelect().Model(&m.order).Where("account_id = ? and order_id = ?", t.AccountID, t.OrderID).
			For("UPDATE").Scan(ctx)
		if err != nil {
			return err
		}
		err = tx.NewSelect().Model(&m.position).Where("account_id = ? and symbol = ?", t.AccountID, t.Symbol).
			For("UPDATE").Scan(ctx)
		if err != nil {
			return err
		}
		if err := m.apply(t); err != nil {
			return err
		}

		models := []any{&m.trade, &m.event}
		if m.closed != nil {
			models = append(models, m.closed)
		}
		for _, model := range models {
			if _, err := tx.NewInsert().Model(model).Exec(ctx); err != nil {
				return err
			}
		}
		_, err = tx.NewUpdate().Model(&m.order).WherePK().
			Column("filled_quantity", "filled_notional", "status", "version", "updated_at").Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewUpdate().Model(&m.position).WherePK().Exec(ctx)
		return err
	})
}
