package barfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/blotterdb/blotter"
)

// Options overrule what Open finds out by itself.
type Options struct {
	Symbol    string // of every row; default the file's symbol column, else its name
	Timeframe string // "1d", "1w", ...; default from the usual distance of its rows
	Source    string // vendor; default by layout: "yahoo" or "csv"
}

// File is an open bar file.
type File struct {
	Path      string
	Format    string // "Yahoo CSV" or "CSV"
	Symbol    string // "" where a column names the symbol of each row
	Timeframe string
	Source    string

	closer  io.Closer
	lines   *bufio.Scanner
	peeked  []line
	line    int64
	columns columns
}

type line struct {
	number int64
	text   string
}

const (
	peekRows     = 64       // rows that Open looks at to recognise a file
	lineBytesMax = 64 << 10 // a longer line is no bar
)

var utf8BOM = []byte("\xef\xbb\xbf")

// Open opens the file and recognises its layout.
func Open(path string, opts Options) (*File, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fileError(path, "there is no such file")
	case errors.Is(err, fs.ErrPermission):
		return nil, fileError(path, "this user may not read it")
	case err != nil:
		return nil, fileError(path, err.Error())
	case info.IsDir():
		return nil, fileError(path, "it is a folder; name its files, as in "+filepath.Join(path, "*.csv"))
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fileError(path, "this user may not read it")
	} else if err != nil {
		return nil, fileError(path, err.Error())
	}
	file, err := Read(f, path, opts)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	file.closer = f
	return file, nil
}

// Read is Open for a stream; path names it, and gives the symbol where nothing else does.
func Read(r io.Reader, path string, opts Options) (*File, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	if start, _ := buffered.Peek(len(utf8BOM)); bytes.Equal(start, utf8BOM) {
		_, _ = buffered.Discard(len(utf8BOM))
	}
	f := &File{Path: path, Source: opts.Source, Timeframe: opts.Timeframe, lines: bufio.NewScanner(buffered)}
	f.lines.Buffer(make([]byte, 0, 64<<10), lineBytesMax)
	header, ok := f.next()
	if !ok {
		if err := f.lines.Err(); err != nil {
			return nil, notBars(path, "its first line is longer than a bar's can be")
		}
		return nil, fileError(path, "it is empty")
	}
	var missing string
	if f.columns, missing = recognise(header.text); missing != "" {
		return nil, notBars(path, "its first line names no column for "+missing)
	}
	f.Format = "CSV"
	if f.columns.adjClose >= 0 {
		f.Format = "Yahoo CSV"
	}
	if f.Source == "" {
		f.Source = map[string]string{"CSV": "csv", "Yahoo CSV": "yahoo"}[f.Format]
	}
	if f.Symbol = opts.Symbol; f.Symbol != "" {
		f.columns.symbol = -1
	} else if f.columns.symbol < 0 {
		f.Symbol = SymbolOf(path)
	}
	f.Symbol = strings.ToUpper(f.Symbol)
	return f, f.peek()
}

// Close closes the file.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// next is the next line that is not blank.
func (f *File) next() (line, bool) {
	for f.lines.Scan() {
		f.line++
		text := strings.TrimRight(f.lines.Text(), "\r")
		if strings.Trim(text, " \t,;") != "" {
			return line{f.line, text}, true
		}
	}
	return line{}, false
}

// peek reads the first rows: some must be bars, and their usual distance is the timeframe.
func (f *File) peek() error {
	var last error
	var bars []blotter.Bar
	for len(f.peeked) < peekRows {
		l, ok := f.next()
		if !ok {
			break
		}
		f.peeked = append(f.peeked, l)
		bar, err := f.parse(l)
		if err != nil {
			last = err
			continue
		}
		bars = append(bars, bar.Bar)
	}
	switch {
	case len(f.peeked) == 0 && f.lines.Err() == nil:
		return fileError(f.Path, "it has a header and no rows")
	case len(bars) == 0 && last != nil:
		return notBars(f.Path, fmt.Sprintf("none of its first %d rows is a bar (%v)", len(f.peeked), last))
	case len(bars) == 0:
		return notBars(f.Path, "a line is longer than a bar's can be")
	}
	if f.Timeframe == "" {
		f.Timeframe = usualTimeframe(bars)
	}
	if f.Timeframe == "" {
		return fileError(f.Path, "its rows have no usual distance; say --timeframe, as in --timeframe 1d")
	}
	return nil
}

// Bars yields the file's bars in its order, and a *blotter.RejectedRow for each row that is none.
func (f *File) Bars() iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		for _, l := range f.peeked {
			if !yield(f.parse(l)) {
				return
			}
		}
		f.peeked = nil
		for {
			l, ok := f.next()
			if !ok {
				break
			}
			if !yield(f.parse(l)) {
				return
			}
		}
		if err := f.lines.Err(); err != nil {
			reason := "reading it failed: " + err.Error()
			if errors.Is(err, bufio.ErrTooLong) {
				reason = fmt.Sprintf("line %d is longer than a bar's can be", f.line+1)
			}
			yield(blotter.BarRow{}, fileError(f.Path, reason))
		}
	}
}

func fileError(path, reason string) error {
	return &blotter.Error{Kind: blotter.ErrInvalid, Message: path + ": " + reason}
}

func notBars(path, reason string) error {
	return fileError(path, "it is not a bar file: "+reason+"; tried Yahoo CSV and CSV with named columns")
}

// noise are the parts of file names that are no part of a symbol: years, and words that say what is in the file.
var noise = regexp.MustCompile(`(?i)^((19|20)\d\d|data|daily|weekly|monthly|hourly|minute|prices?|stock|histor(y|ical)|yahoo(finance)?|max|1d|1wk|1mo|1h|1m)$`)

// SymbolOf is the symbol that a file's name tells: "brk-b.csv" is BRK-B, "SPY-2007-yahoofinance.csv" SPY.
func SymbolOf(path string) string {
	name := filepath.Base(path)
	if dot := strings.IndexByte(name, '.'); dot > 0 {
		name = name[:dot]
	}
	var kept []string
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '_' || r == ' ' }) {
		if !noise.MatchString(part) {
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 {
		return strings.ToUpper(name)
	}
	return strings.ToUpper(strings.Join(kept, "-"))
}
