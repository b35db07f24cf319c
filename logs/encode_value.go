package logs

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// any writes any value. Its methods may panic, for example for a nil pointer, which must not end the program.
func (e *encoder) any(value any) {
	start := e.Len()
	defer func() {
		if p := recover(); p != nil {
			e.Truncate(start)
			e.text(fmt.Sprintf("!PANIC: %v", p))
		}
	}()

	switch value := value.(type) {
	case error:
		e.text(value.Error())
		return
	case json.Marshaler, encoding.TextMarshaler:
	case fmt.Stringer:
		e.text(value.String())
		return
	}

	encoded, err := json.Marshal(value)
	if err != nil || len(encoded) > dataLengthMax || !fits(encoded) {
		e.text(fmt.Sprintf("%+v", value))
		return
	}

	e.Write(encoded)
}

// fits reports whether jsonb accepts the JSON: no NUL, no half of a surrogate pair, and no number beyond NUMERIC.
func fits(encoded []byte) bool {
	for i := 0; i < len(encoded); i++ {
		if encoded[i] != '\\' || i+1 >= len(encoded) {
			continue
		}
		if i++; encoded[i] != 'u' || i+4 >= len(encoded) {
			continue
		}
		n, err := strconv.ParseUint(string(encoded[i+1:i+5]), 16, 32)
		if err != nil || n == 0 || utf16.IsSurrogate(rune(n)) {
			return false
		}
	}

	var number float64
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return true
		}
		if n, isNumber := token.(json.Number); isNumber {
			if number, err = n.Float64(); err != nil || math.IsInf(number, 0) {
				return false
			}
		}
	}
}

// text writes a JSON string.
func (e *encoder) text(text string) {
	text = clean(text, messageLengthMax)
	e.WriteByte('"')
	start := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}

		e.WriteString(text[start:i])
		switch start = i + 1; c {
		case '"', '\\':
			e.WriteByte('\\')
			e.WriteByte(c)
		case '\n':
			e.WriteString(`\n`)
		default:
			fmt.Fprintf(e, `\u%04x`, c)
		}
	}

	e.WriteString(text[start:])
	e.WriteByte('"')
}

// clean returns the text as PostgreSQL accepts it, with at most so many bytes.
func clean(text string, most int) string {
	if len(text) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}

	if strings.IndexByte(text, 0) >= 0 {
		text = strings.ReplaceAll(text, "\x00", "\uFFFD")
	}

	return strings.ToValidUTF8(text, "\uFFFD")
}

// clip returns a text shortened to so many characters.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	runes := []rune(text)
	return string(runes[:min(len(runes), most)])
}
