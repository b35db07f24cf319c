package barfile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

var utf8BOM = []byte("\xef\xbb\xbf")

// plainText is the stream as UTF-8 without a byte order mark, whose lines end with a newline: UTF-16 is told by its mark,
// as Excel's "Unicode text" has it, and lines that end as on old Macs by a beginning without any newline.
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
