package web

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/blotterdb/blotter/internal/chart"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
)

// group adds up the trades of one currency that have something in common.
type group struct {
	Kind        string // "all", "strategy", "symbol", "weekday", "hour", "month" or "day"
	Name        string
	Currency    string
	Trades      int64
	Closing     int64
	Wins        int64
	Losses      int64
	GrossProfit blotter.Decimal
	GrossLoss   blotter.Decimal // zero or negative
	Realized    blotter.Decimal
	Fees        blotter.Decimal
}

func (g *group) net() blotter.Decimal { return g.Realized.Sub(g.Fees) }

// sqlGroups reads the trades once, and adds them up in every way that the page shows.
const sqlGroups = `
with t as (
    select strategy, symbol, currency, realized_pnl, extract(isodow from local)::int::text as weekday,
           extract(hour from local)::int::text as hour, to_char(local, 'YYYY-MM') as month,
           to_char(local, 'YYYY-MM-DD') as day, position_effect in ('reduce', 'close', 'flip') as closing,
           case when commission_currency = currency then commission else 0 end as fee
      from (select t.*, t.executed_at at time zone a.zone as local
              from execution.trades t
              join execution.accounts a on a.account_id = t.account_id
             where ($1 = '' or t.account_id = $1) and ($2 = '' or t.currency = $2)
               and ($3 = '' or t.symbol = $3) and ($4 = '' or t.strategy = $4)
               and t.executed_at >= $5 and t.executed_at < $6) t
)
select case when grouping(strategy) = 0 then 'strategy' when grouping(symbol) = 0 then 'symbol'
            when grouping(weekday) = 0 then 'weekday' when grouping(hour) = 0 then 'hour'
            when grouping(month) = 0 then 'month' when grouping(day) = 0 then 'day' else 'all' end,
       coalesce(strategy, symbol, weekday, hour, month, day, ''), currency, count(*), count(*) filter (where closing),
       count(*) filter (where closing and realized_pnl > 0), count(*) filter (where closing and realized_pnl < 0),
       coalesce(sum(realized_pnl) filter (where closing and realized_pnl > 0), 0),
       coalesce(sum(realized_pnl) filter (where closing and realized_pnl < 0), 0), sum(realized_pnl), sum(fee)
  from t
 group by grouping sets ((strategy, currency), (symbol, currency), (weekday, currency), (hour, currency),
                         (month, currency), (day, currency), (currency))`

// sqlHolding measures how long round trips lasted.
const sqlHolding = `
select count(*), coalesce(avg(extract(epoch from closed_at - opened_at)), 0)::float8
  from execution.round_trips
 where ($1 = '' or account_id = $1) and ($2 = '' or symbol = $2) and ($3 = '' or strategy = $3)
   and closed_at >= $4 and closed_at < $5`

// performanceFilter says which trades the page counts.
type performanceFilter struct {
	currency, symbol, strategy string
	from, to                   time.Time
}

// The bounds of a range that is open at its ends.
var (
	earliest = time.Date(1678, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
)

// performanceFilter reads the filter of a request. Without a range it is the present year.
func (r *request) performanceFilter() (f performanceFilter, err error) {
	f = performanceFilter{
		currency: r.query.Get("currency"), symbol: r.query.Get("symbol"), strategy: r.query.Get("strategy"),
	}
	if f.from, err = r.day("from"); err != nil {
		return f, err
	}
	if f.to, err = r.lastDay("to"); err != nil {
		return f, err
	}

	isOpen := f.from.IsZero() && f.to.IsZero()
	if isOpen && r.query.Get("range") != "all" {
		f.from = time.Date(r.now.In(r.zone).Year(), 1, 1, 0, 0, 0, 0, r.zone)
		f.to = time.Date(f.from.Year()+1, 1, 1, 0, 0, 0, 0, r.zone)
	}
	if f.from.IsZero() {
		f.from = earliest
	}
	if f.to.IsZero() {
		f.to = latest
	}
	return f, nil
}

// performance shows the page that says what was earned, when, and by what.
func (d *Dashboard) performance(r *request) (*view, error) {
	f, err := r.performanceFilter()
	if err != nil {
		return nil, err
	}
	state, err := d.analyticsState(r.ctx)
	if err != nil {
		return nil, err
	}

	data := performanceData{filter: f}
	err = d.db.ReadOnly(r.ctx, func(s *postgres.Session) (err error) {
		if data.days, err = d.daily(r, s, state); err != nil {
			return err
		}
		if data.groups, err = readGroups(r, s, f); err != nil {
			return err
		}
		return s.QueryRow(r.ctx, sqlHolding, r.account, f.symbol, f.strategy, f.from, f.to).Scan(&data.trips,
			&data.held)
	}, postgres.Unlogged)
	if err != nil {
		return nil, err
	}
	return r.showPerformance(&data), nil
}

// performanceData holds the rows of the page.
type performanceData struct {
	filter performanceFilter
	days   []dayFigure // of all years
	groups []group
	trips  int64
	held   float64 // seconds, on average
}

func readGroups(r *request, s *postgres.Session, f performanceFilter) (list []group, err error) {
	rows, err := s.Query(r.ctx, sqlGroups, r.account, f.currency, f.symbol, f.strategy, f.from, f.to)
	if err != nil {
		return nil, err
	}
	defer rows.Close()

	for rows.Next() {
		var g group
		err := rows.Scan(&g.Kind, &g.Name, &g.Currency, &g.Trades, &g.Closing, &g.Wins, &g.Losses, &g.GrossProfit,
			&g.GrossLoss, &g.Realized, &g.Fees)
		if err != nil {
			return nil, err
		}
		list = append(list, g)
	}
	return list, rows.Err()
}

// of returns the groups of a kind, sorted by name and currency.
func (data *performanceData) of(kind string) (list []group) {
	for _, g := range data.groups {
		if g.Kind == kind {
			list = append(list, g)
		}
	}

	slices.SortFunc(list, func(a, b group) int {
		if kind == "hour" {
			x, _ := strconv.Atoi(a.Name)
			y, _ := strconv.Atoi(b.Name)
			return cmp.Or(cmp.Compare(x, y), cmp.Compare(a.Currency, b.Currency))
		}
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Currency, b.Currency))
	})

	return list
}

func (r *request) showPerformance(data *performanceData) *view {
	p := &page{Title: "Performance", Filters: r.form(
		field{Label: "From day", Name: "from", Type: "date"}, field{Label: "To day", Name: "to", Type: "date"},
		field{Label: "Symbol", Name: "symbol"}, field{Label: "Strategy", Name: "strategy"},
		field{Label: "Currency", Name: "currency"},
	)}
	p.Links = r.yearLinks(data)

	totals := data.of("all")
	if len(totals) == 0 {
		p.Panels = []panel{{Title: "No trades in this range", Table: &table{Empty: empty{
			Text: "Choose another range, or book fills:", Command: "blotter trades import FILE",
		}}}}
		return p.show()
	}
	for i := range totals {
		p.Stats = append(p.Stats, r.performanceStats(data, &totals[i]))
	}
	for i := range totals {
		p.Panels = append(p.Panels, r.calendarPanels(data, totals[i].Currency)...)
	}
	p.Panels = append(p.Panels,
		r.groupPanel(data, "month", "By month", ""),
		r.groupPanel(data, "strategy", "By strategy", "half"),
		r.groupPanel(data, "symbol", "By symbol", "half"),
		r.groupPanel(data, "weekday", "By weekday", "half"),
		r.groupPanel(data, "hour", "By hour", "half"))
	return p.show()
}

// yearLinks leads to each year that has trades, and to all of them.
func (r *request) yearLinks(data *performanceData) (links []link) {
	seen := map[int]bool{}
	for i := range data.days {
		year := data.days[i].Date.Year()
		if seen[year] {
			continue
		}
		seen[year] = true
		class := ""
		if data.filter.from.In(r.zone).Year() == year && data.filter.to.In(r.zone).Year() == year+1 {
			class = "on"
		}
		links = append(links, link{
			Text: strconv.Itoa(year), Class: class,
			Href: r.with("from", fmt.Sprintf("%d-01-01", year), "to", fmt.Sprintf("%d-12-31", year), "range", ""),
		})
	}

	class := ""
	if data.filter.from.Equal(earliest) && data.filter.to.Equal(latest) {
		class = "on"
	}
	return append(links, link{Text: "All", Class: class, Href: r.with("from", "", "to", "", "range", "all")})
}

// tradesOf returns the address of the trades that a figure counts.
func (r *request) tradesOf(f performanceFilter, currency string, pairs ...string) string {
	values := []string{"currency", currency, "symbol", f.symbol, "strategy", f.strategy}
	if !f.from.Equal(earliest) {
		values = append(values, "from", f.from.In(r.zone).Format(time.DateOnly))
	}
	if !f.to.Equal(latest) {
		values = append(values, "to", f.to.In(r.zone).AddDate(0, 0, -1).Format(time.DateOnly))
	}
	return r.linkTo("/trades", append(values, pairs...)...)
}

func (r *request) performanceStats(data *performanceData, g *group) []stat {
	f := data.filter
	unit := g.Currency

	stats := []stat{
		{
			Name: "Net P&L", Class: "lead", Value: profit(g.net(), unit).to(r.tradesOf(f, unit)), Unit: unit,
			Note: term.Count(g.Trades, "trade", "trades") + ", after fees",
		},
		{
			Name: "Realized P&L", Value: profit(g.Realized, unit).to(r.tradesOf(f, unit, "result", "closing")),
			Unit: unit,
		},
		{Name: "Fees", Value: money(g.Fees, unit).to(r.tradesOf(f, unit)), Unit: unit},
		{
			Name: "Won", Value: text(winRate(g.Wins, g.Closing)).to(r.tradesOf(f, unit, "result", "won")),
			Note: fmt.Sprintf("%s of %s closing trades", term.Thousands(g.Wins), term.Thousands(g.Closing)),
		},
	}

	if ratio, err := g.GrossProfit.Div(g.GrossLoss.Neg()); err == nil && !g.GrossLoss.IsZero() {
		stats = append(stats, stat{
			Name: "Profit factor", Value: text(ratio.RoundHAZ(2).StringFixed(2)).to(r.tradesOf(f, unit, "result",
				"closing")),
			Note: "profits divided by losses",
		})
	}

	if g.Wins > 0 {
		mean, _ := g.GrossProfit.Div(blotter.MustDecimal(fmt.Sprint(g.Wins)))
		stats = append(stats, stat{
			Name: "Average win", Unit: unit, Note: "rounded",
			Value: profit(mean.RoundHAZ(2), unit).to(r.tradesOf(f, unit, "result", "won")),
		})
	}

	if g.Losses > 0 {
		mean, _ := g.GrossLoss.Div(blotter.MustDecimal(fmt.Sprint(g.Losses)))
		stats = append(stats, stat{
			Name: "Average loss", Unit: unit, Note: "rounded",
			Value: profit(mean.RoundHAZ(2), unit).to(r.tradesOf(f, unit, "result", "lost")),
		})
	}

	return append(stats, r.slowStats(data, unit)...)
}

// slowStats returns the holding time and the worst drawdown.
func (r *request) slowStats(data *performanceData, unit string) (stats []stat) {
	if data.trips > 0 {
		held := time.Duration(data.held * float64(time.Second))
		stats = append(stats, stat{
			Name: "Held", Value: text(span(held)), Note: "on average, " + term.Count(data.trips, "round trip",
				"round trips"),
		})
	}

	worst, from, to := drawdown(data.groups, unit)
	if worst.IsNeg() {
		stats = append(stats, stat{
			Name: "Worst drawdown", Unit: unit, Note: from + " to " + to,
			Value: profit(worst, unit).to(r.linkTo("/trades", "currency", unit, "from", from, "to", to)),
		})
	}
	return stats
}

// drawdown returns the greatest loss since a peak of the net profit and loss by day, and the days of the peak and of
// the low.
func drawdown(groups []group, currency string) (worst blotter.Decimal, from, to string) {
	days := (&performanceData{groups: groups}).of("day")
	var sum, peak blotter.Decimal
	peakDay := ""

	for i := range days {
		if days[i].Currency != currency {
			continue
		}
		if peakDay == "" {
			peakDay = days[i].Name
		}

		sum = sum.Add(days[i].net())
		if sum.GreaterThan(peak) {
			peak = sum
			peakDay = days[i].Name
		}

		if below := sum.Sub(peak); below.LessThan(worst) {
			worst = below
			from = peakDay
			to = days[i].Name
		}
	}

	return worst, from, to
}

const calendarsMax = 3 // years that are drawn

// calendarPanels draws a calendar for each of the last years that have trades.
func (r *request) calendarPanels(data *performanceData, currency string) (panels []panel) {
	byYear := map[int][]chart.Day{}
	for _, g := range data.of("day") {
		if g.Currency != currency {
			continue
		}
		date, err := time.Parse(time.DateOnly, g.Name)
		if err != nil {
			continue
		}
		value, _ := strconv.ParseFloat(g.net().String(), 64)
		byYear[date.Year()] = append(byYear[date.Year()], chart.Day{
			Date: date, Value: value,
			Link: r.linkTo("/trades", "from", g.Name, "to", g.Name, "currency", currency, "symbol",
				data.filter.symbol),
			Title: fmt.Sprintf("%s: %s %s, %s", g.Name, term.Money(g.net(), currency), currency,
				term.Count(g.Trades, "trade", "trades")),
		})
	}

	var years []int
	for year := range byYear {
		years = append(years, year)
	}
	slices.Sort(years)
	for _, year := range years[max(0, len(years)-calendarsMax):] {
		picture := chart.Calendar(year, byYear[year])
		label := fmt.Sprintf("Net profit and loss of each day of %d in %s; the table by month has the sums", year,
			currency)
		panels = append(panels, panel{
			Title: fmt.Sprintf("%d by day", year), Count: currency,
			Chart: &figure{
				SVG: drawn(picture, label), Class: "calendar",
				Caption: "Green days made money, red days lost it. Each day leads to its trades.",
			},
		})
	}
	return panels
}

const symbolsShown = 30 // of a table by symbol or strategy: the best and the worst

func (r *request) groupPanel(data *performanceData, kind, title, class string) panel {
	heading := strings.ToUpper(kind[:1]) + kind[1:]
	t := &table{ID: "by-" + kind, Caption: title, Columns: []column{
		col(heading), num("Net P&L"), minorNum("Realized"), minorNum("Fees"), num("Won"), num("Trades"),
		minor("Currency"),
	}}
	list := data.of(kind)
	if kind == "symbol" || kind == "strategy" {
		slices.SortStableFunc(list, func(a, b group) int { return b.net().Cmp(a.net()) })
	}
	if len(list) > symbolsShown && kind == "symbol" {
		t.Note = fmt.Sprintf("The %d best and worst of %s. The filter shows any other.", symbolsShown,
			term.Thousands(len(list)))
		list = append(list[:symbolsShown/2:symbolsShown/2], list[len(list)-symbolsShown/2:]...)
	}

	for i := range list {
		g := &list[i]
		name, href := r.groupName(data.filter, g)
		t.add(text(name).to(href), profit(g.net(), g.Currency).to(href), profit(g.Realized, g.Currency),
			money(g.Fees, g.Currency), cell{Text: winRate(g.Wins, g.Closing)}, count(g.Trades), muted(g.Currency))
	}
	return panel{Title: title, Class: class, Table: t.aligned()}
}

// groupName returns the name of a group, and the address of its trades.
func (r *request) groupName(f performanceFilter, g *group) (name, href string) {
	switch g.Kind {
	case "strategy":
		if g.Name == "" {
			return "(none)", ""
		}
		return g.Name, r.tradesOf(f, g.Currency, "strategy", g.Name)
	case "symbol":
		return g.Name, r.tradesOf(f, g.Currency, "symbol", g.Name)
	case "weekday":
		n, _ := strconv.Atoi(g.Name)
		return weekdays[n-1], r.tradesOf(f, g.Currency, "weekday", g.Name)
	case "hour":
		n, _ := strconv.Atoi(g.Name)
		return fmt.Sprintf("%02d:00", n), r.tradesOf(f, g.Currency, "hour", g.Name)
	}

	first, err := time.Parse("2006-01", g.Name)
	if err != nil {
		return g.Name, ""
	}
	last := calendar.AddMonths(first, 1).AddDate(0, 0, -1)
	return first.Format("January 2006"), r.tradesOf(f, g.Currency, "from", first.Format(time.DateOnly),
		"to", last.Format(time.DateOnly))
}
