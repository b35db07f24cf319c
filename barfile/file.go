package barfile

import (
	"bufio"
	"errors"
	"io"
	"path/filepath"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/tabular"
)

// Options override what Open finds out by itself.
type Options struct {
	Format    string // one of Formats
	Symbol    string // of every row; by default that of the file, of a column, or of the file's name
	Timeframe string // for example 1d or 5m; by default that of the file, or the usual distance of its rows
	// Source is the vendor. By default it follows from the format ("yahoo", "binance"). For other CSV and JSON files it
	// is "csv:" or "json:" and the name of their folder.
	Source string
	// Zone is the zone of times within a day that have none, for example America/New_York. Without it, such a file is
	// an error, unless its format decides the zone. A guess would be hours off.
	Zone string
	// Columns names the columns in their order, for example "date,open,high,low,close,volume". A column with an empty
	// name is ignored.
	Columns string
	// Dates is the order of day and month in dates such as 2/1/2006: "dmy" or "mdy". By default the dates of the file
	// decide. An ambiguous file is an error.
	Dates string
	// Sheet is the sheet of an Excel workbook (.xlsx). The default is the first one that is not hidden.
	Sheet string
	// AllowNegative accepts prices of zero and below, which spreads and power have, and oil had once.
	AllowNegative bool
}

// File is an open bar file.
type File struct {
	Path      string
	Format    string // that Open recognized, for people: "Yahoo CSV", "Lean zip", ...
	Symbol    string // "" if each row has its own
	Timeframe string // "" if each row has its own
	Source    string
	Adjusted  bool // all prices are adjusted, so the symbols end in AdjustedSuffix
	// Unknown are the names of columns that were not recognized in a file without a volume: one of them may be the
	// volume.
	Unknown []string
	// Guessed reports that Symbol comes from the file's name only.
	Guessed bool
	// Remarks tell what the user of an import should know: a change of the unit of times, or cells that were left
	// empty. They are complete when Bars is done.
	Remarks []string
	// Skipped are the errors of the members of an archive that are not bar files. It is complete when Bars is done.
	Skipped []error

	opts        Options
	units       unitFollower
	emptyCloses emptyCloses
	unreadable  string         // adjusted close of the current row, if it is not a number
	zone        *time.Location // nil if it is not known
	newestFirst bool           // rows go back in time
	steady      steady
	repeated    map[string]time.Time // of a symbol, the last time within an hour that the clocks repeat
	closer      io.Closer
	source      *tabular.Source
	member      string // its name in the archive, or ""
	decoder     *decoder
	layout      layout
	lookahead   []record
	suffix      string // of the symbols: AdjustedSuffix, MidSuffix or ""
	isRead      bool   // Bars has been read
	reopen      string // path of a regular file, which can be opened again; "" for streams and pipes
	absolute    string // of reopen
	members     int    // of the archive that have been begun
	row         record
	symbol      interned
	inside      bool   // the symbol of a row is that of the JSON object around it
	pathAt      int    // which of the names around a row is its symbol, or -1
	around      record // the first row, whose surroundings those of other rows are compared with
	rowCells    [][]byte
	timeBuffer  []byte
	sampleErr   error // that ended the sample
	atEnd       bool  // the sample is the whole file
}

const (
	// AdjustedSuffix ends the symbols of files that have adjusted prices only, so that they never mix with prices as
	// traded.
	AdjustedSuffix = ":ADJ"
	// MidSuffix ends the symbols of bars that are the middle of bid and ask, if the market has traded prices too.
	MidSuffix = ":MID"

	peekBars     = 256     // bars that Open reads to recognize a file
	peekRowsMax  = 8192    // rows among which it looks for them: some files begin with years of empty rows
	peekBytesMax = 1 << 20 // the same, in bytes
)

// interned keeps the last text of a column that changes seldom.
type interned struct{ cell, value string }

// Open opens the file and recognizes its format. The caller must close it.
func Open(path string, opts Options) (*File, error) {
	f, err := tabular.Open(path)
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

// Zone returns the zone of the file's times, or nil if neither the file nor Options has one.
func (f *File) Zone() *time.Location { return f.zone }

// Once reports whether Bars can be ranged over only once, because the file is a stream or a pipe.
func (f *File) Once() bool { return f.reopen == "" }

// Read reads a stream as Open reads a file. path is used in errors. It gives the symbol if the content has none, unless
// it is StandardInput.
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

	if _, err := tabular.LoadZone(opts.Zone); err != nil {
		return nil, err
	}
	if _, known := dateOrders[opts.Dates]; !known {
		return nil, blotter.Invalid("order of dates", opts.Dates, "dmy or mdy")
	}

	if f.source, err = tabular.NewSource(path, r, opts.Sheet); err != nil {
		return nil, err
	}

	err = f.nextMember()
	switch {
	case errors.Is(err, io.EOF) && len(f.Skipped) == 1:
		err = f.Skipped[0]
	case errors.Is(err, io.EOF):
		err = &NotBarsError{Path: path, Reason: tabular.NothingReason(f.Skipped, "is a bar file")}
	}
	if err != nil {
		f.source.Close()
		return nil, err
	}
	return f, nil
}

// Close closes the file.
func (f *File) Close() error {
	f.source.Close()
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// BytesRead returns how many bytes of the packed file have been read. It may be called while Bars is being read.
func (f *File) BytesRead() int64 { return f.source.BytesRead() }

// nextMember opens the next member of the source that is a bar file, or returns io.EOF. A member that is something else
// is skipped. A damaged member, and one that needs an option, is an error.
func (f *File) nextMember() error {
	skipped, err := f.source.NextAccepted(func(name string, r *bufio.Reader) error {
		f.member = name
		f.members++
		return f.recognise(r)
	})
	f.Skipped = append(f.Skipped, skipped...)

	if other := (*NotBarsError)(nil); errors.As(err, &other) {
		other.Hint = f.source.SheetHint()
	}
	return err
}

// name returns the path of the file or its member, for errors.
func (f *File) name() string { return tabular.MemberPath(f.Path, f.member) }
