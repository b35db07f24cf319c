package fillfile

import (
	"strings"

	"github.com/blotterdb/blotter"
)

// sides are the words for buying and selling, in lower case, in the languages of the known exports. Long and short are
// not among them, because they describe positions.
var sides = map[string]blotter.Side{}

func init() {
	for _, word := range strings.Fields("buy b bid bought bot purchase purchased koop köp kauf achat compra comprar acquisto kupno køb kjøp acquired kaufen bc cover buy_to_open buy_to_close buy_to_cover") {
		sides[word] = blotter.Buy
	}
	for _, word := range strings.Fields("sell s ask sold sld sale ss verkoop sälj verkauf vente venda venta vendita sprzedaż verkaufen salg sell_short sell_to_open sell_to_close") {
		sides[word] = blotter.Sell
	}
}

// sideOf returns the side that a word of brokers stands for, or "".
func sideOf(text string) blotter.Side {
	return sides[strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text)), " ", "_")]
}
