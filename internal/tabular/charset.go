package tabular

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"

	"github.com/blotterdb/blotter/internal/sqltext"
)

// HeadBytes is how much of a text is looked at before it is read.
const HeadBytes = 16 << 10

// UTF8 returns the text as UTF-8 without a byte order mark, and with lines that end with a newline. The encoding is
// UTF-16 if a byte order mark says so, as in Excel's "Unicode text", Windows-1252 (which includes Latin-1) if the first
// bytes are text and not UTF-8, and UTF-8 otherwise. Bytes that are not valid are left as they are, or become U+FFFD;
// sqltext.Storable replaces them.
func UTF8(r *bufio.Reader) *bufio.Reader {
	start, _ := r.Peek(3)
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		_, _ = r.Discard(3)
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")):
		r = decoded(r, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder())
	}

	head, _ := r.Peek(HeadBytes)
	if isWindows1252(head) {
		r = decoded(r, transform.Chain(charmap.Windows1252.NewDecoder(), runes.Map(withoutC1)))
		head, _ = r.Peek(HeadBytes)
	}
	if bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(head, '\r') >= 0 {
		r = bufio.NewReaderSize(macLines{r}, LineBytesMax)
	}
	return r
}

func decoded(r io.Reader, decoder transform.Transformer) *bufio.Reader {
	return bufio.NewReaderSize(transform.NewReader(r, decoder), LineBytesMax)
}

// withoutC1 replaces the bytes that Windows-1252 does not define, which decode to control characters.
func withoutC1(r rune) rune {
	if r >= 0x80 && r < 0xa0 {
		return utf8.RuneError
	}
	return r
}

// isWindows1252 reports whether a text without control characters has bytes of 0x80 and above that never make a
// character of UTF-8. With such a character, the text is UTF-8 with a damaged byte.
func isWindows1252(head []byte) bool {
	foreign := false
	for rest := head; len(rest) > 0; {
		c, n := utf8.DecodeRune(rest)
		switch isInvalid := c == utf8.RuneError && n == 1; {
		case isInvalid && !utf8.FullRune(rest): // cut at the end of the head
			return foreign
		case isInvalid:
			foreign = true
		case n > 1:
			return false
		case c < ' ' && c != '\t' && c != '\n' && c != '\r':
			return false
		}

		rest = rest[n:]
	}
	return foreign
}

// macLines reads lines that end with a carriage return, as on old Macs.
type macLines struct{ r io.Reader }

func (m macLines) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	for i := range p[:n] {
		if p[i] == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// Symbol returns a symbol as it is stored: in capitals, without blanks around it.
func Symbol(text string) string { return strings.ToUpper(strings.TrimSpace(sqltext.Storable(text))) }

// Clip shortens a text to the given number of characters, the last three of which are points then.
func Clip(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-3]) + "..."
	}
	return text
}
