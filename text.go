package blotter

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// textField is a text to check, with the least and the most characters that it may have.
type textField struct {
	name, value string
	least, most int
}

// checkTexts returns ErrInvalid for the first text that PostgreSQL cannot store or whose length is out of bounds.
func checkTexts(texts []textField) error {
	for _, t := range texts {
		if utf8.RuneCountInString(t.value) < t.least || !isStorableText(t.value, t.most) {
			return Invalid(t.name, t.value, fmt.Sprintf("%d to %d characters of UTF-8 text", t.least, t.most))
		}
	}
	return nil
}

// isStorableText reports whether PostgreSQL can store the text and it has at most so many characters.
func isStorableText(text string, most int) bool {
	return utf8.RuneCountInString(text) <= most && utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}
