package fillfile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
)

// result holds everything that a file yields.
type result struct {
	file     *fillfile.File
	fills    []fillfile.Fill
	rejected []*blotter.RejectedRow
	err      error
}

func read(t *testing.T, text string, opts fillfile.Options) result {
	t.Helper()
	file, err := fillfile.Read(strings.NewReader(text), "file", opts)
	if err != nil {
		return result{err: err}
	}

	return collect(t, file)
}

// collect reads all fills of a file, and checks that they are valid trades.
func collect(t *testing.T, file *fillfile.File) result {
	t.Helper()
	r := result{file: file}
	for fill, err := range file.Fills() {
		var rejected *blotter.RejectedRow
		switch {
		case errors.As(err, &rejected):
			r.rejected = append(r.rejected, rejected)
		case err != nil:
			r.err = err
		default:
			r.fills = append(r.fills, fill)
			if err := fill.Check(); err != nil && !fill.Ends {
				t.Errorf("line %d is not a valid trade: %v", fill.Line, err)
			}
		}
	}

	return r
}

// describe writes a fill in one line: account, time, side, quantity, symbol, price, and what else there is.
func describe(f fillfile.Fill) string {
	side := string(f.Side)
	if f.Ends {
		side = "ends"
	}

	text := fmt.Sprintf("%s %s %s %s %s @ %s", f.AccountID,
		f.ExecutedAt.Format("2006-01-02T15:04:05.999999999Z07:00"), side, f.Quantity, f.Symbol, f.Price)
	if f.NoMultiplier {
		text += " no multiplier"
	}
	if !f.Multiplier.IsZero() {
		text += " x" + f.Multiplier.String()
	}
	if f.Currency != "" {
		text += " " + f.Currency
	}

	if !f.Commission.IsZero() {
		text += " fee " + f.Commission.String()
		if f.CommissionCurrency != f.Currency {
			text += " " + f.CommissionCurrency
		}
	}

	for _, fee := range f.OtherFees {
		text += " and " + fee.Amount.String() + " " + fee.Currency
	}

	if f.SettlementDate != nil {
		text += " settles " + f.SettlementDate.Format("2006-01-02")
	}
	if f.Strategy != "" {
		text += " strategy " + f.Strategy
	}
	if f.OrderRef != "" {
		text += " order " + f.OrderRef
	}
	if strings.HasPrefix(f.TradeID, "h-") {
		return text
	}

	return text + " id " + f.TradeID
}

// compare compares the fills and rejected rows of a file with the wanted ones.
func compare(t *testing.T, r result, fills, rejected []string, others map[string]int64) {
	t.Helper()
	for i := range max(len(fills), len(r.fills)) {
		got, want := "nothing", "nothing"
		if i < len(r.fills) {
			got = describe(r.fills[i])
		}
		if i < len(fills) {
			want = fills[i]
		}
		if got != want {
			t.Errorf("fill %d\ngot  %s\nwant %s", i, got, want)
		}
	}

	for i := range max(len(rejected), len(r.rejected)) {
		switch {
		case i >= len(rejected):
			t.Errorf("rejected, and should not be: %v", r.rejected[i])
		case i >= len(r.rejected):
			t.Errorf("not rejected: %s", rejected[i])
		case !strings.Contains(r.rejected[i].Error(), rejected[i]):
			t.Errorf("rejected %v, want %s", r.rejected[i], rejected[i])
		}
	}

	if fmt.Sprint(r.file.Others) != fmt.Sprint(others) && len(r.file.Others)+len(others) > 0 {
		t.Errorf("others %v, want %v", r.file.Others, others)
	}
	if r.file.Count != int64(len(r.fills)) || r.file.Rejected != int64(len(r.rejected)) {
		t.Errorf("%d and %d are counted, %d and %d came", r.file.Count, r.file.Rejected, len(r.fills), len(r.rejected))
	}
}
