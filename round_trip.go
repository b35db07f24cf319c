package blotter

import "time"

// RoundTrip is one life of a position, from flat to flat (or to a flip).
type RoundTrip struct {
	ID          int64     `db:"id,generated"`
	AccountID   string    `db:"account_id"`
	Symbol      string    `db:"symbol"`
	OpenedAt    time.Time `db:"opened_at"`
	ClosedAt    time.Time `db:"closed_at"`
	MaxQuantity Decimal   `db:"max_quantity"`
	Gross       Decimal   `db:"gross"`
	Fees        Decimal   `db:"fees"`
	Net         Decimal   `db:"net,generated"`
	Strategy    string    `db:"strategy"`
	Trades      int64     `db:"trades"`
	CreatedAt   time.Time `db:"created_at,generated"`
}
