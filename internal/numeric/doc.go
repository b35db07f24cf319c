// Package numeric is the codec between PostgreSQL's NUMERIC and blotter.Decimal: exact in both directions, in binary,
// and without allocation for numbers whose digits fit 128 bits.
//
// The wire format (PostgreSQL source, src/backend/utils/adt/numeric.c, numeric_send): int16 count of base-10000 digits,
// int16 weight of the first, uint16 sign, uint16 display scale, then the digits.
package numeric
