package fillfile

import (
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/tabular"
)

// sides are the words for buying and selling, in lower case, in the languages of the known exports. Long and short are
// not among them, because they describe positions.
var sides = tabular.ByWord(map[blotter.Side]string{
	blotter.Buy: `buy b bid bought bot purchase purchased acquired bc cover buy_to_open buy_to_close buy_to_cover
		koop köp kauf kaufen achat compra comprar acquisto kupno køb kjøp`,
	blotter.Sell: `sell s ask sold sld sale ss sell_short sell_to_open sell_to_close
		verkoop sälj verkauf verkaufen vente venda venta vendita sprzedaż salg`,
})

// sideOf returns the side that a word of brokers stands for, or "".
func sideOf(text string) blotter.Side {
	return sides[strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text)), " ", "_")]
}
