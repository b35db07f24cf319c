package actionfile

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/tabular"
)

// readJSON reads an answer of Alpaca or Polygon.
func (f *File) readJSON(r *bufio.Reader) error {
	reader := tabular.NewJSONReader(r, jsonKeysMax)
	var record tabular.Record
	isKnown := false
	for {
		err := reader.Next(&record)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return tabular.Error(f.name(), err.Error())
		}

		r := &row{line: record.Line, raw: string(record.Raw), names: plainNames(record.Keys), group: groupOf(&record)}
		for _, cell := range record.Cells {
			r.cells = append(r.cells, string(cell))
		}
		known, err := f.readObject(r)
		if err != nil {
			return err
		}
		isKnown = isKnown || known
	}
	if !isKnown {
		return f.notActions("its JSON is not an answer of Alpaca or Polygon about corporate actions")
	}
	return nil
}

// groupOf returns the name around a record, in the singular: "forward_split" for an element of "forward_splits".
func groupOf(record *tabular.Record) string {
	name := record.Key
	if name == "" && len(record.Within) > 0 {
		name = record.Within[len(record.Within)-1]
	}
	return strings.TrimSuffix(name, "s")
}

// readObject reads an object, and reports whether it is of a known layout.
func (f *File) readObject(r *row) (known bool, err error) {
	switch {
	case hasAll(r.names, []string{"ticker", "executiondate", "splitfrom", "splitto"}):
		f.begin("Polygon splits", "polygon")
		return true, f.polygonSplit(r)
	case hasAll(r.names, []string{"ticker", "exdividenddate", "cashamount"}):
		f.begin("Polygon dividends", "polygon")
		return true, f.polygonDividend(r)
	}

	read := alpacaGroups[r.group]
	if read == nil {
		return false, nil
	}
	f.begin("Alpaca corporate actions", "alpaca")
	return true, read(f, r)
}

func (f *File) polygonSplit(r *row) error {
	a, err := ratedAction(r, "ticker", "executiondate", "splitto", "splitfrom")
	if err != nil {
		f.refuse(r, a.Symbol, err.Error())
		return nil
	}
	return f.add(r, a, "")
}

// polygonDividend reads a dividend. A special one is paid beside the usual one.
func (f *File) polygonDividend(r *row) error {
	a, err := cashAction(r, "ticker", "exdividenddate", "cashamount")
	if err != nil {
		f.refuse(r, a.Symbol, err.Error())
		return nil
	}
	return f.add(r, a, r.get("dividendtype"))
}

// alpacaGroups are the kinds of corporate actions in Alpaca's answers.
var alpacaGroups = map[string]func(f *File, r *row) error{
	"forward_split": func(f *File, r *row) error { return f.alpacaSplit(r) },
	"reverse_split": func(f *File, r *row) error { return f.alpacaSplit(r) },
	"cash_dividend": func(f *File, r *row) error {
		a, err := cashAction(r, "symbol", "exdate", "rate")
		if err != nil {
			f.refuse(r, a.Symbol, err.Error())
			return nil
		}
		return f.add(r, a, r.get("special"))
	},
	"stock_dividend": (*File).alpacaStockDividend,
	"name_change":    (*File).alpacaNameChange,
	"stock_merger":   (*File).alpacaMerger,
	"cash_merger":    func(f *File, _ *row) error { f.Others["merger for cash"]++; return nil },
	"stock_and_cash_merger": func(f *File, r *row) error {
		f.refuse(r, r.get("acquireesymbol"), "a merger for stock and cash; book it with blotter positions adjust")
		return nil
	},
	"spin_off":            func(f *File, _ *row) error { f.Others["spin-off"]++; return nil },
	"unit_split":          func(f *File, _ *row) error { f.Others["split of units"]++; return nil },
	"redemption":          func(f *File, _ *row) error { f.Others["redemption"]++; return nil },
	"worthless_removal":   func(f *File, _ *row) error { f.Others["removal of a worthless share"]++; return nil },
	"rights_distribution": func(f *File, _ *row) error { f.Others["distribution of rights"]++; return nil },
}

func (f *File) alpacaSplit(r *row) error {
	a, err := ratedAction(r, "symbol", "exdate", "newrate", "oldrate")
	if err != nil {
		f.refuse(r, a.Symbol, err.Error())
		return nil
	}
	return f.add(r, a, "")
}

// alpacaStockDividend reads new shares for each share that is held: a rate of 0.05 is 21:20.
func (f *File) alpacaStockDividend(r *row) error {
	symbol := strings.ToUpper(r.get("symbol"))
	exDate, err := date(r.get("exdate"))
	if err != nil {
		f.refuse(r, symbol, err.Error())
		return nil
	}
	rate, err := number("rate", r.get("rate"))
	if err != nil {
		f.refuse(r, symbol, err.Error())
		return nil
	}

	found, err := ratioOf(rate.Add(blotter.MustDecimal("1")))
	if err != nil {
		f.refuse(r, symbol, err.Error())
		return nil
	}
	return f.add(r, blotter.CorporateAction{
		Symbol: symbol, ExDate: exDate, Kind: blotter.ActionStockDividend, RatioNew: found.new, RatioOld: found.old,
	}, "")
}

// alpacaNameChange reads a change of symbol. Some changes are of the CUSIP only.
func (f *File) alpacaNameChange(r *row) error {
	a := blotter.CorporateAction{
		Symbol: strings.ToUpper(r.get("oldsymbol")), NewSymbol: strings.ToUpper(r.get("newsymbol")),
		Kind: blotter.ActionSymbolChange, RatioNew: 1, RatioOld: 1,
	}
	if a.Symbol == a.NewSymbol {
		f.Others["change of a name without a new symbol"]++
		return nil
	}

	var err error
	if a.ExDate, err = date(r.get("processdate")); err != nil {
		f.refuse(r, a.Symbol, err.Error())
		return nil
	}
	return f.add(r, a, "")
}

func (f *File) alpacaMerger(r *row) error {
	a, err := ratedAction(r, "acquireesymbol", "effectivedate", "acquirerrate", "acquireerate")
	if err != nil {
		f.refuse(r, a.Symbol, err.Error())
		return nil
	}
	a.Kind = blotter.ActionMerger
	a.NewSymbol = strings.ToUpper(r.get("acquirersymbol"))
	return f.add(r, a, "")
}

// ratedAction reads a split from columns for the new shares and the old ones.
func ratedAction(r *row, symbol, exDate, newRate, oldRate string) (a blotter.CorporateAction, err error) {
	a.Symbol = strings.ToUpper(r.get(symbol))
	if a.ExDate, err = date(r.get(exDate)); err != nil {
		return a, err
	}
	newShares, err := number(newRate, r.get(newRate))
	if err != nil {
		return a, err
	}
	oldShares, err := number(oldRate, r.get(oldRate))
	if err != nil {
		return a, err
	}

	found, err := ratioOfRates(newShares, oldShares)
	a.RatioNew = found.new
	a.RatioOld = found.old
	a.Kind = blotter.SplitKind(found.new, found.old)
	return a, err
}

// ratioOfRates returns the ratio of two numbers of shares. One of them may be a decimal, beside 1.
func ratioOfRates(newShares, oldShares blotter.Decimal) (ratio, error) {
	n, d := blotter.Rational(newShares), blotter.Rational(oldShares)
	one := blotter.MustDecimal("1")

	switch {
	case n.Sign() <= 0 || d.Sign() <= 0:
		return ratio{}, errors.New("a rate is not above 0")
	case n.IsInt() && d.IsInt():
		found, ok := terms(n.Quo(n, d), blotter.ActionRatioMax)
		if !ok {
			return ratio{}, errors.New("a rate is above 1000000")
		}
		return found, nil
	case oldShares.Equal(one):
		return ratioOf(newShares)
	case newShares.Equal(one):
		found, err := ratioOf(oldShares)
		return ratio{found.old, found.new}, err
	}
	return ratio{}, errors.New("the rates " +
		newShares.String() + " and " + oldShares.String() + " do not make a plain ratio")
}

// cashAction reads a cash dividend.
func cashAction(r *row, symbol, exDate, amount string) (a blotter.CorporateAction, err error) {
	a.Symbol = strings.ToUpper(r.get(symbol))
	a.Kind = blotter.ActionCashDividend
	a.Currency = strings.ToUpper(r.get("currency"))
	if a.ExDate, err = date(r.get(exDate)); err != nil {
		return a, err
	}
	cash, err := number(amount, r.get(amount))
	a.CashAmount = &cash
	return a, err
}
