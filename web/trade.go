package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/spreadsheet"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

const (
	pageRows  = 50    // of a list
	totalRows = 5_000 // that are added up without being asked
)

// tradeFilter reads the filter of a request, and its page.
func (r *request) tradeFilter() (f postgres.TradeFilter, err error) {
	f = postgres.TradeFilter{
		Symbol: r.query.Get("symbol"), OrderID: r.query.Get("order"), Strategy: r.query.Get("strategy"),
		Currency: r.query.Get("currency"), Zone: r.zone.String(), NewestFirst: true, Limit: pageRows + 1,
	}
	side, err := r.choice("side", "buy", "sell")
	if err != nil {
		return f, err
	}
	f.Side = blotter.Side(side)
	result, err := r.choice("result", "closing", "won", "lost")
	if err != nil {
		return f, err
	}
	f.Result = postgres.TradeResult(result)

	if f.From, err = r.day("from"); err != nil {
		return f, err
	}
	if f.To, err = r.lastDay("to"); err != nil {
		return f, err
	}
	if err := r.partsOfTime(&f); err != nil {
		return f, err
	}

	key, err := r.after()
	if key.id != 0 {
		f.After = &blotter.Trade{ID: key.id, ExecutedAt: key.at}
	}
	return f, err
}

// partsOfTime reads the day of the week and the hour.
func (r *request) partsOfTime(f *postgres.TradeFilter) error {
	if value := r.query.Get("weekday"); value != "" {
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 7 {
			return blotter.Invalid("weekday", value, "1 for Monday to 7 for Sunday")
		}
		f.Weekday = n
	}

	if value := r.query.Get("hour"); value != "" {
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > 23 {
			return blotter.Invalid("hour", value, "0 to 23")
		}
		f.Hour = &n
	}

	return nil
}

var weekdays = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

func tradeFields() []field {
	days := []option{{"", "any"}}
	for i, name := range weekdays {
		days = append(days, option{strconv.Itoa(i + 1), name})
	}
	hours := []option{{"", "any"}}
	for h := range 24 {
		hours = append(hours, option{strconv.Itoa(h), fmt.Sprintf("%02d:00", h)})
	}

	return []field{
		{Label: "From day", Name: "from", Type: "date"},
		{Label: "To day", Name: "to", Type: "date"},
		{Label: "Symbol", Name: "symbol"},
		{Label: "Side", Name: "side", Options: []option{{"", "both"}, {"buy", "buy"}, {"sell", "sell"}}},
		{Label: "Result", Name: "result", Options: []option{
			{"", "any"}, {"closing", "closing"}, {"won", "won"}, {"lost", "lost"},
		}},
		{Label: "Strategy", Name: "strategy"},
		{Label: "Currency", Name: "currency"},
		{Label: "Weekday", Name: "weekday", Options: days},
		{Label: "Hour", Name: "hour", Options: hours},
		{Label: "Order", Name: "order"},
	}
}

// trades shows the page of trades.
func (d *Dashboard) trades(r *request) (*view, error) {
	f, err := r.tradeFilter()
	if err != nil {
		return nil, err
	}

	p := &page{Title: "Trades", Filters: r.form(tradeFields()...)}
	err = d.db.ReadOnly(r.ctx, func(s *postgres.Session) error {
		list, err := s.Trades(r.ctx, f)
		if err != nil {
			return err
		}
		all := f
		all.After = nil
		all.Limit = totalRows + 1
		if r.query.Get("totals") == "all" {
			all.Limit = 0
			all.NewestFirst = false
		}
		totals, err := s.TradeTotals(r.ctx, all)
		if err != nil {
			return err
		}
		p.Stats = append(p.Stats, d.tradeStats(r, totals, all.Limit)...)
		if all.Limit > 0 && tradesOf(totals) > totalRows {
			p.Notices = append(p.Notices, empty{
				Text: "The figures are those of the newest " + term.Thousands(totalRows) + " trades, of more.",
			})
			p.Links = append(p.Links, link{Text: "Add up all of them", Href: r.with("totals", "all")})
		}
		p.Panels = []panel{{Title: "Trades, the newest first", Table: r.tradePage(list)}}
		return nil
	}, postgres.Unlogged)
	return p.show(), err
}

func tradesOf(totals []postgres.TradeTotal) (n int64) {
	for _, t := range totals {
		n += t.Trades
	}
	return n
}

// tradeStats returns the figures of trades, a row for each currency.
func (d *Dashboard) tradeStats(r *request, totals []postgres.TradeTotal, limit int) (rows [][]stat) {
	for _, t := range totals {
		number := term.Thousands(t.Trades)
		if limit > 0 && tradesOf(totals) > totalRows {
			number = term.Thousands(totalRows) + "+"
		}

		fees := stat{Name: "Fees", Value: money(t.Fees, t.Currency), Unit: t.Currency}
		if t.OtherFees > 0 {
			fees.Note = term.Count(t.OtherFees, "trade has", "trades have") + " fees in other currencies besides"
		}

		net := t.RealizedPnL.Sub(t.Fees)
		rows = append(rows, []stat{
			{Name: "Trades", Value: text(number)},
			{Name: "Realized P&L", Value: profit(t.RealizedPnL, t.Currency), Unit: t.Currency},
			fees,
			{Name: "Net P&L", Value: profit(net, t.Currency), Unit: t.Currency},
			{Name: "Won", Value: text(winRate(t.Wins, t.Closing)), Note: fmt.Sprintf("%s of %s closing trades",
				term.Thousands(t.Wins), term.Thousands(t.Closing))},
		})
	}

	return rows
}

// winRate writes a share in percent.
func winRate(wins, closing int64) string {
	if closing == 0 {
		return "–"
	}
	tenths := (wins*1000 + closing/2) / closing
	return fmt.Sprintf("%d.%d %%", tenths/10, tenths%10)
}

// tradePage returns the table of a page of trades. The list has one more than the page if there is a next page.
func (r *request) tradePage(list []blotter.Trade) *table {
	t := r.tradeTable("trades", list[:min(len(list), pageRows)])

	if len(list) > pageRows {
		last := list[pageRows-1]
		t.More = r.with("after", pageKey{last.ExecutedAt, last.ID}.String())
	}
	if r.query.Get("after") != "" {
		t.First = r.with("after", "")
	}

	t.CSV = csvAddress(r, "/trades.csv")
	t.Empty = empty{
		Text:    "No trades match. To book the fills of a broker's export:",
		Command: "blotter trades import FILE",
	}
	return t
}

// csvAddress returns the address of the download of what the request shows.
func csvAddress(r *request, path string) string {
	own := *r
	own.path = path
	return own.with("after", "", "totals", "", "account", r.account)
}

func (r *request) tradeTable(id string, list []blotter.Trade) *table {
	t := &table{ID: id, Caption: "Trades", Columns: r.accountColumns(
		col("Executed"), col("Symbol"), col("Side"), num("Quantity"), num("Price"), num("Realized P&L"), num("Fees"),
		minor("Currency"), minor("Effect"), num("Position after"), minor("Strategy"), minor("Trade"),
	)}
	for i := range list {
		t.add(r.tradeCells(&list[i])...)
	}
	return t.aligned()
}

func (r *request) tradeCells(t *blotter.Trade) []cell {
	realized := cell{}
	if !t.RealizedPnL.IsZero() || t.PositionEffect != blotter.Opened && t.PositionEffect != blotter.Increased {
		realized = profit(t.RealizedPnL, t.Currency)
	}
	fees := money(t.Commission, t.CommissionCurrency)
	if t.CommissionCurrency != t.Currency {
		fees.Text += " " + t.CommissionCurrency
	}
	if len(t.OtherFees) > 0 {
		fees.Text += " + " + t.OtherFees.String()
	}

	when := instant(t.ExecutedAt, r.zone)
	return r.accountCells(t.AccountID,
		when,
		text(t.Symbol).to(address("/position", "account", t.AccountID, "symbol", t.Symbol)),
		side(t.Side), number(t.Quantity), number(t.Price), realized, fees, text(t.Currency),
		muted(string(t.PositionEffect)), number(t.QuantityAfter), text(t.Strategy),
		text(t.TradeID).to(tradeAddress(t)),
	)
}

func tradeAddress(t *blotter.Trade) string {
	return address("/trade", "account", t.AccountID, "symbol", t.Symbol, "id", t.TradeID, "side", string(t.Side))
}

// sqlTradeEvents reads the events of a trade's transaction that name the trade. Until the outbox is old enough to have
// lost them, there is one.
const sqlTradeEvents = `
select pos, type, event_id::text, correlation_id, created_at
  from events.outbox
 where xid = $1::text::xid8 and account_id = $2 and data ->> 'trade_id' = $3
 order by pos
 limit 10`

const sqlTradeImport = `
select i.id, i.file
  from execution.import_trades l
  join execution.imports i on i.account_id = l.account_id and i.id = l.import_id
 where l.account_id = $1 and l.symbol = $2 and l.trade_id = $3 and l.side = $4`

// trade shows the page of one trade: everything that is known of it.
func (d *Dashboard) trade(r *request) (*view, error) {
	symbol, id := r.query.Get("symbol"), r.query.Get("id")
	tradeSide, err := r.choice("side", "buy", "sell")
	if err != nil {
		return nil, err
	}
	if r.account == "" {
		return nil, blotter.Invalid("account", "", "the account of the trade")
	}

	p := &page{Title: "Trade " + id}
	err = d.db.ReadOnly(r.ctx, func(s *postgres.Session) error {
		list, err := postgres.Trades.Find(r.ctx, s, postgres.Eq("account_id", r.account), postgres.Eq("trade_id", id),
			postgres.Eq("symbol", symbol), postgres.Eq("side", tradeSide))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return &blotter.Error{Kind: blotter.ErrNotFound, Message: fmt.Sprintf("there is no trade %q of %s", id,
				symbol)}
		}
		t := &list[0]
		origin, err := readOrigin(r.ctx, s, t)
		if err != nil {
			return err
		}
		p.Subtitle = fmt.Sprintf("%s %s %s at %s", t.Side, plainNumber(t.Quantity), t.Symbol, plainNumber(t.Price))
		p.Panels = r.tradePanels(t, origin)
		return nil
	}, postgres.Unlogged)
	return p.show(), err
}

// tradeOrigin says where a trade came from.
type tradeOrigin struct {
	events     *table
	importID   int64
	importFile string
}

func readOrigin(ctx context.Context, s *postgres.Session, t *blotter.Trade) (o tradeOrigin, err error) {
	o.events = &table{
		Caption: "Events", Columns: []column{
			num("Position"), col("Type"), col("Correlation"), col("Event"),
			col("Time"),
		},
		Empty: empty{Text: "The event of this trade is no longer in the outbox."},
	}
	rows, err := s.Query(ctx, sqlTradeEvents, strconv.FormatUint(t.XID, 10), t.AccountID, t.TradeID)
	if err != nil {
		return o, err
	}
	defer rows.Close()
	for rows.Next() {
		var pos int64
		var kind, event, correlation string
		var at time.Time
		if err := rows.Scan(&pos, &kind, &event, &correlation, &at); err != nil {
			return o, err
		}
		o.events.add(count(pos), text(kind), text(correlation), muted(event), instant(at, time.UTC))
	}
	if err := rows.Err(); err != nil {
		return o, err
	}

	err = s.QueryRow(ctx, sqlTradeImport, t.AccountID, t.Symbol, t.TradeID, string(t.Side)).Scan(&o.importID,
		&o.importFile)
	if err == pgx.ErrNoRows {
		err = nil
	}
	return o, err
}

func (r *request) tradePanels(t *blotter.Trade, o tradeOrigin) []panel {
	facts := &table{Caption: "The trade", Columns: []column{col("Fact"), col("Value")}}
	add := func(name string, value cell) {
		value.isNumber = false
		if value.Text != "" {
			facts.add(muted(name), value)
		}
	}
	add("Executed", instant(t.ExecutedAt, r.zone))
	add("Booked", instant(t.CreatedAt, r.zone))
	add("Symbol", text(t.Symbol).to(r.linkTo("/position", "symbol", t.Symbol)))
	add("Side", side(t.Side))
	add("Quantity", number(t.Quantity))
	add("Price", number(t.Price))
	add("Multiplier", number(t.Multiplier))
	add("Commission", text(money(t.Commission, t.CommissionCurrency).Text+" "+t.CommissionCurrency))
	add("Other fees", text(t.OtherFees.String()))
	add("Realized P&L", text(term.Money(t.RealizedPnL, t.Currency)+" "+t.Currency))
	add("Effect", text(string(t.PositionEffect)))
	add("Strategy", text(t.Strategy))
	if t.OrderID != "" {
		add("Order", text(t.OrderID).to(r.linkTo("/order", "id", t.OrderID)))
	}
	if t.SettlementDate != nil {
		add("Settlement", text(t.SettlementDate.Format(time.DateOnly)))
	}
	if o.importID != 0 {
		add("Imported from", text(fmt.Sprintf("%s (import %d)", o.importFile, o.importID)))
	}

	after := &table{Caption: "The position after it", Columns: []column{col("Fact"), col("Value")}}
	after.add(muted("Quantity"), text(plainNumber(t.QuantityAfter)))
	after.add(muted("Cost basis"), text(term.Money(t.CostBasisAfter, t.Currency)+" "+t.Currency))
	after.add(muted("Realized P&L"), text(term.Money(t.RealizedPnLAfter, t.Currency)+" "+t.Currency))
	after.add(muted("Fees"), text(term.Money(t.FeesAfter, t.Currency)+" "+t.Currency))
	return []panel{
		{Title: "The trade", Class: "half", Table: facts},
		{Title: "The position after it", Class: "half", Table: after},
		{Title: "Events of the outbox", Table: o.events.aligned()},
	}
}

// tradesCSV writes the trades that a request filters.
func tradesCSV(r *request, s *postgres.Session, w io.Writer) error {
	f, err := r.tradeFilter()
	if err != nil {
		return err
	}
	f.After = nil
	f.Limit = 0
	return writeCSV(w, s.StreamTrades(r.ctx, f))
}

// writeCSV writes rows with the names of the columns and every digit. Cells that a spreadsheet program would take for
// formulas are disarmed, because such programs open what browsers download.
func writeCSV[T any](w io.Writer, rows iter.Seq2[T, error]) error {
	return spreadsheet.WriteRecords(spreadsheet.NewWriter(w, true), rows)
}

// decoded returns the members of a JSON object.
func decoded(raw json.RawMessage) map[string]any {
	values := map[string]any{}
	_ = json.Unmarshal(raw, &values)
	return values
}
