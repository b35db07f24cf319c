package workbook_test

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/xuri/excelize/v2"

	"github.com/blotterdb/blotter/internal/workbook"
)

func ExampleOpen() {
	book := excelize.NewFile()
	defer book.Close()
	_ = book.SetSheetRow("Sheet1", "A1", &[]any{"symbol", "price"})
	_ = book.SetSheetRow("Sheet1", "A2", &[]any{"AAPL", 189.5})
	packed, err := book.WriteToBuffer()
	if err != nil {
		fmt.Println(err)
		return
	}

	sheet, err := workbook.Open(bytes.NewReader(packed.Bytes()), int64(packed.Len()), "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sheet.Close()
	_, _ = io.Copy(os.Stdout, sheet)
	// Output:
	// symbol,price
	// AAPL,189.5
}
