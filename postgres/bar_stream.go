package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/numeric"
	"github.com/blotterdb/blotter/internal/sqltext"
)

const (
	batchRows   = 512     // rows of a batch
	batchesMax  = 8       // batches that wait to be written
	aheadRows   = 16384   // rows read before the first is written, to see what they meet in the table
	rejectedMax = 1000    // rejected rows that are kept before they are quarantined
	seriesMax   = 100_000 // series of one file
)

// barBatch is a piece of a file.
type barBatch struct {
	bars     []blotter.BarRow
	rejected []*blotter.RejectedRow
	err      error // what ended the file
	panicked any   // the panic of the caller's iterator, which continues in the caller's goroutine
}

// barReaderAhead reads an iterator in a goroutine of its own, so that parsing and writing overlap.
type barReaderAhead struct {
	batches chan *barBatch
	free    chan *barBatch
	stop    chan struct{}
	done    chan struct{}
}

// readAhead starts reading. Close the reader.
func readAhead(bars iter.Seq2[blotter.BarRow, error], strict bool) *barReaderAhead {
	r := &barReaderAhead{
		batches: make(chan *barBatch, batchesMax), free: make(chan *barBatch, batchesMax+2),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	go r.read(bars, strict)
	return r
}

func (r *barReaderAhead) read(bars iter.Seq2[blotter.BarRow, error], strict bool) {
	defer close(r.done)
	defer close(r.batches)

	b := r.batch()
	finished := false
	defer func() {
		if b.panicked = recover(); b.panicked != nil {
			b.err = fmt.Errorf("panic: %v", b.panicked)
		} else if !finished {
			b.err = errors.New("the iterator of the bars exited its goroutine")
		}
		r.send(b)
	}()

	for bar, err := range bars {
		var rejected *blotter.RejectedRow
		switch {
		case err == nil:
			b.bars = append(b.bars, bar)
		case errors.As(err, &rejected) && !strict:
			b.rejected = append(b.rejected, rejected)
		default:
			b.err = err
			finished = true
			return
		}

		if len(b.bars)+len(b.rejected) == batchRows {
			if !r.send(b) {
				finished = true
				return
			}
			b = r.batch()
		}
	}
	finished = true
}

// send passes a batch on. It reports false once the reader is closed.
func (r *barReaderAhead) send(b *barBatch) bool {
	select {
	case r.batches <- b:
		return true
	case <-r.stop:
		return false
	}
}

// batch returns an empty batch, a recycled one if there is any.
func (r *barReaderAhead) batch() *barBatch {
	select {
	case b := <-r.free:
		*b = barBatch{bars: b.bars[:0]}
		return b
	default:
		return &barBatch{bars: make([]blotter.BarRow, 0, batchRows)}
	}
}

// recycle takes back a batch that was written.
func (r *barReaderAhead) recycle(b *barBatch) {
	select {
	case r.free <- b:
	default:
	}
}

// close stops reading and waits for the caller's iterator to return.
func (r *barReaderAhead) close() {
	close(r.stop)
	<-r.done
}

// series summarizes the bars of one symbol in one timeframe that an import has read.
type series struct {
	symbol, timeframe string
	rows              int64
	first, last       time.Time       // in the order of the file
	from, to          time.Time       // earliest and latest
	source            string          // of the first row
	fromOpen, toClose blotter.Decimal // of the earliest and the latest bar
	week              weekEvidence
	negative          bool // has a price of zero or below
	disordered        bool // rows neither rise nor fall in time throughout, so two may have the same key
}

func (s *series) add(b *blotter.Bar) {
	at := b.Timestamp
	if s.rows++; s.rows == 1 {
		s.first = at
		s.from = at
		s.to = at
		s.source = b.Source
		s.fromOpen = b.Open
		s.toClose = b.Close
	} else {
		rises := s.last.After(s.first)
		if at.Equal(s.last) || s.rows > 2 && at.After(s.last) != rises {
			s.disordered = true
		}
	}
	s.last = at

	if at.Before(s.from) {
		s.from = at
		s.fromOpen = b.Open
	}
	if at.After(s.to) {
		s.to = at
		s.toClose = b.Close
	}
	s.week.add(at)
	s.negative = s.negative || b.Low.IsNeg() || b.Low.IsZero()
}

// seriesSet finds the series of a bar. Most rows are of the same series as the previous row.
type seriesSet struct {
	zone   *time.Location // of the file's exchange, nil if the file does not say
	all    []*series
	byKey  map[[2]string]*series
	latest *series
}

func (s *seriesSet) add(b *blotter.Bar) error {
	if s.latest == nil || s.latest.symbol != b.Symbol || s.latest.timeframe != string(b.Timeframe) {
		key := [2]string{b.Symbol, string(b.Timeframe)}
		found := s.byKey[key]
		if found == nil {
			if len(s.all) == seriesMax {
				return blotter.Invalid("file", len(s.all), "at most 100000 symbols: check which column holds them")
			}

			if s.byKey == nil {
				s.byKey = map[[2]string]*series{}
			}
			week := newWeekEvidence(b.Symbol, b.Timeframe, s.zone)
			found = &series{symbol: b.Symbol, timeframe: string(b.Timeframe), week: week}
			s.byKey[key] = found
			s.all = append(s.all, found)
		}
		s.latest = found
	}
	s.latest.add(b)
	return nil
}

// disordered reports whether any series is disordered.
func (s *seriesSet) disordered() bool {
	return slices.ContainsFunc(s.all, func(s *series) bool { return s.disordered })
}

// COPY's binary format (PostgreSQL documentation, COPY, file formats).
var (
	copyHeader  = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	copyTrailer = []byte{0xff, 0xff}
)

// microsecondsTo2000 is the instant from which PostgreSQL counts.
var microsecondsTo2000 = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

// appendBar appends a bar as a row of COPY, or with its line as a row of the stage. The bar itself begins at own.
func appendBar(buf []byte, b *blotter.BarRow, staged bool, line int64) (row []byte, own int) {
	if staged {
		buf = binary.BigEndian.AppendUint16(buf, 12)
		buf = binary.BigEndian.AppendUint32(buf, 8)
		buf = binary.BigEndian.AppendUint64(buf, uint64(line))
		if b.Member == "" {
			buf = append(buf, 0xff, 0xff, 0xff, 0xff)
		} else {
			buf = appendText(buf, sqltext.Storable(b.Member))
		}
	} else {
		buf = binary.BigEndian.AppendUint16(buf, 10)
	}

	own = len(buf)
	buf = appendText(appendText(buf, b.Symbol), string(b.Timeframe))
	buf = binary.BigEndian.AppendUint32(buf, 8)
	buf = binary.BigEndian.AppendUint64(buf, uint64(b.Timestamp.UnixMicro()-microsecondsTo2000))
	for _, d := range [...]*blotter.Decimal{&b.Open, &b.High, &b.Low, &b.Close, &b.Volume} {
		buf = appendField(buf, *d)
	}
	if b.AdjClose != nil {
		buf = appendField(buf, *b.AdjClose)
	} else {
		buf = append(buf, 0xff, 0xff, 0xff, 0xff)
	}
	return appendText(buf, b.Source), own
}

func appendText(buf []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32(buf, uint32(len(text))), text...)
}

func appendField(buf []byte, d blotter.Decimal) []byte {
	at := len(buf)
	buf = numeric.Append(append(buf, 0, 0, 0, 0), d)
	binary.BigEndian.PutUint32(buf[at:], uint32(len(buf)-at-4))
	return buf
}
