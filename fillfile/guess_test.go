package fillfile_test

import (
	"strings"
	"testing"

	"github.com/blotterdb/blotter/fillfile"
)

const header = "Date,Symbol,Side,Quantity,Price,"

// Each file once booked a guess. It is refused now, its row is rejected, or it comes out right.
func TestNothingIsGuessed(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		name, text string
		want       string // part of the error of the file or of its first rejected row, or the first fill
	}{
		{
			name: "a column that may be a fee",
			text: header + "Currency,Extra\n2024-07-03,IBM,buy,10,190,USD,5.10\n",
			want: `its column "Extra" holds numbers and is not understood`,
		},
		{
			name: "a total with the word fees",
			text: header + "Fee,Total incl. fees,Currency\n2024-07-03,IBM,buy,10,190,5,1905,USD\n",
			want: `"Total incl. fees" holds numbers`,
		},
		{
			name: "a rate that is called a commission",
			text: header + "Commission per share,Currency\n2024-07-03,IBM,buy,10,190,0.01,USD\n",
			want: `"Commission per share" holds numbers`,
		},
		{
			name: "a word for no fee",
			text: header + "Fee,Currency\n2024-07-03,IBM,buy,10,190,free,USD\n2024-07-04,IBM,sell,10,191,9.95,USD\n",
			want: "A 2024-07-03T00:00:00Z buy 10 IBM @ 190 USD",
		},
		{
			name: "a fee that is not a number",
			text: header + "Fee,Currency\n2024-07-03,IBM,buy,10,190,see note,USD\n",
			want: `fee "see note" is not a decimal number`,
		},
		{
			name: "a fee in dollars beside euros",
			text: header + "Fee\n2024-07-03,SAP,buy,10,€190.00,$1.00\n",
			want: "is in dollars of an unknown country",
		},
		{
			name: "a fee beside prices in pence",
			text: header + "Fee,Currency\n2024-07-03,VOD,buy,10,69.5,11.95,GBX\n",
			want: "its fee may be in that",
		},
		{
			name: "a column of the fee's coin that is empty",
			text: header + "Fee,Fee Currency\n" +
				"2024-07-03,BTC/USDT,buy,1,60000,0.001,\n" +
				"2024-07-03,BTC/USDT,sell,1,60000,6,USDT\n",
			want: "the currency of its fee 0.001 is missing",
		},
		{
			name: "the same fee in two columns",
			text: header + "Fee,Fee (USD),Currency\n2024-07-03,IBM,buy,10,190,5,5.4,EUR\n",
			want: "two columns may hold the same fee",
		},
		{
			name: "a sum of fees beside its parts",
			text: header + "Commission,Reg Fee,Total Fees,Currency\n2024-07-03,IBM,buy,10,190,5,1,6,USD\n",
			want: "A 2024-07-03T00:00:00Z buy 10 IBM @ 190 USD fee 6",
		},
		{
			name: "a net amount of another sign than the fee",
			text: header + "Fee,Net Amount,Currency\n2024-07-03,IBM,buy,10,190,5,-1895,USD\n",
			want: "its total contains the fees as if they had been received",
		},
		{
			name: "a net amount that contains some fees only",
			text: header + "Fee,Tax,Net Amount,Currency\n2024-07-03,IBM,buy,10,190,6,100,-1906,USD\n",
			want: "the file's total is -1906",
		},
		{
			name: "two columns of prices",
			text: header + "Avg Price,Currency\n2024-07-03,IBM,buy,10,190,185,USD\n",
			want: "either of its columns may hold the prices",
		},
		{
			name: "money instead of a quantity",
			text: header + "Fee\n2024-07-03,BTCUSDT,buy,600 USDT,60000,0.6\n",
			want: "its quantity 600 is in USDT",
		},
		{
			name: "lots",
			text: header + "Currency\n2024-07-03,XAU,buy,10 LOTS,2350,USD\n",
			want: "A 2024-07-03T00:00:00Z buy 10 XAU @ 2350 no multiplier USD",
		},
		{
			name: "a total that an odd multiplier would fit",
			text: "Date,Symbol,Expiry,Strike,Call/Put,Side,Quantity,Price,Amount,Currency\n" +
				"2024-07-03,IBM,2024-07-19,195,C,buy,2,5,500,USD\n",
			want: "but the file's total is 500",
		},
		{
			name: "fractions of a point",
			text: header + "Currency\n2024-07-03,ZNU24,buy,1,110'165,USD\n",
			want: "may be in fractions of a point",
		},
		{
			name: "words of an option beside a share",
			text: "Date,Side,Symbol,Name,Quantity,Price,Currency\n" +
				"2024-07-03,buy,IBM,IBM Jul 19 2024 195.0 Call,2,2.5,USD\n",
			want: "are those of an option",
		},
		{
			name: "a contract month without a kind",
			text: "Date,Symbol,Contract Month,Side,Quantity,Price,Currency\n2024-07-03,ES,202409,buy,1,5500,USD\n",
			want: "buy 1 ES 202409 @ 5500 no multiplier USD",
		},
		{
			name: "a future with its month in words",
			text: header + "Currency\n2024-07-03,ES 03-24,buy,1,5120,USD\n",
			want: "ES 03-24 @ 5120 no multiplier",
		},
		{
			name: "a kind of instrument that is not known",
			text: header + "Instrument Type,Currency\n2024-07-03,IBM,buy,1,190,Turbo,USD\n",
			want: `its kind of instrument "Turbo" is not known`,
		},
		{"an inverse contract", header + "Currency\n2024-07-03,BTCUSD_PERP,buy,1,60000,USD\n", "inverse contract"},
		{
			name: "a status that is not known",
			text: header + "Status,Currency\n2024-07-03,IBM,buy,10,190,Onbekend,USD\n",
			want: `its status "onbekend" is not known`,
		},
		{
			name: "a row that was taken back",
			text: header + "Cancelled,Currency\n2024-07-03,IBM,buy,10,190,Y,USD\n",
			want: "it was taken back",
		},
		{
			name: "the close of a purchase",
			text: header + "Currency\n2024-07-03,IBM,Close Buy,10,190,USD\n2024-07-04,IBM,buy,1,190,USD\n",
			want: `side "Close Buy" is neither buy nor sell`,
		},
		{
			name: "an id that is the order's",
			text: header + "ID,Currency\n2024-07-03,IBM,buy,10,190,O1,USD\n2024-07-03,IBM,buy,10,190,O1,USD\n",
			want: "its id O1 is in the file twice",
		},
		{
			name: "a second header",
			text: header + "Currency\n" +
				"2024-07-03,IBM,buy,10,190,USD\n" +
				"Date,Symbol,Side,Price,Quantity,Currency\n" +
				"2024-07-03,IBM,buy,190,10,USD\n",
			want: "another table begins here",
		},
		{
			name: "a row that is cut off",
			text: header + "Currency,Fee\n2024-07-03,IBM,buy,10,190,USD,1\n2024-07-04,IBM,sell,10,191,USD\n",
			want: "the row ends before its column fee",
		},
		{"a year of two digits", header + "Currency\n24/01/05,IBM,buy,10,190,USD\n", "its dates could begin with"},
		{
			name: "dates of both orders",
			text: header + "Currency\n13/03/2024,IBM,buy,10,190,USD\n03/14/2024,IBM,sell,10,190,USD\n",
			want: "its dates could begin with",
		},
		{
			name: "AM and PM in a column",
			text: "Date,Time,AM/PM,Symbol,Side,Quantity,Price,Currency\n2024-07-03,10:30,PM,IBM,buy,1,190,USD\n",
			want: "tells AM and PM apart",
		},
		{
			name: "a time without colons",
			text: "Date,Exec Time,Symbol,Side,Quantity,Price,Currency\n2024-07-03,093005,IBM,buy,1,190,USD\n",
			want: "may hold the times of day",
		},
		{
			name: "an entry and an exit a row",
			text: "Symbol,Side,Quantity,Entry Price,Exit Price,Close Time,Currency\nIBM,buy,1,190,191,2024-07-03,USD\n",
			want: "it holds closed positions",
		},
		{
			name: "the exchange before the symbol",
			text: "Date,Market,Stock,Side,Quantity,Price,Currency\n2024-07-03,NYSE,IBM,buy,1,190,USD\n",
			want: "buy 1 IBM @ 190 USD",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := read(t, test.text, fillfile.Options{Account: "A", Zone: "UTC"})
			var got []string
			if r.err != nil {
				got = append(got, r.err.Error())
			}

			for _, rejected := range r.rejected {
				got = append(got, rejected.Error())
			}

			for _, fill := range r.fills {
				got = append(got, describe(fill))
			}

			if !strings.Contains(strings.Join(got, "\n"), test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
