package workbook_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/blotterdb/blotter/internal/workbook"
)

// book is a workbook of its sheets' parts, written by hand: what the library writes is not all that it reads.
type book struct {
	sheets  []string // the XML of their rows
	names   []string // default Sheet1, ...
	hidden  []bool
	formats []string // number formats; style 1 has the first of them
	strings []string
	props   string
	claims  map[string]uint64 // bytes that a part claims to unpack to
}

func (b book) pack(t testing.TB) []byte {
	t.Helper()
	var sheets, rels, types, fonts, xfs, shared strings.Builder
	for i := range b.sheets {
		name, state := fmt.Sprintf("Sheet%d", i+1), ""
		if i < len(b.names) {
			name = b.names[i]
		}
		if i < len(b.hidden) && b.hidden[i] {
			state = ` state="hidden"`
		}

		fmt.Fprintf(&sheets, `<sheet name="%s" sheetId="%d"%s r:id="rId%d"/>`, name, i+1, state, i+1)
		fmt.Fprintf(&rels,
			`<Relationship Id="rId%d" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/`+
				`worksheet" Target="worksheets/sheet%d.xml"/>`, i+1, i+1)
		fmt.Fprintf(&types,
			`<Override PartName="/xl/worksheets/sheet%d.xml" `+
				`ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>`, i+1)
	}

	for i, format := range b.formats {
		fmt.Fprintf(&fonts, `<numFmt numFmtId="%d" formatCode="%s"/>`, 200+i, strings.ReplaceAll(format, `"`, "&quot;"))
		fmt.Fprintf(&xfs, `<xf numFmtId="%d" fontId="0" fillId="0" borderId="0" applyNumberFormat="1"/>`, 200+i)
	}

	for _, text := range b.strings {
		fmt.Fprintf(&shared, "<si><t>%s</t></si>", text)
	}

	const main = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" ` +
		`xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`

	parts := [][2]string{
		{
			"[Content_Types].xml",
			`<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
				`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
				`<Override PartName="/xl/workbook.xml" ` +
				`ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>` +
				`<Override PartName="/xl/styles.xml" ` +
				`ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>` +
				`<Override PartName="/xl/sharedStrings.xml" ` +
				`ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>` +
				types.String() + `</Types>`,
		},
		{
			"_rels/.rels",
			`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
				`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/` +
				`officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		},
		{
			"xl/workbook.xml",
			`<workbook ` + main + `>` + b.props + `<sheets>` + sheets.String() + `</sheets></workbook>`,
		},
		{
			"xl/_rels/workbook.xml.rels",
			`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` + rels.String() +
				`<Relationship Id="rId90" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/` +
				`styles" Target="styles.xml"/><Relationship Id="rId91" ` +
				`Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" ` +
				`Target="sharedStrings.xml"/></Relationships>`,
		},
		{
			"xl/styles.xml",
			fmt.Sprintf(`<styleSheet %s><numFmts count="%d">%s</numFmts><fonts count="1"><font/></fonts>`+
				`<fills count="1"><fill/></fills><borders count="1"><border/></borders><cellXfs count="%d">`+
				`<xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>%s</cellXfs></styleSheet>`, main,
				len(b.formats), fonts.String(), len(b.formats)+1, xfs.String()),
		},
		{"xl/sharedStrings.xml", `<sst ` + main + `>` + shared.String() + `</sst>`},
	}

	for i, rows := range b.sheets {
		parts = append(parts, [2]string{
			fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1),
			`<worksheet ` + main + `><sheetData>` + rows + `</sheetData></worksheet>`,
		})
	}

	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)

	for _, part := range parts {
		header := &zip.FileHeader{
			Name:               part[0],
			UncompressedSize64: max(uint64(len(part[1])), b.claims[part[0]]),
			CompressedSize64:   uint64(len(part[1])),
		}

		w, err := archive.CreateRaw(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, part[1]); err != nil {
			t.Fatal(err)
		}
	}

	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}

	return packed.Bytes()
}

// read reads a sheet of a packed workbook.
func read(content []byte, name string) (string, *workbook.Sheet, error) {
	sheet, err := workbook.Open(bytes.NewReader(content), int64(len(content)), name)
	if err != nil {
		return "", nil, err
	}
	defer sheet.Close()
	text, err := io.ReadAll(sheet)
	return string(text), sheet, err
}

// Cells are read in all their digits, whatever their format shows.
func TestCells(t *testing.T) {
	t.Parallel()
	const ( // styles, by the position of their format
		two = iota + 1
		date
		both
		clock
		elapsed
		crowns
	)

	formats := []string{
		"0.00", "dd/mm/yyyy", `d\-mmm\-yy h:mm AM/PM`, "hh:mm:ss", "[h]:mm", `#,##0.00\ "d kr" [$d-409]`,
	}

	for _, test := range []struct {
		cell, want string
		style      int
	}{
		{`<v>12.3456789</v>`, "12.3456789", two},
		{`<v>0.10000000000000001</v>`, "0.1", two},
		{`<v>123.45999999999999</v>`, "123.46", 0},
		{`<v>0.30000000000000004</v>`, "0.30000000000000004", 0},
		{`<v>1.2345678901234567890123</v>`, "1.2345678901234567890123", 0},
		{`<v>1.234</v>`, "1.2340", 0},
		{`<v>-1.234</v>`, "-1.2340", 0},
		{`<v>0.234</v>`, "0.234", 0},
		{`<v>1234.567</v>`, "1234.567", 0},
		{`<v>1.5E-3</v>`, "0.0015", 0},
		{`<v>4.5799999999999998E-6</v>`, "0.00000458", 0},
		{`<v>6.1E+14</v>`, "610000000000000", 0},
		{`<v>90071992547409931</v>`, "90071992547409931", 0},
		{`<v>1E+300</v>`, "1E+300", 0},
		{`<v>45292</v>`, "2024-01-01", date},
		{`<v>45292.427604166667</v>`, "2024-01-01 10:15:45", date},
		{`<v>45292</v>`, "2024-01-01 00:00:00", both},
		{`<v>45292.999999999</v>`, "2024-01-02 00:00:00", both},
		{`<v>45292.427604178241</v>`, "2024-01-01 10:15:45.001", both},
		{`<v>0.42760416666666667</v>`, "10:15:45", clock},
		{`<v>45292.5</v>`, "2024-01-01 12:00:00", clock},
		{`<v>1.5</v>`, "1.5", elapsed},
		{`<v>45292.5</v>`, "45292.5", crowns},
		{`<v>12</v>`, "12", date},
		{`<v>-3</v>`, "-3", date},
		{`<v>3000000</v>`, "3000000", date},
		{`<is><t>45292</t></is>`, "45292", date},
		{`<is><t>1.234</t></is>`, "1.234", 0},
		{`<is><t>a "b", c</t></is>`, `"a ""b"", c"`, 0},
		{"<is><t>two\nlines</t></is>", "two lines", 0},
		{`<f>1+1</f><v>2.5</v>`, "2.5", 0},
	} {
		kind := ""
		if strings.HasPrefix(test.cell, "<is>") {
			kind = ` t="inlineStr"`
		}

		cell := fmt.Sprintf(`<row r="1"><c r="A1" s="%d"%s>%s</c></row>`, test.style, kind, test.cell)
		got, _, err := read(book{sheets: []string{cell}, formats: formats}.pack(t), "")
		if err != nil || got != test.want+"\n" {
			t.Errorf("%s with format %d: got %q, %v; want %q", test.cell, test.style, got, err, test.want)
		}
	}
}

// Each row is one line, and the lines are counted as the rows are.
func TestRows(t *testing.T) {
	t.Parallel()
	rows := `<row r="2"><c r="B2" t="s"><v>1</v></c><c r="D2" t="s"><v>0</v></c></row><row r="4"><c r="A4" t="b">` +
		`<v>1</v></c><c r="B4" t="e"><v>#N/A</v></c></row>`
	got, _, err := read(book{sheets: []string{rows}, strings: []string{"zero", "one"}}.pack(t), "")
	if want := "\n,one,,zero\n\n1,#N/A\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestDatesFrom1904(t *testing.T) {
	t.Parallel()
	rows := `<row r="1"><c r="A1" s="1"><v>43830.5</v></c></row>`
	got, _, err := read(book{
		sheets:  []string{rows},
		formats: []string{"yyyy-mm-dd"},
		props:   `<workbookPr date1904="1"/>`,
	}.pack(t), "")
	if want := "2024-01-01 12:00:00\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// A workbook that the library wrote is read like one written by hand.
func TestWrittenByTheLibrary(t *testing.T) {
	t.Parallel()
	file := excelize.NewFile()
	defer file.Close()
	style, err := file.NewStyle(&excelize.Style{NumFmt: 22})
	if err != nil {
		t.Fatal(err)
	}

	third := 0.7
	for cell, value := range map[string]any{
		"A1": "when",
		"B1": "price",
		"A2": 45292.25,
		"B2": third / 3,
		"C2": "0012",
	} {
		if err := file.SetCellValue("Sheet1", cell, value); err != nil {
			t.Fatal(err)
		}
	}

	if err := file.SetCellStyle("Sheet1", "A2", "A2", style); err != nil {
		t.Fatal(err)
	}

	packed, err := file.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}

	got, _, err := read(packed.Bytes(), "")
	if want := "when,price\n2024-01-01 06:00:00,0.233333333333333,0012\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestChoosesSheet(t *testing.T) {
	t.Parallel()
	cell := func(text string) string { return `<row r="1"><c r="A1" t="str"><v>` + text + `</v></c></row>` }
	three := book{
		sheets: []string{cell("notes"), cell("trades"), cell("old")},
		names:  []string{"Notes", "Trades", "Old"}, hidden: []bool{true, false, false},
	}

	content := three.pack(t)
	for _, test := range []struct{ name, want, others string }{
		{"", "trades\n", `"Notes" (hidden), "Old"`},
		{"old", "old\n", `"Notes" (hidden), "Trades"`},
		{"Notes", "notes\n", `"Trades", "Old"`},
	} {
		got, sheet, err := read(content, test.name)
		if err != nil || got != test.want || strings.Join(sheet.Others, ", ") != test.others {
			t.Errorf("%q: got %q with others %v, %v", test.name, got, sheet, err)
		}
	}

	_, _, err := read(content, "Fills")
	if err == nil ||
		!strings.Contains(err.Error(),
			`no sheet "Fills", but "Notes" (hidden), "Trades", "Old"; choose one with --sheet`) {
		t.Errorf("got %v", err)
	}
	three.hidden = []bool{true, true, true}
	_, _, err = read(three.pack(t), "")
	if err == nil || !strings.Contains(err.Error(), "no sheet that is not hidden") {
		t.Errorf("got %v", err)
	}
}

// A workbook that unpacks to more than it may is refused before it is unpacked into memory.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		book book
		want string
	}{
		{
			name: "a row far down",
			book: book{sheets: []string{`<row r="1048576"><c r="A1048576"><v>1</v></c></row>`}},
			want: "more than 200000 rows",
		},
		{"rows without numbers", book{sheets: []string{strings.Repeat(`<row/>`, 200_001)}}, "more than 200000 rows"},
		{
			name: "wide rows of empty cells",
			book: book{sheets: []string{strings.Repeat(`<row><c r="XFD1" s="1"/></row>`, 62)}},
			want: "1000000 cells",
		},
		{
			name: "cells without names",
			book: book{sheets: []string{`<row>` + strings.Repeat(`<c/>`, 1_000_001) + `</row>`}},
			want: "1000000 cells",
		},
		{
			name: "another sheet",
			book: book{sheets: []string{`<row r="1"/>`, strings.Repeat(`<row/>`, 200_001)}},
			want: "more than 200000 rows",
		},
		{
			name: "strings",
			book: book{sheets: []string{""}, strings: make([]string, 1_000_001)},
			want: "more than 1000000 different texts",
		},
		{
			name: "styles",
			book: book{sheets: []string{""}, claims: map[string]uint64{"xl/styles.xml": 17 << 20}},
			want: "xl/styles.xml of the workbook has more than 16 MiB",
		},
		{
			name: "a sheet",
			book: book{sheets: []string{""}, claims: map[string]uint64{"xl/worksheets/sheet1.xml": 257 << 20}},
			want: "unpacks to more than 256 MiB",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := read(test.book.pack(t), ""); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}

	_, err := workbook.Open(strings.NewReader(""), 65<<20, "")
	if err == nil || !strings.Contains(err.Error(), "more than 64 MiB") {
		t.Errorf("got %v", err)
	}
}

// A damaged workbook is an error and does not panic, whatever is damaged.
func TestDamaged(t *testing.T) {
	t.Parallel()
	for name, content := range map[string][]byte{
		"style that is not there":  book{sheets: []string{`<row r="1"><c r="A1" s="7"><v>1</v></c></row>`}}.pack(t),
		"string that is not there": book{sheets: []string{`<row r="1"><c r="A1" t="s"><v>7</v></c></row>`}}.pack(t),
		"invalid name of a cell":   book{sheets: []string{`<row r="1"><c r="1A"><v>7</v></c></row>`}}.pack(t),
		"cut short":                book{sheets: []string{`<row r="1"/>`}}.pack(t)[:1000],
	} {
		if got, _, err := read(content, ""); err == nil {
			t.Errorf("%s: read as %q", name, got)
		}
	}
}
