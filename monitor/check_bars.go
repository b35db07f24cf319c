package monitor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// mixedMax is the maximum number of series with several sources that are checked, the newest first.
const mixedMax = 200

// sqlMixedSeries lists the series that have bars of several sources.
const sqlMixedSeries = `
select symbol, timeframe
  from data_ingestion.bar_sources
 group by symbol, timeframe
having count(*) > 1
 order by max(since) desc, symbol, timeframe
 limit $1`

// quoted returns a text as it stands between the quotes of an SQL literal.
func quoted(text string) string { return strings.ReplaceAll(text, "'", "''") }

// barSeams finds series in which the prices of two sources differ by a factor where they meet.
func barSeams(Thresholds) Check {
	return Check{
		Name: "bar_seams", Area: "bars",
		Run: func(ctx context.Context, q postgres.Querier) (findings []Finding, err error) {
			type series struct {
				Symbol    string
				Timeframe blotter.Timeframe
			}

			mixed, err := read[series](ctx, q, sqlMixedSeries, mixedMax)
			if err != nil {
				return nil, err
			}

			for _, s := range mixed {
				seams, err := postgres.SeamsOf(ctx, q, s.Symbol, s.Timeframe, time.Time{}, time.Time{})
				if err != nil {
					return nil, err
				}

				if len(seams) == 0 {
					continue
				}

				message := seams[0].String()
				if len(seams) > 1 {
					message += fmt.Sprintf(", and %d more such places", len(seams)-1)
				}

				findings = append(findings, Finding{
					Check: "bar_seams", Severity: Warning, Subject: "bars of " + s.Symbol, Message: message,
					Remedy: fmt.Sprintf("Give one of the sources a series of its own: "+
						"delete from data_ingestion.market_data "+
						"where symbol = '%s' and timeframe = '%s' and source = '%s'; "+
						"then import its files again with --symbol.",
						quoted(s.Symbol), quoted(string(s.Timeframe)), quoted(seams[0].Other)),
				})
			}

			return findings, nil
		},
	}
}
