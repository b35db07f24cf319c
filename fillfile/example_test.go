package fillfile_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
)

func ExampleRead() {
	export := `Date,Ticker,Type,Quantity,Price per share,Total Amount,Currency,FX Rate
2023-09-22T13:30:10Z,O,BUY - MARKET,1.5,$52.07,$78.11,USD,1.0665
2023-09-23T13:30:10Z,O,SELL - MARKET,half,$52.07,$26.04,USD,1.0665
2023-09-24T08:40:00Z,O,DIVIDEND,,,$0.08,USD,1.1179
`

	file, err := fillfile.Read(strings.NewReader(export), "export.csv", fillfile.Options{Account: "mine"})
	if err != nil {
		fmt.Println(err)
		return
	}

	for fill, err := range file.Fills() {
		var rejected *blotter.RejectedRow
		switch {
		case errors.As(err, &rejected):
			fmt.Println("rejected:", rejected)
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(fill.Side, fill.Quantity, fill.Symbol, "at", fill.Price, fill.Currency)
		}
	}

	fmt.Println(file.Format + ": " + file.Summary())
	// Output:
	// buy 1.5 O at 52.07 USD
	// rejected: line 3: quantity "half" is not a decimal number
	// Revolut CSV: 1 fill, 1 rejected; left out: 1 dividend
}
