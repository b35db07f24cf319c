package fillfile

import (
	"errors"
	"io"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
)

// Options overrule what Open finds out by itself.
type Options struct {
	Format   string // one of Formats
	Account  string // of fills for which the file names none; they are refused without it
	Symbol   string // of every fill; default the file's
	Strategy string // of every fill; default the file's
	Currency string // of prices, where the file does not say
	// Zone is that of times that carry none, as "America/New_York" or "UTC". Such a file is refused without it, where its
	// layout does not tell. A date without a time is midnight in Zone, by default in UTC.
	Zone string
	// DateOrder is "dmy" or "mdy" for dates as 2/1/2006, where the layout and the file's rows do not tell.
	DateOrder string
	// Columns names the columns of a text without a header in their order, as "date,symbol,side,quantity,price,fee"; an
	// empty name is of no use.
	Columns string
	// Sheet is the sheet of an Excel workbook (.xlsx); default the first one that is not hidden.
	Sheet string
	// Round rounds quantities, prices and fees with more digits after the point to so many, half away from zero. 0 rounds
	// none, but those of a back test to 8: they are binary floats with more digits than a product can keep. -1 never
	// rounds. What is rounded is told by Fill.Rounded and counted.
	Round int
}

// Fill is a fill and where in its file it stands.
type Fill struct {
	blotter.Trade        // without OrderID: the order is the broker's, not ours
	Line          int64  // line of a text, number of the record of a JSON file
	OrderRef      string // the broker's order id, "" where it gives none
	Named         string // the account that the file names, "" where it names none
	Rounded       bool   // a number of it was, as Options.Round says
}

// File is an open file of fills.
type File struct {
	Path      string
	Format    string // that Open recognised, for people: "Trading 212 CSV", ...
	Simulated bool   // the fills are a back test's
	// Others counts, by kind, the rows that are no fills; Fills, Rejected and Rounded count the rest. Skipped are the
	// members of an archive that hold no fills, and why. All are complete when Fills is done.
	Others   map[string]int64
	Count    int64
	Rejected int64
	Rounded  int64
	Skipped  []error

	opts   Options
	zone   *time.Location // nil where Options.Zone is empty
	usual  *time.Location // that of the layout, nil where it is not known
	closer io.Closer
	source *barfile.Unpacked
	member string // of the archive, "" where the file is none
	layout *layout
	rows   rowReader
	peeked []*row
	broken error // that ended the sample
	ids    ids
	style  style
	// ordersOnly: a Flex statement without executions lists orders, which are taken for fills.
	ordersOnly bool
	used       bool // Fills has been read
	yielded    bool // a fill, or a row that should be one, of this member
}

// Open opens the file and recognises its layout.
func Open(path string, opts Options) (*File, error) {
	f, err := barfile.OpenFile(path)
	if err != nil {
		return nil, err
	}
	file, err := Read(f, path, opts)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	file.closer = f
	return file, nil
}

// Read is Open for a stream; path names it.
func Read(r io.Reader, path string, opts Options) (*File, error) {
	f := &File{Path: path, opts: opts, Others: map[string]int64{}, ids: ids{}}
	if err := opts.check(); err != nil {
		return nil, err
	}
	var err error
	if f.zone, err = barfile.LoadZone(opts.Zone); err != nil {
		return nil, err
	}
	if f.source, err = barfile.Unpack(path, r, opts.Sheet); err != nil {
		return nil, err
	}
	if err := f.nextMember(); err != nil {
		f.source.Close()
		return nil, f.nothing(err)
	}
	return f, nil
}

// check refuses options that cannot be.
func (o *Options) check() error {
	if o.Format != "" && o.Format != holdingLayout.name && layoutNamed(o.Format) == nil {
		return blotter.Invalid("format", o.Format, "one of "+formatList())
	}
	if o.DateOrder != "" && o.DateOrder != "dmy" && o.DateOrder != "mdy" {
		return blotter.Invalid("date order", o.DateOrder, "dmy or mdy")
	}
	if o.Round < -1 || o.Round > blotter.DecimalFractionDigitsMax {
		return blotter.Invalid("round", o.Round, "-1 to 19 digits")
	}
	if o.Account != "" {
		return blotter.CheckAccountID(o.Account)
	}
	return nil
}

// Close closes the file.
func (f *File) Close() error {
	f.source.Close()
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// BytesRead is how much of the file, as it is packed, has been read. It may be called while Fills is being read.
func (f *File) BytesRead() int64 { return f.source.BytesRead() }

// nextMember opens the next file of the source that has fills, until io.EOF.
func (f *File) nextMember() error {
	for {
		name, r, err := f.source.Next()
		if err != nil {
			return err
		}
		f.member = name
		err = f.recognise(r)
		not := (*NotFillsError)(nil)
		if errors.As(err, &not) {
			not.Hint = f.source.SheetHint()
		}
		if err == nil || not == nil || !f.source.IsArchive() {
			return err
		}
		f.Skipped = append(f.Skipped, err)
	}
}

// name is what errors call the file or its member.
func (f *File) name() string {
	if f.member == "" {
		return f.Path
	}
	return f.Path + "/" + f.member
}
