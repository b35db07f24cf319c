package postgres

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

// OrderFilter selects orders of the context's scope, in the order of their creation. The zero value selects all.
type OrderFilter struct {
	Account     string // restricts a scope of all accounts to one account
	Symbol      string
	Side        blotter.Side
	Strategy    string
	Statuses    []blotter.OrderStatus // any of these; none selects all
	From, To    time.Time             // From <= created_at < To; zero is unbounded
	After       *blotter.Order        // the last row of the previous page, or nil for the first page
	NewestFirst bool
	Limit       int // the most rows to read; 0 reads all
}

// TradeFilter selects trades of the context's scope, in the book's order, which is that of their execution: by time, then
// by sequence. Trades that have both in common are in the order of their arrival. The zero value selects all.
type TradeFilter struct {
	Account     string // restricts a scope of all accounts to one account
	Symbol      string
	Side        blotter.Side
	OrderID     string
	Strategy    string
	Currency    string
	Result      TradeResult // of closing trades; "" selects all trades
	Weekday     int         // 1 is Monday, 7 is Sunday, in Zone; 0 selects all
	Hour        *int        // 0 to 23, in Zone; nil selects all
	Zone        string      // of Weekday and Hour; default UTC
	From, To    time.Time   // From <= executed_at < To; zero is unbounded
	NewestFirst bool
	After       *blotter.Trade // the last row of the previous page, or nil for the first page
	Limit       int            // the most rows to read; 0 reads all
}

// TradeResult selects trades that reduced, closed or flipped a position.
type TradeResult string

// The results. Profit and loss is that of the trade, before fees.
const (
	Closing TradeResult = "closing"
	Won     TradeResult = "won"
	Lost    TradeResult = "lost"
)

// RoundTripFilter selects round trips of the context's scope, in the order in which they ended. The zero value selects
// all.
type RoundTripFilter struct {
	Account     string // restricts a scope of all accounts to one account
	Symbol      string
	Strategy    string
	From, To    time.Time          // From <= closed_at < To; zero is unbounded
	After       *blotter.RoundTrip // the last row of the previous page, or nil for the first page
	NewestFirst bool
	Limit       int // the most rows to read; 0 reads all
}

// PositionFilter selects positions of the context's scope, sorted by account and symbol. The zero value selects all.
type PositionFilter struct {
	Account  string // restricts a scope of all accounts to one account
	Symbol   string
	OpenOnly bool // leaves out flat positions
}

// clauses are the clauses of a filter, or the reason why it is invalid.
type clauses struct {
	list []Clause
	err  error
}

// ofScope returns the clause for the account: the scope's, or of a scope of all accounts the given one, if any.
func ofScope(scope blotter.Scope, account string) *clauses {
	c := &clauses{}
	if scope.All && account == "" {
		return c
	}
	if !scope.All {
		c.err = resolveAccount(&account, scope)
	}
	c.list = append(c.list, Eq("account_id", account))
	return c
}

// equal adds a condition unless the value is empty.
func (c *clauses) equal(column, value string) {
	if value != "" {
		c.list = append(c.list, Eq(column, value))
	}
}

// between adds the bounds of a time that are given: from <= column < to.
func (c *clauses) between(column string, from, to time.Time) {
	if !from.IsZero() {
		c.list = append(c.list, Ge(column, from))
	}
	if !to.IsZero() {
		c.list = append(c.list, Lt(column, to))
	}
}

// page sorts by a column of times and, where these are equal, by id, and begins behind the row with the given time and
// id. Without a column it sorts by id alone. An id of 0 is the first page.
func (c *clauses) page(column string, at time.Time, id int64, newestFirst bool, limit int) {
	if id != 0 {
		c.list = append(c.list, behind(column, at, id, newestFirst))
	}

	direction := Asc
	if newestFirst {
		direction = Desc
	}
	if column != "" {
		c.list = append(c.list, direction(column))
	}
	c.list = append(c.list, direction("id"))

	if limit > 0 {
		c.list = append(c.list, Limit(limit))
	}
}

// result adds the conditions of a result.
func (c *clauses) result(r TradeResult) {
	if r == "" {
		return
	}
	closing := []blotter.PositionEffect{blotter.Reduced, blotter.Closed, blotter.Flipped}
	c.list = append(c.list, In("position_effect", closing))
	switch r {
	case Won:
		c.list = append(c.list, Gt("realized_pnl", blotter.Decimal{}))
	case Lost:
		c.list = append(c.list, Lt("realized_pnl", blotter.Decimal{}))
	}
}

// partsOf adds conditions on the day of the week and the hour of a time, if they are given.
func (c *clauses) partsOf(column, zone string, weekday int, hour *int) {
	if weekday != 0 {
		c.list = append(c.list, partOf(column, "isodow", zone, weekday))
	}
	if hour != nil {
		c.list = append(c.list, partOf(column, "hour", zone, *hour))
	}
}

// bySequence sorts the page of trades by sequence between time and id, and begins behind the row with that sequence.
func (c *clauses) bySequence(after int64) {
	for i := range c.list {
		switch {
		case c.list[i].id != 0:
			c.list[i].sequence = &after
		case c.list[i].column == "id" && c.list[i].direction != "":
			bySequence := c.list[i]
			bySequence.column = "sequence"
			c.list = slices.Insert(c.list, i, bySequence)
			return
		}
	}
}

func (f *OrderFilter) clauses(scope blotter.Scope) *clauses {
	c := ofScope(scope, f.Account)
	c.equal("symbol", f.Symbol)
	c.equal("side", string(f.Side))
	c.equal("strategy", f.Strategy)
	if len(f.Statuses) > 0 {
		c.list = append(c.list, In("status", f.Statuses))
	}
	c.between("created_at", f.From, f.To)

	var after blotter.Order
	if f.After != nil {
		after = *f.After
	}
	c.page("created_at", after.CreatedAt, after.ID, f.NewestFirst, f.Limit)
	return c
}

func (f *TradeFilter) clauses(scope blotter.Scope) *clauses {
	c := ofScope(scope, f.Account)
	c.equal("symbol", f.Symbol)
	c.equal("side", string(f.Side))
	c.equal("order_id", f.OrderID)
	c.equal("strategy", f.Strategy)
	c.equal("currency", f.Currency)
	c.result(f.Result)
	c.partsOf("executed_at", cmp.Or(f.Zone, "UTC"), f.Weekday, f.Hour)
	c.between("executed_at", f.From, f.To)

	var after blotter.Trade
	if f.After != nil {
		after = *f.After
	}
	c.page("executed_at", after.ExecutedAt, after.ID, f.NewestFirst, f.Limit)
	c.bySequence(after.Sequence)
	return c
}

func (f *RoundTripFilter) clauses(scope blotter.Scope) *clauses {
	c := ofScope(scope, f.Account)
	c.equal("symbol", f.Symbol)
	c.equal("strategy", f.Strategy)
	c.between("closed_at", f.From, f.To)

	var after blotter.RoundTrip
	if f.After != nil {
		after = *f.After
	}
	c.page("closed_at", after.ClosedAt, after.ID, f.NewestFirst, f.Limit)
	return c
}

func (f *PositionFilter) clauses(scope blotter.Scope) *clauses {
	c := ofScope(scope, f.Account)
	c.equal("symbol", f.Symbol)
	if f.OpenOnly {
		c.list = append(c.list, Ne("quantity", blotter.Decimal{}))
	}
	c.list = append(c.list, Asc("account_id"), Asc("symbol"))
	return c
}

// find reads all rows that the clauses select.
func find[T any](ctx context.Context, s *Session, table *Table[T], c *clauses) ([]T, error) {
	if c.err != nil {
		return nil, c.err
	}
	return table.Find(ctx, s, c.list...)
}

// stream yields the rows that the clauses select.
func stream[T any](ctx context.Context, s *Session, table *Table[T], c *clauses) iter.Seq2[T, error] {
	if c.err != nil {
		return func(yield func(T, error) bool) { yield(*new(T), c.err) }
	}
	return table.Stream(ctx, s, c.list...)
}

// findAlone calls find in a read-only session of its own.
func findAlone[T any](ctx context.Context, db *DB, find func(*Session) ([]T, error)) (list []T, err error) {
	err = db.ReadOnly(ctx, func(s *Session) error {
		list, err = find(s)
		return err
	})
	return list, err
}

// Orders reads orders. Errors: ErrInvalid for an account that is not the scope's.
func (s *Session) Orders(ctx context.Context, f OrderFilter) ([]blotter.Order, error) {
	return find(ctx, s, Orders, f.clauses(s.scope))
}

// StreamOrders yields orders in constant memory. The session serves nothing else meanwhile.
func (s *Session) StreamOrders(ctx context.Context, f OrderFilter) iter.Seq2[blotter.Order, error] {
	return stream(ctx, s, Orders, f.clauses(s.scope))
}

// Orders calls Session.Orders in a read-only session of its own.
func (db *DB) Orders(ctx context.Context, f OrderFilter) ([]blotter.Order, error) {
	return findAlone(ctx, db, func(s *Session) ([]blotter.Order, error) { return s.Orders(ctx, f) })
}

// Trades reads trades. Errors: ErrInvalid for an account that is not the scope's.
func (s *Session) Trades(ctx context.Context, f TradeFilter) ([]blotter.Trade, error) {
	if !f.isPageOfAccounts(s.scope) {
		return find(ctx, s, Trades, f.clauses(s.scope))
	}
	source, args, err := f.source(s.scope)
	if err != nil {
		return nil, err
	}
	return collect(ctx, s, Trades, "select "+Trades.columnList()+" from "+source, args...)
}

// StreamTrades yields trades in constant memory. The session serves nothing else meanwhile.
func (s *Session) StreamTrades(ctx context.Context, f TradeFilter) iter.Seq2[blotter.Trade, error] {
	return stream(ctx, s, Trades, f.clauses(s.scope))
}

// Trades calls Session.Trades in a read-only session of its own.
func (db *DB) Trades(ctx context.Context, f TradeFilter) ([]blotter.Trade, error) {
	return findAlone(ctx, db, func(s *Session) ([]blotter.Trade, error) { return s.Trades(ctx, f) })
}

// RoundTrips reads round trips. Errors: ErrInvalid for an account that is not the scope's.
func (s *Session) RoundTrips(ctx context.Context, f RoundTripFilter) ([]blotter.RoundTrip, error) {
	return find(ctx, s, RoundTrips, f.clauses(s.scope))
}

// StreamRoundTrips yields round trips in constant memory. The session serves nothing else meanwhile.
func (s *Session) StreamRoundTrips(ctx context.Context, f RoundTripFilter) iter.Seq2[blotter.RoundTrip, error] {
	return stream(ctx, s, RoundTrips, f.clauses(s.scope))
}

// RoundTrips calls Session.RoundTrips in a read-only session of its own.
func (db *DB) RoundTrips(ctx context.Context, f RoundTripFilter) ([]blotter.RoundTrip, error) {
	return findAlone(ctx, db, func(s *Session) ([]blotter.RoundTrip, error) { return s.RoundTrips(ctx, f) })
}

// Positions reads positions. Errors: ErrInvalid for an account that is not the scope's.
func (s *Session) Positions(ctx context.Context, f PositionFilter) ([]blotter.Position, error) {
	return find(ctx, s, Positions, f.clauses(s.scope))
}

// Positions calls Session.Positions in a read-only session of its own.
func (db *DB) Positions(ctx context.Context, f PositionFilter) ([]blotter.Position, error) {
	return findAlone(ctx, db, func(s *Session) ([]blotter.Position, error) { return s.Positions(ctx, f) })
}

// StreamPositionValues yields positions at the last known price of their symbols. The session
// serves nothing else meanwhile.
func (s *Session) StreamPositionValues(ctx context.Context, f PositionFilter) iter.Seq2[blotter.PositionValue, error] {
	return stream(ctx, s, PositionValues, f.clauses(s.scope))
}

// sqlPositionAsOf reads the position after its last entry, in the book's order, at or before $3. Adjustments come before
// the trades of their instant.
const sqlPositionAsOf = `
select at, multiplier, currency, quantity_after, cost_basis_after, realized_pnl_after, fees_after
  from (select executed_at as at, 1 as place, multiplier, currency, quantity_after, cost_basis_after,
               realized_pnl_after, fees_after
          from (select * from execution.trades where account_id = $1 and symbol = $2 and executed_at <= $3
                 order by executed_at desc, sequence desc, id desc limit 1) t
        union all
        select effective_at, 0, multiplier, currency, quantity_after, cost_basis_after, realized_pnl_after, fees_after
          from (select * from execution.position_adjustments
                 where account_id = $1 and symbol = $2 and effective_at <= $3
                 order by effective_at desc, adjustment_id collate "C" desc limit 1) a) entries
 order by at desc, place desc limit 1`

// PositionAsOf returns the position in a symbol at an instant: after the last trade or adjustment of the book at or
// before it. Quantity, cost basis, realized P&L, fees, multiplier and currency are filled in. Before the first trade
// the position is flat. With a scope of all accounts, account is required; otherwise "" is the scope's account.
func (s *Session) PositionAsOf(ctx context.Context, account, symbol string, at time.Time) (blotter.Position, error) {
	if err := resolveAccount(&account, s.scope); err != nil {
		return blotter.Position{}, err
	}

	rows, err := s.Query(ctx, sqlPositionAsOf, account, symbol, at)
	if err != nil {
		return blotter.Position{}, err
	}
	t := blotter.Trade{AccountID: account, Symbol: symbol}
	columns := []any{
		&t.ExecutedAt, &t.Multiplier, &t.Currency, &t.QuantityAfter, &t.CostBasisAfter, &t.RealizedPnLAfter, &t.FeesAfter,
	}
	_, err = pgx.ForEachRow(rows, columns, func() error { return nil })
	return t.PositionAfter(), err
}

// PositionAsOf calls Session.PositionAsOf in a read-only session of its own.
func (db *DB) PositionAsOf(ctx context.Context, account, symbol string, at time.Time) (p blotter.Position, err error) {
	err = db.ReadOnly(ctx, func(s *Session) error {
		p, err = s.PositionAsOf(ctx, account, symbol, at)
		return err
	})
	return p, err
}

var sqlPortfolio = `select ` + PositionValues.columnList() + ` from execution.position_values
 where account_id = $1 order by symbol`

// Portfolio returns an account's positions at the last known price of each symbol, and their sums, one for each
// currency. With a scope of all accounts, account is required; otherwise "" is the scope's account.
func (s *Session) Portfolio(ctx context.Context, account string) (blotter.Portfolio, error) {
	if err := resolveAccount(&account, s.scope); err != nil {
		return blotter.Portfolio{}, err
	}
	values, err := collect(ctx, s, PositionValues, sqlPortfolio, account)
	if err != nil {
		return blotter.Portfolio{}, err
	}
	return blotter.NewPortfolio(account, slices.Clip(values)), nil
}

// Portfolio calls Session.Portfolio in a read-only session of its own.
func (db *DB) Portfolio(ctx context.Context, account string) (p blotter.Portfolio, err error) {
	err = db.ReadOnly(ctx, func(s *Session) error {
		p, err = s.Portfolio(ctx, account)
		return err
	})
	return p, err
}
