package fillfile_test

import (
	"archive/zip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
)

// sheet is a sheet of a test's workbook. Times are written as date cells.
type sheet struct {
	name   string
	hidden bool
	rows   [][]any
}

// writeWorkbook writes a workbook and returns its path.
func writeWorkbook(t *testing.T, sheets ...sheet) string {
	t.Helper()
	file := excelize.NewFile()
	defer file.Close()
	dates, err := file.NewStyle(&excelize.Style{NumFmt: 22})
	if err != nil {
		t.Fatal(err)
	}
	money, err := file.NewStyle(&excelize.Style{NumFmt: 2})
	if err != nil {
		t.Fatal(err)
	}

	for _, s := range sheets {
		if _, err := file.NewSheet(s.name); err != nil {
			t.Fatal(err)
		}

		for i, row := range s.rows {
			for j, value := range row {
				cell, err := excelize.CoordinatesToCellName(j+1, i+1)
				if err != nil {
					t.Fatal(err)
				}

				style := 0
				switch value.(type) {
				case time.Time:
					style = dates
				case float64:
					style = money
				}

				err = errors.Join(file.SetCellValue(s.name, cell, value), file.SetCellStyle(s.name, cell, cell, style))
				if err != nil {
					t.Fatal(err)
				}
			}
		}

		if err := file.SetSheetVisible(s.name, !s.hidden); err != nil {
			t.Fatal(err)
		}
	}

	path := filepath.Join(t.TempDir(), "export.xlsx")
	if err := errors.Join(file.DeleteSheet("Sheet1"), file.SaveAs(path)); err != nil {
		t.Fatal(err)
	}

	return path
}

// readFile reads a file that may be opened again.
func readFile(t *testing.T, path string, opts fillfile.Options) result {
	t.Helper()
	file, err := fillfile.Open(path, opts)
	if err != nil {
		return result{err: err}
	}
	defer file.Close()
	return collect(t, file)
}

var (
	fillNames = []any{"date", "symbol", "side", "quantity", "price", "fee", "currency", "account"}
	fillTimes = []time.Time{time.Date(2024, 1, 2, 14, 30, 5, 0, time.UTC), time.Date(2024, 1, 3, 0, 0, 0, 0, time.UTC)}
	fillRows  = [][]any{
		{"Exported by a broker"},
		{},
		fillNames,
		{fillTimes[0], "KHC", "buy", 1.234, 35.123456, 0.1, "USD", "A"},
		{fillTimes[1], "KHC", "sell", 1000, "1,035.5", 0, "USD", "A"},
		{fillTimes[1], "KHC", "sell", 10, "#N/A", 0, "USD", "A"},
	}
)

// A workbook is read as the text that it holds: dates are instants, and no digit is lost to a format.
func TestWorkbook(t *testing.T) {
	t.Parallel()
	path := writeWorkbook(t, sheet{name: "Trades", rows: fillRows}, sheet{name: "Notes"})
	r := readFile(t, path, fillfile.Options{Zone: "UTC"})
	if r.err != nil {
		t.Fatal(r.err)
	}

	compare(t, r, []string{
		"A 2024-01-02T14:30:05Z buy 1.234 KHC @ 35.123456 USD fee 0.1",
		"A 2024-01-03T00:00:00Z sell 1000 KHC @ 1035.5 USD",
	}, []string{`price "#N/A" is not a decimal number`}, nil)
	if line := r.rejected[0].Line; line != 6 {
		t.Errorf("rejected row stands in line %d, want 6", line)
	}
}

// A number of a workbook is not read with decimal commas, though the layout has them.
func TestWorkbookOfCommaLayout(t *testing.T) {
	t.Parallel()
	path := writeWorkbook(t, sheet{name: "Avanza", rows: [][]any{
		{
			"Datum", "Konto", "Typ av transaktion", "Värdepapper/beskrivning", "Antal", "Kurs", "Belopp",
			"Courtage (SEK)", "Valuta", "ISIN",
		},
		{"2024-03-01", "1", "Köp", "A", 1.357, 12.345, -16.75, 1.125, "SEK", "SE0000000001"},
	}})
	r := readFile(t, path, fillfile.Options{})
	if r.err != nil {
		t.Fatal(r.err)
	}
	compare(t, r, []string{"1 2024-03-01T00:00:00Z buy 1.357 SE0000000001 @ 12.345 SEK fee 1.125"}, nil, nil)
}

func TestWorkbookSheets(t *testing.T) {
	t.Parallel()
	notes := sheet{name: "Notes", rows: [][]any{{"nothing", "of", "use"}}}
	path := writeWorkbook(t, sheet{name: "Cover", hidden: true}, notes, sheet{name: "Trades", rows: fillRows})

	r := readFile(t, path, fillfile.Options{Zone: "UTC"})
	want := `this is sheet "Notes"; --sheet selects another: "Cover" (hidden), "Trades"`
	if r.err == nil || !strings.Contains(r.err.Error(), want) {
		t.Errorf("got %v, want %q", r.err, want)
	}
	if r := readFile(t, path, fillfile.Options{Zone: "UTC", Sheet: "trades"}); r.err != nil || len(r.fills) != 2 {
		t.Errorf("got %v, %v", r.fills, r.err)
	}
	r = readFile(t, path, fillfile.Options{Sheet: "Fills"})
	if r.err == nil || !errors.Is(r.err, blotter.ErrInvalid) || !strings.Contains(r.err.Error(), `no sheet "Fills"`) {
		t.Errorf("got %v", r.err)
	}
}

// --sheet is refused where there are no sheets, and other formats of spreadsheets are named.
func TestNoWorkbook(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ name, text, sheet, want string }{
		{"a.csv", small, "Trades", "it is not an .xlsx workbook and has no sheets"},
		{
			name:  "a.xls",
			text:  "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("x", 600),
			sheet: "",
			want:  "it is an old workbook (.xls) or has a password",
		},
	} {
		path := filepath.Join(t.TempDir(), test.name)
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}

		r := readFile(t, path, fillfile.Options{Sheet: test.sheet})
		if r.err == nil || !strings.Contains(r.err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, r.err, test.want)
		}
	}
}

// Positions are read of a workbook too.
func TestPositionsOfWorkbook(t *testing.T) {
	t.Parallel()
	path := writeWorkbook(t, sheet{name: "Cover"}, sheet{
		name: "Held",
		rows: [][]any{{"Symbol", "Quantity", "Avg Price"}, {"KHC", 12.5, 35.25}},
	})
	held, err := fillfile.OpenPositions(path, fillfile.Options{Sheet: "Held"})
	if err != nil || len(held) != 1 || held[0].Symbol != "KHC" || held[0].Quantity.String() != "12.5" ||
		held[0].AvgPrice.String() != "35.25" {
		t.Errorf("got %v, %v", held, err)
	}
}

// A workbook inside of a zip is skipped and named.
func TestWorkbookInArchive(t *testing.T) {
	t.Parallel()
	book, err := os.ReadFile(writeWorkbook(t, sheet{name: "Trades", rows: fillRows}))
	if err != nil {
		t.Fatal(err)
	}

	path := filepath.Join(t.TempDir(), "export.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}

	archive := zip.NewWriter(f)
	for name, content := range map[string][]byte{"fills.csv": []byte(small), "export.xlsx": book} {
		w, err := archive.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}

	if err := errors.Join(archive.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}

	r := readFile(t, path, fillfile.Options{})
	if r.err != nil || len(r.fills) != 1 || len(r.file.Skipped) != 1 ||
		!strings.Contains(r.file.Skipped[0].Error(),
			"export.xlsx: it is itself packed (zip); unpack the outer archive first") {
		t.Errorf("got %v, %v, skipped %v", r.fills, r.err, r.file)
	}
}
