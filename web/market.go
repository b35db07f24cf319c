package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/blotterdb/blotter/internal/chart"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
)

const (
	coverageMonths = 36
	quarantineRows = 20
	stripWidth     = 288
)

// sqlSeries finds the series behind one, a look at the index for each, with their first and last bars.
const sqlSeries = `
with recursive series as (
    (select symbol, timeframe from data_ingestion.market_data
      where (symbol, timeframe) > ($1, $2) order by symbol, timeframe limit 1)
    union all
    select n.symbol, n.timeframe
      from series s
     cross join lateral (select m.symbol, m.timeframe from data_ingestion.market_data m
                          where (m.symbol, m.timeframe) > (s.symbol, s.timeframe)
                          order by m.symbol, m.timeframe limit 1) n
)
select s.symbol, s.timeframe,
       (select m.timestamp from data_ingestion.market_data m where m.symbol = s.symbol and m.timeframe = s.timeframe
         order by m.timestamp limit 1),
       (select m.timestamp from data_ingestion.market_data m where m.symbol = s.symbol and m.timeframe = s.timeframe
         order by m.timestamp desc limit 1),
       array(select exists (select from data_ingestion.market_data m
                             where m.symbol = s.symbol and m.timeframe = s.timeframe
                               and m.timestamp >= month and m.timestamp < month + interval '1 month')
               from generate_series($4::timestamptz, $4::timestamptz + $5 * interval '1 month', '1 month') month
              order by month)
  from (select symbol, timeframe from series limit $3) s`

// series is the bars of one symbol in one timeframe.
type series struct {
	symbol, timeframe string
	first, last       time.Time
	months            []bool // which months have bars, up to the present one
}

func readSeries(r *request, s *postgres.Session, symbol, timeframe string, limit int) (list []series, err error) {
	rows, err := s.Query(r.ctx, sqlSeries, symbol, timeframe, limit, r.firstMonth(), coverageMonths-1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()

	for rows.Next() {
		var one series
		if err := rows.Scan(&one.symbol, &one.timeframe, &one.first, &one.last, &one.months); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, rows.Err()
}

// firstMonth returns the first month of a strip of coverage.
func (r *request) firstMonth() time.Time {
	now := r.now.UTC()
	return time.Date(now.Year(), now.Month()-coverageMonths+1, 1, 0, 0, 0, 0, time.UTC)
}

// market shows the page of the stored bars.
func (d *Dashboard) market(r *request) (*view, error) {
	symbol, timeframe, _ := strings.Cut(r.query.Get("after"), "\n")
	p := &page{Title: "Market data"}
	err := d.db.ReadOnly(r.ctx, func(s *postgres.Session) error {
		list, err := readSeries(r, s, symbol, timeframe, pageRows+1)
		if err != nil {
			return err
		}
		p.Panels = []panel{{
			Title: "Series", Count: fmt.Sprintf("a bar for each of the last %d months", coverageMonths),
			Table: r.seriesTable(list),
		}}
		return nil
	}, postgres.Unlogged)
	if err != nil || !r.viewer.all {
		return p.show(), err
	}

	// The quarantine has rows of files, so that only viewers of all accounts see it.
	ctx := blotter.WithAllAccounts(r.ctx)
	err = d.db.ReadOnly(ctx, func(s *postgres.Session) error {
		rows, err := postgres.DataQualityLogs.Find(ctx, s, postgres.Eq("status", "quarantined"),
			postgres.Desc("timestamp"),
			postgres.Limit(quarantineRows))
		p.Panels = append(p.Panels, r.quarantinePanel(rows))
		return err
	}, postgres.Unlogged)
	return p.show(), err
}

func (r *request) seriesTable(list []series) *table {
	t := &table{
		ID: "series", Caption: "Series of bars",
		Columns: []column{
			col("Symbol"), col("Timeframe"), col("Coverage"), col("First bar"), col("Last bar"),
			minor("Last update"),
		},
		Empty: empty{Text: "No bars are stored.", Command: "blotter import FILE"},
	}

	for i := range list[:min(len(list), pageRows)] {
		one := &list[i]
		strip := r.coverage(one)
		t.add(text(one.symbol).to(r.linkTo("/symbol", "symbol", one.symbol, "timeframe", one.timeframe)),
			text(one.timeframe),
			cell{HTML: strip}, text(one.first.UTC().Format(time.DateOnly)), text(one.last.UTC().Format(time.DateOnly)),
			muted(age(r.now.Sub(one.last))))
	}

	if len(list) > pageRows {
		last := list[pageRows-1]
		t.More = r.with("after", last.symbol+"\n"+last.timeframe)
	}
	if r.query.Get("after") != "" {
		t.First = r.with("after", "")
	}

	return t
}

// quarantinePanel lists rows of files that are not valid bars.
func (r *request) quarantinePanel(rows []blotter.DataQualityLog) panel {
	t := &table{
		ID: "quarantine", Caption: "Quarantine",
		Columns: []column{col("Time"), col("Symbol"), col("Reason"), col("File and line"), col("Row")},
		Empty:   empty{Text: "No row of a file was quarantined."},
	}
	for i := range rows {
		q := &rows[i]
		t.add(instant(q.Timestamp, r.zone), text(q.Symbol), cell{Text: q.Message, Class: "wide"},
			muted(fmt.Sprintf("%s:%d", q.File, q.Line)), cell{Text: clipped(q.RawRow, 200), Class: "wide mono"})
	}
	p := panel{Title: "Quarantine", Count: "rows that are not valid bars, the newest first", Table: t}
	return p
}

// symbol shows the page of the bars of one symbol.
func (d *Dashboard) symbol(r *request) (*view, error) {
	symbol := r.query.Get("symbol")
	p := &page{Title: symbol, Subtitle: "market data"}
	var bars []blotter.Bar
	err := d.db.ReadOnly(r.ctx, func(s *postgres.Session) error {
		var timeframes []string
		var err error
		if bars, timeframes, err = readBars(r, s, symbol); err != nil {
			return err
		}
		p.Links = r.timeframeLinks(timeframes)

		prices, err := postgres.LatestPrices.Find(r.ctx, s, postgres.Eq("symbol", symbol))
		if err != nil {
			return err
		}
		known, err := postgres.Instruments.Find(r.ctx, s, postgres.Eq("symbol", symbol))
		if err != nil {
			return err
		}
		if len(bars)+len(prices)+len(known) == 0 {
			return &blotter.Error{Kind: blotter.ErrNotFound, Message: fmt.Sprintf("there is no symbol %q", symbol)}
		}
		p.Stats = [][]stat{r.symbolStats(prices, known)}
		return nil
	}, postgres.Unlogged)
	if err != nil {
		return nil, err
	}

	p.Panels = []panel{{Title: "Price", Chart: r.candleFigure(symbol, &positionData{bars: bars})}}
	p.Links = append(p.Links, link{Text: "Positions in " + symbol, Href: r.linkTo("/positions", "symbol", symbol,
		"state", "all")})
	if len(bars) == 0 {
		return p.show(), nil
	}
	gaps, err := d.db.Gaps(r.ctx, postgres.BarFilter{Symbol: symbol, Timeframe: bars[0].Timeframe})
	p.Panels = append(p.Panels, gapPanel(symbol, gaps))
	return p.show(), err
}

func (r *request) symbolStats(prices []blotter.LatestPrice, known []blotter.Instrument) (stats []stat) {
	for _, one := range prices {
		stats = append(stats, stat{
			Name: "Last price", Class: "lead", Value: number(one.Price), Note: age(r.now.Sub(one.At)) + ", from " +
				one.Source,
		})
	}

	for i := range known {
		one := &known[i]
		stats = append(stats,
			stat{Name: "Currency", Value: text(one.Currency)},
			stat{Name: "Multiplier", Value: text(plainNumber(one.Multiplier))},
			stat{Name: "Calendar", Value: text(strings.ReplaceAll(string(one.Calendar), "_", " "))})
		if one.Name != "" {
			stats = append(stats, stat{Name: "Name", Value: text(one.Name)})
		}
	}

	return stats
}

const gapsShown = 50

func gapPanel(symbol string, gaps []postgres.Gap) panel {
	t := &table{
		ID: "gaps", Caption: "Gaps", Columns: []column{col("From"), col("To"), num("Days")},
		Empty: empty{Text: "No day is missing on which other symbols have bars."},
	}
	for i := max(0, len(gaps)-gapsShown); i < len(gaps); i++ {
		t.add(text(gaps[i].From.Format(time.DateOnly)), text(gaps[i].To.Format(time.DateOnly)), count(gaps[i].Days))
	}
	p := panel{Title: "Missing days", Table: t}
	if len(gaps) > 0 {
		p.Count = term.Count(len(gaps), "gap", "gaps")
		t.Note = "blotter bars gaps " + symbol + " lists all of them."
	}
	return p
}

// coverage draws which months have bars.
func (r *request) coverage(one *series) (strip htmlText) {
	parts := make([]chart.Part, len(one.months))
	covered := 0
	for i, has := range one.months {
		month := calendar.AddMonths(r.firstMonth(), i).Format("January 2006")
		parts[i].Title = month + ": no bars"
		if has {
			parts[i] = chart.Part{Share: 1, Title: month + ": has bars"}
			covered++
		}
	}
	label := fmt.Sprintf("%d of the last %d months have bars", covered, len(parts))
	return drawn(chart.Strip(stripWidth, parts), label)
}

const sqlSearch = `
select symbol from (
    select symbol from data_ingestion.instruments where starts_with(symbol, $1) or starts_with(symbol, $2)
    union
    select symbol from execution.positions where starts_with(symbol, $1) or starts_with(symbol, $2)) s
 order by symbol
 limit $3`

// search leads to the symbol that begins with a text, or lists them if there are several.
func (d *Dashboard) search(r *request) (*view, error) {
	wanted := strings.TrimSpace(r.query.Get("q"))
	var found []string
	err := d.db.ReadOnly(r.ctx, func(s *postgres.Session) error {
		rows, err := s.Query(r.ctx, sqlSearch, wanted, strings.ToUpper(wanted), pageRows)
		if err != nil {
			return err
		}
		defer rows.Close()

		for rows.Next() {
			var symbol string
			if err := rows.Scan(&symbol); err != nil {
				return err
			}
			found = append(found, symbol)
		}
		return rows.Err()
	}, postgres.Unlogged)
	if err != nil {
		return nil, err
	}
	for _, symbol := range found {
		if len(found) == 1 || strings.EqualFold(symbol, wanted) {
			return &view{Redirect: r.linkTo("/position", "symbol", symbol)}, nil
		}
	}

	t := &table{
		ID: "found", Caption: "Symbols", Columns: []column{col("Symbol")},
		Empty: empty{
			Text:    fmt.Sprintf("No symbol begins with %q. See which are stored:", wanted),
			Command: "blotter bars list",
		},
	}
	for _, symbol := range found {
		t.add(text(symbol).to(r.linkTo("/position", "symbol", symbol)))
	}
	return (&page{Title: "Symbols", Panels: []panel{{
		Title: "Symbols that begin with " + wanted,
		Table: t,
	}}}).show(), nil
}
