package tabular

import "strings"

// ByWord returns the value of each word in lists of words: {Buy: "buy bought"} becomes {"buy": Buy, "bought": Buy}.
func ByWord[V comparable](lists map[V]string) map[string]V {
	values := map[string]V{}
	for value, list := range lists {
		for _, word := range strings.Fields(list) {
			values[word] = value
		}
	}
	return values
}

// AnyOf joins patterns that are divided by blanks into a regular expression that matches any of them.
func AnyOf(lists ...string) string {
	return "(?:" + strings.Join(strings.Fields(strings.Join(lists, " ")), "|") + ")"
}
