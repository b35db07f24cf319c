package web

import (
	"fmt"
	"io"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// working is the filter value for the orders that may still be filled.
const working = "working"

var workingStatuses = []blotter.OrderStatus{blotter.Pending, blotter.Submitted, blotter.PartiallyFilled}

func (r *request) orderFilter() (f postgres.OrderFilter, err error) {
	f = postgres.OrderFilter{
		Symbol: r.query.Get("symbol"), Strategy: r.query.Get("strategy"), NewestFirst: true, Limit: pageRows + 1,
	}
	side, err := r.choice("side", "buy", "sell")
	if err != nil {
		return f, err
	}
	f.Side = blotter.Side(side)

	allowed := []string{working}
	for _, s := range blotter.OrderStatuses() {
		allowed = append(allowed, string(s))
	}
	status, err := r.choice("status", allowed...)
	switch {
	case err != nil:
		return f, err
	case status == working:
		f.Statuses = workingStatuses
	case status != "":
		f.Statuses = []blotter.OrderStatus{blotter.OrderStatus(status)}
	}

	if f.From, err = r.day("from"); err != nil {
		return f, err
	}
	if f.To, err = r.lastDay("to"); err != nil {
		return f, err
	}
	key, err := r.after()
	if key.id != 0 {
		f.After = &blotter.Order{ID: key.id, CreatedAt: key.at}
	}
	return f, err
}

func orderFields() []field {
	statuses := []option{{"", "any"}, {working, "working"}}
	for _, s := range blotter.OrderStatuses() {
		statuses = append(statuses, option{string(s), strings.ReplaceAll(string(s), "_", " ")})
	}
	return []field{
		{Label: "From day", Name: "from", Type: "date"},
		{Label: "To day", Name: "to", Type: "date"},
		{Label: "Symbol", Name: "symbol"},
		{Label: "Side", Name: "side", Options: []option{{"", "both"}, {"buy", "buy"}, {"sell", "sell"}}},
		{Label: "Status", Name: "status", Options: statuses},
		{Label: "Strategy", Name: "strategy"},
	}
}

// orders shows the page of orders.
func (d *Dashboard) orders(r *request) (*view, error) {
	f, err := r.orderFilter()
	if err != nil {
		return nil, err
	}
	list, err := d.db.Orders(r.ctx, f)
	if err != nil {
		return nil, err
	}

	t := r.orderTable("orders", list[:min(len(list), pageRows)])
	if len(list) > pageRows {
		last := list[pageRows-1]
		t.More = r.with("after", pageKey{last.CreatedAt, last.ID}.String())
	}
	if r.query.Get("after") != "" {
		t.First = r.with("after", "")
	}
	t.CSV = csvAddress(r, "/orders.csv")
	t.Empty = empty{
		Text:    "No orders match. Programs create them with CreateOrder; a first look at some:",
		Command: "blotter demo",
	}
	p := &page{
		Title: "Orders", Filters: r.form(orderFields()...),
		Panels: []panel{{Title: "Orders, the newest first", Table: t}},
	}
	return p.show(), nil
}

func (r *request) orderTable(id string, list []blotter.Order) *table {
	t := &table{ID: id, Caption: "Orders", Columns: r.accountColumns(
		col("Created"), col("Symbol"), col("Side"), minor("Type"), num("Quantity"), num("Filled"), num("Limit"),
		num("Average fill"), col("Status"), minor("Strategy"), minor("Order"),
	)}

	for i := range list {
		o := &list[i]
		t.add(r.accountCells(o.AccountID,
			instant(o.CreatedAt, r.zone),
			text(o.Symbol).to(address("/position", "account", o.AccountID, "symbol", o.Symbol)),
			side(o.Side), text(strings.ReplaceAll(string(o.OrderType), "_", " ")), number(o.Quantity),
			number(o.FilledQuantity), numberOf(o.Price), average(o.AvgFillPrice),
			cell{Text: strings.ReplaceAll(string(o.Status), "_", " "), Class: "status " + string(o.Status)},
			text(o.Strategy),
			text(o.OrderID).to(address("/order", "account", o.AccountID, "id", o.OrderID)),
		)...)
	}

	return t.aligned()
}

// order shows the page of one order, with its trades.
func (d *Dashboard) order(r *request) (*view, error) {
	id := r.query.Get("id")
	if r.account == "" {
		return nil, blotter.Invalid("account", "", "the account of the order")
	}

	p := &page{Title: "Order " + id}
	err := d.db.ReadOnly(r.ctx, func(s *postgres.Session) error {
		list, err := postgres.Orders.Find(r.ctx, s, postgres.Eq("account_id", r.account), postgres.Eq("order_id", id))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return &blotter.Error{Kind: blotter.ErrNotFound, Message: fmt.Sprintf("there is no order %q", id)}
		}
		trades, err := s.Trades(r.ctx, postgres.TradeFilter{
			OrderID: id, Account: r.account, NewestFirst: true,
			Limit: pageRows,
		})
		if err != nil {
			return err
		}

		o := &list[0]
		p.Subtitle = fmt.Sprintf("%s %s %s", o.Side, plainNumber(o.Quantity), o.Symbol)
		fills := r.tradeTable("fills", trades)
		fills.Empty = empty{Text: "This order has no fills."}
		if len(trades) == pageRows {
			fills.More = r.linkTo("/trades", "order", id)
		}
		p.Panels = []panel{
			{Title: "The order", Table: r.orderTable("order", list)},
			{Title: "Its fills", Table: fills},
		}
		return nil
	}, postgres.Unlogged)
	return p.show(), err
}

// ordersCSV writes the orders that a request filters.
func ordersCSV(r *request, s *postgres.Session, w io.Writer) error {
	f, err := r.orderFilter()
	if err != nil {
		return err
	}
	f.After = nil
	f.Limit = 0
	return writeCSV(w, s.StreamOrders(r.ctx, f))
}
