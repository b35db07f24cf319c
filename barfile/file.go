package barfile

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
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
	Format    string // one of Formats
	Symbol    string // of every row; default the file's, a symbol column, else the file's name
	Timeframe string // "1d", "1w", ...; default the file's, else the usual distance of its rows
	Source    string // vendor; default by format: "yahoo", "binance", ...; of CSV and JSON files "csv:" or "json:" and their folder
	// Zone is that of times within a day that carry none, as "America/New_York" or "UTC". Such a file is refused
	// without it, where its format does not tell: a guess would be hours off.
	Zone string
	// Columns names the columns in their order, as "date,open,high,low,close,volume"; an empty name is of no use.
	Columns string
	// Dates is the order of day and month in dates as 2/1/2006: "dmy" or "mdy". Default: what the file tells; where
	// nothing does, it is refused.
	Dates string
	// AllowNegative takes prices of zero and below for good: spreads, power and once oil traded there.
	AllowNegative bool
}

// File is an open bar file.
type File struct {
	Path      string
	Format    string // that Open recognised, for people: "Yahoo CSV", "Lean zip", ...
	Symbol    string // "" where each row has its own
	Timeframe string // "" where each row has its own
	Source    string
	Adjusted  bool // all prices are adjusted, so the symbols end in AdjustedSuffix
	// Unknown are the names of columns that were not understood, where no volume was found: one of them may be it.
	Unknown []string
	// Skipped are the members of an archive that are no bar files, and why. It is complete when Bars is done.
	Skipped []error

	opts        Options
	zone        *time.Location // nil where Options.Zone is empty
	newestFirst bool           // rows go back in time
	steady      steady
	repeated    map[string]time.Time // of a symbol, the last time within an hour that the clocks repeat
	closer      io.Closer
	source      *source
	member      string // of the archive, "" where the file is none
	decoder     decoder
	layout      layout
	peeked      []record
	suffix      string // of the symbols: what does not mix with traded prices
	used        bool   // Bars has been read
	reopen      string // path of a file that gives the same again when it is opened anew; "" for streams and pipes
	absolute    string // of reopen
	members     int    // of the archive that have been begun
	row         record
	symbol      interned
	inside      bool // the symbol of a row is that of the JSON object around it
	aligned     [][]byte
	joined      []byte
	broken      error // that ended the sample
	ended       bool  // the sample is all there is
}

const (
	// AdjustedSuffix ends the symbols of files that have adjusted prices only: they never mix with prices as traded.
	AdjustedSuffix = ":ADJ"
	// MidSuffix ends the symbols of bars that are the middle of bid and ask, where the market has traded prices too.
	MidSuffix = ":MID"

	peekBars     = 256     // bars that Open reads to recognise a file
	peekRowsMax  = 8192    // rows among which it looks for them: some files begin with years of empty rows
	peekBytesMax = 1 << 20 // the same, in bytes
)

// interned keeps the strings of a column that changes seldom.
type interned struct{ cell, value string }

// Open opens the file and recognises its format.
func Open(path string, opts Options) (*File, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	reopen := ""
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		reopen = path
	}
	file, err := read(f, path, reopen, opts)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	file.closer = f
	return file, nil
}

func openFile(path string) (*os.File, error) {
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
	return f, nil
}

// Once reports that Bars can be ranged over once only: the file is a stream or a pipe.
func (f *File) Once() bool { return f.reopen == "" }

// Read is Open for a stream; path names it, and gives the symbol where nothing else does, unless it is StandardInput.
func Read(r io.Reader, path string, opts Options) (*File, error) { return read(r, path, "", opts) }

func read(r io.Reader, path, reopen string, opts Options) (*File, error) {
	f := &File{Path: path, opts: opts, reopen: reopen}
	if reopen != "" {
		f.absolute, _ = filepath.Abs(reopen)
	}
	var err error
	if opts.Timeframe != "" {
		if f.opts.Timeframe, err = canonical(opts.Timeframe); err != nil {
			return nil, err
		}
	}
	if opts.Format != "" {
		if _, err := formatNamed(opts.Format); err != nil {
			return nil, err
		}
	}
	if _, err := loadZone(opts.Zone); err != nil {
		return nil, err
	}
	if _, known := dateOrders[opts.Dates]; !known {
		return nil, blotter.Invalid("order of dates", opts.Dates, "dmy or mdy")
	}
	if f.source, err = newSource(path, r); err != nil {
		return nil, err
	}
	err = f.nextMember()
	if errors.Is(err, io.EOF) {
		switch len(f.Skipped) {
		case 0:
			err = &NotBarsError{Path: path, Reason: "the archive holds no files"}
		case 1:
			err = f.Skipped[0]
		default:
			err = &NotBarsError{Path: path, Reason: fmt.Sprintf("none of its %d files is a bar file; the first: %s", len(f.Skipped), f.Skipped[0])}
		}
	}
	if err != nil {
		f.source.close()
		return nil, err
	}
	return f, nil
}

// Close closes the file.
func (f *File) Close() error {
	f.source.close()
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// BytesRead is how much of the file, as it is packed, has been read. It may be called while Bars is being read.
func (f *File) BytesRead() int64 { return f.source.read.Load() }

// nextMember opens the next file of the source that is a bar file, until io.EOF. A member that is something else is
// skipped; one that is damaged, or asks for an option, ends the file.
func (f *File) nextMember() error {
	for {
		name, r, err := f.source.next()
		if err != nil {
			return err
		}
		f.member = name
		f.members++
		if err = f.recognise(r); err == nil || !f.source.isArchive() {
			return err
		}
		if !errors.As(err, new(*NotBarsError)) {
			return err
		}
		f.Skipped = append(f.Skipped, err)
		if _, err := io.Copy(io.Discard, r); err != nil { // its checksum stands at its end
			return f.readError(err)
		}
	}
}

// name is what errors call the file or its member.
func (f *File) name() string {
	if f.member == "" {
		return f.Path
	}
	return f.Path + "/" + f.member
}

// recognise finds out how the stream is to be read.
func (f *File) recognise(r *bufio.Reader) (err error) {
	f.Timeframe, f.suffix = "", "" // what the member before told holds for it alone
	if f.zone, err = loadZone(f.opts.Zone); err != nil {
		return err
	}
	symbolBehind := ""
	if kind := packedAs(r); kind != "" && f.source.isArchive() {
		return &NotBarsError{Path: f.name(), Reason: "it is packed itself (" + kind + "); unpack the archive around it first"}
	}
	if f.decoder, symbolBehind, err = f.decode(r); err != nil {
		return err
	}
	_, isText := f.decoder.(*textDecoder)
	isJSON := !isText
	f.broken, f.ended = nil, false
	sample, err := f.sample()
	if err != nil {
		return err
	}
	path := leanPath(cmp.Or(f.absolute, f.Path), f.member)
	if f.layout, f.peeked, err = f.layoutOf(sample, isJSON, path); err != nil {
		if f.broken != nil && errors.As(err, new(*NotBarsError)) {
			return cmp.Or(f.damage(), err)
		}
		return err
	}
	if err := f.settleSymbol(path, symbolBehind); err != nil {
		return err
	}
	return f.settleTimes(path)
}

// decode is the decoder of a stream, and a symbol that stands behind its bars.
func (f *File) decode(r *bufio.Reader) (d decoder, symbolBehind string, err error) {
	r = plainText(r)
	head, _ := r.Peek(peekHead)
	start := bytes.TrimLeft(head, " \t\r\n")
	if kind := otherText(start); kind != "" {
		return nil, "", notBars(f.name(), kind)
	}
	if len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		r = bufio.NewReaderSize(r, jsonHeadMax)
		symbolBehind = symbolAtEnd(r)
		return newJSONDecoder(r), symbolBehind, nil
	}
	return &textDecoder{lines: r, separator: separatorOf(head)}, "", nil
}

// peekHead is how much of a file is looked at before it is read.
const peekHead = 16 << 10

// sample reads the first records.
func (f *File) sample() ([]record, error) {
	var sample []record
	for bytes := 0; len(sample) < peekRowsMax && bytes < peekBytesMax; {
		err := f.decoder.next(&f.row)
		if f.ended = errors.Is(err, io.EOF); f.ended {
			break
		}
		if err != nil {
			if len(sample) == 0 {
				return nil, f.readError(err)
			}
			f.broken = err // after the records that there are
			break
		}
		bytes += len(f.row.raw)
		sample = append(sample, f.row.clone())
		if len(sample) == 2*peekBars && !startsEmpty(sample) {
			break
		}
	}
	if len(sample) == 0 {
		if d, isJSON := f.decoder.(*jsonDecoder); isJSON && d.json.InputOffset() > 2 {
			return nil, unknown(f.name(), "its JSON has no rows with the prices of bars")
		}
		return nil, &NotBarsError{Path: f.name(), Reason: "it is empty"}
	}
	return sample, nil
}

// startsEmpty reports a sample that may have no bar in it: rows of a date and nothing else.
func startsEmpty(sample []record) bool {
	last := &sample[len(sample)-1]
	filled := 0
	for _, cell := range last.cells {
		if !isMissing(string(cell)) {
			filled++
		}
	}
	return filled < 4
}

// settleSymbol decides source, zone and symbol, as far as they are the same for all rows.
func (f *File) settleSymbol(path leanFile, symbolBehind string) error {
	l := &f.layout
	f.Format, f.Source = l.format.title, cmp.Or(f.opts.Source, f.vendor(l.format))
	if !l.has(fieldVolume) && !l.has(fieldAsk) {
		f.Unknown = l.notUnderstood()
	}
	if zone := cmp.Or(f.opts.Zone, path.zone, l.format.zone); zone != "" && (l.format != alphaVantage || f.opts.Zone != "" || f.saysAlphaVantage()) {
		f.zone, _ = loadZone(zone)
	}
	if l.utc && f.opts.Zone == "" {
		f.zone = time.UTC
	}
	tells := nameTells(f.name())
	f.Adjusted = l.adjusted || tells.adjusted && !l.has(fieldAdjClose)
	switch {
	case f.Adjusted:
		f.suffix = AdjustedSuffix
	case l.has(fieldAsk) && !path.spot:
		f.suffix = MidSuffix
	}
	if f.opts.Symbol != "" {
		l.at[fieldSymbol] = -1
	}
	var around record
	if len(f.peeked) > 0 {
		around = f.peeked[0]
	}
	inside := around.symbol
	if l.format == yfinance {
		tells.symbol = yahooSymbol(tells.symbol)
	}
	f.Symbol = cmp.Or(f.opts.Symbol, path.symbol, l.prefix, inside, symbolBehind, tells.symbol)
	f.inside = f.opts.Symbol == "" && inside != "" && around.keyed
	if l.has(fieldSymbol) || f.inside {
		f.Symbol = ""
	} else if f.Symbol == "" {
		return fileError(f.name(), "neither a column nor its name tells the symbol; say --symbol, as in --symbol AAPL")
	}
	if f.Symbol = symbolName(f.Symbol); f.Symbol != "" {
		f.Symbol += f.suffix
	}
	if n := utf8.RuneCountInString(f.Symbol); n > blotter.SymbolLengthMax {
		return fileError(f.name(), fmt.Sprintf("its symbol %s has %d characters, at most %d are kept; say a shorter one with --symbol", f.Symbol, n, blotter.SymbolLengthMax))
	}
	f.symbol = interned{}
	f.newestFirst, f.steady, f.repeated = newestFirst(l, f.peeked), steady{}, nil
	return nil
}

// saysAlphaVantage reports that more than the names of the columns says whose file it is: then its times are New York's.
func (f *File) saysAlphaVantage() bool {
	return f.opts.Format == alphaVantage.name || f.layout.has(fieldAdjClose) || f.namesAlphaVantage()
}

// namesAlphaVantage reports that the name of the file or its folder says Alpha Vantage.
func (f *File) namesAlphaVantage() bool {
	path := filepath.Base(filepath.Dir(cmp.Or(f.absolute, f.Path))) + filepath.Base(f.Path) + f.member
	return strings.Contains(plain.Replace(strings.ToLower(path)), "alphavantage")
}

// sourceLengthMax is the most characters of a source.
const sourceLengthMax = 50

// vendor is the source of a file of that format. A format that tells no vendor is told apart by its folder, for people
// keep a vendor's files together: so vendors do not overwrite each other's bars as their own.
func (f *File) vendor(of *format) string {
	if of != csvFormat && of != jsonFormat || f.absolute == "" {
		return of.source
	}
	folder := filepath.Base(filepath.Dir(f.absolute))
	if folder == string(filepath.Separator) || folder == "." {
		return of.source
	}
	source := []rune(of.source + ":" + storable(folder))
	return string(source[:min(len(source), sourceLengthMax)])
}

// symbolName is a symbol as it is stored.
func symbolName(text string) string { return strings.ToUpper(strings.TrimSpace(storable(text))) }

// settleTimes decides the timeframe and checks that the zone is known where it matters.
func (f *File) settleTimes(path leanFile) error {
	l := &f.layout
	var rows []sampled
	var first error
	repeated, symbols := false, map[string]bool{}
	sampleBar := func(r *record) {
		row, at, err := f.read(r)
		if err != nil {
			first = cmp.Or(first, fmt.Errorf("line %d: %w", r.line, err))
			return
		}
		repeated = repeated || symbols[row.Symbol]
		symbols[row.Symbol] = true
		rows = append(rows, sampled{row.Bar, at})
	}
	for i := range f.peeked {
		sampleBar(&f.peeked[i])
	}
	for l.has(fieldSymbol) && !repeated && len(f.peeked) < peekRowsMax && f.broken == nil && !f.ended {
		err := f.decoder.next(&f.row)
		if f.ended = errors.Is(err, io.EOF); f.ended {
			break
		}
		if f.broken = err; err != nil {
			break
		}
		f.peeked = append(f.peeked, f.row.clone())
		sampleBar(&f.peeked[len(f.peeked)-1])
	}
	switch {
	case len(rows) > 0:
	case f.broken != nil:
		return f.readError(f.broken)
	case len(f.peeked) == 0:
		return &NotBarsError{Path: f.name(), Reason: "it has a header and no rows"}
	case len(f.peeked) == 1:
		return unknown(f.name(), fmt.Sprintf("its only row is no bar (%v)", first))
	default:
		return unknown(f.name(), fmt.Sprintf("none of its first %d rows is a bar (%v)", len(f.peeked), first))
	}
	if areTicks(rows) {
		return notBars(f.name(), "ticks, written as bars of one price")
	}
	perRow := l.has(fieldPeriod) && f.opts.Timeframe == ""
	if !perRow {
		f.Timeframe = cmp.Or(f.opts.Timeframe, path.timeframe, f.timeframeOf(rows))
		if f.Timeframe == "" {
			return fileError(f.name(), "its rows have no usual distance; say --timeframe, as in --timeframe 1d, or 3mo for quarters and 12mo for years")
		}
	}
	for _, row := range rows {
		if f.zone == nil && !isDaily(cmp.Or(row.bar.Timeframe, f.Timeframe)) && !row.at.zoned {
			return fileError(f.name(), "its times carry no zone; say --tz, as in --tz America/New_York or --tz UTC")
		}
	}
	return nil
}

// timeframeOf is what the rows tell: Binance gives both ends of a bar; Kraken leaves out empty intervals and writes the
// minutes into the name; of others, the usual distance of rows is believed before the name.
func (f *File) timeframeOf(rows []sampled) string {
	l, name := &f.layout, nameTells(f.name()).timeframe
	if l.has(fieldDate) && l.has(fieldEnd) {
		for i := range f.peeked {
			start, err := l.clock.parse(f.cell(&f.peeked[i], fieldDate))
			end, err2 := l.clock.parse(f.cell(&f.peeked[i], fieldEnd))
			if err == nil && err2 == nil {
				if told := ofDuration(end.t.Sub(start.t).Round(time.Second)); told != "" {
					return told
				}
				break
			}
		}
	}
	if l.format == kraken && name != "" {
		return name
	}
	return cmp.Or(usualTimeframe(rows), name, datesAreDaily(rows))
}

// Bars yields the file's bars in its order, and a *blotter.RejectedRow for each row that is none. A file that Open
// opened may be read again, unless it is a pipe: it is opened anew. A stream cannot.
func (f *File) Bars() iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		if !f.used {
			f.used = true
			f.bars(yield)
			return
		}
		if f.Once() {
			yield(blotter.BarRow{}, fileError(f.Path, "a stream or a pipe cannot be read twice"))
			return
		}
		again, err := Open(f.Path, f.opts)
		if err != nil {
			yield(blotter.BarRow{}, err)
			return
		}
		defer again.Close()
		again.bars(yield)
		f.Skipped = again.Skipped
	}
}

func (f *File) bars(yield func(blotter.BarRow, error) bool) {
	for {
		for i := range f.peeked {
			if !yield(f.parse(&f.peeked[i])) {
				return
			}
		}
		f.peeked = nil
		for {
			err := f.broken
			if err == nil && f.ended {
				err = io.EOF
			} else if err == nil {
				err = f.decoder.next(&f.row)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				yield(blotter.BarRow{}, f.readError(err))
				return
			}
			if !yield(f.parse(&f.row)) {
				return
			}
		}
		if err := f.nextMember(); err != nil {
			if !errors.Is(err, io.EOF) {
				yield(blotter.BarRow{}, err)
			}
			return
		}
	}
}

// damage is what broke the file within its sample, nil where its text is no bar file's.
func (f *File) damage() error {
	if errors.Is(f.broken, errTooLong) || errors.As(f.broken, new(*json.SyntaxError)) || errors.As(f.broken, new(shapeError)) {
		return nil
	}
	return f.readError(f.broken)
}

// readError says what ended the file before its end.
func (f *File) readError(err error) error {
	if errors.Is(err, errTooLong) {
		return unknown(f.name(), fmt.Sprintf("line %d is longer than a bar's can be", f.row.line+1))
	}
	if errors.As(err, new(*json.SyntaxError)) {
		return unknown(f.name(), "its JSON is broken: "+err.Error())
	}
	if errors.As(err, new(shapeError)) {
		return unknown(f.name(), err.Error())
	}
	return fileError(f.name(), "reading it failed: "+err.Error())
}

func fileError(path, reason string) error {
	return &blotter.Error{Kind: blotter.ErrInvalid, Message: path + ": " + reason}
}

// NotBarsError is a file that holds no bars. It is ErrInvalid.
type NotBarsError struct {
	Path   string
	Kind   string // what it holds instead: "trades", "quotes", "orders", ...; "" where that is unknown
	Reason string // why it is no bar file, where Kind is ""
}

func (e *NotBarsError) Error() string {
	if e.Kind != "" {
		return e.Path + ": it holds " + e.Kind + ", not bars"
	}
	return e.Path + ": " + e.Reason
}

func (e *NotBarsError) Unwrap() error { return blotter.ErrInvalid }

func notBars(path, kind string) error { return &NotBarsError{Path: path, Kind: kind} }

func unknown(path, reason string) error {
	return &NotBarsError{Path: path, Reason: "it is not a bar file: " + reason + tried()}
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

// storable replaces what PostgreSQL's text cannot hold: bytes that are no UTF-8, and NUL.
func storable(text string) string {
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
