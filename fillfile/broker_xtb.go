package fillfile

import (
	"errors"
	"regexp"
	"strings"
)

// xtbComment is a fill of XTB: what was opened or closed, how much of how much, and the price.
var xtbComment = regexp.MustCompile(`^(OPEN|CLOSE) (BUY|SELL) ([\d.]+)(?:/[\d.]+)? @ (-?[\d.]+)$`)

// XTB keeps what was bought in a comment. To close what was bought is to sell it.
var xtb = &layout{
	name: "xtb", title: "XTB CSV", dateOrder: "dmy",
	needs: []string{"id", "type|typ", "time|czas", "symbol", "comment|komentarz", "amount|kwota"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		comment, kind := r.get("comment", "komentarz"), r.get("type", "typ")
		found := xtbComment.FindStringSubmatch(comment)
		switch {
		case found == nil && strings.Contains(comment, "@"):
			return nil, "", errors.New("the comment tells no side, quantity and price: " + clip(comment))
		case found == nil:
			return nil, kindOf(kind), nil
		}

		side := found[2]
		if found[1] == "CLOSE" {
			side = map[string]string{"BUY": "sell", "SELL": "buy"}[side]
		}

		return []draft{{
			id:       r.get("id"),
			at:       r.get("time", "czas"),
			symbol:   r.get("symbol"),
			side:     side,
			quantity: found[3],
			price:    found[4],
		}}, "", nil
	},
}
