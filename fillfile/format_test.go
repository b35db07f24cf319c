package fillfile_test

import (
	"testing"

	"github.com/blotterdb/blotter/fillfile"
)

// examples are files of every layout as its broker writes them, with its traps. Each is recognised without being told.
var examples = []struct {
	name, text string
	opts       fillfile.Options
	format     string
	want       []string // fills, as describe writes them
	rejected   []string // parts of the reasons
	others     map[string]int64
}{
	{
		"generic", "date,time,symbol,side,quantity,price,fee,fee_currency,trade_id,order_id,account_id\n" +
			"2024-01-02,10:00:00Z,aapl,Buy,10,185.5,1,usd,t1,o1,A\n2024-01-02,10:00:01Z,CL,sell,2,-37.63,,,t2,,A\n",
		fillfile.Options{},
		"CSV",
		[]string{"A 2024-01-02T10:00:00Z buy 10 AAPL @ 185.5 fee 1 USD order o1 id t1", "A 2024-01-02T10:00:01Z sell 2 CL @ -37.63 id t2"},
		nil, nil,
	},
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			r := read(t, e.text, e.opts)
			if r.err != nil {
				t.Fatal(r.err)
			}
			if r.file.Format != e.format {
				t.Errorf("taken for %s, want %s", r.file.Format, e.format)
			}
			compare(t, r, e.want, e.rejected, e.others)
		})
	}
}
