package main_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/xuri/excelize/v2"
)

// Options that expire on the day on which they are written are closed, whichever row stands first: the side of the end
// is that of what is open.
func TestImportOfOptionLives(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	const head = "\"Date\",\"Action\",\"Symbol\",\"Description\",\"Quantity\",\"Price\",\"Fees & Comm\",\"Amount\"\n"
	d.write(t, "schwab.csv", head+
		"\"03/15/2024\",\"Expired\",\"SPY 03/15/2024 500.00 C\",\"CALL\",\"2\",\"\",\"\",\"\"\n"+
		"\"03/15/2024\",\"Expired\",\"SPY 03/15/2024 490.00 P\",\"PUT\",\"-1\",\"\",\"\",\"\"\n"+
		"\"03/15/2024\",\"Sell to Open\",\"SPY 03/15/2024 500.00 C\",\"CALL\",\"2\",\"$0.50\",\"$1.32\",\"$98.68\"\n"+
		"\"03/15/2024\",\"Buy to Open\",\"SPY 03/15/2024 490.00 P\",\"PUT\",\"1\",\"$0.20\",\"$0.66\",\"-$20.66\"\n")

	contains(t, d.ok(t, "trades", "import", "schwab.csv", "--account", "ACC", "--create-account"),
		"schwab.csv", "4       4")
	contains(t, d.ok(t, "pnl", "list"), "100.00  1.32   98.68", "-20.00  0.66  -20.66")
	contains(t, d.ok(t, "trades", "import", "schwab.csv", "--account", "ACC"), "duplicates")
	contains(t, d.ok(t, "verify"), "verified")
}

// A workbook is imported as the text that it holds; --sheet chooses a sheet.
func TestImportOfWorkbook(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	book := excelize.NewFile()
	defer book.Close()
	if _, err := book.NewSheet("Fills"); err != nil {
		t.Fatal(err)
	}
	names := []any{"time", "symbol", "side", "quantity", "price", "fee", "currency"}
	row := []any{"2024-03-01T15:00:00Z", "KHC", "buy", 12.5, 35.1234, 0.1, "USD"}
	err := errors.Join(book.SetSheetRow("Fills", "A1", &names), book.SetSheetRow("Fills", "A2", &row),
		book.SaveAs(filepath.Join(d.dir, "fills.xlsx")))
	if err != nil {
		t.Fatal(err)
	}

	d.fails(t, 1, []string{"trades", "import", "fills.xlsx", "--account", "ACC"},
		`this is sheet "Sheet1"; --sheet selects another: "Fills"`)
	contains(t, d.ok(t, "trades", "import", "fills.xlsx", "--account", "ACC", "--sheet", "Fills", "--create-account"),
		"fills.xlsx", "1       1")
	contains(t, d.ok(t, "trades", "list"), "KHC", "12.5", "35.1234", "0.1")
}
