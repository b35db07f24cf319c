package tidy

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// phrase is a construction that a native speaker would hardly write. A match is excused if unless, which is optional,
// matches it together with the characters around it.
type phrase struct {
	pattern string
	unless  string
	instead string
}

// phrases come from the project's rules for its language. A pattern is as narrow as it must be to spare good English;
// where that is not possible, it is left out.
var phrases = []phrase{
	{`\banew\b|\bafresh\b`, ``, `again, rebuilt`},
	{`\bbut for\b`, ``, `except`},
	{`\bsave (for|that|where|when|in the|of)\b`, ``, `except`},
	{`\b([Aa]ll|[Aa]nything|[Nn]othing|[Nn]obody|[Nn]one|[Ee]very\w*|no \w+),? save\b`, ``, `except`},
	{`[;,] else\b|(^|[.?!] |\n)Else\b`, ``, `otherwise`},
	{`\bno more([.,;:)\n]|$)`, ``, `no longer, not any more`},
	{
		`\b(is|are|was|were|be|been|being) none\b`,
		`\bthere \w+ (been )?none|none (of|at all|but)\b`,
		`is invalid, is not one`,
	},
	{
		`\b(is|are|was|were|be|been|being) no\b`,
		`\bthere (\w+ )?(is|are|was|were|be|been) no|\bno (longer|more|one|matter|different|good|\w+er) ?`,
		`is not a`,
	},
	{
		`, for (it|they|he|she|there|nobody|nothing|its|their|no|this|these|those|what) ([\w']+ )?` +
			`(is|are|was|were|has|have|had|does|do|did|may|can|could|must|would|will|says?|knows?|cannot|needs?)\b`,
		``, `because`,
	},
	{
		`[,;] for (the|an?) \w+ ` +
			`(is|are|was|were|has|have|does|do|did|may|can|could|must|would|will|cannot|says?)\b`,
		``, `because`,
	},
	{
		`(^|[.?!] |\n)(What|Who|Whose|Whom|Which of|Whoever)\b[^.?!\n]*([.!\n]|$)`,
		``, `a noun as the subject`,
	},
	{
		`(^|[.?!] |\n)[A-Za-z]+ (is|are) (what|who|whom|whose)\b`,
		`\b(This|That|It|Here|These) (is|are)`, `a noun or a verb`,
	},
	{
		`\b(who|whom)ever (is|has|may|can|wants?|does|asks?|reads?|writes?|holds?|knows?|needs?)\b`,
		``, `a noun`,
	},
	{
		`(^|[.?!;,] |\n)([Ss]hould|[Hh]ad|[Ww]ere) (the|an?|it|they|another|one|both|nobody)\b[^?\n]*?[,.;]`,
		``, `if`,
	},
	{
		`\bfrom when on\b|\bhowever (often|many|much|long|few)\b|\bbecomes? of\b|\byet too\b|\bmust not mind\b`,
		``, `plain words`,
	},
	{`\bof which there\b|\bthere (is|are) not([.,;:)\n]|$)`, ``, `shorter sentences`},
	{
		`\b(thereof|whereof|therein|therefrom|whereupon|thereupon|whence|thence|hitherto|lest|nought|naught)\b`,
		``, `plain words`,
	},
	{
		`\bas (it|they|he|\w+) (has|have|had|says?|does|do|did) (it|them)\b`,
		`\b(same|soon|long|far|much|well|often) as`, `as in`,
	},
	{`\b(is|are|was|were|be|been|as) told\b|\btold apart\b`, ``, `named, given, distinguished`},
	{`\b(this|that|these|those|the) one alone\b|\b(this|theirs|his|mine) alone\b`, ``, `only`},
	{`\bcontradicts? (itself|themselves)\b`, ``, `the contradiction itself`},
	{`\bwants? --\w|: want (one|none)\b`, ``, `requires`},
	{
		`\b(waits?|asks?|says?|knows?|holds|tells?) (for )?(nobody|nothing|none)\b`,
		`\bnothing (to|but|else|about|more|of)\b`, `a negated verb`,
	},
	{`\b(nothing|nobody) (tells?|says?|knows?|asks?|wants?|minds?)\b`, ``, `a noun and a plain verb`},
	{
		`\b(those|that|any|one|some|all) of (whom|whose)\b|\b(in|by|of|with|to) (whom|whose)\b`,
		``, `shorter sentences`,
	},
	{`\b(are|is) (his|theirs|hers)\b`, ``, `name the thing`},
	{`\b(his|her|him|himself|he|she)\b`, ``, `its, the caller, the user`},
	{`\b(a|one|no|any|another) filling\b`, ``, `trade`},
}

// matchers are the compiled phrases.
var matchers = func() []matcher {
	var all []matcher
	for _, p := range phrases {
		m := matcher{pattern: regexp.MustCompile(p.pattern), instead: p.instead}
		if p.unless != "" {
			m.unless = regexp.MustCompile(p.unless)
		}
		all = append(all, m)
	}

	return all
}()

type matcher struct {
	pattern *regexp.Regexp
	unless  *regexp.Regexp
	instead string
}

// Match is a stilted phrase in a text.
type Match struct {
	Offset  int // in bytes
	Phrase  string
	Instead string
}

// Stilted returns the stilted phrases of a text in the order in which they stand. A single line break counts as a
// space; an empty line ends a paragraph.
func Stilted(text string) []Match {
	flat := joinLines(text)

	var matches []Match
	for _, m := range matchers {
		for _, at := range m.pattern.FindAllStringIndex(flat, -1) {
			around := flat[max(0, at[0]-20):min(len(flat), at[1]+20)]
			if m.unless != nil && m.unless.MatchString(around) {
				continue
			}

			found := strings.TrimLeft(flat[at[0]:at[1]], ".?!;, \n")
			matches = append(matches, Match{at[1] - len(found), shorten(found), m.instead})
		}
	}

	slices.SortStableFunc(matches, func(a, b Match) int { return cmp.Compare(a.Offset, b.Offset) })

	return matches
}

// joinLines replaces single line breaks by spaces, byte for byte, so that offsets stay valid.
func joinLines(text string) string {
	flat := []byte(text)
	for i, b := range flat {
		first := i > 0 && text[i-1] == '\n'
		last := i+1 == len(flat) || text[i+1] == '\n'
		if b == '\n' && !first && !last {
			flat[i] = ' '
		}
	}

	return string(flat)
}

func shorten(phrase string) string {
	const limit = 60
	phrase = strings.TrimSpace(phrase)
	if runes := []rune(phrase); len(runes) > limit {
		return string(runes[:limit]) + "..."
	}

	return phrase
}
