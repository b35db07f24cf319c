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

// sqlTimeframes finds the timeframes of a symbol, one look at the index for each.
const sqlTimeframes = `
with recursive found as (
    (select timeframe from data_ingestion.market_data where symbol = $1 order by timeframe limit 1)
    union all
    select (select m.timeframe from data_ingestion.market_data m
             where m.symbol = $1 and m.timeframe > f.timeframe order by m.timeframe limit 1)
      from found f
     where f.timeframe is not null
)
select timeframe from found where timeframe is not null`

// readBars reads the newest bars of a symbol in the timeframe that the request names, or in the longest one.
func readBars(r *request, s *postgres.Session, symbol string) (bars []blotter.Bar, timeframes []string, err error) {
	rows, err := s.Query(r.ctx, sqlTimeframes, symbol)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var timeframe string
		if err := rows.Scan(&timeframe); err != nil {
			return nil, nil, err
		}
		timeframes = append(timeframes, timeframe)
	}
	if err := rows.Err(); err != nil || len(timeframes) == 0 {
		return nil, nil, err
	}
	slices.SortFunc(timeframes, func(a, b string) int { return int(lengthOf(a)-lengthOf(b)) / int(time.Second) })

	chosen, err := r.choice("timeframe", timeframes...)
	if err != nil {
		return nil, nil, err
	}
	if chosen == "" {
		chosen = timeframes[len(timeframes)-1]
		if slices.Contains(timeframes, "1d") {
			chosen = "1d"
		}
	}
	bars, err = s.Bars(r.ctx, postgres.BarFilter{
		Symbol: symbol, Timeframe: blotter.Timeframe(chosen), NewestFirst: true, Limit: chart.MaxBars,
	})
	slices.Reverse(bars)
	return bars, timeframes, err
}

// lengthOf returns how long a timeframe is, roughly for months.
func lengthOf(timeframe string) time.Duration {
	fixed, months, err := blotter.Timeframe(timeframe).Length()
	if err != nil {
		return 0
	}
	return fixed + time.Duration(months)*30*24*time.Hour
}

func (r *request) timeframeLinks(timeframes []string) (links []link) {
	if len(timeframes) < 2 {
		return nil
	}
	for _, timeframe := range timeframes {
		class := ""
		if r.query.Get("timeframe") == timeframe {
			class = "on"
		}
		links = append(links, link{Text: timeframe, Href: r.with("timeframe", timeframe), Class: class})
	}
	return links
}

// barsFigure draws bars with fills, and has the bars as a table.
func barsFigure(r *request, symbol string, bars []blotter.Bar, fills []chart.Fill) *figure {
	layout := time.DateOnly
	if lengthOf(string(bars[0].Timeframe)) < 24*time.Hour {
		layout = "2006-01-02 15:04"
	}
	t := &table{
		ID: "bars", Caption: "Bars of " + symbol,
		Columns: []column{col("Time"), num("Open"), num("High"), num("Low"), num("Close"), num("Volume")},
	}
	for i := len(bars) - 1; i >= 0; i-- {
		b := &bars[i]
		t.add(text(b.Timestamp.UTC().Format(layout)), number(b.Open), number(b.High), number(b.Low), number(b.Close),
			number(b.Volume))
	}

	last := &bars[len(bars)-1]
	label := fmt.Sprintf("%s, %s of %s, the last from %s, close %s", symbol, term.Count(len(bars), "bar", "bars"),
		bars[0].Timeframe, last.Timestamp.UTC().Format(layout), plainNumber(last.Close))
	caption := label + "."
	if len(fills) > 0 {
		caption += " Triangles up are purchases, triangles down are sales."
	}
	return &figure{
		SVG: drawn(chart.Candles(chart.PageSize, "", "", bars, fills), label), Caption: caption,
		Table: t.aligned(),
	}
}
