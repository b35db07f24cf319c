package fillfile

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// ids counts the fills of equal content that a file has shown so far.
type ids map[[10]byte]int

// of is the id of a fill whose file gives it none: a hash of its time, symbol, side, quantity, price and fee, and of how
// many equal fills stand before it. An export that overlaps with another gives the same fills the same ids, in whatever
// order either lists them, as long as the broker writes them alike: a fee that is booked later makes another id, and
// of equal fills at one instant an export that holds only some is taken to hold the first ones.
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
