package barfile_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
)

func ExampleRead() {
	download := `Date,Open,High,Low,Close,Adj Close,Volume
2024-01-02,187.15,188.44,183.89,185.64,184.94,82488700
2024-01-03,184.22,185.88,183.43,null,183.55,58414500
`
	file, err := barfile.Read(strings.NewReader(download), "AAPL.csv", barfile.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(file.Format, file.Symbol, file.Timeframe, file.Source)

	for row, err := range file.Bars() {
		var rejected *blotter.RejectedRow
		switch {
		case errors.As(err, &rejected):
			fmt.Println("rejected:", rejected)
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(row.Timestamp.Format("2006-01-02"), row.Close, row.Volume)
		}
	}
	// Output:
	// Yahoo CSV AAPL 1d yahoo
	// 2024-01-02 185.64 82488700
	// rejected: line 3: close is missing
}
