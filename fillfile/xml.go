package fillfile

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	tokenBytesMax = 256 << 10 // an element with all its attributes
	xmlDepthMax   = 32
)

// recogniseXML tells Flex statements from web pages and other XML.
func (f *File) recogniseXML(r *bufio.Reader, start []byte) error {
	lower := bytes.ToLower(start)

	switch {
	case bytes.Contains(start, []byte("<FlexQueryResponse")):
		if f.layout = flexXML; len(f.candidates([]*layout{flexXML})) == 0 {
			return &NotFillsError{Path: f.name(), Reason: "it is a Flex statement, not what --format says"}
		}
		f.rows = newXMLRows(r)
		return nil
	case bytes.Contains(start, []byte("<FlexStatementResponse")):
		return &NotFillsError{Path: f.name(), Kind: "the answer of a Flex request (an error or a reference code)"}
	case bytes.HasPrefix(lower, []byte("<!doctype html")) || bytes.HasPrefix(lower, []byte("<html")):
		return &NotFillsError{Path: f.name(), Kind: "a web page; the download failed or asked to log in"}
	}

	return &NotFillsError{Path: f.name(), Reason: "it is XML, but not a Flex statement of Interactive Brokers"}
}

// tokenGuard stops the XML decoder, which keeps an element as a whole, when the element is too long.
type tokenGuard struct {
	r    io.Reader
	left int
}

var errTooLong = errors.New("an element is longer than any fill")

func (g *tokenGuard) Read(p []byte) (int, error) {
	if g.left <= 0 {
		return 0, errTooLong
	}
	n, err := g.r.Read(p[:min(len(p), 4096)])
	g.left -= n
	return n, err
}

// xmlRows reads the elements that have attributes. The cells of a row are the attributes. Two more cells are "element",
// the name of the element, and "statementaccount", the account of the statement around it.
type xmlRows struct {
	guard   *tokenGuard
	xml     *xml.Decoder
	open    []string
	account string
}

func newXMLRows(r io.Reader) *xmlRows {
	g := &tokenGuard{r: r}
	d := xml.NewDecoder(g)
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // Flex is ASCII or UTF-8
	return &xmlRows{guard: g, xml: d}
}

func (x *xmlRows) next() (*row, error) {
	for {
		x.guard.left = tokenBytesMax
		line, _ := x.xml.InputPos()
		token, err := x.xml.RawToken()
		if err != nil {
			if errors.Is(err, io.EOF) && len(x.open) > 0 {
				return nil, fmt.Errorf("the XML ends inside of %s", x.open[len(x.open)-1])
			}
			return nil, err
		}

		switch token := token.(type) {
		case xml.StartElement:
			if len(x.open) >= xmlDepthMax {
				return nil, errors.New("the XML is nested deeper than any Flex statement")
			}
			row := x.row(token, int64(line))
			x.open = append(x.open, token.Name.Local)
			if len(token.Attr) > 0 {
				return row, nil
			}
		case xml.EndElement:
			if n := len(x.open); n == 0 || x.open[n-1] != token.Name.Local {
				return nil, fmt.Errorf("line %d ends %s, which is not open", line, token.Name.Local)
			}
			x.open = x.open[:len(x.open)-1]
		}
	}
}

func (x *xmlRows) row(e xml.StartElement, line int64) *row {
	r := &row{line: line, within: append([]string(nil), x.open...)}

	raw := &strings.Builder{}
	fmt.Fprintf(raw, "<%s", e.Name.Local)
	for _, a := range e.Attr {
		r.names = append(r.names, plainName(a.Name.Local))
		r.exact = append(r.exact, a.Name.Local)
		r.cells = append(r.cells, a.Value)
		if a.Value != "" {
			fmt.Fprintf(raw, " %s=%q", a.Name.Local, a.Value)
		}
	}
	raw.WriteString(" />")
	r.raw = raw.String()

	if e.Name.Local == "FlexStatement" {
		x.account = r.get("accountid")
	}
	r.set("element", e.Name.Local)
	r.set("statementaccount", x.account)
	return r
}
