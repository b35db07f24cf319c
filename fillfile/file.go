package fillfile

import (
	"bufio"
	"errors"
	"io"
	"time"

	"github.com/blotterdb/blotter/internal/tabular"
)

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
	lookahead   []*row
	sampleErr   error // that ended the sample
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
	isRead     bool            // Fills has been read
	hasYielded bool            // a fill, or a row that should be one, of this member
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
