package barfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/fileerror"
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
	// Sheet is the sheet of an Excel workbook (.xlsx); default the first one that is not hidden.
	Sheet string
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
	// Guessed reports that nothing but the file's name tells Symbol.
	Guessed bool
	// Remarks say what a reader of the import should know: a change of the unit of times, cells that were left empty. They
	// are complete when Bars is done.
	Remarks []string
	// Skipped are the members of an archive that are no bar files, and why. It is complete when Bars is done.
	Skipped []error

	opts        Options
	units       unitFollower
	emptied     emptied
	unreadable  string         // adjusted close of the row that is being read, where it is no number
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
	inside      bool   // the symbol of a row is that of the JSON object around it
	pathAt      int    // which of the names around a row is its symbol, or -1
	around      record // the first row, for what is around it
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
	case path == "":
		return nil, fileError(path, "the name of the file is empty")
	case errors.Is(err, fs.ErrPermission):
		return nil, fileError(path, "this user may not read it")
	case err != nil:
		return nil, fileError(path, fileerror.Text(err))
	case info.IsDir():
		return nil, fileError(path, "it is a folder; name its files, as in "+filepath.Join(path, "*.csv"))
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fileError(path, "this user may not read it")
	} else if err != nil {
		return nil, fileError(path, fileerror.Text(err))
	}
	return f, nil
}

// Zone returns the zone of the file's times, or nil where neither the file nor Options says it.
func (f *File) Zone() *time.Location { return f.zone }

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
	if f.source, err = newSource(path, r, opts.Sheet); err != nil {
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
			err = &NotBarsError{Path: path, Reason: fmt.Sprintf("none of its %d files is a bar file; the first: %s",
				len(f.Skipped), f.Skipped[0])}
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
		err = f.recognise(r)
		if not := (*NotBarsError)(nil); errors.As(err, &not) {
			not.Hint = f.source.sheetHint()
		}
		if err == nil || !f.source.isArchive() {
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
