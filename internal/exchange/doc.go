// Package exchange knows the markets of symbols: which exchange a symbol is listed on, as far as the symbol says, in
// which zone its days are, and on which of them it is closed.
//
// Holidays are computed by github.com/rickar/cal from the exchanges' rules. Closures that no rule gives are listed one
// by one. An exchange whose holidays follow the moon has no list here; HasHolidays says so.
package exchange
