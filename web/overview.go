package web

import (
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/chart"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
)

const (
	overviewPositions = 25
	overviewOrders    = 8
	overviewFills     = 8
)

// holding adds up the positions of one currency.
type holding struct {
	Currency   string
	Open       int64
	Unpriced   int64 // open positions without a known price
	Value      blotter.Decimal
	Unrealized blotter.Decimal
	Realized   blotter.Decimal // of all positions, before fees
	Fees       blotter.Decimal
	OldestAt   *time.Time // the oldest price of an open position
}

const sqlHoldings = `
select currency, count(*) filter (where quantity <> 0),
       count(*) filter (where quantity <> 0 and market_value is null),
       coalesce(sum(market_value), 0), coalesce(sum(unrealized_pnl) filter (where quantity <> 0), 0), sum(realized_pnl),
       sum(fees), min(price_at) filter (where quantity <> 0)
  from execution.position_values
 where ($1 = '' or account_id = $1)
 group by currency
 order by currency`

func readHoldings(r *request, s *postgres.Session) (list []holding, err error) {
	rows, err := s.Query(r.ctx, sqlHoldings, r.account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()

	for rows.Next() {
		var h holding
		err := rows.Scan(&h.Currency, &h.Open, &h.Unpriced, &h.Value, &h.Unrealized, &h.Realized, &h.Fees, &h.OldestAt)
		if err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	return list, rows.Err()
}

// overviewData holds the rows of the overview.
type overviewData struct {
	holdings  []holding
	days      []dayFigure
	positions []blotter.PositionValue
	orders    []blotter.Order
	fills     []blotter.Trade
	areToday  bool // the fills are today's; otherwise they are the latest
}

// overview shows the page that a trader opens in the morning.
func (d *Dashboard) overview(r *request) (*view, error) {
	state, err := d.analyticsState(r.ctx)
	if err != nil {
		return nil, err
	}
	var data overviewData
	err = d.db.ReadOnly(r.ctx, func(s *postgres.Session) error {
		data, err = d.readOverview(r, s, state)
		return err
	}, postgres.Unlogged)
	if err != nil {
		return nil, err
	}

	health := d.healthLine(r)
	p := &page{Title: "Overview", Health: &health}
	p.Subtitle = r.now.In(r.zone).Format("Monday, 2 January 2006")
	if len(data.holdings) == 0 && len(data.orders) == 0 {
		p.Panels = []panel{r.welcome()}
		return p.show(), nil
	}
	p.Notices = state.notice(r.account)
	for _, h := range data.holdings {
		p.Stats = append(p.Stats, r.moneyStats(h, data.days))
	}
	p.Panels = r.overviewPanels(&data)
	return p.show(), nil
}

func (d *Dashboard) readOverview(r *request, s *postgres.Session, state analyticsState) (data overviewData, err error) {
	if data.holdings, err = readHoldings(r, s); err != nil {
		return data, err
	}
	if data.days, err = d.daily(r, s, state); err != nil {
		return data, err
	}
	if data.positions, err = readPositions(r, s, positionPage{sort: sortValue, limit: overviewPositions}); err != nil {
		return data, err
	}
	data.orders, err = s.Orders(r.ctx, postgres.OrderFilter{
		Statuses: workingStatuses, NewestFirst: true, Limit: overviewOrders + 1,
	})
	if err != nil {
		return data, err
	}

	fills := postgres.TradeFilter{From: r.today(), NewestFirst: true, Limit: overviewFills + 1}
	if data.fills, err = s.Trades(r.ctx, fills); err != nil || len(data.fills) > 0 {
		data.areToday = true
		return data, err
	}
	fills.From = time.Time{}
	data.fills, err = s.Trades(r.ctx, fills)
	return data, err
}

// welcome says what to do with an empty book.
func (r *request) welcome() panel {
	return panel{Title: "Nothing is booked yet", Table: &table{
		Caption: "First steps", Columns: []column{col("To do"), col("Command")},
		Rows: []row{
			{Cells: []cell{text("See what it looks like, with made-up trades"), {Text: "blotter demo", Class: "mono"}}},
			{Cells: []cell{text("Create an account"), {Text: "blotter accounts create ACCOUNT", Class: "mono"}}},
			{Cells: []cell{
				text("Book the fills of a broker's export"),
				{Text: "blotter trades import FILE --account ACCOUNT", Class: "mono"},
			}},
			{Cells: []cell{text("Import bars, which value positions"), {Text: "blotter import FILE", Class: "mono"}}},
		},
	}}
}

// moneyStats answers what one is worth, and what was made today, this month and this year, in one currency.
func (r *request) moneyStats(h holding, days []dayFigure) []stat {
	unit := h.Currency
	worth := stat{Name: "Open positions are worth", Class: "lead", Value: money(h.Value, unit), Unit: unit}
	worth.Value.Href = r.linkTo("/positions", "currency", unit)
	worth.Note = term.Count(h.Open, "position", "positions")
	if h.Unpriced > 0 {
		worth.Note += fmt.Sprintf(", %d without a price (not included)", h.Unpriced)
	}

	today := dateOf(r.today())
	month := time.Date(today.Year(), today.Month(), 1, 0, 0, 0, 0, time.UTC)
	year := time.Date(today.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	stats := []stat{worth, {Name: "Unrealized", Class: "lead", Value: profit(h.Unrealized, unit), Unit: unit}}
	for _, period := range []struct {
		name string
		from time.Time
	}{{"Today", today}, {"This month", month}, {"This year", year}} {
		net, trades := since(days, unit, period.from)
		value := profit(net, unit).to(r.linkTo("/trades", "from", period.from.Format(time.DateOnly),
			"to", today.Format(time.DateOnly), "currency", unit))
		stats = append(stats, stat{
			Name: period.name, Value: value, Unit: unit, Note: term.Count(trades, "trade", "trades") + ", net of fees",
		})
	}

	total := profit(h.Realized.Sub(h.Fees).Add(h.Unrealized), unit).to(r.linkTo("/performance", "currency", unit))
	return append(stats, stat{
		Name: "Since the first trade", Value: total, Unit: unit,
		Note: "with unrealized, net of fees",
	})
}

// dateOf returns midnight UTC of the day of a time.
func dateOf(t time.Time) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func (r *request) overviewPanels(data *overviewData) (panels []panel) {
	currencies := currenciesOf(data.days)
	for i, currency := range currencies {
		curve := curveOf(data.days, currency)

		var now *chart.Point
		at := slices.IndexFunc(data.holdings, func(h holding) bool { return h.Currency == currency })
		if at >= 0 && len(curve) > 0 && data.holdings[at].Open > 0 {
			last := curve[len(curve)-1]
			now = &chart.Point{At: dateOf(r.today()), Value: last.Value.Add(data.holdings[at].Unrealized)}
		}

		one := panel{
			Title: "Equity in " + currency, Chart: curveFigure(fmt.Sprintf("equity-%d", i), curve, now, currency),
			Link: &link{Text: "Performance by day, strategy and symbol", Href: r.linkTo("/performance", "currency",
				currency)},
		}

		if len(currencies) > 1 {
			one.Class = "half"
		}
		panels = append(panels, one)
	}

	return append(panels, r.holdingsPanel(data), r.workingPanel(data), r.fillsPanel(data))
}

func (r *request) holdingsPanel(data *overviewData) panel {
	var open int64
	for _, h := range data.holdings {
		open += h.Open
	}
	t := r.positionTable("open", data.positions)
	t.Empty = empty{Text: "No position is open."}
	p := panel{Title: "Open positions", Table: t}
	if open > int64(len(data.positions)) {
		p.Count = fmt.Sprintf("the %d largest of %s", len(data.positions), term.Thousands(open))
		p.Link = &link{Text: "All open positions", Href: r.linkTo("/positions")}
	}
	return p
}

func (r *request) workingPanel(data *overviewData) panel {
	shown := data.orders[:min(len(data.orders), overviewOrders)]
	t := &table{ID: "working", Caption: "Working orders", Columns: r.accountColumns(
		col("Created"), col("Symbol"), col("Side"), num("Open"), num("Limit"), col("Status"),
	)}

	for i := range shown {
		o := &shown[i]
		t.add(r.accountCells(o.AccountID,
			instant(o.CreatedAt, r.zone),
			text(o.Symbol).to(address("/order", "account", o.AccountID, "id", o.OrderID)),
			side(o.Side), number(o.Open()), numberOf(o.Price), muted(string(o.Status)),
		)...)
	}

	t.aligned()
	t.Empty = empty{Text: "No order is working."}

	p := panel{Title: "Working orders", Class: "half", Table: t}
	if len(data.orders) > overviewOrders {
		p.Link = &link{Text: "All working orders", Href: r.linkTo("/orders", "status", working)}
	}

	return p
}

func (r *request) fillsPanel(data *overviewData) panel {
	shown := data.fills[:min(len(data.fills), overviewFills)]
	t := &table{ID: "latest", Caption: "Fills", Columns: r.accountColumns(
		col("Executed"), col("Symbol"), col("Side"), num("Quantity"), num("Price"), num("Realized P&L"),
	)}
	for i := range shown {
		f := &shown[i]
		realized := cell{}
		if !f.RealizedPnL.IsZero() {
			realized = profit(f.RealizedPnL, f.Currency)
		}
		t.add(r.accountCells(f.AccountID,
			instant(f.ExecutedAt, r.zone), text(f.Symbol).to(tradeAddress(f)), side(f.Side), number(f.Quantity),
			number(f.Price), realized,
		)...)
	}
	t.aligned()

	p := panel{Title: "Today's fills", Class: "half", Table: t}
	p.Link = &link{Text: "All trades", Href: r.linkTo("/trades")}
	if !data.areToday {
		p.Title = "Latest fills"
		p.Count = "none today"
	}
	return p
}
