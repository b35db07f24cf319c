package tabular_test

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/blotterdb/blotter/internal/tabular"
)

func Example() {
	source, err := tabular.NewSource("bars.csv", strings.NewReader("31.12.2024;1.234,5\n"), "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()

	_, err = source.NextAccepted(func(_ string, r *bufio.Reader) error {
		var record tabular.Record
		if err := tabular.NewTextReader(tabular.UTF8(r), ';').Next(&record); err != nil {
			return err
		}

		at, err := tabular.Clock{}.Parse(record.Cells[0])
		if err != nil {
			return err
		}
		price, err := tabular.Notation{Comma: true}.Parse("price", record.Cells[1])
		fmt.Println(at.Time.Format("2006-01-02"), price)
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: 2024-12-31 1234.5
}
