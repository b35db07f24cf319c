package fillfile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/fillfile"
)

const (
	flexOpening = `<Trade accountId="U31" currency="USD" assetCategory="OPT" symbol="SPX 5000 C" tradeID="1" ` +
		`multiplier="100" dateTime="20240304;110000" tradeDate="20240304" transactionType="ExchTrade" quantity="3" ` +
		`tradePrice="8.20" tradeMoney="2460" proceeds="-2460" ibCommission="-2.10" ibCommissionCurrency="USD" ` +
		`netCash="-2462.10" buySell="BUY" levelOfDetail="EXECUTION" />`
	flexExercise = `<Trade accountId="U31" currency="USD" assetCategory="OPT" symbol="SPX 5000 C" tradeID="2" ` +
		`multiplier="100" dateTime="20240315;162000" tradeDate="20240315" transactionType="BookTrade" quantity="-3" ` +
		`tradePrice="0" tradeMoney="0" proceeds="0" ibCommission="0" ibCommissionCurrency="USD" netCash="0" ` +
		`buySell="SELL" notes="Ex" levelOfDetail="EXECUTION" />`
	flexCash = `<OptionEAE accountId="U31" currency="USD" assetCategory="OPT" symbol="SPX 5000 C" multiplier="100" ` +
		`date="20240315" transactionType="Cash Settlement" quantity="0" tradePrice="0.0000" proceeds="3675.00" ` +
		`realizedPnl="1212.90" tradeID="" />`
	flexFunds = `<StatementOfFundsLine accountId="U31" currency="USD" assetCategory="OPT" symbol="SPX 5000 C" ` +
		`date="20240315" activityCode="CAS" amount="3675" />`

	flexShortOpening = `<Trade accountId="U31" currency="EUR" assetCategory="OPT" symbol="ODAX P" tradeID="3" ` +
		`multiplier="5" dateTime="20240304;110000" tradeDate="20240304" transactionType="ExchTrade" quantity="-2" ` +
		`tradePrice="110" netCash="1097" ibCommission="-3" buySell="SELL" levelOfDetail="EXECUTION" />`
	flexAssignment = `<Trade accountId="U31" currency="EUR" assetCategory="OPT" symbol="ODAX P" tradeID="4" ` +
		`multiplier="5" dateTime="20240315;130000" tradeDate="20240315" transactionType="BookTrade" quantity="2" ` +
		`tradePrice="0" netCash="0" ibCommission="0" buySell="BUY" notes="A" levelOfDetail="EXECUTION" />`
	flexShortCash = `<OptionEAE accountId="U31" currency="EUR" assetCategory="OPT" symbol="ODAX P" multiplier="5" ` +
		`date="20240315" transactionType="Cash Settlement" quantity="0" tradePrice="0" proceeds="-1505" ` +
		`realizedPnl="-408" tradeID="" />`
)

func flexStatement(elements ...string) string {
	return `<FlexQueryResponse><FlexStatements><FlexStatement accountId="U31"><A>` + strings.Join(elements, "\n") +
		`</A></FlexStatement></FlexStatements></FlexQueryResponse>`
}

// The cash of an option that is settled in cash stands in other sections than its trade. It is the price at which the
// option is closed.
func TestFlexCashSettlement(t *testing.T) {
	t.Parallel()
	const (
		opened   = "U31 2024-03-04T16:00:00Z buy 3 SPX 5000 C @ 8.2 x100 USD fee 2.1 id 1"
		closed   = "U31 2024-03-15T20:20:00Z sell 3 SPX 5000 C @ 12.25 x100 USD id 2"
		expired  = "U31 2024-03-15T20:20:00Z sell 3 SPX 5000 C @ 0 x100 USD id 2"
		written  = "U31 2024-03-04T16:00:00Z sell 2 ODAX P @ 110 x5 EUR fee 3 id 3"
		assigned = "U31 2024-03-15T17:00:00Z buy 2 ODAX P @ 150.5 x5 EUR id 4"
	)

	for _, test := range []struct {
		name     string
		elements []string
		want     []string
		rejected []string
	}{
		{"exercise", []string{flexOpening, flexExercise, flexCash, flexFunds}, []string{opened, closed}, nil},
		{
			name:     "cash before the trades",
			elements: []string{flexFunds, flexCash, flexExercise, flexOpening},
			want:     []string{opened, closed},
			rejected: nil,
		},
		{"statement of funds alone", []string{flexOpening, flexExercise, flexFunds}, []string{opened, closed}, nil},
		{
			name: "funds in the base currency too",
			elements: []string{
				flexOpening,
				flexExercise,
				flexCash,
				flexFunds,
				strings.Replace(flexFunds, `amount="3675"`, `amount="3675" levelOfDetail="BaseCurrency"`, 1),
			},
			want:     []string{opened, closed},
			rejected: nil,
		},
		{"of a position from before", []string{flexExercise, flexCash}, []string{closed}, nil},
		{"assignment", []string{flexShortOpening, flexAssignment, flexShortCash}, []string{written, assigned}, nil},
		{
			name:     "both",
			elements: []string{flexOpening, flexShortOpening, flexExercise, flexAssignment, flexShortCash, flexCash},
			want:     []string{opened, written, closed, assigned},
			rejected: nil,
		},
		{"without cash", []string{flexOpening, flexExercise}, []string{opened, expired}, nil},
		{
			name:     "expired beside it",
			elements: []string{flexOpening, strings.Replace(flexExercise, `notes="Ex"`, `notes="Ep"`, 1)},
			want:     []string{opened, expired},
			rejected: nil,
		},
		{
			name: "in two trades",
			elements: []string{
				strings.Replace(flexExercise, `"-3"`, `"-1"`, 1),
				strings.NewReplacer(`"-3"`, `"-2"`, `tradeID="2"`, `tradeID="22"`).Replace(flexExercise),
				flexCash,
			},
			want: []string{
				"U31 2024-03-15T20:20:00Z sell 1 SPX 5000 C @ 12.25 x100 USD id 2",
				"U31 2024-03-15T20:20:00Z sell 2 SPX 5000 C @ 12.25 x100 USD id 22",
			},
			rejected: nil,
		},
		{
			name:     "wrong sign",
			elements: []string{flexExercise, strings.Replace(flexCash, `"3675.00"`, `"-3675.00"`, 1)},
			want:     nil,
			rejected: []string{"the cash settlement of -3675 contradicts the quantity of -3"},
		},
		{
			name:     "funds say otherwise",
			elements: []string{flexExercise, flexCash, strings.Replace(flexFunds, "3675", "3600", 1)},
			want:     nil,
			rejected: []string{"the cash settlement is 3675, and the statement of funds says 3600"},
		},
		{
			name:     "the profit says otherwise",
			elements: []string{flexOpening, flexExercise, strings.Replace(flexCash, "1212.90", "1000.00", 1)},
			want:     []string{opened},
			rejected: []string{"the profit is 1212.9, and the file says 1000"},
		},
		{
			name:     "no exact price",
			elements: []string{flexExercise, strings.Replace(flexCash, "3675.00", "3675.01", 1)},
			want:     nil,
			rejected: []string{"the cash settlement of 3675.01 is not a multiple of 300"},
		},
		{
			name:     "without its trade",
			elements: []string{flexOpening, flexCash},
			want:     []string{opened},
			rejected: []string{"it is the cash of an exercise or assignment that this file does not list"},
		},
		{
			name:     "end without its trade",
			elements: []string{flexOpening, strings.Replace(flexCash, "Cash Settlement", "Expiration", 1)},
			want:     []string{opened},
			rejected: []string{"its trade is not listed"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := read(t, flexStatement(test.elements...), fillfile.Options{})
			if r.err != nil {
				t.Fatal(r.err)
			}
			compare(t, r, test.want, test.rejected, nil)
		})
	}
}

// The number of rows that are held back until a statement ends is bounded.
func TestFlexSettlementsAreBounded(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 100_002 {
		fmt.Fprintf(&text, `<Trade assetCategory="OPT" symbol="S" tradePrice="0" quantity="1" tradeID="%d" />`, i)
	}
	r := read(t, flexStatement(text.String()), fillfile.Options{})
	if r.err == nil || !strings.Contains(r.err.Error(), "more than 100000 ends of options") {
		t.Errorf("got %v", r.err)
	}
}
