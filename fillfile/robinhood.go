package fillfile

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// Robinhood's account history. The code says what a row is, the description names an option, and the fee is what the
// amount differs by.
var robinhood = &layout{
	name: "robinhood", title: "Robinhood CSV", dateOrder: "mdy",
	needs: []string{"activitydate", "processdate", "settledate", "instrument", "description", "transcode", "quantity",
		"price", "amount"},
	read:  readRobinhood,
}

var (
	// robinhoodOption is an option in a description: "Option Expiration for AMD 1/16/2026 Call $250.00".
	robinhoodOption = regexp.MustCompile(`(\S+ \d{1,2}/\d{1,2}/\d{4} (?:Call|Put) \$[\d.,]+)`)
	// robinhoodQuantity is a number of contracts and what the position was: "2S" is two that were sold.
	robinhoodQuantity = regexp.MustCompile(`^([\d.,]+)([SL])$`)
)

// robinhoodSides are the codes of trades, robinhoodEnds those of the end of an option's life.
var (
	robinhoodSides = map[string]string{
		"BUY": "buy", "SELL": "sell", "BTO": "buy", "BTC": "buy", "STO": "sell", "STC": "sell", "SSH": "sell", "BTCV": "buy",
	}
	robinhoodEnds = listOf("OEXP OASGN OEXCS")
	// robinhoodKinds are the codes of what is no fill.
	robinhoodKinds = map[string]string{
		"CDIV": kindDividend, "MDIV": kindDividend, "SDIV": kindCorporate, "QDIV": kindDividend, "INT": kindInterest, "CINT": kindInterest,
		"MINT": kindInterest, "SLIP": kindInterest, "GOLD": kindFee, "AFEE": kindFee, "DFEE": kindFee, "FEE": kindFee, "MARGIN": kindFee,
		"DTAX": kindTax, "TAX": kindTax, "SPL": kindSplit, "SPR": kindSplit, "SPC": kindSplit, "CIL": kindCorporate, "MRGS": kindCorporate,
		"MRGC": kindCorporate, "SOFF": kindCorporate, "SXCH": kindCorporate, "OCA": kindCorporate, "ROC": kindDividend, "REC": kindReward,
		"ACATI": kindTransfer, "ACATO": kindTransfer, "JNLC": kindTransfer, "JNLS": kindTransfer, "ITRF": kindTransfer, "XENT": kindTransfer,
	}
	// robinhoodMoves are the codes of money that comes or goes.
	robinhoodMoves = listOf("ACH RTP WIRE XENT_CC DCF UCF")
)

func readRobinhood(_ *File, r *row) ([]draft, string, error) {
	code, amount := strings.ToUpper(r.get("transcode")), r.get("amount")
	d := draft{
		at: r.get("activitydate"), settles: r.get("settledate"), symbol: r.get("instrument"), side: robinhoodSides[code],
		quantity: r.get("quantity"), price: r.get("price"), currency: "USD",
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
