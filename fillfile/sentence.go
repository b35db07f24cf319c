package fillfile

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/blotterdb/blotter/internal/sqltext"
)

// sentence is a fill in words: "Koop 10 @ 21,5 EUR", "Sell 4 AVIVA@496 GBX (GB00BPQY8M80)". Thousands may be in groups
// with blanks between them.
var sentence = regexp.MustCompile(`^(\p{L}+)\s+` + // side
	`(\d{1,3}(?:[ \x{a0}\x{202f}]\d{3})+(?:[.,]\d+)?|[\d.,']+)` + // quantity
	`(?:\s+(.*?))?\s*@\s*` + // instrument
	`(-?[\d.,' \x{a0}\x{202f}]+?)\s*([A-Z]{3})?\s*` + // price and currency
	`(?:\(([A-Z0-9]{12})\))?$`) // ISIN

// parseSentence reads a fill in words into side, quantity, price, currency and ISIN. English is written with a decimal
// point.
func parseSentence(text string, comma bool) (d draft, ok bool) {
	found := sentence.FindStringSubmatch(strings.TrimSpace(text))
	if found == nil || sideOf(found[1]) == "" {
		return d, false
	}

	d.side = found[1]
	d.currency = found[5]
	d.isin = found[6]

	switch strings.ToLower(d.side) {
	case "buy", "sell":
		comma = false
	}

	var err, err2 error
	d.quantity, err = plainNumber("quantity", found[2], comma)
	d.price, err2 = plainNumber("price", found[4], comma)
	return d, err == nil && err2 == nil
}

// feeInTotal returns by how much a purchase cost more than quantity x price, or a sale brought less, with the digits
// of the total, or "" if they are equal. That is the fee of brokers that do not list it. It is an error if the total
// has the wrong sign or differs too much to be a fee.
func feeInTotal(d *draft, total string, comma bool) (string, error) {
	value, ok := ratOf(exactProduct(d.quantity, d.price))
	paid, plain, err := ratIn("total", total, comma)
	if err != nil || !ok {
		return "", fmt.Errorf("the amount %q beside %s x %s is not a number", clip(total), d.quantity, d.price)
	}
	if isSale := sideOf(d.side) == "sell"; paid.Sign() != 0 && isSale != (paid.Sign() > 0) {
		return "", fmt.Errorf("side %q contradicts the sign of the amount %s", clip(d.side), clip(total))
	}

	_, fraction, _ := strings.Cut(plain, ".")
	value, _ = new(big.Rat).SetString(value.FloatString(len(fraction)))
	cost := new(big.Rat).Sub(paid.Abs(paid), value)
	if sideOf(d.side) == "sell" {
		cost.Neg(cost)
	}

	most := new(big.Rat).Mul(value, big.NewRat(1, 20))
	isRounding := cost.Sign() < 0 && new(big.Rat).Abs(cost).Cmp(cents(1)) <= 0

	switch {
	case cost.Sign() == 0 || isRounding:
		return "", nil
	case cost.Sign() < 0 || cost.Cmp(most.Add(most, big.NewRat(30, 1))) > 0 || cost.Cmp(value) > 0:
		return "", fmt.Errorf("quantity %s x price %s is %s, and the file's amount is %s", d.quantity, d.price,
			decimalText(value), clip(total))
	}
	return cost.FloatString(len(fraction)), nil
}

// kindOr returns the kind that words tell, or else the other.
func kindOr(other string, texts ...string) string {
	if kind := knownKind(strings.Join(texts, " ")); kind != "" {
		return kind
	}
	return sqltext.Storable(other)
}
