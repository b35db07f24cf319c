package fillfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Interactive Brokers' statements and transaction histories have many sections, each with a header of its own. Times are
// New York's. What charges the account is negative.
var ibkrStatement = &layout{
	name: "ibkr-statement", title: "Interactive Brokers statement CSV", zone: "America/New_York", dateOrder: "mdy",
	needs: []string{"statement", "header", "fieldname", "fieldvalue"},
	join: func(_ *File, rows rowReader) rowReader {
		return &sectionRows{rows: rows, headers: map[string][]string{}}
	},
	read: func(_ *File, r *row) ([]draft, string, error) {
		if r.get("rowkind") != "Data" {
			return nil, "", nil // headers, totals
		}
		switch section := r.get("section"); section {
		case "Transaction History":
			return readHistory(r)
		case "Trades":
			return readStatementTrade(r)
		case "Dividends", "Withholding Tax", "Interest", "Fees", "Corporate Actions", "Transfers", "Deposits & Withdrawals":
			switch {
			case strings.HasPrefix(r.get("currency"), "Total"):
				return nil, "", nil
			case section == "Deposits & Withdrawals":
				return nil, movement(r.get("amount")), nil
			}
			return nil, kindOf(section), nil
		}
		return nil, "", nil
	},
}

// readHistory reads a line of a transaction history. Amounts are in the base currency; so is the price where quantity x
// price is the amount exactly.
func readHistory(r *row) ([]draft, string, error) {
	kind, base := r.get("transactiontype"), r.get("basecurrency")
	if sideOf(kind) == "" {
		if knownKind(kind) == kindDeposit {
			return nil, movement(r.get("grossamount", "netamount")), nil
		}
		return nil, kindOf(kind), nil
	}
	d := draft{
		account: or(r.get("account"), r.get("statementaccount")), at: r.get("date"), symbol: r.get("symbol"), side: kind,
		quantity: r.get("quantity"), price: r.get("price"), currency: r.get("pricecurrency", "currency"),
		fees: []fee{{amount: r.get("commission"), currency: base, negated: true}},
	}
	if d.currency == "" && multiplierOf(&d, r.get("grossamount")) == "1" {
		d.currency = base
	}
	return []draft{d}, "", nil
}

// readStatementTrade reads a trade. An order whose executions are listed below it is not counted a second time.
func readStatementTrade(r *row) ([]draft, string, error) {
	category := r.get("assetcategory")
	switch level := r.get("datadiscriminator"); {
	case level == "Order" && r.get("executions") != "":
		return nil, kindOrderSummary, nil
	case level != "Order" && level != "Trade":
		return nil, kindSummary, nil
	case strings.HasPrefix(category, "Forex"):
		return nil, kindConversion, nil
	case slices.Contains(strings.FieldsFunc(r.get("code"), func(c rune) bool { return c == ';' || c == ' ' }), "Ca"):
		return nil, "", errors.New("it cancels an earlier trade; cancellations are not booked")
	}
	d := draft{
		account: or(r.get("account"), r.get("statementaccount")), at: r.get("datetime"), symbol: r.get("symbol"),
		quantity: r.get("quantity"), price: r.get("tprice"), currency: r.get("currency"),
		fees: []fee{{amount: r.get("commfee", "comm"), negated: true}},
	}
	switch {
	case strings.Contains(category, "Option"):
		d.multiplier = or(multiplierOf(&d, r.get("proceeds")), "100")
	case strings.Contains(category, "Future"):
		if d.multiplier = multiplierOf(&d, r.get("notionalvalue", "proceeds")); d.multiplier == "" {
			return nil, "", fmt.Errorf("the multiplier of future %s is not told", d.symbol)
		}
	case strings.Contains(category, "Bond"):
		if told := multiplierOf(&d, r.get("proceeds")); told == "0.01" {
			d.multiplier = told
		}
	}
	return []draft{d}, "", nil
}

// sectionRows names the cells of each line by the header of its section.
type sectionRows struct {
	rows          rowReader
	headers       map[string][]string
	account, base string
	ahead         *row
	end           error
}

const sectionsMax = 200

func (s *sectionRows) next() (*row, error) {
	r := s.ahead
	if s.ahead = nil; r == nil {
		var err error
		if r, err = s.read(); err != nil {
			return nil, err
		}
	}
	if r.get("section") == "Trades" && r.get("datadiscriminator") == "Order" && s.end == nil {
		if s.ahead, s.end = s.read(); s.end == nil && s.ahead.get("datadiscriminator") == "Trade" {
			r.set("executions", "1")
		}
	}
	return r, nil
}

func (s *sectionRows) read() (*row, error) {
	if s.end != nil {
		return nil, s.end
	}
	r, err := s.rows.next()
	if err != nil {
		return nil, err
	}
	cells := padded(r.cells, max(2, len(r.cells)))
	section, kind, cells := cells[0], cells[1], cells[2:]
	if kind == "Header" && len(s.headers) < sectionsMax {
		s.headers[section] = plainNames(cells)
	}
	r.names, r.exact, r.cells = s.headers[section], nil, cells
	r.beyond = isBeyond(cells, len(r.names))
	switch r.get("fieldname") {
	case "Account":
		s.account = r.get("fieldvalue")
	case "Base Currency":
		s.base = r.get("fieldvalue")
	}
	r.names = append(slices.Clone(r.names), "section", "rowkind", "statementaccount", "basecurrency")
	r.cells = append(padded(cells, len(r.names)-4), section, kind, s.account, s.base)
	return r, nil
}
