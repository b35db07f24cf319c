package fillfile

import (
	"bufio"
	"errors"
	"io"
	"strings"
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
	Currency string // of prices, where the file does not say: a code of ISO 4217, GBX and the like, or a known coin
	// Multiplier is that of options, futures, bonds and lots, where neither the file nor its totals tell it; "" leaves
	// Fill.NoMultiplier.
	Multiplier string
	// FeeSign is "positive" or "negative", as the file writes fees that were paid, where it has both signs and nothing
	// proves which. The other sign is a rebate then.
	FeeSign string
	// Decimal is "point" or "comma", for the numbers of a file of anyone's that could be read either way, as 1,234.
	Decimal string
	// RepeatedHour is "first" or "second", for times in the hour that clocks repeat, where the order of rows does not tell.
	RepeatedHour string
	// Zone is that of times that carry none, as "America/New_York" or "UTC". Such a file is refused without it, where its
	// layout does not tell. A date without a time is midnight in Zone, by default in UTC.
	Zone string
	// DateOrder is "dmy", "mdy" or "ymd" for dates as 2/1/2006 and 24-03-26, where the layout and the file's rows do not tell.
	DateOrder string
	// Columns names the columns of a text in their order, as "date,symbol,side,quantity,price,fee", with empty names for those
	// that are not needed; or it says what columns of a header, or names of JSON objects, mean: "side=Direction,price=Px".
	Columns string
	// Sheet is the sheet of an Excel workbook (.xlsx); default the first one that is not hidden.
	Sheet string
	// Instrument returns what is known of a symbol, for fills of which the file does not tell it; nil knows nothing.
	Instrument func(symbol string) (Instrument, error)
	// Round rounds quantities, prices and fees with more digits after the point to so many, half away from zero. 0 rounds
	// none, but those of a back test to 8: they are binary floats with more digits than a product can keep. -1 never
	// rounds. What is rounded is told by Fill.Rounded and counted.
	Round int
}

// Instrument is what is known of a symbol: nothing of it is a default.
type Instrument struct {
	Currency   string          // "" where it is not known
	Multiplier blotter.Decimal // 0 where it is not known
}

// Fill is a fill and where in its file it stands.
type Fill struct {
	blotter.Trade        // without OrderID: the order is the broker's, not ours
	Line          int64  // line of a text, number of the record of a JSON file
	OrderRef      string // the broker's order id, "" where it gives none
	Named         string // the account that the file names, "" where it names none
	Rounded       bool   // a number of it was, as Options.Round says
	// Ends is the end of an option's life whose side the file does not tell: it closes what is open (Closes).
	Ends bool
	// NoMultiplier is a fill of an option, future, bond or in lots whose multiplier nothing tells. Booking it as if it were
	// 1 would be a guess.
	NoMultiplier bool

	said proof // what the totals say of its fees
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
	// Converted counts the fills whose prices were in hundredths of a currency, as GBX, and were divided by 100.
	Converted map[string]int64
	Skipped   []error

	opts        Options
	zone        *time.Location // nil where Options.Zone is empty
	usual       *time.Location // that of the layout, nil where it is not known
	closer      io.Closer
	source      *barfile.Unpacked
	member      string // of the archive, "" where the file is none
	layout      *layout
	rows        rowReader
	peeked      []*row
	broken      error // that ended the sample
	ids         ids
	style       style
	columns     *columns // of a generic layout
	order       int      // 1 where times ascend, -1 where they descend, 0 where nothing tells
	symbolOrder int      // the same of each symbol
	held        []heldFill
	instruments map[string]Instrument // that are known, by symbol
	// ordersOnly: a Flex statement without executions lists orders, which are taken for fills.
	ordersOnly bool
	isOther    bool            // another table has begun
	seen       map[string]bool // ids of the fills of a generic layout, with symbol and side
	separator  byte            // between the cells of a text, 0 of other files
	used       bool            // Fills has been read
	yielded    bool            // a fill, or a row that should be one, of this member
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
	f := &File{Path: path, opts: opts, Others: map[string]int64{}, Converted: map[string]int64{}, ids: ids{},
		instruments: map[string]Instrument{}}
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

// mapsColumns reports whether Columns says what some columns mean, rather than naming all of them.
func (o *Options) mapsColumns() bool { return strings.Contains(o.Columns, "=") }

// meanings are the names that Columns gives to columns, by their plain name in the file.
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

// renamed gives columns the names of their meanings. Another column of such a name loses it.
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
		err = f.recogniseMember(r)
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

// recogniseMember recognises a file of the source. An archive inside of an archive is not read.
func (f *File) recogniseMember(r *bufio.Reader) error {
	if kind := barfile.PackedAs(r); kind != "" && f.source.IsArchive() {
		return &NotFillsError{Path: f.name(), Reason: "it is packed itself (" + kind + "); unpack it first"}
	}
	return f.recognise(r)
}

// name is what errors call the file or its member.
func (f *File) name() string {
	if f.member == "" {
		return f.Path
	}
	return f.Path + "/" + f.member
}
