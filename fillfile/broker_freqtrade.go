package fillfile

// A back test of freqtrade: each closed trade is an entry and an exit. Its numbers are binary floats, whose digits no
// product can keep, so they are rounded to the eight of an exchange unless Options.Round says otherwise.
var freqtrade = &layout{
	name:        "freqtrade",
	title:       "freqtrade back test, simulated",
	zone:        "UTC",
	simulated:   true,
	round:       8,
	anyCurrency: true,
	inside:      "trades",
	needs:       []string{"pair", "amount", "openrate", "closerate", "opendate", "closedate"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		if n := len(r.within); n == 0 || r.within[n-1] != "trades" || r.get("pair") == "" {
			return nil, "", nil // statistics
		}
		entry, exit := "buy", "sell"
		if r.get("isshort") == "true" {
			entry, exit = exit, entry
		}
		fills := []draft{freqtradeFill(r, "open", entry)}
		if r.get("isopen") != "true" {
			fills = append(fills, freqtradeFill(r, "close", exit))
		}
		return fills, "", nil
	},
}

// freqtradeFill returns one end of a trade. The fee is a rate, or a cost if the file has it.
func freqtradeFill(r *row, end, side string) draft {
	pair, rate := r.get("pair"), r.get(end+"rate")
	cost := fee{amount: r.get("fee" + end + "cost"), currency: r.get("fee" + end + "currency")}
	if cost.amount == "" {
		cost = fee{currency: quoteOf(pair)}
		if r.get("fee"+end) != "" {
			cost.amount = exactProduct(r.get("amount"), rate, r.get("fee"+end))
		}
	}

	d := draft{
		at:       r.get(end + "date"),
		symbol:   pair,
		side:     side,
		quantity: r.get("amount"),
		price:    rate,
		currency: quoteOf(pair),
		fees:     []fee{cost},
	}

	if n := len(r.within); n >= 2 && r.within[0] == "strategy" {
		d.strategy = r.within[n-2]
	}

	return d
}
