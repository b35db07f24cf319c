package blotter

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// ActionKind says what a corporate action does to a share.
type ActionKind string

// The kinds of corporate actions.
const (
	ActionSplit         ActionKind = "split"          // more shares for the same company
	ActionReverseSplit  ActionKind = "reverse_split"  // fewer shares for the same company
	ActionStockDividend ActionKind = "stock_dividend" // a split that the company calls a dividend
	ActionCashDividend  ActionKind = "cash_dividend"  // money for each share
	ActionSymbolChange  ActionKind = "symbol_change"  // the same share under another symbol
	ActionMerger        ActionKind = "merger"         // shares of another company for each share
)

// ActionKinds are all kinds of corporate actions.
var ActionKinds = []ActionKind{
	ActionSplit, ActionReverseSplit, ActionStockDividend, ActionCashDividend, ActionSymbolChange, ActionMerger,
}

// ChangesShares reports whether the action changes the number of shares of its symbol. A symbol has at most one such
// action on a day.
func (k ActionKind) ChangesShares() bool {
	return k == ActionSplit || k == ActionReverseSplit || k == ActionStockDividend
}

// ActionRatioMax is the greatest number of a ratio, which has two.
const ActionRatioMax = 1_000_000

// CorporateAction is one action of a company on its shares: a split, a dividend, a new symbol or a merger. It is
// market data and belongs to no account. Its key is (Symbol, ExDate, Kind).
//
// Holders of RatioOld shares before ExDate hold RatioNew shares from then on: a 4:1 split has RatioNew 4 and RatioOld
// 1, a 1:10 reverse split has RatioNew 1 and RatioOld 10. The ratio is in its lowest terms. Both numbers are 0 for a
// cash dividend, and 1 for a change of symbol.
type CorporateAction struct {
	Symbol     string     `db:"symbol"`
	ExDate     time.Time  `db:"ex_date"` // midnight UTC of the first day on which the share trades after the action
	Kind       ActionKind `db:"kind"`
	RatioNew   int64      `db:"ratio_new"`
	RatioOld   int64      `db:"ratio_old"`
	NewSymbol  string     `db:"new_symbol"`  // of a change of symbol or a merger, otherwise ""
	CashAmount *Decimal   `db:"cash_amount"` // for each share, of a cash dividend; on the day of a split, for a new one
	Currency   string     `db:"currency"`    // of CashAmount; "" is the currency of the instrument
	Source     string     `db:"source"`      // vendor, for example "yahoo"
	CreatedAt  time.Time  `db:"created_at,generated"`
}

// SplitKind returns the kind of a change of shares at a ratio: a split or a reverse split.
func SplitKind(ratioNew, ratioOld int64) ActionKind {
	if ratioNew < ratioOld {
		return ActionReverseSplit
	}
	return ActionSplit
}

// Ratio returns the new shares for each old one as a text, for example "4:1", or "" if the action has none.
func (a *CorporateAction) Ratio() string {
	if a.RatioNew == 0 || a.RatioOld == 0 {
		return ""
	}
	return strconv.FormatInt(a.RatioNew, 10) + ":" + strconv.FormatInt(a.RatioOld, 10)
}

// String describes the action, for example "4:1 split of AAPL on 2020-08-31".
func (a *CorporateAction) String() string {
	what := strings.ReplaceAll(string(a.Kind), "_", " ")
	switch {
	case a.Kind == ActionCashDividend && a.CashAmount != nil:
		what = strings.TrimSpace(what+" "+a.CashAmount.String()+" "+a.Currency) + " of "
	case a.Kind == ActionSymbolChange:
		what += " of "
	default:
		what = a.Ratio() + " " + what + " of "
	}

	what += a.Symbol
	if a.NewSymbol != "" {
		what += " into " + a.NewSymbol
	}
	return what + " on " + a.ExDate.Format(time.DateOnly)
}

// Says reports whether two actions of the same symbol and day say the same. A split may be called a stock dividend, and
// an unknown currency agrees with every other.
func (a *CorporateAction) Says(other *CorporateAction) bool {
	sameKind := a.Kind == other.Kind || a.Kind.ChangesShares() && other.Kind.ChangesShares()
	sameCurrency := a.Currency == other.Currency || a.Currency == "" || other.Currency == ""
	sameCash := a.CashAmount == nil && other.CashAmount == nil ||
		a.CashAmount != nil && other.CashAmount != nil && a.CashAmount.Equal(*other.CashAmount)

	return a.Symbol == other.Symbol && sameDay(&a.ExDate, &other.ExDate) && sameKind && sameCurrency && sameCash &&
		a.RatioNew == other.RatioNew && a.RatioOld == other.RatioOld && a.NewSymbol == other.NewSymbol
}

// ParseRatio reads a ratio such as "4:1", and returns it in its lowest terms.
func ParseRatio(text string) (ratioNew, ratioOld int64, err error) {
	first, second, found := strings.Cut(text, ":")
	if !found {
		first, second, found = strings.Cut(text, "/")
	}
	ratioNew, err = strconv.ParseInt(strings.TrimSpace(first), 10, 64)
	if err == nil {
		ratioOld, err = strconv.ParseInt(strings.TrimSpace(second), 10, 64)
	}

	if err != nil || !found || ratioNew < 1 || ratioOld < 1 {
		return 0, 0, Invalid("ratio", text, "new shares and old ones, for example 4:1, or 1:10 for a reverse split")
	}
	divisor := new(big.Int).GCD(nil, nil, big.NewInt(ratioNew), big.NewInt(ratioOld)).Int64()
	return ratioNew / divisor, ratioOld / divisor, nil
}

// Check returns ErrInvalid for an action that the table would refuse.
func (a *CorporateAction) Check() error {
	err := checkTexts([]textField{
		{"symbol", a.Symbol, 1, SymbolLengthMax},
		{"new symbol", a.NewSymbol, 0, SymbolLengthMax},
		{"currency", a.Currency, 0, CurrencyLengthMax},
		{"source", a.Source, 1, sourceLengthMax},
	})
	if err != nil {
		return err
	}

	switch year := a.ExDate.Year(); {
	case year < 1700 || year > 2200:
		return Invalid("ex-date", a.ExDate.Format(time.DateOnly), "a day of the years 1700 to 2200")
	case a.Currency != strings.ToUpper(a.Currency):
		return Invalid("currency", a.Currency, "upper case, for example USD")
	}
	return a.checkTerms()
}

// sourceLengthMax is the maximum length of a source in characters.
const sourceLengthMax = 50

// checkTerms returns ErrInvalid for a ratio, a cash amount or a new symbol that does not fit the kind.
func (a *CorporateAction) checkTerms() error {
	if err := a.checkRatio(); err != nil {
		return err
	}

	needsSymbol := a.Kind == ActionSymbolChange || a.Kind == ActionMerger
	switch {
	case needsSymbol && (a.NewSymbol == "" || a.NewSymbol == a.Symbol):
		return Invalid("new symbol", a.NewSymbol, "the symbol after the "+string(a.Kind))
	case !needsSymbol && a.NewSymbol != "":
		return Invalid("new symbol", a.NewSymbol, "none for a "+string(a.Kind))
	case a.Kind == ActionCashDividend && (a.CashAmount == nil || a.CashAmount.Sign() <= 0):
		return Invalid("cash amount", decimalText(a.CashAmount), "the money for each share, above 0")
	case a.Kind != ActionCashDividend && a.CashAmount != nil:
		return Invalid("cash amount", a.CashAmount.String(), "none for a "+string(a.Kind))
	}
	return nil
}

// checkRatio returns ErrInvalid for a ratio that does not fit the kind.
func (a *CorporateAction) checkRatio() error {
	one := a.RatioNew == 1 && a.RatioOld == 1
	allowed := ""
	switch a.Kind {
	case ActionSplit, ActionStockDividend:
		if a.RatioNew <= a.RatioOld || a.RatioOld < 1 {
			allowed = "more new shares than old ones, for example 4:1"
		}
	case ActionReverseSplit:
		if a.RatioNew >= a.RatioOld || a.RatioNew < 1 {
			allowed = "fewer new shares than old ones, for example 1:10"
		}
	case ActionMerger:
		if a.RatioNew < 1 || a.RatioOld < 1 {
			allowed = "new shares and old ones, for example 1:2"
		}
	case ActionSymbolChange:
		if !one {
			allowed = "1:1 for a change of symbol"
		}
	case ActionCashDividend:
		if a.RatioNew != 0 || a.RatioOld != 0 {
			allowed = "none for a cash dividend"
		}
	default:
		return Invalid("kind", string(a.Kind), "one of "+actionKindList())
	}

	if allowed == "" && max(a.RatioNew, a.RatioOld) > ActionRatioMax {
		allowed = fmt.Sprintf("numbers up to %d", ActionRatioMax)
	}
	if allowed == "" && a.RatioNew > 0 {
		divisor := new(big.Int).GCD(nil, nil, big.NewInt(a.RatioNew), big.NewInt(a.RatioOld))
		if divisor.Int64() != 1 {
			allowed = "the lowest terms, for example 3:2 and not 6:4"
		}
	}
	if allowed != "" {
		return Invalid("ratio", a.Ratio(), allowed)
	}
	return nil
}

func actionKindList() string {
	names := make([]string, len(ActionKinds))
	for i, kind := range ActionKinds {
		names[i] = string(kind)
	}
	return strings.Join(names, ", ")
}

// decimalText returns the text of a decimal that may be nil.
func decimalText(d *Decimal) string {
	if d == nil {
		return ""
	}
	return d.String()
}

// ActionOutcome is the result of adding an action.
type ActionOutcome string

// The outcomes.
const (
	ActionAdded     ActionOutcome = "added"
	ActionUnchanged ActionOutcome = "unchanged" // the same is stored, perhaps from another source
	ActionConflict  ActionOutcome = "conflict"  // something else is stored; it stays
)

// ActionReceipt is the answer to an action that was to be stored.
type ActionReceipt struct {
	Action  CorporateAction
	Outcome ActionOutcome
	Stored  *CorporateAction // of a conflict: the stored action, which stays
	Reason  string           // of a conflict
}
