package workbook

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/xuri/excelize/v2"
)

// saveAsCSV ends the errors of workbooks that are too large. CSV is streamed and has no such limits.
const saveAsCSV = "save the sheet as CSV"

// contents counts what the parts of a workbook hold.
type contents struct {
	strings    int // in the table of strings
	lastString int // to which a cell refers, counted from 1
}

// checkSize refuses a workbook whose parts are larger, or hold more, than ours may.
func checkSize(members []*zip.File) error {
	var found contents
	var unpacked uint64
	for _, member := range members {
		if member.Flags&1 != 0 {
			return errors.New("the workbook is encrypted; save it without a password")
		}
		unpacked += min(member.UncompressedSize64, unpackedBytesMax+1)
		if unpacked > unpackedBytesMax {
			return fmt.Errorf("the workbook unpacks to more than %d MiB; %s", unpackedBytesMax>>20, saveAsCSV)
		}

		name := strings.ToLower(strings.ReplaceAll(member.Name, "\\", "/"))
		var err error

		switch {
		case strings.HasSuffix(name, ".bin") && strings.HasPrefix(name, "xl/workbook"):
			err = errors.New("it is a binary workbook (.xlsb); save it as .xlsx or CSV")
		case path.Base(name) == "sharedstrings.xml":
			err = checkPart(member, found.countStrings)
		case strings.HasPrefix(name, "xl/worksheets/") && strings.HasSuffix(name, ".xml"):
			err = checkPart(member, found.countCells)
		case strings.HasSuffix(name, ".xml") || strings.HasSuffix(name, ".rels"):
			if member.UncompressedSize64 > partBytesMax {
				err = fmt.Errorf("%s of the workbook has more than %d MiB; %s", member.Name, partBytesMax>>20,
					saveAsCSV)
			}
		}

		if err != nil {
			return err
		}
	}

	if found.lastString > found.strings {
		return errors.New("the workbook is damaged: a cell refers to a text that is not there")
	}

	return nil
}

// checkPart counts what a part holds, element by element, without keeping it.
func checkPart(member *zip.File, count func(*xml.Decoder) error) error {
	part, err := member.Open()
	if err != nil {
		return fmt.Errorf("the workbook is damaged: %w", err)
	}
	defer part.Close()

	decoder := xml.NewDecoder(part)
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // names are ASCII
	if err := count(decoder); err != nil && !errors.Is(err, io.EOF) {
		if syntax := (*xml.SyntaxError)(nil); errors.As(err, &syntax) {
			return fmt.Errorf("the workbook is damaged: %s: %w", member.Name, err)
		}
		return err
	}
	return nil
}

// countStrings refuses a table of too many strings.
func (found *contents) countStrings(decoder *xml.Decoder) error {
	for {
		token, err := decoder.RawToken()
		if err != nil {
			return err
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "si" {
			if found.strings++; found.strings > stringsMax {
				return fmt.Errorf("the workbook has more than %d different texts; %s", stringsMax, saveAsCSV)
			}
		}
	}
}

// countCells refuses a sheet of too many rows or cells. The last cell of a row counts with all before it, since they
// are made when the sheet is read.
func (found *contents) countCells(decoder *xml.Decoder) error {
	rows, cells := 0, 0
	width := 0
	refers := false // the cell's value is the number of a string
	for {
		token, err := decoder.RawToken()
		if err != nil {
			return err
		}

		switch token := token.(type) {
		case xml.StartElement:
			switch token.Name.Local {
			case "row":
				rows = max(rows+1, number(attribute(token, "r")))
				cells += width
				width = 0
			case "c":
				width++
				refers = attribute(token, "t") == "s"
				if column, _, err := excelize.CellNameToCoordinates(attribute(token, "r")); err == nil {
					width = max(width, column)
				}
			}
		case xml.CharData:
			if text := strings.TrimSpace(string(token)); refers && text != "" {
				found.lastString = max(found.lastString, number(text)+1)
			}
		}

		if rows > rowsMax || cells+width > cellsMax {
			return fmt.Errorf("a sheet of the workbook has more than %d rows or %d cells; %s", rowsMax, cellsMax,
				saveAsCSV)
		}
	}
}

func attribute(element xml.StartElement, name string) string {
	for _, a := range element.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// number reads the number of a row or string; anything else is 0, and far too many digits are more than any limit.
func number(text string) (n int) {
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0
		}
		n = min(n*10+int(c-'0'), rowsMax+stringsMax)
	}
	return n
}
