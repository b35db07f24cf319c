package compare

import (
	"reflect"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
)

func decimal(text string) blotter.Decimal { return blotter.MustDecimal(text) }

func pointer(text string) *blotter.Decimal {
	d := decimal(text)
	return &d
}

func TestDifference(t *testing.T) {
	for _, test := range []struct {
		name                     string
		book, broker             string
		bookAverage, brokerPrice *blotter.Decimal
		digits                   int
		want                     Kind
	}{
		{name: "equal", book: "10", broker: "10.0"},
		{name: "only the broker has it", book: "0", broker: "10", want: Missing},
		{name: "only the book has it", book: "10", broker: "0", want: Extra},
		{name: "another quantity", book: "10", broker: "9", want: Different},
		{name: "another side", book: "10", broker: "-10", want: Different},
		{
			name: "an average that rounds up", book: "3", broker: "3", bookAverage: pointer("1.125"),
			brokerPrice: pointer("1.13"), digits: 2,
		},
		{
			name: "an average that rounds down", book: "3", broker: "3", bookAverage: pointer("1.125"),
			brokerPrice: pointer("1.12"), digits: 2,
		},
		{
			name: "another average", book: "3", broker: "3", bookAverage: pointer("1.125"),
			brokerPrice: pointer("1.14"), digits: 2, want: Average,
		},
		{name: "an average that the broker does not give", book: "3", broker: "3", bookAverage: pointer("1.125")},
	} {
		book := blotter.Position{Quantity: decimal(test.book), AvgPrice: test.bookAverage}
		broker := fillfile.Holding{Quantity: decimal(test.broker), AvgPrice: test.brokerPrice, Digits: test.digits}

		if got := difference("KO", book, broker).Kind; got != test.want {
			t.Errorf("%s: kind %q, want %q", test.name, got, test.want)
		}
	}
}

func TestRowsOfASymbolAreAddedUp(t *testing.T) {
	got := sumBySymbol([]fillfile.Holding{
		{Symbol: "KO", Quantity: decimal("10"), AvgPrice: pointer("1")},
		{Symbol: "PEP", Quantity: decimal("1"), AvgPrice: pointer("7")},
		{Symbol: "KO", Quantity: decimal("-4"), AvgPrice: pointer("2")},
	})

	ko, pep := got["KO"], got["PEP"]
	if !ko.Quantity.Equal(decimal("6")) || ko.AvgPrice != nil {
		t.Errorf("KO: %s at %v, want 6 without an average", ko.Quantity, ko.AvgPrice)
	}
	if !pep.Quantity.Equal(decimal("1")) || pep.AvgPrice == nil {
		t.Errorf("PEP: %s at %v, want 1 at 7", pep.Quantity, pep.AvgPrice)
	}
}

func TestClosedPositionsAreNotCompared(t *testing.T) {
	book := map[string]blotter.Position{"OPEN": {Quantity: decimal("1")}, "CLOSED": {}}
	broker := map[string]fillfile.Holding{"BROKER": {Quantity: decimal("1")}}
	if got := symbolsOf(book, broker); !reflect.DeepEqual(got, []string{"BROKER", "OPEN"}) {
		t.Errorf("symbols %v, want BROKER and OPEN", got)
	}
}
