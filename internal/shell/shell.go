// Package shell quotes words for the commands that blotter tells people to run.
package shell

import (
	"regexp"
	"strings"
)

var plainWord = regexp.MustCompile(`^[\w.:/-]+$`)

// Quote returns text as one word of a POSIX shell, quoted if it has to be.
func Quote(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
