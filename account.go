package blotter

import (
	"fmt"
	"time"
)

// AccountIDLengthMax is the maximum length of an account id in characters.
const AccountIDLengthMax = 50

// Account is one login at one venue. It is created on first use.
type Account struct {
	AccountID string    `db:"account_id"`
	Name      string    `db:"name"`
	Currency  string    `db:"currency,omitzero"` // ISO 4217 or the venue's own code; default USD
	Zone      string    `db:"zone,omitzero"`     // IANA zone of its trading dates; default UTC
	CreatedAt time.Time `db:"created_at,generated"`
}

// CheckAccountID returns ErrInvalid for an id that no account can have: empty, longer than AccountIDLengthMax
// characters, not UTF-8, or with a NUL. Anything else, including quotes and semicolons, is data.
func CheckAccountID(id string) error {
	if id == "" || !isStorableText(id, AccountIDLengthMax) {
		return Invalid("account_id", id, fmt.Sprintf("1 to %d characters of UTF-8 text", AccountIDLengthMax))
	}
	return nil
}
