package web

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/internal/chart"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
)

// dayFigure is the profit and loss of a trading day, in one currency.
type dayFigure struct {
	Date     time.Time // midnight UTC of the day in the account's zone
	Currency string
	Trades   int64
	Realized blotter.Decimal // before fees
	Fees     blotter.Decimal // in Currency
}

func (f *dayFigure) net() blotter.Decimal { return f.Realized.Sub(f.Fees) }

// The figures of days are the analytics', which have few rows, or are added up from the trades, which give the same.
const (
	sqlDaysOfAnalytics = `
select date, currency, sum(total_trades)::bigint, sum(realized_pnl), sum(fees)
  from analytics.performance_metrics
 where ($1 = '' or account_id = $1)
 group by date, currency
 order by date, currency`

	sqlDaysOfTrades = `
select (t.executed_at at time zone a.zone)::date as day, t.currency, count(*), sum(t.realized_pnl),
       coalesce(sum(t.commission) filter (where t.commission_currency = t.currency), 0)
  from execution.trades t
  join execution.accounts a on a.account_id = t.account_id
 where t.position_effect <> 'void' and ($1 = '' or t.account_id = $1)
 group by day, t.currency
 order by day, t.currency`
)

// daily returns the figures of all days, the oldest first.
func (d *Dashboard) daily(r *request, s *postgres.Session, state analyticsState) (days []dayFigure, err error) {
	sql := sqlDaysOfTrades
	if state.isCurrent(r.account) {
		sql = sqlDaysOfAnalytics
	}
	rows, err := s.Query(r.ctx, sql, r.account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()

	for rows.Next() {
		var f dayFigure
		if err := rows.Scan(&f.Date, &f.Currency, &f.Trades, &f.Realized, &f.Fees); err != nil {
			return nil, err
		}
		days = append(days, f)
	}
	return days, rows.Err()
}

// analyticsLate is the age of a waiting event from which on the analytics do not count as current.
const analyticsLate = 5 * time.Second

// analyticsState says whether the analytics have every trade.
type analyticsState struct {
	isKnown bool // they have run, in this database
	lag     events.Lag
	parked  map[string]bool // accounts whose events wait
}

// isCurrent reports whether the analytics have the trades of an account, or with "" of all accounts.
func (a analyticsState) isCurrent(account string) bool {
	hasParked := len(a.parked) > 0
	if account != "" {
		hasParked = a.parked[account]
	}
	return a.isKnown && !hasParked && a.lag.Age <= analyticsLate
}

// notice says why the figures are added up from the trades, or nothing.
func (a analyticsState) notice(account string) []empty {
	switch {
	case a.isCurrent(account):
		return nil
	case !a.isKnown:
		return []empty{{
			Text: "The analytics do not run, so the figures are added up from the trades, which is slow for " +
				"many. The daemon keeps them:",
			Command: "blotter serve",
		}}
	}

	return []empty{{
		Text: fmt.Sprintf("The analytics are %s behind, so the figures are added up from the trades. See:",
			term.Count(a.lag.Events, "event", "events")),
		Command: "blotter events status",
	}}
}

// analyticsKeeper reads the state of the analytics, once for viewers who ask at the same time.
type analyticsKeeper struct {
	mu    sync.Mutex
	at    time.Time
	state analyticsState
}

func (d *Dashboard) analyticsState(ctx context.Context) (analyticsState, error) {
	k := &d.analytics
	k.mu.Lock()
	defer k.mu.Unlock()
	now := d.cfg.Clock()
	if !k.at.IsZero() && now.Sub(k.at) < keepPage {
		return k.state, nil
	}

	list, err := events.ReadStatus(blotter.WithAllAccounts(ctx), d.db)
	if err != nil {
		return analyticsState{}, err
	}
	state := analyticsState{parked: map[string]bool{}}
	for _, c := range list {
		if c.Consumer != analytics.Consumer {
			continue
		}
		state.isKnown = true
		state.lag = c.Lag
		for _, p := range c.Parked {
			state.parked[p.Key] = true
		}
	}
	k.state = state
	k.at = now
	return state, nil
}

// currenciesOf returns the currencies of days, in the order of their first.
func currenciesOf(days []dayFigure) (list []string) {
	seen := map[string]bool{}
	for i := range days {
		if !seen[days[i].Currency] {
			seen[days[i].Currency] = true
			list = append(list, days[i].Currency)
		}
	}
	return list
}

// since adds up the days of a currency from a day on.
func since(days []dayFigure, currency string, from time.Time) (net blotter.Decimal, trades int64) {
	for i := range days {
		if days[i].Currency == currency && !days[i].Date.Before(from) {
			net = net.Add(days[i].net())
			trades += days[i].Trades
		}
	}
	return net, trades
}

// curveOf returns the net profit and loss of a currency, added up day by day.
func curveOf(days []dayFigure, currency string) (curve []chart.Point) {
	var sum blotter.Decimal
	for i := range days {
		if days[i].Currency != currency {
			continue
		}
		sum = sum.Add(days[i].net())
		curve = append(curve, chart.Point{At: days[i].Date, Value: sum})
	}
	return curve
}

const curveRows = 60 // of the table behind a curve

// curveFigure draws a curve with the table behind it. Now is the value with what is not realized, or nil.
func curveFigure(id string, curve []chart.Point, now *chart.Point, currency string) *figure {
	if len(curve) < 2 {
		return &figure{Empty: empty{Text: "A curve needs trades of two days."}}
	}

	t := &table{
		ID: id, Caption: "Net profit and loss in " + currency,
		Columns: []column{col("Day"), num("Net P&L"), num("Below the peak")},
	}
	var peak blotter.Decimal
	below := make([]blotter.Decimal, len(curve))
	for i, at := range curve {
		if i == 0 || at.Value.GreaterThan(peak) {
			peak = at.Value
		}
		below[i] = at.Value.Sub(peak)
	}
	for i := len(curve) - 1; i >= 0 && len(t.Rows) < curveRows; i-- {
		t.add(text(curve[i].At.Format(time.DateOnly)), profit(curve[i].Value, currency), profit(below[i], currency))
	}
	if len(curve) > curveRows {
		t.Note = fmt.Sprintf("The last %d days with trades; Performance has the months.", curveRows)
		t.ID = id
	}

	last := curve[len(curve)-1]
	caption := fmt.Sprintf("Net profit and loss of closed trades in %s, after fees. Below: how far it is under "+
		"its peak.", currency)
	if now != nil {
		caption += " Dashed: with what is not realized."
	}
	label := fmt.Sprintf("Net profit and loss from %s to %s: %s %s", curve[0].At.Format(time.DateOnly),
		last.At.Format(time.DateOnly), term.Money(last.Value, currency), currency)
	return &figure{
		SVG: drawn(chart.Equity(chart.PageSize, "", "", curve, now), label), Caption: caption, Table: t.aligned(),
	}
}
