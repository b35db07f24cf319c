package barfile_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
)

// The sheet of a workbook is read as bars: date cells are dates, and formats drop no digits.
func TestWorkbook(t *testing.T) {
	t.Parallel()
	book := excelize.NewFile()
	defer book.Close()
	dates, err := book.NewStyle(&excelize.Style{NumFmt: 14})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := book.NewSheet("Prices"); err != nil {
		t.Fatal(err)
	}

	for i := range 4 {
		row := []any{time.Date(2024, 1, 2+i, 0, 0, 0, 0, time.UTC), 10.1234, 11, 9.5, 10.5, 1000 + i}
		cell, err := excelize.CoordinatesToCellName(1, i+2)
		if err != nil {
			t.Fatal(err)
		}

		err = errors.Join(book.SetSheetRow("Prices", cell, &row), book.SetCellStyle("Prices", cell, cell, dates))
		if err != nil {
			t.Fatal(err)
		}
	}

	names := []any{"Date", "Open", "High", "Low", "Close", "Volume"}
	path := filepath.Join(t.TempDir(), "KHC.xlsx")
	if err := errors.Join(book.SetSheetRow("Prices", "A1", &names), book.SaveAs(path)); err != nil {
		t.Fatal(err)
	}

	_, err = barfile.Open(path, barfile.Options{})
	want := `this is sheet "Sheet1"; --sheet selects another: "Prices"`
	if !errors.Is(err, blotter.ErrInvalid) || !strings.Contains(err.Error(), want) {
		t.Fatalf("got %v, want %q", err, want)
	}

	file, err := barfile.Open(path, barfile.Options{Sheet: "Prices"})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	var last blotter.BarRow
	bars := 0
	for bar, err := range file.Bars() {
		if err != nil {
			t.Fatal(err)
		}
		last = bar
		bars++
	}

	if bars != 4 || last.Symbol != "KHC" || last.Open.String() != "10.1234" ||
		!last.Timestamp.Equal(time.Date(2024, 1, 5, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("got %d bars, the last one %+v", bars, last)
	}
}
