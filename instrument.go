package blotter

import "time"

// Calendar says on which days an instrument trades: on weekdays, on all days, or on those of its exchange, whose market
// identifier code (ISO 10383) it is, as "XTKS" for Tokyo.
type Calendar string

// The calendars that are of no exchange.
const (
	Weekdays Calendar = "weekdays"
	AllDays  Calendar = "all_days"
)

// Instrument is what is known of a symbol. It is created on first use.
type Instrument struct {
	Symbol         string    `db:"symbol"`
	Multiplier     Decimal   `db:"multiplier,omitzero"` // money per point of price and unit of quantity; default 1
	Currency       string    `db:"currency,omitzero"`   // default USD
	AllowsNegative bool      `db:"allows_negative"`
	Calendar       Calendar  `db:"calendar,omitzero"` // default Weekdays
	CreatedAt      time.Time `db:"created_at,generated"`
}

// LatestPrice is the last known price of a symbol: what positions are valued with.
type LatestPrice struct {
	Symbol string    `db:"symbol"`
	Price  Decimal   `db:"price"`
	At     time.Time `db:"at"`
	Source string    `db:"source"`
}

// DataQualityLog is one row of the quarantine: a line of a file that did not become a bar, and why.
type DataQualityLog struct {
	ID        int64     `db:"id,generated"`
	Symbol    string    `db:"symbol"`
	CheckType string    `db:"check_type"` // which rule: "bar", "parse", "contradiction"
	Status    string    `db:"status,omitzero"`
	Message   string    `db:"message"`
	File      string    `db:"file"`
	Line      int64     `db:"line"`
	RawRow    string    `db:"raw_row"`
	Timestamp time.Time `db:"timestamp,generated"`
}
