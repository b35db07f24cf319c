package fillfile

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// ids counts the fills of equal content so far.
type ids map[[10]byte]int

// of returns the id of a fill whose file gives it none: a hash of its time, symbol, side, quantity, price and fee, and
// of the number of equal fills before it. Exports that overlap give the same fills the same ids, in any order, as long
// as the broker writes them alike. A fee that is booked later makes another id. If an export holds only some of several
// equal fills at one instant, they are taken to be the first ones.
func (s ids) of(t *Fill) string {
	parts := []string{
		t.ExecutedAt.UTC().Format(time.RFC3339Nano), t.Symbol, string(t.Side), t.Quantity.String(), t.Price.String(),
		t.Commission.String(), t.CommissionCurrency,
	}
	for _, fee := range t.OtherFees {
		parts = append(parts, fee.Amount.String(), fee.Currency)
	}

	content := strings.Join(parts, "\x00")
	sum := sha256.Sum256([]byte(t.AccountID + "\x00" + content))
	key := [10]byte(sum[:10])
	s[key]++
	if n := s[key]; n > 1 {
		content += "\x00" + strconv.Itoa(n)
	}

	sum = sha256.Sum256([]byte(content))
	return "h-" + hex.EncodeToString(sum[:10])
}
