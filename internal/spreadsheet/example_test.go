package spreadsheet_test

import (
	"fmt"
	"os"

	"github.com/blotterdb/blotter/internal/spreadsheet"
)

func ExampleNewWriter() {
	w := spreadsheet.NewWriter(os.Stdout, true)
	for _, row := range [][]string{{"symbol", "pnl"}, {"=A1", "-5.25"}} {
		if err := w.Write(row); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Flush(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// symbol,pnl,safe_for_spreadsheets
	// '=A1,-5.25,
}
