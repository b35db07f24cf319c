package web

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/chart"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
)

// positionPage says which positions a list has.
type positionPage struct {
	sort     string
	currency string
	symbol   string
	flat     bool   // flat positions too
	behind   string // account and symbol of the last position of the page before, of a list by symbol
	limit    int
}

// The orders of a list of positions.
const (
	sortSymbol = "symbol"
	sortValue  = "value"
	sortProfit = "profit"
	sortLoss   = "loss"
)

// sqlPositions reads a page of positions, without the fees in other currencies, which only the page of one position
// shows.
const sqlPositions = `
select account_id, symbol, quantity, cost_basis, avg_price, realized_pnl, fees, market_price, price_at, market_value,
       unrealized_pnl, multiplier, currency
  from execution.position_values
 where ($1 = '' or account_id = $1) and ($2 = '' or currency = $2) and ($3 = '' or symbol = $3)
   and ($4 or quantity <> 0) and (account_id, symbol) > ($5, $6)
 order by `

// orderOf has the ORDER BY of each order.
var orderOf = map[string]string{
	sortSymbol: "account_id, symbol",
	sortValue:  "abs(market_value) desc nulls last, account_id, symbol",
	sortProfit: "unrealized_pnl desc nulls last, account_id, symbol",
	sortLoss:   "unrealized_pnl nulls last, account_id, symbol",
}

func readPositions(r *request, s *postgres.Session, p positionPage) (list []blotter.PositionValue, err error) {
	account, symbol, _ := strings.Cut(p.behind, "\n")
	rows, err := s.Query(r.ctx, sqlPositions+orderOf[p.sort]+` limit $7`,
		r.account, p.currency, p.symbol, p.flat, account, symbol, p.limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()

	for rows.Next() {
		var v blotter.PositionValue
		err := rows.Scan(&v.AccountID, &v.Symbol, &v.Quantity, &v.CostBasis, &v.AvgPrice, &v.RealizedPnL, &v.Fees,
			&v.MarketPrice, &v.PriceAt, &v.MarketValue, &v.UnrealizedPnL, &v.Multiplier, &v.Currency)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

func (r *request) positionTable(id string, list []blotter.PositionValue) *table {
	t := &table{ID: id, Caption: "Positions", Columns: r.accountColumns(
		col("Symbol"), num("Quantity"), minorNum("Average price"), num("Last price"), minor("As of"), num("Value"),
		num("Unrealized P&L"), num("Realized P&L"), minorNum("Fees"), minor("Currency"),
	)}
	for i := range list {
		v := &list[i]
		asOf := cell{Class: "muted"}
		if v.PriceAt != nil {
			asOf = cell{
				Text: age(r.now.Sub(*v.PriceAt)), Title: v.PriceAt.UTC().Format(time.DateTime) + " UTC",
				Class: "muted",
			}
		} else if !v.Quantity.IsZero() {
			asOf.Text = "no price"
			asOf.Title = "blotter prices set " + v.Symbol + " PRICE, or import bars"
		}
		value, unrealized := cell{}, cell{}
		if v.MarketValue != nil {
			value = money(*v.MarketValue, v.Currency)
		}
		if v.UnrealizedPnL != nil && !v.Quantity.IsZero() {
			unrealized = profit(*v.UnrealizedPnL, v.Currency)
		}

		t.add(r.accountCells(v.AccountID,
			text(v.Symbol).to(address("/position", "account", v.AccountID, "symbol", v.Symbol)),
			number(v.Quantity), average(v.AvgPrice), numberOf(v.MarketPrice), asOf, value, unrealized,
			profit(v.RealizedPnL, v.Currency), money(v.Fees, v.Currency), muted(v.Currency),
		)...)
	}
	return t.aligned()
}

func minorNum(name string) column { return column{Name: name, Class: "num minor"} }

func (r *request) positionPage() (p positionPage, err error) {
	p = positionPage{
		currency: r.query.Get("currency"), symbol: r.query.Get("symbol"), sort: sortSymbol,
		limit: pageRows + 1,
	}

	order, err := r.choice("sort", sortSymbol, sortValue, sortProfit, sortLoss)
	if err != nil {
		return p, err
	}
	if order != "" {
		p.sort = order
	}

	state, err := r.choice("state", "open", "all")
	p.flat = state == "all"
	p.behind = r.query.Get("after")

	return p, err
}

func positionFields() []field {
	return []field{
		{Label: "Symbol", Name: "symbol"},
		{Label: "Currency", Name: "currency"},
		{Label: "State", Name: "state", Options: []option{{"", "open"}, {"all", "open and closed"}}},
		{Label: "Order", Name: "sort", Options: []option{
			{"", "symbol"}, {sortValue, "largest"}, {sortProfit, "best"}, {sortLoss, "worst"},
		}},
	}
}

// sortedMax is the number of positions of a list that is not by symbol, which has no next page.
const sortedMax = 200

// positions shows the page of positions.
func (d *Dashboard) positions(r *request) (*view, error) {
	f, err := r.positionPage()
	if err != nil {
		return nil, err
	}
	if f.sort != sortSymbol {
		f.limit = sortedMax
		f.behind = ""
	}

	p := &page{Title: "Positions", Filters: r.form(positionFields()...)}
	err = d.db.ReadOnly(r.ctx, func(s *postgres.Session) error {
		holdings, err := readHoldings(r, s)
		if err != nil {
			return err
		}
		list, err := readPositions(r, s, f)
		if err != nil {
			return err
		}

		for _, h := range holdings {
			if f.currency != "" && f.currency != h.Currency {
				continue
			}
			p.Stats = append(p.Stats, []stat{
				{Name: "Open", Value: count(h.Open)},
				{Name: "Value", Value: money(h.Value, h.Currency), Unit: h.Currency},
				{Name: "Unrealized P&L", Value: profit(h.Unrealized, h.Currency), Unit: h.Currency},
				{Name: "Realized P&L", Value: profit(h.Realized, h.Currency), Unit: h.Currency},
				{Name: "Fees", Value: money(h.Fees, h.Currency), Unit: h.Currency},
			})
		}
		p.Panels = []panel{{Title: "Positions", Table: r.positionsTable(f, list)}}
		return nil
	}, postgres.Unlogged)
	return p.show(), err
}

func (r *request) positionsTable(f positionPage, list []blotter.PositionValue) *table {
	shown := list
	isCut := f.sort == sortSymbol && len(list) > pageRows
	if isCut {
		shown = list[:pageRows]
	}

	t := r.positionTable("positions", shown)
	if isCut {
		last := shown[len(shown)-1]
		t.More = r.with("after", last.AccountID+"\n"+last.Symbol)
	}

	if r.query.Get("after") != "" {
		t.First = r.with("after", "")
	}

	if f.sort != sortSymbol && len(list) == sortedMax {
		t.Note = fmt.Sprintf("The first %d; in the order of symbols, and in the download, there are all.", sortedMax)
	}

	t.CSV = csvAddress(r, "/positions.csv")
	t.Empty = empty{
		Text:    "No positions match. A position comes from its trades:",
		Command: "blotter trades import FILE",
	}
	return t
}

// positionsCSV writes the positions that a request filters.
func positionsCSV(r *request, s *postgres.Session, w io.Writer) error {
	f, err := r.positionPage()
	if err != nil {
		return err
	}

	rows := s.StreamPositionValues(r.ctx, postgres.PositionFilter{Symbol: f.symbol, OpenOnly: !f.flat})
	return writeCSV(w, func(yield func(blotter.PositionValue, error) bool) {
		for v, err := range rows {
			if err == nil && f.currency != "" && v.Currency != f.currency {
				continue
			}
			if !yield(v, err) {
				return
			}
		}
	})
}

const (
	fillsMax     = 2000 // that are marked on a chart
	quantityDots = 400  // of the chart of quantities
	roundTripMax = 20
	entriesMax   = 20
)

// positionData holds the rows of the page of a position.
type positionData struct {
	value      blotter.PositionValue
	since      *time.Time // when the present life began
	timeframes []string
	bars       []blotter.Bar
	fills      []blotter.Trade // since the first bar
	recent     []blotter.Trade // the newest trades
	trips      []blotter.RoundTrip
	booked     blotter.Decimal // quantity: purchases less sales
	trades     int64
}

// position shows the page of one position: its bars with its fills, its life, and the trades that made it.
func (d *Dashboard) position(r *request) (*view, error) {
	symbol := r.query.Get("symbol")
	if r.account == "" {
		return d.holders(r, symbol)
	}

	var data positionData
	err := d.db.ReadOnly(r.ctx, func(s *postgres.Session) (err error) {
		data, err = readPosition(r, s, symbol)
		return err
	}, postgres.Unlogged)
	switch {
	case errors.Is(err, blotter.ErrNotFound):
		return &view{Redirect: r.linkTo("/symbol", "symbol", symbol)}, nil
	case err != nil:
		return nil, err
	}
	return r.showPosition(symbol, &data), nil
}

// holders leads to the account that has a position in the symbol, or lists them if there are several.
func (d *Dashboard) holders(r *request, symbol string) (*view, error) {
	var list []blotter.PositionValue
	err := d.db.ReadOnly(r.ctx, func(s *postgres.Session) (err error) {
		list, err = readPositions(r, s, positionPage{sort: sortSymbol, symbol: symbol, flat: true, limit: sortedMax})
		return err
	}, postgres.Unlogged)

	switch {
	case err != nil:
		return nil, err
	case len(list) == 0:
		return &view{Redirect: r.linkTo("/symbol", "symbol", symbol)}, nil
	case len(list) == 1:
		return &view{Redirect: address("/position", "account", list[0].AccountID, "symbol", symbol)}, nil
	}

	p := &page{Title: symbol, Subtitle: "in several accounts"}
	p.Panels = []panel{{Title: "Positions in " + symbol, Table: r.positionTable("positions", list)}}
	return p.show(), nil
}

const (
	// sqlBooked adds up the trades and adjustments of a position, which its quantity must equal. A fee in the coin that
	// the position holds is part of its trade.
	sqlBooked = `
select coalesce(sum(case t.side when 'buy' then t.quantity else -t.quantity end
                    - case when p.base_currency = '' then 0 else execution.base_fee(t, p.base_currency) end), 0)
       + coalesce((select sum(a.quantity_change) from execution.position_adjustments a
                    where a.account_id = $1 and a.symbol = $2), 0),
       count(*)
  from execution.trades t
  join execution.positions p on p.account_id = t.account_id and p.symbol = t.symbol
 where t.account_id = $1 and t.symbol = $2 and t.position_effect <> 'void'`

	sqlOpenedAt = `select opened_at from execution.positions where account_id = $1 and symbol = $2`
)

func readPosition(r *request, s *postgres.Session, symbol string) (data positionData, err error) {
	list, err := postgres.PositionValues.Find(r.ctx, s, postgres.Eq("account_id", r.account), postgres.Eq("symbol",
		symbol))
	if err != nil {
		return data, err
	}
	if len(list) == 0 {
		return data, &blotter.Error{
			Kind: blotter.ErrNotFound, Message: fmt.Sprintf("account %q has no position in %q", r.account, symbol),
		}
	}
	data.value = list[0]
	if err := s.QueryRow(r.ctx, sqlOpenedAt, r.account, symbol).Scan(&data.since); err != nil {
		return data, err
	}
	if err := s.QueryRow(r.ctx, sqlBooked, r.account, symbol).Scan(&data.booked, &data.trades); err != nil {
		return data, err
	}
	if data.bars, data.timeframes, err = readBars(r, s, symbol); err != nil {
		return data, err
	}

	filter := postgres.TradeFilter{Account: r.account, Symbol: symbol, NewestFirst: true, Limit: fillsMax}
	if len(data.bars) > 0 {
		filter.From = data.bars[0].Timestamp
	}
	if data.fills, err = s.Trades(r.ctx, filter); err != nil {
		return data, err
	}
	newest := postgres.TradeFilter{Account: r.account, Symbol: symbol, NewestFirst: true, Limit: quantityDots}
	if data.recent, err = s.Trades(r.ctx, newest); err != nil {
		return data, err
	}
	data.trips, err = s.RoundTrips(r.ctx, postgres.RoundTripFilter{
		Account: r.account, Symbol: symbol, NewestFirst: true, Limit: roundTripMax,
	})
	return data, err
}

func (r *request) showPosition(symbol string, data *positionData) *view {
	v := &data.value
	p := &page{Title: symbol, Subtitle: "account " + r.account}
	p.Links = r.timeframeLinks(data.timeframes)
	p.Stats = [][]stat{r.positionStats(data)}
	if !data.booked.Equal(v.Quantity) {
		p.Notices = append(p.Notices, empty{
			Text: fmt.Sprintf("The position is not what its trades add up to: %s is stored, the trades give %s.",
				plainNumber(v.Quantity), plainNumber(data.booked)),
			Command: "blotter verify",
		})
	}

	p.Panels = append(p.Panels,
		panel{Title: "Price, with your fills", Chart: r.candleFigure(symbol, data)},
		panel{Title: "Quantity over time", Class: "half", Chart: r.quantityFigure(data)},
		r.proofPanel(data),
		panel{
			Title: "Round trips", Count: "from flat to flat, the newest first",
			Table: r.tripTable(data.trips),
		},
		r.entriesPanel(symbol, data),
	)
	return p.show()
}

func (r *request) positionStats(data *positionData) []stat {
	v := &data.value
	stats := []stat{
		{Name: "Quantity", Class: "lead", Value: number(v.Quantity)},
		{Name: "Average price", Value: average(v.AvgPrice), Unit: v.Currency},
		{Name: "Cost basis", Value: money(v.CostBasis, v.Currency), Unit: v.Currency},
	}

	if v.MarketPrice == nil {
		stats = append(stats, stat{
			Name: "Last price", Value: text("unknown"),
			Note: "blotter prices set, or import bars",
		})
	} else {
		stats = append(stats,
			stat{Name: "Last price", Value: number(*v.MarketPrice), Unit: v.Currency, Note: age(r.now.Sub(*v.PriceAt))},
			stat{Name: "Value", Value: money(*v.MarketValue, v.Currency), Unit: v.Currency},
			stat{Name: "Unrealized P&L", Value: profitOf(v.UnrealizedPnL, v.Currency), Unit: v.Currency})
	}

	fees := stat{Name: "Fees", Value: money(v.Fees, v.Currency), Unit: v.Currency}
	if len(v.OtherFees) > 0 {
		fees.Note = "and " + v.OtherFees.String()
	}
	stats = append(stats, stat{Name: "Realized P&L", Value: profit(v.RealizedPnL, v.Currency), Unit: v.Currency}, fees)

	if data.since != nil {
		since := instant(*data.since, r.zone)
		since.Class = ""
		stats = append(stats, stat{Name: "Open since", Value: since, Note: span(r.now.Sub(*data.since))})
	}

	return stats
}

// proofPanel says how the quantity follows from the trades, and how to compare it with the broker's.
func (r *request) proofPanel(data *positionData) panel {
	v := &data.value
	t := &table{Caption: "Proof", Columns: []column{col("Sum"), num("Quantity")}}
	t.add(text("Purchases less sales of "+term.Count(data.trades, "trade", "trades")), number(data.booked))
	t.add(text("Stored position"), number(v.Quantity))
	t.add(text("Difference"), number(v.Quantity.Sub(data.booked)))
	t.aligned()
	t.Note = "If the broker says otherwise, compare with its export: blotter positions compare FILE --account " +
		r.account +
		" names the first trade after which the two differ."
	return panel{Title: "Does it add up?", Class: "half", Table: t}
}

func (r *request) candleFigure(symbol string, data *positionData) *figure {
	if len(data.bars) == 0 {
		return &figure{Empty: empty{
			Text:    "No bars of " + symbol + " are stored. To draw them:",
			Command: "blotter import FILE",
		}}
	}
	fills := make([]chart.Fill, len(data.fills))
	for i := range data.fills {
		fills[i] = chart.Fill{At: data.fills[i].ExecutedAt, Price: data.fills[i].Price, Side: data.fills[i].Side}
	}
	return barsFigure(r, symbol, data.bars, fills)
}

func (r *request) quantityFigure(data *positionData) *figure {
	if len(data.recent) < 2 {
		return &figure{Empty: empty{Text: "One trade has no history yet."}}
	}

	t := &table{ID: "quantity", Caption: "Quantity after each trade", Columns: []column{
		col("Executed"),
		num("Quantity"),
	}}

	var dots []chart.Point
	for i := len(data.recent) - 1; i >= 0; i-- {
		dots = append(dots, chart.Point{At: data.recent[i].ExecutedAt, Value: data.recent[i].QuantityAfter})
	}

	for i := range data.recent {
		t.add(instant(data.recent[i].ExecutedAt, r.zone), number(data.recent[i].QuantityAfter))
	}

	label := fmt.Sprintf("Quantity after each of the last %d trades", len(dots))
	return &figure{
		SVG: drawn(chart.Steps(chart.SmallSize, dots), label), Caption: label + ".", Table: t.aligned(),
	}
}

func (r *request) tripTable(list []blotter.RoundTrip) *table {
	t := &table{
		ID: "trips", Caption: "Round trips",
		Columns: []column{
			col("Closed"), minor("Held"), num("Largest"), num("Trades"), num("Gross"), num("Fees"),
			num("Net"),
		},
		Empty: empty{Text: "The position was never closed."},
	}

	for i := range list {
		trip := &list[i]
		closed := instant(trip.ClosedAt, r.zone)
		t.add(closed, muted(span(trip.ClosedAt.Sub(trip.OpenedAt))), number(trip.MaxQuantity), count(trip.Trades),
			rounded(trip.Gross), average(&trip.Fees), rounded(trip.Net))
	}

	return t.aligned()
}

func (r *request) entriesPanel(symbol string, data *positionData) panel {
	shown := data.recent[:min(len(data.recent), entriesMax)]
	title := "Its newest trades"

	if data.since != nil {
		var own []blotter.Trade
		for i := range shown {
			if !shown[i].ExecutedAt.Before(*data.since) {
				own = append(own, shown[i])
			}
		}
		if len(own) > 0 {
			shown = own
			title = "The trades that made the open position"
		}
	}

	t := r.tradeTable("entries", shown)
	t.More = ""
	return panel{
		Title: title, Table: t,
		Link: &link{Text: "All trades of " + symbol, Href: r.linkTo("/trades", "symbol", symbol)},
	}
}
