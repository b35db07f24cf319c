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
		{"a column that may be a fee", header + "Currency,Extra\n2024-07-03,IBM,buy,10,190,USD,5.10\n", `its column "Extra" holds numbers and is not understood`},
		{"a total with the word fees", header + "Fee,Total incl. fees,Currency\n2024-07-03,IBM,buy,10,190,5,1905,USD\n", `"Total incl. fees" holds numbers`},
		{"a rate that is called a commission", header + "Commission per share,Currency\n2024-07-03,IBM,buy,10,190,0.01,USD\n", `"Commission per share" holds numbers`},
		{"a word for no fee", header + "Fee,Currency\n2024-07-03,IBM,buy,10,190,free,USD\n2024-07-04,IBM,sell,10,191,9.95,USD\n", "A 2024-07-03T00:00:00Z buy 10 IBM @ 190 USD"},
		{"a fee that is not a number", header + "Fee,Currency\n2024-07-03,IBM,buy,10,190,see note,USD\n", `fee "see note" is not a decimal number`},
		{"a fee in dollars beside euros", header + "Fee\n2024-07-03,SAP,buy,10,€190.00,$1.00\n", "is in dollars of an unknown country"},
		{"a fee beside prices in pence", header + "Fee,Currency\n2024-07-03,VOD,buy,10,69.5,11.95,GBX\n", "nothing tells whether its fee is in that"},
		{"a column of the fee's coin that is empty", header + "Fee,Fee Currency\n2024-07-03,BTC/USDT,buy,1,60000,0.001,\n2024-07-03,BTC/USDT,sell,1,60000,6,USDT\n", "the currency of its fee 0.001 is missing"},
		{"the same fee in two columns", header + "Fee,Fee (USD),Currency\n2024-07-03,IBM,buy,10,190,5,5.4,EUR\n", "two columns may hold the same fee"},
		{"a sum of fees beside its parts", header + "Commission,Reg Fee,Total Fees,Currency\n2024-07-03,IBM,buy,10,190,5,1,6,USD\n", "A 2024-07-03T00:00:00Z buy 10 IBM @ 190 USD fee 6"},
		{"a net amount of another sign than the fee", header + "Fee,Net Amount,Currency\n2024-07-03,IBM,buy,10,190,5,-1895,USD\n", "its total contains the fees as if they had been received"},
		{"a net amount that contains some fees only", header + "Fee,Tax,Net Amount,Currency\n2024-07-03,IBM,buy,10,190,6,100,-1906,USD\n", "the file's total is -1906"},
		{"two columns of prices", header + "Avg Price,Currency\n2024-07-03,IBM,buy,10,190,185,USD\n", "either of its columns may hold the prices"},
		{"money instead of a quantity", header + "Fee\n2024-07-03,BTCUSDT,buy,600 USDT,60000,0.6\n", "its quantity 600 is in USDT"},
		{"lots", header + "Currency\n2024-07-03,XAU,buy,10 LOTS,2350,USD\n", "A 2024-07-03T00:00:00Z buy 10 XAU @ 2350 no multiplier USD"},
		{"a total that an odd multiplier would fit", "Date,Symbol,Expiry,Strike,Call/Put,Side,Quantity,Price,Amount,Currency\n2024-07-03,IBM,2024-07-19,195,C,buy,2,5,500,USD\n", "but the file's total is 500"},
		{"fractions of a point", header + "Currency\n2024-07-03,ZNU24,buy,1,110'165,USD\n", "may be in fractions of a point"},
		{"words of an option beside a share", "Date,Side,Symbol,Name,Quantity,Price,Currency\n2024-07-03,buy,IBM,IBM Jul 19 2024 195.0 Call,2,2.5,USD\n", "are those of an option"},
		{"a contract month without a kind", "Date,Symbol,Contract Month,Side,Quantity,Price,Currency\n2024-07-03,ES,202409,buy,1,5500,USD\n", "buy 1 ES 202409 @ 5500 no multiplier USD"},
		{"a future with its month in words", header + "Currency\n2024-07-03,ES 03-24,buy,1,5120,USD\n", "ES 03-24 @ 5120 no multiplier"},
		{"a kind of instrument that is not known", header + "Instrument Type,Currency\n2024-07-03,IBM,buy,1,190,Turbo,USD\n", `its kind of instrument "Turbo" is not known`},
		{"an inverse contract", header + "Currency\n2024-07-03,BTCUSD_PERP,buy,1,60000,USD\n", "inverse contract"},
		{"a status that is not known", header + "Status,Currency\n2024-07-03,IBM,buy,10,190,Onbekend,USD\n", `its status "onbekend" is not known`},
		{"a row that was taken back", header + "Cancelled,Currency\n2024-07-03,IBM,buy,10,190,Y,USD\n", "it was taken back"},
		{"the close of a purchase", header + "Currency\n2024-07-03,IBM,Close Buy,10,190,USD\n2024-07-04,IBM,buy,1,190,USD\n", `side "Close Buy" is neither buy nor sell`},
		{"an id that is the order's", header + "ID,Currency\n2024-07-03,IBM,buy,10,190,O1,USD\n2024-07-03,IBM,buy,10,190,O1,USD\n", "its id O1 is in the file twice"},
		{"a second header", header + "Currency\n2024-07-03,IBM,buy,10,190,USD\nDate,Symbol,Side,Price,Quantity,Currency\n2024-07-03,IBM,buy,190,10,USD\n", "another table begins here"},
		{"a row that is cut off", header + "Currency,Fee\n2024-07-03,IBM,buy,10,190,USD,1\n2024-07-04,IBM,sell,10,191,USD\n", "the row ends before its column fee"},
		{"a year of two digits", header + "Currency\n24/01/05,IBM,buy,10,190,USD\n", "its dates could begin with"},
		{"dates of both orders", header + "Currency\n13/03/2024,IBM,buy,10,190,USD\n03/14/2024,IBM,sell,10,190,USD\n", "its dates could begin with"},
		{"AM and PM in a column", "Date,Time,AM/PM,Symbol,Side,Quantity,Price,Currency\n2024-07-03,10:30,PM,IBM,buy,1,190,USD\n", "tells AM and PM apart"},
		{"a time without colons", "Date,Exec Time,Symbol,Side,Quantity,Price,Currency\n2024-07-03,093005,IBM,buy,1,190,USD\n", "may hold the times of day"},
		{"an entry and an exit a row", "Symbol,Side,Quantity,Entry Price,Exit Price,Close Time,Currency\nIBM,buy,1,190,191,2024-07-03,USD\n", "it holds closed positions"},
		{"the exchange before the symbol", "Date,Market,Stock,Side,Quantity,Price,Currency\n2024-07-03,NYSE,IBM,buy,1,190,USD\n", "buy 1 IBM @ 190 USD"},
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
