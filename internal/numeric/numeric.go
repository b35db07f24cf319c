package numeric

import (
	"cmp"
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/quagmt/udecimal"
)

// codec encodes and decodes blotter.Decimal. It leaves every other Go type to pgx's own codec.
type codec struct{ pgtype.NumericCodec }

const (
	signNegative = 0x4000
	signSpecial  = 0xC000 // NaN, Infinity and -Infinity have both bits set
	base         = 10000
)

var pow10 = [...]uint64{1, 10, 100, 1000, 10000}

// Register makes the connections of m carry NUMERIC as blotter.Decimal and scan instants as UTC. By itself, pgx scans
// them in the zone of the machine.
func Register(m *pgtype.Map) {
	numeric := &pgtype.Type{Name: "numeric", OID: pgtype.NumericOID, Codec: codec{}}
	m.RegisterType(numeric)
	m.RegisterType(arrayOf(numeric, pgtype.NumericArrayOID))

	utc := &pgtype.TimestamptzCodec{ScanLocation: time.UTC}
	instant := &pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: utc}
	m.RegisterType(instant)
	m.RegisterType(arrayOf(instant, pgtype.TimestamptzArrayOID))

	m.RegisterDefaultPgType(blotter.Decimal{}, "numeric")
	m.RegisterDefaultPgType(&blotter.Decimal{}, "numeric")
	m.RegisterDefaultPgType([]blotter.Decimal{}, "_numeric")
}

func arrayOf(element *pgtype.Type, oid uint32) *pgtype.Type {
	return &pgtype.Type{Name: "_" + element.Name, OID: oid, Codec: &pgtype.ArrayCodec{ElementType: element}}
}

func (c codec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*blotter.Decimal); ok {
		if format == pgtype.BinaryFormatCode {
			return scanBinaryDecimal{}
		}
		return scanTextDecimal{}
	}
	return c.NumericCodec.PlanScan(m, oid, format, target)
}

func (c codec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	switch value.(type) {
	case blotter.Decimal, *Element:
		if format == pgtype.BinaryFormatCode {
			return encodeBinaryDecimal{}
		}
		return encodeTextDecimal{}
	}
	return c.NumericCodec.PlanEncode(m, oid, format, value)
}

func (c codec) DecodeValue(m *pgtype.Map, oid uint32, format int16, src []byte) (any, error) {
	if src == nil {
		return nil, nil
	}
	var d blotter.Decimal
	err := c.PlanScan(m, oid, format, &d).Scan(src, &d)
	return d, err
}

func (c codec) DecodeDatabaseSQLValue(m *pgtype.Map, oid uint32, format int16, src []byte) (driver.Value, error) {
	v, err := c.DecodeValue(m, oid, format, src)
	if d, ok := v.(blotter.Decimal); ok {
		return d.String(), err
	}
	return nil, err
}

type scanBinaryDecimal struct{}

func (scanBinaryDecimal) Scan(src []byte, target any) (err error) {
	if src == nil {
		return fmt.Errorf("cannot scan NULL into blotter.Decimal; use *blotter.Decimal")
	}
	*target.(*blotter.Decimal), err = Decode(src)
	return err
}

type scanTextDecimal struct{}

func (scanTextDecimal) Scan(src []byte, target any) (err error) {
	if src == nil {
		return fmt.Errorf("cannot scan NULL into blotter.Decimal; use *blotter.Decimal")
	}
	*target.(*blotter.Decimal), err = decodeText(string(src))
	return err
}

// decodeText reads the text form of a NUMERIC. Zeros at its end may reach beyond the nineteenth decimal place.
func decodeText(text string) (blotter.Decimal, error) {
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	d, err := udecimal.Parse(text)
	if err != nil {
		const format = "%.40q is NaN, infinite, or has more digits than a blotter.Decimal keeps"
		return blotter.Decimal{}, dataError(format, text)
	}
	return d, nil
}

// Element is a decimal in an array. A pointer to one is encoded where it is; a Decimal as any would be copied to the
// heap.
type Element blotter.Decimal

type encodeBinaryDecimal struct{}

func (encodeBinaryDecimal) Encode(value any, buf []byte) ([]byte, error) {
	if element, ok := value.(*Element); ok {
		return Append(buf, blotter.Decimal(*element)), nil
	}
	return Append(buf, value.(blotter.Decimal)), nil
}

type encodeTextDecimal struct{}

func (encodeTextDecimal) Encode(value any, buf []byte) ([]byte, error) {
	if element, ok := value.(*Element); ok {
		return blotter.Decimal(*element).AppendText(buf)
	}
	return value.(blotter.Decimal).AppendText(buf)
}

// Decode reads the binary form of a NUMERIC. NaN, infinities and numbers with more digits than a Decimal keeps are
// ErrData.
func Decode(src []byte) (blotter.Decimal, error) {
	if len(src) < 8 {
		return blotter.Decimal{}, dataError("has %d bytes: want 8 or more", len(src))
	}
	count := int(binary.BigEndian.Uint16(src))
	weight := int(int16(binary.BigEndian.Uint16(src[2:])))
	sign := binary.BigEndian.Uint16(src[4:])
	scale := int(binary.BigEndian.Uint16(src[6:]))
	groups := src[8:]

	switch {
	case sign&signSpecial == signSpecial:
		return blotter.Decimal{}, dataError("is NaN or infinite: a blotter.Decimal is finite")
	case len(groups) != 2*count:
		return blotter.Decimal{}, dataError("announces %d digit groups and has %d bytes of them", count, len(groups))
	case count == 0:
		return blotter.Decimal{}, nil
	}

	// The number is the integer of all groups divided by 10^fraction. Where the display scale is smaller than that, the
	// last group ends in as many zeros, which are cut (at most three: groups are aligned to the point).
	negative := sign == signNegative
	fraction := 4 * (count - 1 - weight)
	cut := 0
	if fraction > 0 {
		cut = fraction - min(scale, fraction)
		if cut > 3 {
			return decodeLong(negative, weight, groups)
		}
		fraction -= cut
	}
	if fraction > blotter.DecimalFractionDigitsMax {
		// Only a display scale beyond the last digit that counts can still be cut.
		return decodeLong(negative, weight, groups)
	}

	var hi, lo uint64
	for i := 0; i < len(groups); i += 2 {
		digit := uint64(binary.BigEndian.Uint16(groups[i:]))
		factor := uint64(base)
		if i == len(groups)-2 && cut > 0 {
			digit /= pow10[cut]
			factor = pow10[4-cut]
		}
		var overflow bool
		if hi, lo, overflow = mulAdd(hi, lo, factor, digit); overflow {
			return decodeLong(negative, weight, groups)
		}
	}
	for ; fraction < 0; fraction += 4 { // groups of zeros between the last digit and the point
		var overflow bool
		if hi, lo, overflow = mulAdd(hi, lo, base, 0); overflow {
			return decodeLong(negative, weight, groups)
		}
	}
	return udecimal.NewFromHiLo(negative, hi, lo, uint8(fraction))
}

// mulAdd returns (hi, lo) * factor + digit and reports whether that needs more than 128 bits.
func mulAdd(hi, lo, factor, digit uint64) (sumHi, sumLo uint64, overflow bool) {
	top, hi := bits.Mul64(hi, factor)
	carryHi, lo := bits.Mul64(lo, factor)
	lo, carry := bits.Add64(lo, digit, 0)
	hi, carry = bits.Add64(hi, carryHi, carry)
	return hi, lo, top != 0 || carry != 0
}

// groupsMax is the most groups of four digits that decodeLong reads: more than a Decimal has, with zeros behind. The
// server may send 32,768.
const groupsMax = 256

// decodeLong reads what the fast path cannot: more than 128 bits of digits, or a last group whose zeros reach beyond
// the nineteenth decimal place.
func decodeLong(negative bool, weight int, groups []byte) (blotter.Decimal, error) {
	if len(groups) > 2*groupsMax {
		return blotter.Decimal{}, dataError("has %d groups of digits", len(groups)/2)
	}
	if weight >= (blotter.DecimalIntegerDigitsMax+3)/4 {
		return blotter.Decimal{}, dataError("has more than %d digits before the point", blotter.DecimalIntegerDigitsMax)
	}

	var integer, fraction strings.Builder
	// Zeros between the point and the first group.
	for w := -1; w > weight && fraction.Len() <= blotter.DecimalFractionDigitsMax; w-- {
		fraction.WriteString("0000")
	}
	for i := 0; i < len(groups); i += 2 {
		part := &integer
		if weight-i/2 < 0 {
			part = &fraction
		}
		fmt.Fprintf(part, "%04d", binary.BigEndian.Uint16(groups[i:]))
	}
	for w := weight - len(groups)/2; w >= 0; w-- { // zeros between the last group and the point
		integer.WriteString("0000")
	}

	significant := strings.TrimLeft(integer.String(), "0")
	text := cmp.Or(significant, "0")
	if tail := strings.TrimRight(fraction.String(), "0"); tail != "" {
		text += "." + tail
	}
	if negative {
		text = "-" + text
	}

	d, err := udecimal.Parse(text)
	if err != nil || len(significant) > blotter.DecimalIntegerDigitsMax {
		const format = "has more digits than a blotter.Decimal keeps (%d before, %d after the point)"
		return blotter.Decimal{}, dataError(format, blotter.DecimalIntegerDigitsMax, blotter.DecimalFractionDigitsMax)
	}
	return d, nil
}

// Append appends the binary form of d to buf.
func Append(buf []byte, d blotter.Decimal) []byte {
	negative, hi, lo, scale, ok := d.ToHiLo()
	if !ok {
		return appendLong(buf, d)
	}

	// Groups are made from the last to the first: the fraction's last one is padded to four digits.
	var groups [12]uint16
	first := len(groups)
	fraction := (int(scale) + 3) / 4
	if tail := int(scale) % 4; tail != 0 {
		var rest uint64
		hi, lo, rest = divMod(hi, lo, pow10[tail])
		first--
		groups[first] = uint16(rest * pow10[4-tail])
	}

	for made := len(groups) - first; hi != 0 || lo != 0 || made < fraction; made++ {
		var rest uint64
		hi, lo, rest = divMod(hi, lo, base)
		first--
		groups[first] = uint16(rest)
	}

	return appendGroups(buf, negative, int(scale), len(groups)-first-fraction-1, groups[first:])
}

// divMod divides (hi, lo).
func divMod(hi, lo, by uint64) (quotientHi, quotientLo, rest uint64) {
	quotientHi = hi / by
	quotientLo, rest = bits.Div64(hi%by, lo, by)
	return quotientHi, quotientLo, rest
}

// appendLong appends a number whose digits do not fit 128 bits.
func appendLong(buf []byte, d blotter.Decimal) []byte {
	integer, fraction, _ := strings.Cut(d.Abs().String(), ".")
	scale := len(fraction)
	integer = strings.Repeat("0", (4-len(integer)%4)%4) + integer
	digits := integer + fraction + strings.Repeat("0", (4-scale%4)%4)

	groups := make([]uint16, 0, len(digits)/4)
	for ; digits != ""; digits = digits[4:] {
		var group uint16
		for _, digit := range []byte(digits[:4]) {
			group = 10*group + uint16(digit-'0')
		}
		groups = append(groups, group)
	}

	return appendGroups(buf, d.IsNeg(), scale, len(integer)/4-1, groups)
}

// appendGroups appends the header and the digits without leading and trailing groups of zeros, as the server stores
// them.
func appendGroups(buf []byte, negative bool, scale, weight int, groups []uint16) []byte {
	for len(groups) > 0 && groups[0] == 0 {
		groups = groups[1:]
		weight--
	}
	for len(groups) > 0 && groups[len(groups)-1] == 0 {
		groups = groups[:len(groups)-1]
	}

	sign := uint16(0)
	if negative {
		sign = signNegative
	}
	if len(groups) == 0 {
		weight = 0
		sign = 0
	}

	buf = binary.BigEndian.AppendUint16(buf, uint16(len(groups)))
	buf = binary.BigEndian.AppendUint16(buf, uint16(weight))
	buf = binary.BigEndian.AppendUint16(buf, sign)
	buf = binary.BigEndian.AppendUint16(buf, uint16(scale))
	for _, group := range groups {
		buf = binary.BigEndian.AppendUint16(buf, group)
	}
	return buf
}

func dataError(format string, args ...any) error {
	return &blotter.Error{Kind: blotter.ErrData, Message: "this NUMERIC " + fmt.Sprintf(format, args...)}
}
