package fillfile

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// Interactive Brokers' Flex queries write the same fields as XML attributes or as CSV columns. Amounts that charge the
// account are negative. Times are New York's: "US/Eastern" unless the user's settings say otherwise.
var (
	flexXML = &layout{
		name: "ibkr-flex", title: "Interactive Brokers Flex XML", zone: "America/New_York",
		join: func(_ *File, rows rowReader) rowReader { return newFlexRows(rows) },
		read: readFlexElement,
	}
	flexCSV = &layout{
		name:  "ibkr-flex-csv",
		title: "Interactive Brokers Flex CSV",
		zone:  "America/New_York",
		needs: []string{"buysell", "tradeprice", "quantity", "tradedate|datetime", "currencyprimary"},
		read:  readFlexTrade,
	}
)

// readFlexElement tells trades from the other sections of a statement. Only those that list what happened are counted;
// reports of balances and rates are of no interest.
func readFlexElement(f *File, r *row) ([]draft, string, error) {
	if problem := r.get("problem"); problem != "" {
		return nil, "", errors.New(problem)
	}

	switch element := r.get("element"); element {
	case "Trade", "TradeConfirm":
		return readFlexTrade(f, r)
	case "Order":
		if f.ordersOnly {
			return flexDraft(r)
		}
		return nil, kindOrderSummary, nil
	case "Lot", "SymbolSummary", "AssetSummary", "WashSale":
		return nil, kindSummary, nil
	case "CashTransaction":
		kind := r.get("type")
		switch {
		case strings.EqualFold(r.get("levelofdetail"), "SUMMARY"):
			return nil, "", nil // the detail is listed too
		case strings.HasPrefix(kind, "Deposit"):
			return nil, movement(r.get("amount")), nil
		}
		return nil, kindOf(kind), nil
	case "CorporateAction":
		return nil, kindCorporate, nil
	case "Transfer":
		return nil, kindTransfer, nil
	}

	return nil, "", nil
}

const kindOrderSummary = "order whose executions are listed"

// readFlexTrade reads an execution. Orders and closed lots sum executions up, and are not counted a second time.
func readFlexTrade(f *File, r *row) ([]draft, string, error) {
	switch level := strings.ToUpper(r.get("levelofdetail")); {
	case level == "ORDER" && f.ordersOnly:
	case level == "ORDER":
		return nil, kindOrderSummary, nil
	case level != "" && level != "EXECUTION":
		return nil, kindSummary, nil
	}
	return flexDraft(r)
}

func flexDraft(r *row) ([]draft, string, error) {
	category := strings.ToUpper(r.get("assetcategory", "assetclass"))
	if category == "CASH" {
		return nil, kindConversion, nil
	}

	side := r.get("buysell")
	if isCancelled(r) {
		return nil, "", fmt.Errorf("it cancels trade %s; cancellations are not booked",
			cmp.Or(r.get("origtradeid"), "of the same order"))
	}

	d := draft{
		id: r.get("tradeid", "ibexecid", "execid"), order: r.get("iborderid", "orderid"),
		account: r.get("accountid", "clientaccountid", "statementaccount"),
		at:      r.get("datetime"), settles: r.get("settledatetarget", "settledate"),
		symbol: r.get("symbol"), isin: r.get("isin"), side: side,
		quantity: r.get("quantity"), price: r.get("tradeprice", "price"), multiplier: r.get("multiplier"),
		currency: r.get("currency", "currencyprimary"),
		fees: []fee{
			{
				amount:   r.get("ibcommission", "commission"),
				currency: r.get("ibcommissioncurrency", "commissioncurrency"),
				negated:  true,
			},
			{amount: r.get("taxes", "tax"), negated: true},
		},
	}

	if d.at == "" {
		d.at = strings.TrimSpace(r.get("tradedate") + " " + r.get("tradetime"))
	}
	if d.symbol == "" && d.isin == "" {
		return nil, "", fmt.Errorf("it names neither a symbol nor an ISIN; currency conversions do not")
	}
	if category != "BOND" && category != "BILL" {
		d.totals = []total{{amount: r.get("trademoney", "proceeds")}}
	}
	return []draft{d}, "", d.valued(category, r.get("trademoney", "proceeds"))
}

// valued settles the multiplier by the money that changed hands: bonds are priced in percent, and of options and
// futures it must be known.
func (d *draft) valued(category, money string) error {
	switch category {
	case "BOND", "BILL":
		if multiplier := d.multiplierOf(money); multiplier == "0.01" {
			d.multiplier = multiplier
		}
	case "OPT", "FUT", "FOP", "FSFOP", "FSOPT":
		if d.multiplier != "" {
			return nil
		}
		if d.multiplier = d.multiplierOf(money); d.multiplier == "" {
			return fmt.Errorf("the multiplier of an option or future is missing")
		}
	}

	return nil
}
