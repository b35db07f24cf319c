// Package sqltext reads the text of SQL statements, as far as naming and redacting them needs it, and makes texts
// storable.
package sqltext

import "strings"

// Kind is the kind of a token.
type Kind int

// The kinds.
const (
	Other   Kind = iota // operators, punctuation, parameters
	Blank               // white space and comments
	Literal             // strings and numbers
	Word                // keywords and names, which may be quoted or qualified
)

// Next returns the kind of the token that begins at i, and where it ends. A token that is not complete ends with the
// text. It allocates nothing.
func Next(sql string, i int) (Kind, int) {
	rest := sql[i:]

	switch c := sql[i]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		return Blank, i + 1
	case strings.HasPrefix(rest, "--"):
		return Blank, after(sql, i+2, "\n")
	case strings.HasPrefix(rest, "/*"):
		return Blank, after(sql, i+2, "*/")
	case c == '\'':
		return Literal, afterString(sql, i+1)
	case c == '$':
		if tag := dollarTag(rest); tag != "" {
			return Literal, after(sql, i+len(tag), tag)
		}
		return Other, afterName(sql, i+1) // a parameter
	case isDigit(c) || c == '.' && len(rest) > 1 && isDigit(rest[1]):
		return Literal, afterNumber(sql, i)
	case isLetter(c) || c == '"':
		return Word, afterWord(sql, i)
	}
	return Other, i + 1
}

// NextWord returns the first word of sql and what follows it, or "" if there is none. It allocates nothing.
func NextWord(sql string) (word, rest string) {
	for i := 0; i < len(sql); {
		kind, end := Next(sql, i)
		if kind == Word {
			return sql[i:end], sql[end:]
		}
		i = end
	}
	return "", ""
}

// after returns where the text behind the next end begins, or the end of the text.
func after(sql string, i int, end string) int {
	if at := strings.Index(sql[i:], end); at >= 0 {
		return i + at + len(end)
	}
	return len(sql)
}

// afterString skips quotes that are doubled or follow a backslash. A backslash is an escape only in E'...'; elsewhere
// the literal may come out longer than it is.
func afterString(sql string, i int) int {
	for i < len(sql) {
		switch {
		case sql[i] == '\\':
			i++
		case sql[i] == '\'' && i+1 < len(sql) && sql[i+1] == '\'':
			i++
		case sql[i] == '\'':
			return i + 1
		}
		i++
	}
	return len(sql)
}

// dollarTag returns the $tag$ that text begins with, or "".
func dollarTag(text string) string {
	end := strings.IndexByte(text[1:], '$')
	if end < 0 || end > 0 && isDigit(text[1]) || afterName(text, 1) < end+1 {
		return ""
	}
	return text[:end+2]
}

// afterWord skips a name of one or more parts: a, "a b", a."b".
func afterWord(sql string, i int) int {
	for i < len(sql) {
		if sql[i] == '"' {
			i = after(sql, i+1, `"`)
		} else {
			i = afterName(sql, i)
		}
		if i+1 >= len(sql) || sql[i] != '.' || !isLetter(sql[i+1]) && sql[i+1] != '"' {
			return i
		}
		i++
	}
	return i
}

func afterName(sql string, i int) int {
	for i < len(sql) && (isLetter(sql[i]) || isDigit(sql[i])) {
		i++
	}
	return i
}

func afterNumber(sql string, i int) int {
	for i < len(sql) && (isLetter(sql[i]) || isDigit(sql[i]) || sql[i] == '.') {
		i++
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}
