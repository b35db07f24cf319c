package barfile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var utf8BOM = []byte("\xef\xbb\xbf")

// plainText is the stream as UTF-8 without a byte order mark, whose lines end with a newline: UTF-16 is told by its mark,
// as Excel's "Unicode text" has it, lines that end as on old Macs by a beginning without any newline, and Windows-1252, which
// Latin-1 is a part of, by a beginning that is no UTF-8.
func plainText(r *bufio.Reader) *bufio.Reader {
	start, _ := r.Peek(len(utf8BOM))
	switch {
	case bytes.Equal(start, utf8BOM):
		_, _ = r.Discard(len(utf8BOM))
	case bytes.HasPrefix(start, []byte("\xff\xfe")):
		_, _ = r.Discard(2)
		r = bufio.NewReaderSize(&utf16Reader{r: r, order: binary.LittleEndian}, lineBytesMax)
	case bytes.HasPrefix(start, []byte("\xfe\xff")):
		_, _ = r.Discard(2)
		r = bufio.NewReaderSize(&utf16Reader{r: r, order: binary.BigEndian}, lineBytesMax)
	}
	if head, _ := r.Peek(peekHead); isWindows1252(head) {
		r = bufio.NewReaderSize(&windowsReader{r: r}, lineBytesMax)
	}
	if head, _ := r.Peek(peekHead); bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(head, '\r') >= 0 {
		r = bufio.NewReaderSize(returns{r}, lineBytesMax)
	}
	return r
}

// utf16Reader reads UTF-16 as UTF-8.
type utf16Reader struct {
	r     *bufio.Reader
	order binary.ByteOrder
	high  uint16 // the first half of a pair, 0 outside of one
}

func (u *utf16Reader) Read(p []byte) (n int, err error) {
	for n+2*utf8.UTFMax <= len(p) {
		var unit [2]byte
		if _, err := io.ReadFull(u.r, unit[:]); err != nil {
			if n > 0 {
				return n, nil // the error comes again
			}
			return 0, err
		}
		c := u.order.Uint16(unit[:])
		if u.high != 0 {
			pair := utf16.DecodeRune(rune(u.high), rune(c))
			u.high = 0
			n += utf8.EncodeRune(p[n:], pair)
			continue
		}
		if c >= 0xd800 && c < 0xdc00 {
			u.high = c
			continue
		}
		n += utf8.EncodeRune(p[n:], rune(c))
	}
	return n, nil
}

// returns ends lines with a newline instead of a carriage return.
type returns struct{ r io.Reader }

func (c returns) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	for i := range p[:n] {
		if p[i] == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// isWindows1252 reports a text with characters that are no UTF-8, of which each is one of Windows-1252.
func isWindows1252(head []byte) bool {
	foreign := false
	for rest := head; len(rest) > 0; {
		c, n := utf8.DecodeRune(rest)
		switch {
		case c == utf8.RuneError && n == 1 && !utf8.FullRune(rest): // cut at the end of the head
			return foreign
		case c == utf8.RuneError && n == 1:
			if foreign = true; rest[0] < 0xa0 && windows1252[rest[0]-0x80] == 0 {
				return false
			}
		case n > 1: // it is UTF-8, with a byte that is broken
			return false
		case c < ' ' && c != '\t' && c != '\n' && c != '\r':
			return false
		}
		rest = rest[n:]
	}
	return foreign
}

// windows1252 are the characters 0x80 to 0x9f, 0 where there is none; those above are the same as in Unicode.
var windows1252 = [32]rune{
	'€', 0, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0, 'Ž', 0,
	0, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0, 'ž', 'Ÿ',
}

// windowsReader reads Windows-1252 as UTF-8.
type windowsReader struct{ r *bufio.Reader }

func (w *windowsReader) Read(p []byte) (n int, err error) {
	for n+utf8.UTFMax <= len(p) {
		c, err := w.r.ReadByte()
		if err != nil {
			if n > 0 {
				return n, nil // the error comes again
			}
			return 0, err
		}
		of := rune(c)
		if c >= 0x80 && c < 0xa0 {
			of = windows1252[c-0x80]
		}
		n += utf8.EncodeRune(p[n:], of)
	}
	return n, nil
}

// storable replaces what PostgreSQL's text cannot hold: bytes that are no UTF-8, and NUL.
func storable(text string) string {
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
