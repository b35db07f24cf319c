package sqltext

import (
	"strings"
	"unicode/utf8"
)

// Storable replaces what PostgreSQL's text type cannot hold: bytes that are not UTF-8, and NUL.
func Storable(text string) string {
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
