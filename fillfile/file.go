package fillfile

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/tabular"
)

// Options override what Open finds out by itself.
type Options struct {
	Format   string // one of Formats
	Account  string // of fills for which the file names none; without it, they are an error
	Symbol   string // of every fill; by default that of the file
	Strategy string // of every fill; by default that of the file
	Currency string // of prices without one: a code of ISO 4217, a minor unit such as GBX, or a known coin
	// Multiplier is that of options, futures, bonds and lots, if neither the file nor its totals tell it. Without it,
	// Fill.NoMultiplier is set.
	Multiplier string
	// FeeSign is "positive" or "negative": the sign of fees that were paid, for a file that has both signs and does not
	// prove which. The other sign is a rebate.
	FeeSign string
	// Decimal is "point" or "comma", for numbers such as 1,234 in a file that does not tell what the mark is.
	Decimal string
	// RepeatedHour is "first" or "second", for times in the hour that the clocks repeat, if the order of rows does not
	// tell.
	RepeatedHour string
	// Zone is the zone of times that have none, for example America/New_York. Without it, such a file is an error
	// unless its layout tells the zone. A date without a time is midnight in Zone, by default in UTC.
	Zone string
	// DateOrder is "dmy", "mdy" or "ymd", for dates such as 2/1/2006 and 24-03-26 if neither the layout nor the rows
	// tell.
	DateOrder string
	// Columns names the columns of a text in their order, for example "date,symbol,side,quantity,price,fee"; a column
	// with an empty name is ignored. Or it says what columns of a header, or names of JSON objects, mean:
	// "side=Direction,price=Px".
	Columns string
	// Sheet is the sheet of an Excel workbook (.xlsx). The default is the first one that is not hidden.
	Sheet string
	// Instrument returns what is known about a symbol, for fills without a currency or a multiplier. It may be nil.
	Instrument func(symbol string) (Instrument, error)
	// Round is the number of digits after the point to which longer quantities, prices and fees are rounded, half away
	// from zero. 0 rounds nothing except the numbers of back tests, to 8 digits: they are binary floats with more
	// digits than products can keep. -1 never rounds. Fill.Rounded and File.Rounded report what was rounded.
	Round int
}

// Instrument holds what is known about a symbol.
type Instrument struct {
	Currency   string          // "" if it is not known
	Multiplier blotter.Decimal // 0 if it is not known
}

// Fill is a fill and its place in the file.
type Fill struct {
	blotter.Trade        // without OrderID: the order is the broker's
	Line          int64  // of a text; of a JSON file, the number of the record
	OrderRef      string // the broker's order id, or ""
	Named         string // the account that the file names, or ""
	Rounded       bool   // a number was rounded, see Options.Round
	// Ends reports the end of an option's life whose side the file does not tell. Closes returns the fill that closes
	// the open position.
	Ends bool
	// NoMultiplier reports a fill of an option, future, bond or in lots whose multiplier is unknown. Booking it with 1
	// would be a guess.
	NoMultiplier bool

	said proof // what the totals say of its fees
}

// File is an open file of fills.
type File struct {
	Path      string
	Format    string // that Open recognized, for people: "Trading 212 CSV", ...
	Simulated bool   // the fills are those of a back test
	// Others counts, by kind, the rows that are not fills. Count, Rejected and Rounded count the fills. Skipped are the
	// errors of the members of an archive that hold no fills. All are complete when Fills is done.
	Others   map[string]int64
	Count    int64
	Rejected int64
	Rounded  int64
	// Converted counts, by minor unit such as GBX, the fills whose prices were divided by 100.
	Converted map[string]int64
	Skipped   []error

	opts        Options
	zone        *time.Location // nil if Options.Zone is empty
	usual       *time.Location // that of the layout, or nil
	closer      io.Closer
	source      *tabular.Source
	member      string // its name in the archive, or ""
	layout      *layout
	rows        rowReader
	peeked      []*row
	broken      error // that ended the sample
	ids         ids
	style       style
	columns     *columns // of a generic layout
	order       int      // 1 if times ascend, -1 if they descend, 0 if it is not known
	symbolOrder int      // the same of each symbol
	pending     []pendingFill
	instruments map[string]Instrument // that are known, by symbol
	// ordersOnly: a Flex statement without executions lists orders, which are taken for fills.
	ordersOnly bool
	isOther    bool            // another table has begun
	seen       map[string]bool // ids of the fills of a generic layout, with symbol and side
	separator  byte            // between the cells of a text, 0 of other files
	used       bool            // Fills has been read
	yielded    bool            // a fill, or a row that should be one, of this member
}

// Open opens the file and recognizes its layout. The caller must close it.
func Open(path string, opts Options) (*File, error) {
	f, err := tabular.Open(path)
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

// Read reads a stream as Open reads a file. path is used in errors.
func Read(r io.Reader, path string, opts Options) (*File, error) {
	f := &File{
		Path: path, opts: opts, Others: map[string]int64{}, Converted: map[string]int64{}, ids: ids{},
		instruments: map[string]Instrument{},
	}
	if err := opts.check(); err != nil {
		return nil, err
	}

	var err error
	if f.zone, err = tabular.LoadZone(opts.Zone); err != nil {
		return nil, err
	}
	if f.source, err = tabular.NewSource(path, r, opts.Sheet); err != nil {
		return nil, err
	}

	err = f.nextMember()
	switch {
	case errors.Is(err, io.EOF) && len(f.Skipped) == 1:
		err = f.Skipped[0]
	case errors.Is(err, io.EOF):
		err = &NotFillsError{Path: path, Reason: tabular.NothingReason(f.Skipped, "has fills")}
	}
	if err != nil {
		f.source.Close()
		return nil, err
	}
	return f, nil
}

// check returns an error for the first invalid option.
func (o *Options) check() error {
	if o.Format != "" && o.Format != holdingLayout.name && layoutNamed(o.Format) == nil {
		return blotter.Invalid("format", o.Format, "one of "+formatList())
	}
	if o.DateOrder != "" && o.DateOrder != "dmy" && o.DateOrder != "mdy" && o.DateOrder != "ymd" {
		return blotter.Invalid("date order", o.DateOrder, "dmy, mdy or ymd")
	}
	if o.Round < -1 || o.Round > blotter.DecimalFractionDigitsMax {
		return blotter.Invalid("round", o.Round, "-1 to 19 digits")
	}
	if o.FeeSign != "" && o.FeeSign != "positive" && o.FeeSign != "negative" {
		return blotter.Invalid("sign of fees", o.FeeSign, "positive or negative")
	}
	if o.Decimal != "" && o.Decimal != "point" && o.Decimal != "comma" {
		return blotter.Invalid("decimal", o.Decimal, "point or comma")
	}
	if o.RepeatedHour != "" && o.RepeatedHour != "first" && o.RepeatedHour != "second" {
		return blotter.Invalid("repeated hour", o.RepeatedHour, "first or second")
	}

	if o.Multiplier != "" {
		if m, err := blotter.ParseDecimal(o.Multiplier); err != nil || !m.IsPos() {
			return blotter.Invalid("multiplier", o.Multiplier, "a number above 0, for example 100")
		}
	}
	if o.Currency != "" {
		if err := CheckCurrency(o.Currency); err != nil {
			return err
		}
	}
	if o.Account != "" {
		return blotter.CheckAccountID(o.Account)
	}
	return nil
}

// mapsColumns reports whether Columns says what some columns mean, instead of naming all of them.
func (o *Options) mapsColumns() bool { return strings.Contains(o.Columns, "=") }

// meanings returns the names that Columns gives to columns, by their plain name in the file.
func (o *Options) meanings() map[string]string {
	all := map[string]string{}
	for _, pair := range strings.Split(o.Columns, ",") {
		meaning, name, found := strings.Cut(pair, "=")
		if found {
			all[plainName(name)] = plainName(meaning)
		}
	}
	return all
}

// renamed returns the names of columns with those of their meanings. Another column with such a name loses it.
func renamed(names []string, meanings map[string]string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = name
		for _, meaning := range meanings {
			if name == meaning {
				all[i] = "other" + name
			}
		}
		if meaning, found := meanings[name]; found {
			all[i] = meaning
		}
	}
	return all
}

// Close closes the file.
func (f *File) Close() error {
	f.source.Close()
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// BytesRead returns how many bytes of the packed file have been read. It may be called while Fills is being read.
func (f *File) BytesRead() int64 { return f.source.BytesRead() }

// nextMember opens the next member of the source that has fills, or returns io.EOF. A member that holds something else
// is skipped. A damaged member, and one that needs an option, is an error.
func (f *File) nextMember() error {
	skipped, err := f.source.NextAccepted(func(name string, r *bufio.Reader) error {
		f.member = name
		if reason := f.source.PackedReason(r); reason != "" {
			return &NotFillsError{Path: f.name(), Reason: reason}
		}
		return f.recognise(r)
	})
	f.Skipped = append(f.Skipped, skipped...)

	if other := (*NotFillsError)(nil); errors.As(err, &other) {
		other.Hint = f.source.SheetHint()
	}
	return err
}

// name returns the path of the file or its member, for errors.
func (f *File) name() string { return tabular.MemberPath(f.Path, f.member) }
