package actionfile

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
)

// historyRow is a row of a history of bars that has a dividend or a split.
type historyRow struct {
	*row
	exDate time.Time
	cash   blotter.Decimal // 0 if there is none
	split  ratio           // 0 if there is none or it is not known
	broken bool            // the row has a split whose ratio is not known
}

// history reads the columns of splits and dividends in a file of bars.
type history struct {
	file         *File
	symbol       string
	unnamed      error // of a file whose name has no symbol; its second line may have one
	named        bool  // the user named the symbol
	dates        []string
	splits, cash string
	// adjusted reports that dividends are given for the shares after all splits of the file, as Yahoo does. They are
	// multiplied by the splits after them, which gives the money that a share paid on that day.
	adjusted bool
	rows     []historyRow
}

func newYahooHistory(f *File) (rowReader, error) {
	return newHistory(f, &history{
		dates: []string{"date", "datetime", "price"}, splits: "stocksplits", cash: "dividends", adjusted: true,
	})
}

func newAlphaVantage(f *File) (rowReader, error) {
	return newHistory(f, &history{
		dates: []string{"timestamp", "date"}, splits: "splitcoefficient", cash: "dividendamount",
	})
}

func newHistory(f *File, h *history) (rowReader, error) {
	h.file = f
	h.symbol, h.unnamed = f.symbolOfName()
	h.named = f.opts.Symbol != ""
	if h.adjusted && !h.named {
		h.symbol = barfile.YahooSymbol(h.symbol)
	}
	return h, nil
}

func (h *history) row(r *row) error {
	day := r.get(h.dates...)
	if strings.EqualFold(day, "Ticker") && !h.named { // the second line of a download of yfinance
		h.symbol = strings.ToUpper(cmp.Or(r.get("close"), h.symbol))
	}
	if strings.EqualFold(day, "Ticker") || strings.EqualFold(day, "Date") {
		return nil
	}

	split := r.get(h.splits)
	cash := r.get(h.cash)
	gains := r.get("capitalgains")
	if isNothing(split, "0", "1") && isNothing(cash, "0") && isNothing(gains, "0") {
		return nil
	}

	if h.symbol == "" {
		return h.unnamed
	}
	found := historyRow{row: r}
	var err error
	if found.exDate, err = date(day); err != nil {
		h.file.refuse(r, h.symbol, err.Error())
		return nil
	}
	if !isNothing(gains, "0") {
		h.file.refuse(r, h.symbol, "it has capital gains, which may be counted among the dividends too; "+
			"state the cash dividend with blotter actions add")
		return nil
	}
	if !isNothing(cash, "0") {
		if found.cash, err = number("dividend", cash); err != nil || found.cash.Sign() < 0 {
			h.file.refuse(r, h.symbol, cmp.Or(errorText(err), "the dividend "+cash+" is below 0"))
			found.cash = blotter.Decimal{}
		}
	}
	if !isNothing(split, "0", "1") {
		found.split, err = ratioOfText(split)
		if err != nil {
			h.file.refuse(r, h.symbol, err.Error()+stateIt(h.symbol, found.exDate, blotter.ActionSplit))
			found.broken = true
		}
	}
	h.rows = append(h.rows, found)
	return nil
}

// end adds the actions, from the newest on: a dividend needs the splits after it.
func (h *history) end() error {
	slices.SortStableFunc(h.rows, func(a, b historyRow) int { return b.exDate.Compare(a.exDate) })
	after := big.NewRat(1, 1) // new shares for one, by the splits after the row
	isKnown := true
	for _, r := range h.rows {
		if r.cash.Sign() > 0 {
			if err := h.addCash(&r, after, isKnown); err != nil {
				return err
			}
		}
		isKnown = isKnown && !r.broken
		if r.split.old == 0 {
			continue
		}

		err := h.file.add(r.row, splitAction(h.symbol, r.exDate, r.split), "")
		if err != nil {
			return err
		}
		if h.adjusted {
			after.Mul(after, big.NewRat(r.split.new, r.split.old))
		}
	}
	return nil
}

// addCash adds the dividend of a row.
func (h *history) addCash(r *historyRow, after *big.Rat, isKnown bool) error {
	amount := r.cash
	if h.adjusted && !isKnown {
		h.file.refuse(r.row, h.symbol, "the dividend is adjusted for a later split whose ratio is not known")
		return nil
	}

	if h.adjusted && after.Cmp(big.NewRat(1, 1)) != 0 {
		paid := new(big.Rat).Mul(blotter.Rational(amount), after)
		digits, isExact := paid.FloatPrec()
		if !isExact || digits > blotter.DecimalFractionDigitsMax {
			h.file.refuse(r.row, h.symbol, fmt.Sprintf("the dividend %s is adjusted for later splits of %s, "+
				"and what was paid is not a decimal number", amount, after.RatString()))
			return nil
		}
		amount = blotter.MustDecimal(paid.FloatString(digits))
	}

	return h.file.add(r.row, blotter.CorporateAction{
		Symbol: h.symbol, ExDate: r.exDate, Kind: blotter.ActionCashDividend, CashAmount: &amount,
	}, "")
}

// splitAction returns the split or reverse split of a ratio.
func splitAction(symbol string, exDate time.Time, r ratio) blotter.CorporateAction {
	return blotter.CorporateAction{
		Symbol: symbol, ExDate: exDate, Kind: blotter.SplitKind(r.new, r.old), RatioNew: r.new, RatioOld: r.old,
	}
}

// isNothing reports whether a cell is empty or one of the numbers that mean nothing.
func isNothing(cell string, numbers ...string) bool {
	if cell == "" {
		return true
	}
	d, err := number("", cell)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(numbers, func(n string) bool { return d.Equal(blotter.MustDecimal(n)) })
}

// ratioOfText returns the ratio that a decimal in a text means.
func ratioOfText(text string) (ratio, error) {
	d, err := number("split", text)
	if err != nil {
		return ratio{}, err
	}
	return ratioOf(d)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
