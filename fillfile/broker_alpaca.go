package fillfile

import (
	"cmp"
	"errors"
	"strings"

	"github.com/blotterdb/blotter/internal/tabular"
)

// alpacaKinds are Alpaca's names of activities that are not fills.
var alpacaKinds = tabular.ByWord(map[string]string{
	kindDividend:   "DIV",
	kindInterest:   "INT",
	kindFee:        "FEE CFEE",
	kindDeposit:    "CSD",
	kindWithdrawal: "CSW",
	kindSplit:      "SPLIT",
	kindTransfer:   "TRANS JNLC JNLS ACATC ACATS",
	kindCorporate:  "MA SPIN NC REORG",
})

// alpaca are activities of an Alpaca account, in dollars. Its fees are activities of their own.
var alpaca = &layout{
	name: "alpaca", title: "Alpaca activities JSON", zone: "UTC",
	needs: []string{"activitytype", "id", "qty|date"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		kind := strings.ToUpper(r.get("activitytype"))
		switch kind {
		case "OPEXP", "OPASN", "OPXRC":
			return []draft{{
				id:         r.get("id"),
				account:    r.get("accountid"),
				at:         r.get("date", "transactiontime"),
				symbol:     r.get("symbol"),
				ends:       true,
				quantity:   r.get("qty"),
				currency:   "USD",
				class:      option,
				multiplier: "100",
			}}, "", nil
		case "OPTRD":
			return nil, "", errors.New("the shares of an option's assignment or exercise have no side")
		}

		if kind != "FILL" {
			if strings.HasPrefix(kind, "DIV") {
				kind = "DIV" // DIVNRA, DIVROC, ...
			}
			return nil, cmp.Or(alpacaKinds[kind], kindOf(kind)), nil
		}

		symbol := r.get("symbol")
		currency := "USD"
		if strings.Contains(symbol, "/") {
			currency = quoteOf(symbol)
		}

		return []draft{{
			id:       r.get("id"),
			order:    r.get("orderid"),
			account:  r.get("accountid"),
			at:       r.get("transactiontime"),
			symbol:   symbol,
			side:     r.get("side"),
			quantity: r.get("qty"),
			price:    r.get("price"),
			currency: currency,
		}}, "", nil
	},
}
