package postgres

import (
	"strings"
	"sync"
	"sync/atomic"
)

// plainVerbs begin the statements that leave nothing on a connection once their transaction has ended.
var plainVerbs = map[string]bool{
	"select": true, "with": true, "values": true, "table": true,
	"insert": true, "update": true, "delete": true, "merge": true,
}

// leftovers are pieces of SQL with which even such a statement may leave something on the connection: a setting, a
// session lock, a temporary table, or any of these through SQL in a string.
var leftovers = []string{
	"set_config", "advisory", "temp", "to_xml", "dblink", "ts_stat", "ts_rewrite", "pg_settings", `u&"`,
}

// isPlain reports whether the statement is one query or data change that leaves nothing on the connection. It errs on
// the safe side, and therefore looks into literals as well: a statement that is not plain costs a reset of the
// connection when it is released, and a round trip to begin its transaction.
func isPlain(sql string) bool {
	if known, found := plainTexts.Load(sql); found {
		return known.(bool)
	}
	plain := readsPlain(sql)
	if plainCount.Add(1) > plainTextsMax {
		plainTexts.Clear()
		plainCount.Store(1)
	}
	plainTexts.Store(sql, plain)
	return plain
}

// plainTexts remembers the results of isPlain: programs repeat their statements, and reading one takes longer than
// sending it. Beyond plainTextsMax, all are forgotten.
var (
	plainTexts sync.Map
	plainCount atomic.Int64
)

const plainTextsMax = 2_000

func readsPlain(sql string) bool {
	if !plainVerbs[firstWord(sql)] {
		return false
	}

	if semicolon := strings.IndexByte(sql, ';'); semicolon >= 0 && strings.TrimSpace(sql[semicolon+1:]) != "" {
		return false
	}
	for _, word := range leftovers {
		if containsFold(sql, word) {
			return false
		}
	}
	return true
}

// isSetLocal reports whether the statement is a SET LOCAL, which may travel in a batch with BEGIN.
func isSetLocal(sql string) bool { return strings.HasPrefix(sql, "set local ") && leavesNothing(sql) }

// leavesNothing reports whether a statement that is not plain is still known to end with its transaction.
func leavesNothing(sql string) bool {
	words := strings.Fields(strings.ToLower(sql[:min(len(sql), 80)]))
	if len(words) < 2 || strings.Contains(strings.TrimRight(sql, "; \n\t"), ";") {
		return false
	}
	switch words[0] {
	case "set":
		return words[1] == "local" || words[1] == "transaction" || words[1] == "constraints"
	case "lock", "savepoint", "release", "show":
		return true
	}
	return false
}

// reads reports whether a statement reads, by its first word. A function that it calls may still write.
func reads(sql string) bool {
	switch firstWord(sql) {
	case "select", "show", "table", "values":
		return true
	}
	return false
}

// firstWord returns the first word of a statement in lower case.
func firstWord(sql string) string {
	sql = strings.TrimLeft(sql, " \t\r\n(")
	end := strings.IndexFunc(sql, func(r rune) bool { return r < 'A' || r > 'z' })
	if end < 0 {
		end = len(sql)
	}
	return lower(sql[:end])
}

// lower returns word in lower case, without an allocation if it already is.
func lower(word string) string {
	for i := range len(word) {
		if word[i] < 'a' {
			return strings.ToLower(word)
		}
	}
	return word
}

// containsFold reports whether text contains word, a lower-case word, in any case, without allocating.
func containsFold(text, word string) bool {
	for i := 0; i+len(word) <= len(text); i++ {
		if text[i]|0x20 == word[0]|0x20 && strings.EqualFold(text[i:i+len(word)], word) {
			return true
		}
	}
	return false
}
