package tabular_test

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"golang.org/x/text/encoding/unicode"

	"github.com/blotterdb/blotter/internal/tabular"
)

func TestUTF8(t *testing.T) {
	t.Parallel()
	wide := func(e unicode.Endianness) string {
		text, err := unicode.UTF16(e, unicode.UseBOM).NewEncoder().String("Köln, 東京 😀\n")
		if err != nil {
			t.Fatal(err)
		}
		return text
	}

	for name, test := range map[string]struct{ text, want string }{
		"UTF-8":                         {"Köln\n", "Köln\n"},
		"UTF-8 with a byte order mark":  {"\xef\xbb\xbfKöln\n", "Köln\n"},
		"UTF-16 little endian":          {wide(unicode.LittleEndian), "Köln, 東京 😀\n"},
		"UTF-16 big endian":             {wide(unicode.BigEndian), "Köln, 東京 😀\n"},
		"Latin-1":                       {"K\xf6ln\n", "Köln\n"},
		"Windows-1252":                  {"X\x99\x84 \x80 5\n", "X™„ € 5\n"},
		"an undefined byte":             {"K\xf6ln \x81\n", "Köln \uFFFD\n"},
		"UTF-8 with a damaged byte":     {"München, K\xf6ln\n", "München, K\xf6ln\n"},
		"binary":                        {"\x00\x01\xf6\n", "\x00\x01\xf6\n"},
		"lines of an old Mac":           {"a,b\rc,d\r", "a,b\nc,d\n"},
		"lines of Windows":              {"a,b\r\nc,d\r\n", "a,b\r\nc,d\r\n"},
		"empty":                         {"", ""},
		"a byte order mark and no text": {"\xff\xfe", ""},
	} {
		got, err := io.ReadAll(tabular.UTF8(bufio.NewReaderSize(strings.NewReader(test.text), tabular.LineBytesMax)))
		if err != nil || string(got) != test.want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, test.want)
		}
	}
}
