package analytics

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"
	_ "time/tzdata" // zones of accounts, the same on every machine

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/events"
)

// fold adds up events. It is pure: the same events give the same sums, whether they come one by one, in chunks, or from
// the trades themselves.
type fold struct {
	zones     map[string]*time.Location // of accounts; UTC if missing
	summaries map[summaryKey]*blotter.PortfolioSummary
	metrics   map[metricsKey]*blotter.PerformanceMetrics
	prices    map[string]*priceChange
	undone    bool             // a trade was undone: a row may have none left
	refused   []events.Refusal // events with wrong content
}

// priceChange is the new price of a symbol.
type priceChange struct {
	last     *blotter.MarketPrice // nil for none
	corrects bool                 // it replaces the stored price, however new that is
}

type summaryKey struct{ account, symbol string }

type metricsKey struct{ account, strategy, date, currency string }

func newFold(zones map[string]*time.Location) *fold {
	return &fold{
		zones: zones, summaries: map[summaryKey]*blotter.PortfolioSummary{},
		metrics: map[metricsKey]*blotter.PerformanceMetrics{}, prices: map[string]*priceChange{},
	}
}

// isBookEvent reports whether e is an event of the book. Its columns name its account.
func isBookEvent(e *blotter.Event) bool {
	return e.Channel == blotter.ChannelTrades && e.Service == blotter.ServiceExecution &&
		(e.Type == blotter.TradeExecuted || e.Type == blotter.TradeUndone || e.Type == blotter.TradesRefolded)
}

// event adds an event of the book or a price, and ignores other events. It refuses an event that contradicts its
// columns. Its error means that an event should be added but cannot be.
func (f *fold) event(e *blotter.Event) error {
	switch {
	case isBookEvent(e):
		return f.bookEvent(e)
	case e.Type == blotter.MarketDataUpdated && e.Channel == blotter.ChannelMarketData:
		return f.marketEvent(e)
	}
	return nil
}

func (f *fold) refuse(e *blotter.Event, reason error) {
	f.refused = append(f.refused, events.Refusal{Event: *e, Reason: reason})
}

func (f *fold) bookEvent(e *blotter.Event) error {
	if e.Type == blotter.TradesRefolded {
		return f.refoldEvent(e)
	}

	t, err := decode(e)
	if err != nil {
		return f.undecodable(e, err)
	}
	if e.AccountID == "" || t.AccountID != e.AccountID {
		f.refuse(e, e.CheckIdentity())
		return nil
	}

	if e.Type == blotter.TradeUndone {
		f.undo(&t)
		return nil
	}
	f.syncTradeData(&t.TradeData)
	f.syncPositionData(&t.TradeData)
	return nil
}

// undecodable refuses an event that contradicts its columns, and otherwise returns the error.
func (f *fold) undecodable(e *blotter.Event, err error) error {
	if reason := e.CheckIdentity(); reason != nil {
		f.refuse(e, reason)
		return nil
	}
	return err
}

// refoldEvent adds the differences that a refold made, and takes the position as it is after it.
func (f *fold) refoldEvent(e *blotter.Event) error {
	if e.V != 1 {
		return f.undecodable(e, unknownVersion(e))
	}
	var r blotter.RefoldData
	if err := json.Unmarshal(e.Data, &r); err != nil {
		return f.undecodable(e, fmt.Errorf("event %d: decode %s: %w", e.Pos, e.Type, err))
	}
	if e.AccountID == "" || r.AccountID != e.AccountID {
		f.refuse(e, e.CheckIdentity())
		return nil
	}

	for i := range r.Performance {
		if err := f.addPerformance(r.AccountID, &r.Performance[i]); err != nil {
			f.refuse(e, err)
			return nil
		}
	}
	f.undone = true
	t := blotter.TradeData{
		AccountID: r.AccountID, Symbol: r.Symbol, Multiplier: r.Multiplier, Currency: r.Currency,
	}
	s := f.summaryOf(&t, r.Position)
	s.TradedValue = s.TradedValue.Add(r.Difference.TradedValue)
	s.EventCount += r.Difference.Trades
	return nil
}

// addPerformance adds differences to the figures of a strategy and date.
func (f *fold) addPerformance(account string, d *blotter.PerformanceDifference) error {
	day, err := time.Parse(time.DateOnly, d.Date)
	if err != nil {
		return blotter.Invalid("data.performance.date", d.Date, "a date")
	}

	m := f.metricsOn(account, d.Strategy, d.Currency, day)
	m.TotalTrades += d.TotalTrades
	m.ClosingTrades += d.ClosingTrades
	m.Wins += d.Wins
	m.Losses += d.Losses
	m.GrossProfit = m.GrossProfit.Add(d.GrossProfit)
	m.GrossLoss = m.GrossLoss.Add(d.GrossLoss)
	m.RealizedPnL = m.RealizedPnL.Add(d.RealizedPnL)
	m.Fees = m.Fees.Add(d.Fees)
	return nil
}

func (f *fold) marketEvent(e *blotter.Event) error {
	if reason := e.CheckIdentity(); reason != nil {
		f.refuse(e, reason)
		return nil
	}
	if e.V != 1 {
		return unknownVersion(e)
	}
	var p blotter.PriceData
	if err := json.Unmarshal(e.Data, &p); err != nil {
		f.refuse(e, err)
		return nil
	}
	if p.Correction == "" && (p.Price == nil || p.PriceAt == nil) {
		return nil // bars without a price
	}

	p.From = nil // bars may lie in the future, prices may not
	p.To = nil
	reason := p.Check(e.CreatedAt)
	if reason == nil && p.Symbol != e.Key {
		reason = blotter.Invalid("data.symbol", p.Symbol, "the event's key, "+e.Key)
	}
	if reason != nil {
		f.refuse(e, reason)
		return nil
	}
	f.syncMarketData(&p)
	return nil
}

func unknownVersion(e *blotter.Event) error {
	return fmt.Errorf("event %d of type %s has version %d, which this program does not know; update it",
		e.Pos, e.Type, e.V)
}

// decode reads the data of an event of the book.
func decode(e *blotter.Event) (t blotter.UndoneTradeData, err error) {
	switch {
	case e.V != 1:
		return t, unknownVersion(e)
	case e.Type == blotter.TradeUndone:
		t, err = blotter.ParseUndoneTradeData(e.Data)
	default:
		t.TradeData, err = blotter.ParseTradeData(e.Data)
	}
	if err != nil {
		return t, fmt.Errorf("event %d: decode %s: %w", e.Pos, e.Type, err)
	}
	return t, nil
}

// undo subtracts a trade from counts and sums, and restores the position before it.
func (f *fold) undo(t *blotter.UndoneTradeData) {
	f.undone = true
	m := f.metricsOf(&t.TradeData)
	m.TotalTrades--
	m.Fees = m.Fees.Sub(fee(&t.TradeData))
	if closes(t.PositionEffect) {
		m.ClosingTrades--
		m.RealizedPnL = m.RealizedPnL.Sub(t.RealizedPnL)
		switch t.RealizedPnL.Sign() {
		case 1:
			m.Wins--
			m.GrossProfit = m.GrossProfit.Sub(t.RealizedPnL)
		case -1:
			m.Losses--
			m.GrossLoss = m.GrossLoss.Add(t.RealizedPnL)
		}
	}

	s := f.summaryOf(&t.TradeData, t.PositionBefore)
	s.TradedValue = s.TradedValue.Sub(t.Quantity.Mul(t.Price).Mul(t.Multiplier))
	s.EventCount--
}

// closes reports whether a trade with that effect reduces the open position.
func closes(effect blotter.PositionEffect) bool {
	return effect == blotter.Reduced || effect == blotter.Closed || effect == blotter.Flipped
}

// metricsOf returns the figures of the trade's strategy and trading date.
func (f *fold) metricsOf(t *blotter.TradeData) *blotter.PerformanceMetrics {
	zone := cmp.Or(f.zones[t.AccountID], time.UTC)
	date := t.ExecutedAt.Time().In(zone).Format(time.DateOnly)
	day, _ := time.Parse(time.DateOnly, date)
	return f.metricsOn(t.AccountID, t.Strategy, t.Currency, day)
}

// metricsOn returns the figures of a strategy on a date.
func (f *fold) metricsOn(account, strategy, currency string, day time.Time) *blotter.PerformanceMetrics {
	key := metricsKey{account, strategy, day.Format(time.DateOnly), currency}
	m := f.metrics[key]
	if m == nil {
		m = &blotter.PerformanceMetrics{AccountID: account, Strategy: strategy, Date: day, Currency: currency}
		f.metrics[key] = m
	}
	return m
}

// syncTradeData adds a trade to the figures of its strategy and trading date.
func (f *fold) syncTradeData(t *blotter.TradeData) {
	m := f.metricsOf(t)
	m.TotalTrades++
	m.Fees = m.Fees.Add(fee(t))

	if closes(t.PositionEffect) {
		m.ClosingTrades++
		m.RealizedPnL = m.RealizedPnL.Add(t.RealizedPnL)
		switch t.RealizedPnL.Sign() {
		case 1:
			m.Wins++
			m.GrossProfit = m.GrossProfit.Add(t.RealizedPnL)
		case -1:
			m.Losses++
			m.GrossLoss = m.GrossLoss.Sub(t.RealizedPnL)
		}
	}
}

// fee returns the commission if it is in the currency of the trade, and otherwise 0.
func fee(t *blotter.TradeData) blotter.Decimal {
	if t.CommissionCurrency != t.Currency {
		return blotter.Decimal{}
	}
	return t.Commission
}

// summaryOf returns the figures of the trade's position, set to the position now.
func (f *fold) summaryOf(t *blotter.TradeData, now blotter.PositionData) *blotter.PortfolioSummary {
	key := summaryKey{t.AccountID, t.Symbol}
	s := f.summaries[key]
	if s == nil {
		s = &blotter.PortfolioSummary{AccountID: t.AccountID, Symbol: t.Symbol}
		f.summaries[key] = s
	}
	s.Quantity = now.Quantity
	s.CostBasis = now.CostBasis
	s.RealizedPnL = now.RealizedPnL
	s.Fees = now.Fees
	s.Multiplier = t.Multiplier
	s.Currency = t.Currency
	return s
}

// syncPositionData takes the position after a trade. That of a later trade replaces it.
func (f *fold) syncPositionData(t *blotter.TradeData) {
	s := f.summaryOf(t, t.Position)
	s.TradedValue = s.TradedValue.Add(t.Quantity.Mul(t.Price).Mul(t.Multiplier))
	s.EventCount++
}

// syncAdjustment takes the position after an adjustment, and adds what it realized.
func (f *fold) syncAdjustment(t *blotter.TradeData) {
	f.summaryOf(t, t.Position)
	if t.RealizedPnL.IsZero() {
		return
	}

	m := f.metricsOf(t)
	m.RealizedPnL = m.RealizedPnL.Add(t.RealizedPnL)
	if t.RealizedPnL.IsNeg() {
		m.GrossLoss = m.GrossLoss.Sub(t.RealizedPnL)
	} else {
		m.GrossProfit = m.GrossProfit.Add(t.RealizedPnL)
	}
}

// syncMarketData takes a price that is newer than the known one, or corrects that of its source: prices only move
// forward in time. A correction replaces any price.
func (f *fold) syncMarketData(p *blotter.PriceData) {
	var next *blotter.MarketPrice
	if p.Correction != blotter.PriceForgotten && p.Price != nil && p.PriceAt != nil {
		next = &blotter.MarketPrice{
			Symbol: p.Symbol, Price: *p.Price, At: p.PriceAt.Time(), Source: p.Source,
			Currency: cmp.Or(p.Currency, "USD"),
		}
	}
	if p.Correction != "" {
		f.prices[p.Symbol] = &priceChange{last: next, corrects: true}
		return
	}

	known := f.prices[p.Symbol]
	switch {
	case known == nil:
		f.prices[p.Symbol] = &priceChange{last: next}
	case known.last == nil || next.At.After(known.last.At) ||
		next.At.Equal(known.last.At) && next.Source == known.last.Source:
		known.last = next
	}
}
