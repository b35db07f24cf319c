package fillfile

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/internal/tabular"
)

// Robinhood's account history. The code says what a row is, the description names an option, and the fee is what the
// amount differs by.
var robinhood = &layout{
	name: "robinhood", title: "Robinhood CSV", dateOrder: "mdy",
	needs: []string{
		"activitydate", "processdate", "settledate", "instrument", "description", "transcode", "quantity", "price",
		"amount",
	},
	read: readRobinhood,
}

var (
	// robinhoodOption is an option in a description: "Option Expiration for AMD 1/16/2026 Call $250.00".
	robinhoodOption = regexp.MustCompile(`(\S+ \d{1,2}/\d{1,2}/\d{4} (?:Call|Put) \$[\d.,]+)`)
	// robinhoodQuantity is a number of contracts and what the position was: "2S" is two that were sold.
	robinhoodQuantity = regexp.MustCompile(`^([\d.,]+)([SL])$`)
)

// Codes of trades and of the end of an option's life.
var (
	robinhoodSides = tabular.ByWord(map[string]string{
		"buy":  "BUY BTO BTC BTCV",
		"sell": "SELL STO STC SSH",
	})
	robinhoodEnds = strings.Fields("OEXP OASGN OEXCS")
)

// Codes of rows that are not fills, and of money that comes or goes.
var (
	robinhoodKinds = tabular.ByWord(map[string]string{
		kindDividend:  "CDIV MDIV QDIV ROC",
		kindInterest:  "INT CINT MINT SLIP",
		kindFee:       "GOLD AFEE DFEE FEE MARGIN",
		kindTax:       "DTAX TAX",
		kindSplit:     "SPL SPR SPC",
		kindCorporate: "SDIV CIL MRGS MRGC SOFF SXCH OCA",
		kindReward:    "REC",
		kindTransfer:  "ACATI ACATO JNLC JNLS ITRF XENT",
	})
	robinhoodMoves = strings.Fields("ACH RTP WIRE XENT_CC DCF UCF")
)

func readRobinhood(_ *File, r *row) ([]draft, string, error) {
	code, amount := strings.ToUpper(r.get("transcode")), r.get("amount")
	d := draft{
		at:       r.get("activitydate"),
		settles:  r.get("settledate"),
		symbol:   r.get("instrument"),
		side:     robinhoodSides[code],
		quantity: r.get("quantity"),
		price:    r.get("price"),
		currency: "USD",
	}

	wasSold := ""
	if found := robinhoodQuantity.FindStringSubmatch(d.quantity); found != nil {
		d.quantity, wasSold = found[1], found[2]
	}

	if found := robinhoodOption.FindStringSubmatch(r.get("description")); found != nil {
		d.symbol = found[1]
		d.class, d.classKnown = option, true
		d.multiplier = usOptionSize
	}

	isOption := code == "BTO" || code == "BTC" || code == "STO" || code == "STC"
	switch {
	case slices.Contains(robinhoodEnds, code) && d.class == option:
		d.side = map[string]string{"S": "buy", "L": "sell"}[wasSold]
		return []draft{d}, "", d.endLife(amount)
	case slices.Contains(robinhoodEnds, code) || isOption && d.class != option:
		return nil, "", errors.New("the description names no option: " + clip(r.get("description")))
	case d.side != "":
		d.totals = []total{{amount: amount, currency: "USD"}}
		d.feeIsRest = true
		return []draft{d}, "", d.checkSign(amount)
	case slices.Contains(robinhoodMoves, code):
		return nil, movement(robinhoodSigned(amount)), nil
	case robinhoodKinds[code] != "":
		return nil, robinhoodKinds[code], nil
	case looksTraded(d.quantity, d.price):
		return nil, "", errors.New("the code " + clip(code) + " is not known")
	}

	return nil, kindOf(code, r.get("description")), nil
}

// robinhoodSigned writes an amount in brackets with a minus.
func robinhoodSigned(amount string) string {
	if strings.HasPrefix(amount, "(") {
		return "-" + amount
	}
	return amount
}
