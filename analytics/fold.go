package analytics

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"
	_ "time/tzdata" // zones of accounts, the same on every machine

	"github.com/blotterdb/blotter"
)

// fold is what a number of events add up to. It is pure: the same events make the same sums, whether they come one by one,
// in chunks, or from the trades themselves.
type fold struct {
	zones     map[string]*time.Location // of accounts; UTC where there is none
	summaries map[summaryKey]*blotter.PortfolioSummary
	metrics   map[metricsKey]*blotter.PerformanceMetrics
	prices    map[string]*blotter.MarketPrice
	undone    bool // a trade was taken out: a row may have none left
}

type summaryKey struct{ account, symbol string }

type metricsKey struct{ account, strategy, date, currency string }

func newFold(zones map[string]*time.Location) *fold {
	return &fold{
		zones: zones, summaries: map[summaryKey]*blotter.PortfolioSummary{},
		metrics: map[metricsKey]*blotter.PerformanceMetrics{}, prices: map[string]*blotter.MarketPrice{},
	}
}

// ours reports an event that a transaction of the book wrote. Others may say what they like of a trade.
func ours(e *blotter.Event) bool {
	return e.Channel == blotter.ChannelTrades && e.Service == blotter.ServiceExecution &&
		(e.Type == blotter.TradeExecuted || e.Type == blotter.TradeUndone)
}

// event adds an event. One of another kind adds nothing.
func (f *fold) event(e *blotter.Event) error {
	var err error
	switch {
	case ours(e) && e.Type == blotter.TradeUndone:
		var t blotter.UndoneTradeData
		if err = decode(e, &t); err == nil {
			f.undo(&t)
		}
	case ours(e):
		var t blotter.TradeData
		if err = decode(e, &t); err == nil {
			f.syncTradeData(&t)
			f.syncPositionData(&t)
		}
	case e.Channel == blotter.ChannelMarketData && e.Type == blotter.MarketDataUpdated:
		var p blotter.PriceData
		if err = decode(e, &p); err == nil {
			f.syncMarketData(&p)
		}
	}
	return err
}

func decode(e *blotter.Event, into any) error {
	if e.V != 1 {
		return fmt.Errorf("event %d of type %s is of version %d, of which this program knows nothing; update it", e.Pos, e.Type, e.V)
	}
	if err := json.Unmarshal(e.Data, into); err != nil {
		return fmt.Errorf("event %d is no %s: %w", e.Pos, e.Type, err)
	}
	return nil
}

// undo takes out a trade: its counts and sums, and the position is again what it was before it.
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

// closes reports whether a trade of the effect reduces what is open.
func closes(effect blotter.PositionEffect) bool {
	return effect == blotter.Reduced || effect == blotter.Closed || effect == blotter.Flipped
}

// metricsOf returns the figures of the trade's strategy and trading date.
func (f *fold) metricsOf(t *blotter.TradeData) *blotter.PerformanceMetrics {
	zone := cmp.Or(f.zones[t.AccountID], time.UTC)
	date := t.ExecutedAt.Time().In(zone).Format(time.DateOnly)
	key := metricsKey{t.AccountID, t.Strategy, date, t.Currency}
	m := f.metrics[key]
	if m == nil {
		day, _ := time.Parse(time.DateOnly, date)
		m = &blotter.PerformanceMetrics{AccountID: t.AccountID, Strategy: t.Strategy, Date: day, Currency: t.Currency}
		f.metrics[key] = m
	}
	return m
}

// syncTradeData counts a trade of its strategy and trading date.
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

// fee is the commission where it is in the currency of the trade.
func fee(t *blotter.TradeData) blotter.Decimal {
	if t.CommissionCurrency != t.Currency {
		return blotter.Decimal{}
	}
	return t.Commission
}

// summaryOf returns the figures of the trade's position, which is now as given.
func (f *fold) summaryOf(t *blotter.TradeData, now blotter.PositionData) *blotter.PortfolioSummary {
	key := summaryKey{t.AccountID, t.Symbol}
	s := f.summaries[key]
	if s == nil {
		s = &blotter.PortfolioSummary{AccountID: t.AccountID, Symbol: t.Symbol}
		f.summaries[key] = s
	}
	s.Quantity, s.CostBasis, s.RealizedPnL, s.Fees = now.Quantity, now.CostBasis, now.RealizedPnL, now.Fees
	s.Multiplier, s.Currency = t.Multiplier, t.Currency
	return s
}

// syncPositionData takes over the position after a trade, the later one's of two.
func (f *fold) syncPositionData(t *blotter.TradeData) {
	s := f.summaryOf(t, t.Position)
	s.TradedValue = s.TradedValue.Add(t.Quantity.Mul(t.Price).Mul(t.Multiplier))
	s.EventCount++
}

// syncMarketData takes over a price that is newer, or corrects the one of its source. Prices move forward in time only.
func (f *fold) syncMarketData(p *blotter.PriceData) {
	if p.Price == nil || p.PriceAt == nil {
		return
	}
	next := &blotter.MarketPrice{Symbol: p.Symbol, Price: *p.Price, At: p.PriceAt.Time(), Source: p.Source, Currency: cmp.Or(p.Currency, "USD")}
	last := f.prices[p.Symbol]
	if last == nil || next.At.After(last.At) || next.At.Equal(last.At) && next.Source == last.Source {
		f.prices[p.Symbol] = next
	}
}
