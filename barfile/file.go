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
	"strings"
	"time"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
)

// Options overrule what Open finds out by itself.
type Options struct {
	Symbol    string // of every row; default the file's symbol column, else its name
	Timeframe string // "1d", "1w", ...; default from the usual distance of its rows
	Source    string // vendor; default by layout: "yahoo" or "csv"
	// Zone is that of times within a day that carry none, as "America/New_York" or "UTC". Such a file is refused
	// without it: a guess would be hours off.
	Zone string
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
	zone    *time.Location // nil where Options.Zone is empty
}

type line struct {
	number int64
	text   string
}

const (
	peekBars     = 64       // bars that Open reads to recognise a file
	peekRowsMax  = 8192     // rows among which it looks for them: some files begin with years of empty rows
	peekBytesMax = 1 << 20  // the same, in bytes
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
	if opts.Timeframe != "" && !timeframes.MatchString(opts.Timeframe) {
		return nil, blotter.Invalid("timeframe", opts.Timeframe, "a number and a unit (s, m, h, d, w, mo), as 1d")
	}
	buffered := bufio.NewReaderSize(r, 64<<10)
	if start, _ := buffered.Peek(len(utf8BOM)); bytes.Equal(start, utf8BOM) {
		_, _ = buffered.Discard(len(utf8BOM))
	}
	zone, err := loadZone(opts.Zone)
	if err != nil {
		return nil, err
	}
	f := &File{Path: path, zone: zone, Source: opts.Source, Timeframe: opts.Timeframe, lines: bufio.NewScanner(buffered)}
	f.lines.Buffer(make([]byte, 0, 64<<10), lineBytesMax)
	header, ok := f.next()
	if !ok {
		if err := f.readError(); err != nil {
			return nil, err
		}
		return nil, fileError(path, "it is empty")
	}
	var missing string
	if f.columns, missing = recognise(header.text); missing != "" {
		return nil, notBars(path, "its first line names no column for "+missing)
	}
	f.Format = "CSV"
	if f.columns.isYahoo(header.text) {
		f.Format = "Yahoo CSV"
	}
	if f.Source == "" {
		f.Source = map[string]string{"CSV": "csv", "Yahoo CSV": "yahoo"}[f.Format]
	}
	if f.Symbol = opts.Symbol; f.Symbol != "" {
		f.columns.symbol = -1
	} else if f.columns.symbol < 0 {
		if f.Symbol = SymbolOf(path); f.Symbol == "" {
			return nil, fileError(path, "neither a column nor its name tells the symbol; say --symbol, as in --symbol AAPL")
		}
	}
	f.Symbol = strings.ToUpper(storable(f.Symbol))
	if err := f.peek(); err != nil {
		return nil, err
	}
	return f, nil
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
			return line{f.line, storable(text)}, true
		}
	}
	return line{}, false
}

// storable replaces what PostgreSQL's text cannot hold: bytes that are no UTF-8, and NUL.
func storable(text string) string {
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// peek reads the first rows: some must be bars, and their usual distance is the timeframe.
func (f *File) peek() error {
	var reason error
	var bars []blotter.Bar
	symbols := map[string]bool{}
	again := false // a symbol has come twice: there is a distance
	for bytes := 0; (len(bars) < peekBars || !again) && len(f.peeked) < peekRowsMax && bytes < peekBytesMax; {
		l, ok := f.next()
		if !ok {
			break
		}
		bytes += len(l.text)
		f.peeked = append(f.peeked, l)
		bar, err := f.parse(l)
		if err == nil {
			bars = append(bars, bar.Bar)
			again = again || symbols[bar.Symbol]
			symbols[bar.Symbol] = true
		} else if reason == nil {
			reason = err
		}
	}
	switch {
	case len(bars) > 0:
	case f.readError() != nil:
		return f.readError()
	case len(f.peeked) == 0:
		return fileError(f.Path, "it has a header and no rows")
	case len(f.peeked) == 1:
		return notBars(f.Path, fmt.Sprintf("its only row is no bar (%v)", reason))
	default:
		return notBars(f.Path, fmt.Sprintf("none of its first %d rows is a bar (%v)", len(f.peeked), reason))
	}
	if f.Timeframe == "" {
		f.Timeframe = usualTimeframe(bars)
	}
	if f.Timeframe == "" {
		return fileError(f.Path, "its rows have no usual distance; say --timeframe, as in --timeframe 1d")
	}
	if f.zone == nil && !isDaily(f.Timeframe) && !hasZone(f.firstDate(bars[0])) {
		return fileError(f.Path, "its times carry no zone; say --tz, as in --tz America/New_York or --tz UTC")
	}
	return nil
}

// firstDate is the date cell of the first bar's row.
func (f *File) firstDate(bar blotter.Bar) string {
	for _, l := range f.peeked {
		if row, err := f.parse(l); err == nil && row.Timestamp.Equal(bar.Timestamp) {
			return split(l.text)[f.columns.date]
		}
	}
	return ""
}

func loadZone(name string) (*time.Location, error) {
	if name == "" {
		return nil, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, blotter.Invalid("time zone", name, "an IANA name, as America/New_York or UTC")
	}
	return zone, nil
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
		if err := f.readError(); err != nil {
			yield(blotter.BarRow{}, err)
		}
	}
}

// readError says what ended the file before its end, if anything did.
func (f *File) readError() error {
	err := f.lines.Err()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bufio.ErrTooLong):
		return notBars(f.Path, fmt.Sprintf("line %d is longer than a bar's can be", f.line+1))
	}
	return fileError(f.Path, "reading it failed: "+err.Error())
}

func fileError(path, reason string) error {
	return &blotter.Error{Kind: blotter.ErrInvalid, Message: path + ": " + reason}
}

func notBars(path, reason string) error {
	return fileError(path, "it is not a bar file: "+reason+"; tried Yahoo CSV and CSV with named columns")
}
