package fillfile

import (
	"io"
	"unicode/utf8"
)

// latin reads a text of one byte a letter (Windows-1252), as older exports are, as UTF-8.
type latin struct {
	r    io.Reader
	left []byte
	in   [2048]byte
	out  [3 * 2048]byte
}

// windows are the letters of 0x80 to 0x9f that exports have: the euro sign, quotes and dashes. The rest are ISO 8859-1.
var windows = map[byte]rune{0x80: '€', 0x85: '…', 0x91: '‘', 0x92: '’', 0x93: '“', 0x94: '”', 0x96: '–', 0x97: '—',
	0x8a: 'Š', 0x9a: 'š', 0x8e: 'Ž', 0x9e: 'ž'}

func (l *latin) Read(p []byte) (int, error) {
	if len(l.left) == 0 {
		n, err := l.r.Read(l.in[:])
		if n == 0 {
			return 0, err
		}
		l.left = l.out[:0]
		for _, c := range l.in[:n] {
			letter, known := windows[c]
			if !known {
				letter = rune(c)
			}
			l.left = utf8.AppendRune(l.left, letter)
		}
	}
	n := copy(p, l.left)
	l.left = l.left[n:]
	return n, nil
}
