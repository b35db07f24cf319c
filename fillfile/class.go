package fillfile

import (
	"regexp"
	"strings"

	"github.com/blotterdb/blotter/internal/tabular"
)

// class is the kind of an instrument, which decides the value of quantity x price.
type class string

// The classes. Shares, coins and unknown instruments are plain: their multiplier is 1.
const (
	plain     class = ""
	option    class = "option"
	future    class = "future"
	bond      class = "bond" // priced in percent
	cfd       class = "CFD"
	perpetual class = "PERP" // a contract without an end, beside the coin
	lots      class = "lots" // quantities count lots
)

// needsMultiplier reports whether the value of an instrument is not quantity x price, so that a multiplier is needed.
func (c class) needsMultiplier() bool { return c == option || c == future || c == bond || c == lots }

// classWords are words for the kinds of instruments. The first pattern that matches decides.
var classWords = []struct {
	class   class
	pattern *regexp.Regexp
}{
	{option, regexp.MustCompile(tabular.AnyOf(`option ^opt$ ^call$ ^put$ ^fop$ ^optidx$ ^optstk$ ^optn$ ^warrant`))},
	{future, regexp.MustCompile(tabular.AnyOf(`future ^fut$ ^futidx$ ^futstk$ ^futcom$`))},
	{bond, regexp.MustCompile(tabular.AnyOf(`bond treasury fixed\sincome ^bill$ ^anleihe$ ^obligation$ ^note$`))},
	{cfd, regexp.MustCompile(`cfd|contract for difference`)},
	{perpetual, regexp.MustCompile(`perpetual|^perp$|^swap$`)},
	{plain, regexp.MustCompile(tabular.AnyOf(`stock equity etf share fund crypto ordinary preferred forex ^stk$ ^eq$
		^security$ ^aktien?$ ^spot$ ^reit$ ^adr$ ^be$ ^common$ ^fx$ ^currency$ ^coin$ ^token$ ^linear$`))},
}

// classOf returns the class that a word of a file stands for. known is false for other words.
func classOf(text string) (is class, known bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	for _, words := range classWords {
		if words.pattern.MatchString(text) {
			return words.class, true
		}
	}
	return plain, false
}
