package barfile

// KindOf returns what columns of these names, or rows without names, hold: "bars", "orders", "quotes", ..., or "" if
// that is unknown.
func KindOf(cells [][]byte) string {
	if _, missing := named(cells); missing == "" {
		return "bars"
	}
	if kind := otherKind(cells); kind != "" {
		return kind
	}
	return otherRows(cells)
}

// KindWithin returns what a JSON file holds inside of objects and arrays of these names, or "" if that is unknown.
func KindWithin(names []string) string {
	for _, name := range names {
		if kind := otherParts[plainName([]byte(name))]; kind != "" {
			return kind
		}
	}
	return ""
}
