package workbook

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// Limits of a workbook. One that is larger is better read as CSV, which is streamed.
const (
	fileBytesMax     = 64 << 20  // of the file
	unpackedBytesMax = 256 << 20 // of all its parts
	partBytesMax     = 16 << 20  // of a part that is neither a sheet nor the table of strings
	rowsMax          = 200_000   // of a sheet
	cellsMax         = 1_000_000 // of a sheet, with the empty ones up to the last of each row
	stringsMax       = 1_000_000 // of the table of strings
)

// Is reports whether the members of a zip are those of a workbook.
func Is(members []*zip.File) bool {
	types, parts := false, false
	for _, member := range members {
		types = types || strings.EqualFold(member.Name, "[Content_Types].xml")
		parts = parts || strings.HasPrefix(strings.ToLower(member.Name), "xl/")
	}
	return types && parts
}

// Sheet reads a sheet of a workbook as CSV: one line a row, empty ones too, so that line numbers are those of the rows.
type Sheet struct {
	Name   string
	Others []string // the other sheets, in their order; those that are hidden say so

	file     *excelize.File
	rows     *excelize.Rows
	row      int
	from1904 bool
	dates    map[int]dateParts // by style
	line     bytes.Buffer
}

// Open opens the sheet of that name, or the first one that is not hidden for "". Close releases it.
func Open(file io.ReaderAt, size int64, name string) (sheet *Sheet, err error) {
	if size > fileBytesMax {
		return nil, fmt.Errorf("the workbook has more than %d MiB; %s", fileBytesMax>>20, saveAsCSV)
	}
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return nil, fmt.Errorf("the workbook is damaged: %w", err)
	}
	if err := checkSize(archive.File); err != nil {
		return nil, err
	}
	defer recoverDamage(&err)
	book, err := excelize.OpenReader(io.NewSectionReader(file, 0, size), excelize.Options{
		UnzipSizeLimit: unpackedBytesMax, UnzipXMLSizeLimit: unpackedBytesMax,
	})
	if err != nil {
		return nil, fmt.Errorf("the workbook is damaged: %w", err)
	}

	sheet, err = openSheet(book, name)
	if err != nil {
		_ = book.Close()
		return nil, err
	}

	return sheet, nil
}

// recoverDamage turns a panic of the library into an error: its readers index the parts of a workbook as these refer to
// each other, and a damaged one refers to what does not exist.
func recoverDamage(err *error) {
	if found := recover(); found != nil {
		*err = fmt.Errorf("the workbook is damaged: %v", found)
	}
}

// openSheet finds the sheet.
func openSheet(book *excelize.File, name string) (*Sheet, error) {
	s := &Sheet{file: book, dates: map[int]dateParts{}}
	for _, each := range book.GetSheetList() {
		visible, err := book.GetSheetVisible(each)
		if err != nil {
			return nil, fmt.Errorf("the workbook is damaged: %w", err)
		}

		switch {
		case s.Name == "" && (strings.EqualFold(each, name) || name == "" && visible):
			s.Name = each
		case visible:
			s.Others = append(s.Others, strconv.Quote(each))
		default:
			s.Others = append(s.Others, strconv.Quote(each)+" (hidden)")
		}
	}

	wanted := strconv.Quote(name)
	if name == "" {
		wanted = "that is not hidden"
	}
	if s.Name == "" {
		others := strings.Join(s.Others, ", ")
		return nil, fmt.Errorf("the workbook has no sheet %s, but %s; choose one with --sheet", wanted, others)
	}

	props, err := book.GetWorkbookProps()
	if err != nil {
		return nil, fmt.Errorf("the workbook is damaged: %w", err)
	}
	s.from1904 = props.Date1904 != nil && *props.Date1904
	if s.rows, err = book.Rows(s.Name); err != nil {
		return nil, fmt.Errorf("sheet %q cannot be read: %w", s.Name, err)
	}
	return s, nil
}

// Read reads the sheet as CSV.
func (s *Sheet) Read(p []byte) (n int, err error) {
	defer recoverDamage(&err)
	for s.line.Len() == 0 {
		if !s.rows.Next() {
			if err := s.rows.Error(); err != nil {
				return 0, fmt.Errorf("sheet %q: %w", s.Name, err)
			}
			return 0, io.EOF
		}
		if err := s.readRow(); err != nil {
			return 0, fmt.Errorf("sheet %q, row %d: %w", s.Name, s.row, err)
		}
	}
	return s.line.Read(p)
}

// Close closes the workbook.
func (s *Sheet) Close() error {
	return errors.Join(s.rows.Close(), s.file.Close())
}

// readRow writes the next row to the line.
func (s *Sheet) readRow() error {
	s.row++
	cells, err := s.rows.Columns(excelize.Options{RawCellValue: true})
	if err != nil {
		return err
	}

	for i, value := range cells {
		if i > 0 {
			s.line.WriteByte(',')
		}
		text, err := s.text(i+1, value)
		if err != nil {
			return err
		}
		writeCell(&s.line, text)
	}
	s.line.WriteByte('\n')
	return nil
}

// text returns what a cell says: a date where it is formatted as one, a number in its digits, or its text.
func (s *Sheet) text(column int, value string) (string, error) {
	if !isNumber(value) {
		return value, nil
	}

	cell, err := excelize.CoordinatesToCellName(column, s.row)
	if err != nil {
		return "", err
	}

	kind, err := s.file.GetCellType(s.Name, cell)
	if err != nil {
		return "", err
	}
	if kind != excelize.CellTypeNumber && kind != excelize.CellTypeUnset {
		return value, nil // digits that were entered as text
	}

	style, err := s.file.GetCellStyle(s.Name, cell)
	if err != nil {
		return "", err
	}
	parts, err := s.dateParts(style)
	if err != nil {
		return "", err
	}
	if date, ok := isoDate(value, parts, s.from1904); ok {
		return date, nil
	}
	return decimalText(value), nil
}

// dateParts returns what a style shows of a date.
func (s *Sheet) dateParts(style int) (dateParts, error) {
	parts, known := s.dates[style]
	if known {
		return parts, nil
	}

	found, err := s.file.GetStyle(style)
	if err != nil {
		return parts, err
	}
	if found.CustomNumFmt != nil {
		parts = datePartsOf(*found.CustomNumFmt)
	} else {
		parts = builtinDates[found.NumFmt]
	}
	s.dates[style] = parts
	return parts, nil
}

// lineBreaks are read as blanks, so that each row is one line.
var lineBreaks = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ")

func writeCell(line *bytes.Buffer, text string) {
	text = lineBreaks.Replace(text)
	if !strings.ContainsAny(text, "\",;\t|'") {
		line.WriteString(text)
		return
	}
	line.WriteByte('"')
	line.WriteString(strings.ReplaceAll(text, `"`, `""`))
	line.WriteByte('"')
}
