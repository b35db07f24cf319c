package logs

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"
)

// scope is the beginning of a record's JSON object, as given by WithAttrs and WithGroup.
type scope struct {
	prefix                   []byte // `{"a":1,"group":{"b":2`, or nothing
	open                     int    // groups that have to be closed
	eventType, correlationID string
}

// encoder writes attributes as JSON that jsonb accepts, whatever they contain.
type encoder struct {
	bytes.Buffer
	open                     int
	eventType, correlationID string
}

func (s scope) encoder() *encoder {
	e := &encoder{open: s.open, eventType: s.eventType, correlationID: s.correlationID}
	if e.Grow(256); len(s.prefix) == 0 {
		e.WriteByte('{')
	} else {
		e.Write(s.prefix)
	}
	return e
}

func (s scope) with(attrs []slog.Attr) scope {
	e := s.encoder()
	for _, a := range attrs {
		e.attr(a)
	}
	return scope{prefix: e.Bytes(), open: e.open, eventType: e.eventType, correlationID: e.correlationID}
}

func (s scope) group(name string) scope {
	e := s.encoder()
	e.key(name)
	e.WriteByte('{')
	return scope{prefix: e.Bytes(), open: e.open + 1, eventType: e.eventType, correlationID: e.correlationID}
}

// end closes the object. If it is too long, its length replaces it.
func (e *encoder) end() []byte {
	for range e.open {
		e.WriteByte('}')
	}
	e.WriteByte('}')
	if e.Len() > dataLengthMax {
		return fmt.Appendf(nil, `{"left_out_bytes":%d}`, e.Len())
	}
	return e.Bytes()
}

func (e *encoder) key(name string) {
	if b := e.Bytes(); b[len(b)-1] != '{' {
		e.WriteByte(',')
	}
	e.text(name)
	e.WriteByte(':')
}

// depthMax is the maximum depth of nested groups.
const depthMax = 16

func (e *encoder) attr(a slog.Attr) {
	value := a.Value.Resolve()
	if e.open == 0 && value.Kind() == slog.KindString {
		switch a.Key {
		case "event_type":
			e.eventType = clean(value.String(), messageLengthMax)
			return
		case "correlation_id":
			e.correlationID = value.String()
			return
		}
	}

	e.nested(a.Key, value, 0)
}

func (e *encoder) nested(key string, value slog.Value, depth int) {
	if value.Kind() != slog.KindGroup {
		if key == "" && value.Equal(slog.Value{}) {
			return
		}
		e.key(key)
		e.value(value)
		return
	}

	attrs := value.Group()
	if len(attrs) == 0 || depth == depthMax {
		return
	}

	if key != "" { // a group without a name is part of the one around it
		e.key(key)
		e.WriteByte('{')
		defer e.WriteByte('}')
	}

	for _, a := range attrs {
		e.nested(a.Key, a.Value.Resolve(), depth+1)
	}
}

func (e *encoder) value(v slog.Value) {
	switch v.Kind() {
	case slog.KindString:
		e.text(v.String())
	case slog.KindInt64:
		e.Write(strconv.AppendInt(e.AvailableBuffer(), v.Int64(), 10))
	case slog.KindUint64:
		e.Write(strconv.AppendUint(e.AvailableBuffer(), v.Uint64(), 10))
	case slog.KindBool:
		e.Write(strconv.AppendBool(e.AvailableBuffer(), v.Bool()))
	case slog.KindFloat64:
		if f := v.Float64(); math.IsNaN(f) || math.IsInf(f, 0) {
			e.text(fmt.Sprint(f))
		} else {
			e.Write(strconv.AppendFloat(e.AvailableBuffer(), f, 'g', -1, 64))
		}
	case slog.KindDuration:
		e.text(v.Duration().String())
	case slog.KindTime:
		e.text(v.Time().UTC().Format(time.RFC3339Nano))
	default:
		e.any(v.Any())
	}
}
