package fillfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/barfile"
)

// The kinds of rows that are no fills, as far as words tell. A word that is not known stands for itself.
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

// words are looked for in this order, in the languages of the exports that are known.
var words = []struct {
	kind string
	any  []string
}{
	{"CFD result", []string{"profit/loss", "profit of position"}},
	{"conversion", []string{"convert"}},
	{kindCorporate, []string{"stock div", "stock distribution", "stock dividend", "spin", "merger", "name change",
		"conversion of", "productwijziging", "product change", "cambio de producto", "mudança de produto", "changement de produit", "isin change", "corporate action kosten"}},
	{"cash fund change", []string{"fonds monétaires", "cash fund", "money market fund", "geldmarktfonds"}},
	{kindTax, []string{"tax", "withholding", "skatt", "belasting", "impôt", "impuesto", "imposto", "steuer",
		"withheld"}},
	{kindInterest, []string{"interest", "ränta", "rente", "zinsen", "juros", "interés", "intérêt", "odsetki"}},
	{kindSplit, []string{"split"}},
	{kindDividend, []string{"dividend", "utdelning", "dividende", "dividendo", "div ", " div", "payment in lieu",
		"cap gain", "ausschüttung", "dywidenda", "distribution"}},
	{kindCard, []string{"card", "spending", "cashback"}},
	{kindReward, []string{"reward", "staking", "airdrop", "learning", "freeshare", "free share", "bonus", "referral"}},
	{kindConversion, []string{"forex", "valuta", "currency conversion", "fx credit", "fx debit", "fx translation",
		"cambio de divisa", "crédito de divisa", "crã©dito de divisa", "levantamento de divisa", "divisa", "währungswechsel", "opération de change", "exchange rate"}},
	{kindFee, []string{"fee", "kosten", "commission", "comissões", "frais", "avgift", "costes", "swap", "gebühr",
		"charge", "opłata"}},
	{kindDeposit, []string{"deposit", "insättning", "top-up", "top_up", "topup", "storting", "einzahlung", "ingreso",
		"wpłata", "funds received"}},
	{kindWithdrawal, []string{"withdraw", "uttag", "terugstorting", "auszahlung", "retirada", "wypłata", "wire sent",
		"processed flatex withdrawal"}},
	{kindTransfer, []string{"transfer", "overboeking", "journal", "send", "sent", "receive", "moneylink",
		"cash sweep"}},
	{kindCorporate, []string{"corporate", "acquisition", "exchange", "expired", "assigned", "exercise", "in lieu",
		"conversion"}},
}

// kindOf is the kind of a row that is called so.
func kindOf(texts ...string) string {
	if kind := knownKind(strings.Join(texts, " ")); kind != "" {
		return kind
	}
	first := strings.TrimSpace(strings.ToLower(or(texts...)))
	if first == "" {
		return "row without a type"
	}
	return clip(barfile.Storable(first))
}

// knownKind is the kind that words tell, or "".
func knownKind(text string) string {
	text = strings.ToLower(text)
	for _, w := range words {
		if slices.ContainsFunc(w.any, func(word string) bool { return strings.Contains(text, word) }) {
			return w.kind
		}
	}
	return ""
}

// movement is a deposit or a withdrawal, by the sign of its amount.
func movement(amount string) string {
	if strings.HasPrefix(strings.TrimSpace(amount), "-") {
		return kindWithdrawal
	}
	return kindDeposit
}

// kindsMax is how many kinds are told apart; the rest count as one.
const kindsMax = 100

// countOther counts a row that is no fill.
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

// Summary says what Fills found: "12 fills, 1 rejected; left out: 5 dividends, 3 deposits".
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
