package compare

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
	"github.com/blotterdb/blotter/postgres"
)

// SuspectsMax is the greatest number of trades that are listed for a difference.
const SuspectsMax = 20

// Kind says how a position differs.
type Kind string

// The kinds of differences.
const (
	Missing   Kind = "missing"   // the broker has it, the book does not
	Extra     Kind = "extra"     // the book has it, the broker does not
	Different Kind = "different" // the quantities differ
	Average   Kind = "average"   // the average prices differ
)

// Report is how the positions of an account in the book and at the broker differ.
type Report struct {
	Account     string       `json:"account_id"`
	Agreeing    int          `json:"agreeing"` // positions
	Differences []Difference `json:"differences"`
}

// Difference is a position that differs.
type Difference struct {
	Symbol        string           `json:"symbol"`
	Kind          Kind             `json:"what"`
	Broker        blotter.Decimal  `json:"broker"`
	Book          blotter.Decimal  `json:"book"`
	BrokerAverage *blotter.Decimal `json:"broker_average,omitempty"`
	BookAverage   *blotter.Decimal `json:"book_average,omitempty"`

	// AgreedAt is the time of the last trade after which the quantities agreed; nil if they never did.
	AgreedAt *time.Time `json:"agreed_at,omitempty"`
	// Since is the number of trades booked after that, and Suspects are the newest of them.
	Since    int64     `json:"trades_since"`
	Suspects []Suspect `json:"trades,omitempty"`
	// Split is a split that explains the difference; nil if none does.
	Split *MissingSplit `json:"missing_split,omitempty"`
}

// Suspect is a trade that may be the cause of a difference.
type Suspect struct {
	ExecutedAt time.Time       `json:"executed_at"`
	TradeID    string          `json:"trade_id"`
	Side       blotter.Side    `json:"side"`
	Quantity   blotter.Decimal `json:"quantity"`
	Price      blotter.Decimal `json:"price"`
	After      blotter.Decimal `json:"quantity_after"`
}

// Positions compares the positions of the account, at one instant, with the holdings that the broker reports. The
// context is that of the account.
func Positions(ctx context.Context, db *postgres.DB, account string, reported []fillfile.Holding) (*Report, error) {
	report := &Report{Account: account, Differences: []Difference{}}
	err := db.ReadOnly(ctx, func(s *postgres.Session) error {
		positions, err := s.Positions(ctx, postgres.PositionFilter{})
		if err != nil {
			return err
		}
		book := map[string]blotter.Position{}
		for _, p := range positions {
			book[p.Symbol] = p
		}
		broker := sumBySymbol(reported)

		for _, symbol := range symbolsOf(book, broker) {
			d := difference(symbol, book[symbol], broker[symbol])
			if d.Kind == "" {
				report.Agreeing++
				continue
			}
			if d.Kind != Average {
				if err := d.findSuspects(ctx, s); err != nil {
					return err
				}
				if err := d.findSplit(ctx, s, account); err != nil {
					return err
				}
			}
			report.Differences = append(report.Differences, d)
		}
		return nil
	}, postgres.Snapshot)
	return report, err
}

// symbolsOf returns the symbols that the broker reports or of which the book has an open position, sorted.
func symbolsOf(book map[string]blotter.Position, broker map[string]fillfile.Holding) []string {
	symbols := slices.Collect(maps.Keys(broker))
	for symbol, p := range book {
		_, isReported := broker[symbol]
		if !isReported && !p.Quantity.IsZero() {
			symbols = append(symbols, symbol)
		}
	}
	slices.Sort(symbols)
	return symbols
}

// sumBySymbol adds up the rows of a symbol. The sum of several rows has no average price.
func sumBySymbol(reported []fillfile.Holding) map[string]fillfile.Holding {
	sums := map[string]fillfile.Holding{}
	for _, h := range reported {
		if sum, isRepeated := sums[h.Symbol]; isRepeated {
			h.Quantity = sum.Quantity.Add(h.Quantity)
			h.AvgPrice = nil
		}
		sums[h.Symbol] = h
	}
	return sums
}

// difference compares a position of the book with that of the broker. Its kind is empty if they agree.
func difference(symbol string, book blotter.Position, broker fillfile.Holding) Difference {
	d := Difference{
		Symbol: symbol,
		Broker: broker.Quantity, BrokerAverage: broker.AvgPrice,
		Book: book.Quantity, BookAverage: book.AvgPrice,
	}

	switch {
	case book.Quantity.Equal(broker.Quantity):
		if !sameAverage(book.AvgPrice, broker.AvgPrice, uint8(broker.Digits)) {
			d.Kind = Average
		}
	case book.Quantity.IsZero():
		d.Kind = Missing
	case broker.Quantity.IsZero():
		d.Kind = Extra
	default:
		d.Kind = Different
	}
	return d
}

// sameAverage reports whether two average prices agree at the digits that the broker gives, a half being rounded up or
// down. An unknown average agrees with every other.
func sameAverage(book, broker *blotter.Decimal, digits uint8) bool {
	if book == nil || broker == nil {
		return true
	}
	return book.RoundHAZ(digits).Equal(*broker) || book.RoundHTZ(digits).Equal(*broker)
}

// findSuspects finds the trades since the book last agreed with the broker.
func (d *Difference) findSuspects(ctx context.Context, s *postgres.Session) error {
	filter := postgres.TradeFilter{Symbol: d.Symbol, NewestFirst: true}
	for t, err := range s.StreamTrades(ctx, filter) {
		if err != nil {
			return err
		}
		at := t.ExecutedAt.UTC()
		if t.QuantityAfter.Equal(d.Broker) {
			d.AgreedAt = &at
			return nil
		}

		d.Since++
		if len(d.Suspects) < SuspectsMax {
			d.Suspects = append(d.Suspects, Suspect{
				ExecutedAt: at, TradeID: t.TradeID, Side: t.Side, Quantity: t.Quantity, Price: t.Price,
				After: t.QuantityAfter,
			})
		}
	}
	return nil
}
