package fillfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/internal/sqltext"
)

// The kinds of rows that are not fills. An unknown word is its own kind.
const (
	kindDividend   = "dividend"
	kindTax        = "tax"
	kindInterest   = "interest payment"
	kindFee        = "fee"
	kindDeposit    = "deposit"
	kindWithdrawal = "withdrawal"
	kindTransfer   = "transfer"
	kindConversion = "currency conversion"
	kindSplit      = "split"
	kindCorporate  = "corporate action"
	kindReward     = "reward"
	kindCard       = "card payment"
	kindSummary    = "summary"
	kindOrder      = "order that did not fill"
)

// words are searched for in this order, in the languages of the known exports.
var words = []struct {
	kind string
	any  []string
}{
	{"CFD result", []string{"profit/loss", "profit of position"}},
	{"conversion", []string{"convert"}},
	{
		kind: kindCorporate,
		any: []string{
			"stock div", "stock distribution", "stock dividend", "spin", "merger", "name change", "conversion of",
			"productwijziging", "product change", "cambio de producto", "mudança de produto", "changement de produit",
			"isin change", "corporate action kosten",
		},
	},
	{"cash fund change", []string{"fonds monétaires", "cash fund", "money market fund", "geldmarktfonds"}},
	{
		kind: kindTax,
		any: []string{
			"tax", "withholding", "skatt", "belasting", "impôt", "impuesto", "imposto", "steuer", "withheld",
		},
	},
	{kindInterest, []string{"interest", "ränta", "rente", "zinsen", "juros", "interés", "intérêt", "odsetki"}},
	{kindSplit, []string{"split"}},
	{
		kind: kindDividend,
		any: []string{
			"dividend", "utdelning", "dividende", "dividendo", "div ", " div", "payment in lieu", "cap gain",
			"ausschüttung", "dywidenda", "distribution",
		},
	},
	{kindCard, []string{"card", "spending", "cashback"}},
	{kindReward, []string{"reward", "staking", "airdrop", "learning", "freeshare", "free share", "bonus", "referral"}},
	{
		kind: kindConversion,
		any: []string{
			"forex", "valuta", "currency conversion", "fx credit", "fx debit", "fx translation", "cambio de divisa",
			"crédito de divisa", "crã©dito de divisa", "levantamento de divisa", "divisa", "währungswechsel",
			"opération de change", "exchange rate",
		},
	},
	{
		kind: kindFee,
		any: []string{
			"fee", "kosten", "commission", "comissões", "frais", "avgift", "costes", "swap", "gebühr", "charge",
			"opłata",
		},
	},
	{
		kind: kindDeposit,
		any: []string{
			"deposit", "insättning", "top-up", "top_up", "topup", "storting", "einzahlung", "ingreso", "wpłata",
			"funds received",
		},
	},
	{
		kind: kindWithdrawal,
		any: []string{
			"withdraw", "uttag", "terugstorting", "auszahlung", "retirada", "wypłata", "wire sent",
			"processed flatex withdrawal",
		},
	},
	{
		kind: kindTransfer,
		any:  []string{"transfer", "overboeking", "journal", "send", "sent", "receive", "moneylink", "cash sweep"},
	},
	{
		kind: kindCorporate,
		any: []string{
			"corporate", "acquisition", "exchange", "expired", "assigned", "exercise", "in lieu", "conversion",
		},
	},
}

// kindOf returns the kind of a row that is described by texts.
func kindOf(texts ...string) string {
	if kind := knownKind(strings.Join(texts, " ")); kind != "" {
		return kind
	}
	first := strings.TrimSpace(strings.ToLower(cmp.Or(texts...)))
	if first == "" {
		return "row without a type"
	}
	return clip(sqltext.Storable(first))
}

// knownKind returns the kind that words tell, or "".
func knownKind(text string) string {
	text = strings.ToLower(text)
	for _, w := range words {
		if slices.ContainsFunc(w.any, func(word string) bool { return strings.Contains(text, word) }) {
			return w.kind
		}
	}
	return ""
}

// movement returns the kind of a deposit or a withdrawal, by the sign of its amount.
func movement(amount string) string {
	if strings.HasPrefix(strings.TrimSpace(amount), "-") {
		return kindWithdrawal
	}
	return kindDeposit
}

// kindsMax is the most kinds that are counted apart. The rest count as one.
const kindsMax = 100

// countOther counts a row that is not a fill.
func (f *File) countOther(kind string) {
	if _, known := f.Others[kind]; !known && len(f.Others) >= kindsMax {
		kind = "other row"
	}
	f.Others[kind]++
}

// describe lists kinds, the most frequent first: "5 dividends, 3 deposits".
func describe(others map[string]int64) string {
	kinds := make([]string, 0, len(others))
	for kind := range others {
		kinds = append(kinds, kind)
	}
	slices.SortFunc(kinds, func(a, b string) int {
		return cmp.Or(cmp.Compare(others[b], others[a]), cmp.Compare(a, b))
	})
	for i, kind := range kinds {
		kinds[i] = plural(others[kind], kind)
	}
	return strings.Join(kinds, ", ")
}

func plural(n int64, word string) string {
	switch {
	case n == 1:
		return "1 " + word
	case strings.Contains(word, " that ") || strings.Contains(word, " whose "):
		noun, rest, _ := strings.Cut(word, " ")
		return plural(n, noun) + " " + rest
	case strings.HasSuffix(word, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(word, "y"))
	case strings.HasSuffix(word, "x"):
		return fmt.Sprintf("%d %ses", n, word)
	case strings.HasSuffix(word, "s"):
		return fmt.Sprintf("%d %s", n, word)
	}

	return fmt.Sprintf("%d %ss", n, word)
}

// Summary tells what Fills found: "12 fills, 1 rejected; left out: 5 dividends, 3 deposits".
func (f *File) Summary() string {
	text := plural(f.Count, "fill")
	if f.Rejected > 0 {
		text += fmt.Sprintf(", %d rejected", f.Rejected)
	}
	if f.Rounded > 0 {
		text += fmt.Sprintf(", %d rounded", f.Rounded)
	}
	if len(f.Others) > 0 {
		text += "; left out: " + describe(f.Others)
	}
	return text
}
