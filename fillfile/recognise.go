package fillfile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/blotterdb/blotter/barfile"
)

const (
	sampleRows    = 64        // rows that Open reads to find out how a file is written
	sampleRowsMax = 8192      // rows among which it looks for a fill
	headerRowsMax = 40        // rows among which it looks for a header
	sampleBytes   = 256 << 10 // of a text, among which it looks for a header
)

// recognise finds out how the stream is to be read.
func (f *File) recognise(r *bufio.Reader) error {
	discardBOM(r)
	head, _ := r.Peek(peekHead)
	if !isUTF8(head) && head[0] < 0xfe {
		r = bufio.NewReaderSize(&latin{r: r}, r.Size())
		head, _ = r.Peek(peekHead)
	}
	start := bytes.TrimLeft(head, " \t\r\n")
	f.broken, f.peeked, f.layout, f.ordersOnly = nil, nil, nil, false
	var err error
	switch {
	case len(start) == 0:
		return &NotFillsError{Path: f.name(), Reason: "it is empty"}
	case bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")):
		return fileError(f.name(), "it is UTF-16 text; save it as UTF-8")
	case start[0] == '<':
		err = f.recogniseXML(r, start)
	case start[0] == '{' || start[0] == '[':
		err = f.recogniseJSON(r)
	default:
		err = f.recogniseText(r, head)
	}
	if err != nil {
		return err
	}
	if f.layout.join != nil {
		f.rows = f.layout.join(f, f.rows)
	}
	return f.settle()
}

// isUTF8 reports UTF-8 that may be cut short in the middle of a letter.
func isUTF8(head []byte) bool {
	for range utf8.UTFMax {
		if len(head) == 0 || utf8.Valid(head) {
			return true
		}
		head = head[:len(head)-1]
	}
	return false
}

// settle reads the first rows and decides what is the same for all: how dates and numbers are written.
func (f *File) settle() error {
	f.style = style{comma: f.layout.comma, dayFirst: or(f.opts.DateOrder, f.layout.dateOrder) == "dmy"}
	f.Format, f.Simulated = f.layout.title, f.layout.simulated
	var drafts []draft
	others, candidates := map[string]int64{}, 0
	for len(f.peeked) < sampleRowsMax && (len(f.peeked) < sampleRows || candidates == 0) {
		row, err := f.rows.next()
		if err != nil {
			f.broken = err
			break
		}
		f.peeked = append(f.peeked, row)
		some, other, err := f.layout.read(f, row)
		if other != "" {
			others[other]++
		} else if len(some) > 0 || err != nil {
			candidates++
		}
		drafts = append(drafts, some...)
	}
	if candidates == 0 && others[kindOrderSummary] > 0 && errors.Is(f.broken, io.EOF) && !f.ordersOnly {
		f.ordersOnly = true
		for _, row := range f.peeked {
			some, _, err := f.layout.read(f, row)
			if len(some) > 0 || err != nil {
				candidates++
			}
			drafts = append(drafts, some...)
		}
	}
	if candidates == 0 && f.broken != nil {
		if !errors.Is(f.broken, io.EOF) {
			return f.readError(f.broken)
		}
		f.Others = others
		return f.onlyOthers()
	}
	return f.settleDrafts(drafts)
}

// settleDrafts decides by the first fills what a user has to say.
func (f *File) settleDrafts(drafts []draft) error {
	if f.isGeneric() && f.opts.Format == "" && len(f.peeked) > 0 && isMarket(f.peeked[0]) {
		return &NotFillsError{Path: f.name(), Kind: "trades of the market"}
	}
	f.style.comma = f.style.comma || f.isGeneric() && writesComma(drafts)
	if f.opts.DateOrder == "" && f.layout.dateOrder == "" {
		told := dateOrder(drafts)
		if told == "ambiguous" {
			return &AskError{f.name(), "date-order", "its dates could begin with the day or with the month", "--dates dmy or --dates mdy"}
		}
		f.style.dayFirst = told == "dmy"
	}
	accounts, symbols := f.opts.Account != "" || len(drafts) == 0, f.opts.Symbol != "" || len(drafts) == 0
	for i := range drafts {
		symbols = symbols || drafts[i].symbol+drafts[i].isin != ""
		accounts = accounts || drafts[i].account != ""
		at, err := f.stamp(drafts[i].at)
		if err == nil && at.Instant && !at.Zoned && f.zone == nil && f.layout.zone == "" {
			return &AskError{f.name(), "tz", "its times carry no zone", "--tz, as in --tz Europe/Amsterdam or --tz UTC"}
		}
	}
	if !symbols {
		return &AskError{f.name(), "symbol", "it does not tell the symbol", "--symbol, as in --symbol AAPL"}
	}
	if !accounts {
		return &AskError{f.name(), "account", "it does not tell the account", "--account, as in --account U1234567"}
	}
	return nil
}

func (f *File) isGeneric() bool {
	return f.layout == genericCSV || f.layout == genericJSON || f.layout == holdingLayout
}

var numericDate = regexp.MustCompile(`^(\d{1,2})[-/ ](\d{1,2})[-/ ]\d{2,4}`)

// dateOrder tells dates as 31/12/2010 from 12/31/2010: "dmy", "mdy", "ambiguous", or "" where no date is written so.
func dateOrder(drafts []draft) string {
	told := ""
	for i := range drafts {
		for _, text := range []string{drafts[i].at, drafts[i].settles} {
			found := numericDate.FindStringSubmatch(text)
			if found == nil {
				continue
			}
			first, _ := strconv.Atoi(found[1])
			second, _ := strconv.Atoi(found[2])
			switch {
			case first > 12:
				return "dmy"
			case second > 12:
				return "mdy"
			}
			told = "ambiguous"
		}
	}
	return told
}

// writesComma reports decimal commas: a number that has one beyond doubt, and none that has a decimal point.
func writesComma(drafts []draft) bool {
	commas := false
	for i := range drafts {
		for _, text := range []string{drafts[i].price, drafts[i].quantity} {
			asPoint, err := plainNumber("", text, false)
			asComma, err2 := plainNumber("", text, true)
			if err != nil || err2 != nil || asPoint != asComma || !strings.ContainsAny(text, ".,") {
				continue // it does not tell
			}
			if !strings.Contains(asPoint, ".") {
				continue // thousands alone
			}
			if strings.LastIndexByte(text, '.') > strings.LastIndexByte(text, ',') {
				return false
			}
			commas = true
		}
	}
	return commas
}

// textRows reads the rows of a text below its header.
type textRows struct {
	records *barfile.Records
	pending []*row
	header  []string // plain names
	exact   []string
}

func (t *textRows) next() (*row, error) {
	for {
		var r *row
		if len(t.pending) > 0 {
			r, t.pending = t.pending[0], t.pending[1:]
		} else {
			record, err := t.records.Next()
			if err != nil {
				return nil, err
			}
			r = &row{line: record.Line, raw: string(record.Raw), cells: texts(record.Cells)}
		}
		r.names, r.exact, r.beyond = t.header, t.exact, isBeyond(r.cells, len(t.header))
		if !isHeader(r, t.exact) {
			return r, nil
		}
	}
}

// isHeader reports a header that comes again, where exports were put behind each other.
func isHeader(r *row, header []string) bool {
	if len(header) < 2 || len(r.cells) < len(header) {
		return false
	}
	for i, name := range header {
		if r.cells[i] != name {
			return false
		}
	}
	return true
}

// recogniseText finds the header of a text.
func (f *File) recogniseText(r *bufio.Reader, head []byte) error {
	t := &textRows{records: barfile.TextRecords(r, barfile.SeparatorOf(head))}
	f.rows = t
	for size := 0; len(t.pending) < headerRowsMax && size < sampleBytes; {
		record, err := t.records.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return f.readError(err)
		}
		size += len(record.Raw)
		t.pending = append(t.pending, &row{line: record.Line, raw: string(record.Raw), cells: texts(record.Cells)})
	}
	if len(t.pending) == 0 {
		return &NotFillsError{Path: f.name(), Reason: "it is empty"}
	}
	if f.opts.Columns != "" {
		f.layout, t.exact = genericCSV, strings.Split(f.opts.Columns, ",")
		if f.opts.Format == holdingLayout.name {
			f.layout = holdingLayout
		}
		t.header = plainNames(t.exact)
		if !strings.ContainsAny(t.pending[0].raw, "0123456789") {
			t.pending = t.pending[1:] // a header
		}
		return nil
	}
	for _, l := range f.candidates(textLayouts) {
		for i, row := range t.pending {
			if names := plainNames(row.cells); l.fits(names) {
				f.layout, t.header, t.exact = l, names, row.cells
				t.pending = t.pending[i+1:]
				return nil
			}
		}
	}
	return f.notText(t.pending)
}

// notText says what a text without the columns of fills is.
func (f *File) notText(rows []*row) error {
	for _, row := range rows[:min(len(rows), 5)] {
		names := plainNames(row.cells)
		for _, k := range otherKinds {
			if k.fits(names) {
				return &NotFillsError{Path: f.name(), Kind: k.title}
			}
		}
		if kind := barfile.KindOf(bytesOf(row.cells)); kind != "" {
			return &NotFillsError{Path: f.name(), Kind: kind}
		}
	}
	first := clip(barfile.Storable(rows[0].raw))
	return &NotFillsError{Path: f.name(), Reason: "no column names of fills are found, the first line is " + strconv.Quote(first) + "; --columns names them"}
}

func bytesOf(texts []string) [][]byte {
	all := make([][]byte, len(texts))
	for i, text := range texts {
		all[i] = []byte(text)
	}
	return all
}

// otherKinds are files of brokers that hold something else, told by their columns.
var otherKinds = []*layout{
	{title: "dividends and taxes of Interactive Brokers", needs: []string{"type", "settledate", "amount", "currencyprimary"}},
}
