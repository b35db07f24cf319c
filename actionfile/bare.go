package actionfile

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/shell"
)

// bareSource is the source of actions in a file of no vendor.
const bareSource = "csv"

// bare reads a table with the columns symbol, ex_date, kind, and ratio, cash or new_symbol. It also reads what blotter
// actions list --format csv writes.
type bare struct{ file *File }

func newBare(f *File) (rowReader, error) { return &bare{f}, nil }

func (b *bare) row(r *row) error {
	symbol := strings.ToUpper(cmp.Or(b.file.opts.Symbol, r.get("symbol", "ticker")))
	a, err := bareAction(r)
	if err != nil {
		b.file.refuse(r, symbol, err.Error())
		return nil
	}
	a.Symbol = symbol
	return b.file.add(r, a, r.get("class"))
}

func (b *bare) end() error { return nil }

// bareAction reads the cells of a row. A kind that is missing follows from the ratio.
func bareAction(r *row) (a blotter.CorporateAction, err error) {
	if a.ExDate, err = date(r.get("exdate", "date")); err != nil {
		return a, err
	}
	a.Kind = blotter.ActionKind(strings.ReplaceAll(strings.ToLower(r.get("kind")), " ", "_"))
	a.Currency = strings.ToUpper(r.get("currency"))
	a.NewSymbol = strings.ToUpper(r.get("newsymbol"))
	if err := setRatio(&a, r); err != nil {
		return a, err
	}
	return a, nil
}

// setRatio sets the ratio or the cash amount of a row.
func setRatio(a *blotter.CorporateAction, r *row) (err error) {
	text := r.get("ratio")
	if first, second := r.get("rationew"), r.get("ratioold"); text == "" && first != "" && first != "0" {
		text = first + ":" + second
	}
	if text != "" {
		if a.RatioNew, a.RatioOld, err = blotter.ParseRatio(text); err != nil {
			return err
		}
	}

	if cash := r.get("cashamount", "cash", "amount"); cash != "" {
		amount, err := number("cash amount", cash)
		if err != nil {
			return err
		}
		a.CashAmount = &amount
	}
	switch {
	case a.Kind == "" && text != "" && a.RatioNew != a.RatioOld && a.NewSymbol == "" && a.CashAmount == nil:
		a.Kind = blotter.SplitKind(a.RatioNew, a.RatioOld)
	case a.Kind == "":
		return fmt.Errorf("the kind is missing, which is one of %s", kindList())
	case a.Kind == blotter.ActionSymbolChange && text == "":
		a.RatioNew = 1
		a.RatioOld = 1
	}
	return nil
}

func kindList() string {
	var names []string
	for _, kind := range blotter.ActionKinds {
		names = append(names, string(kind))
	}
	return strings.Join(names, ", ")
}

// stateIt ends the reason why a row is refused with the command that states what the file does not tell.
func stateIt(symbol string, exDate time.Time, kind blotter.ActionKind) string {
	return fmt.Sprintf("; state it: blotter actions add %s %s %s --ratio NEW:OLD", shell.Quote(symbol),
		exDate.Format(time.DateOnly), kind)
}
