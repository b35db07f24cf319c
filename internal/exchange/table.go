package exchange

import (
	"slices"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/gb"
	"github.com/rickar/cal/v2/jp"
)

var (
	sundayToMonday = []cal.AltDay{{Day: time.Sunday, Offset: 1}}
	toMonday       = []cal.AltDay{{Day: time.Saturday, Offset: 2}, {Day: time.Sunday, Offset: 1}}
	toNearest      = []cal.AltDay{{Day: time.Saturday, Offset: -1}, {Day: time.Sunday, Offset: 1}}
	boxing         = []cal.AltDay{
		{Day: time.Saturday, Offset: 2},
		{Day: time.Sunday, Offset: 2},
		{Day: time.Monday, Offset: 1},
	}
)

// on returns a holiday on the same date of every year.
func on(month time.Month, day int, observed []cal.AltDay) *cal.Holiday {
	return &cal.Holiday{Month: month, Day: day, Observed: observed, Func: cal.CalcDayOfMonth}
}

// nth returns a holiday on the nth weekday of a month; -1 is the last.
func nth(n int, weekday time.Weekday, month time.Month) *cal.Holiday {
	return &cal.Holiday{Month: month, Weekday: weekday, Offset: n, Func: cal.CalcWeekdayOffset}
}

// since limits a holiday to a year and those after it.
func since(year int, h *cal.Holiday) *cal.Holiday {
	h.StartYear = year
	return h
}

// until limits a holiday to a year and those before it.
func until(year int, h *cal.Holiday) *cal.Holiday {
	h.EndYear = year
	return h
}

// easter returns a holiday a number of days after Easter Sunday.
func easter(days int) *cal.Holiday { return &cal.Holiday{Offset: days, Func: cal.CalcEasterOffset} }

var (
	newYear    = on(time.January, 1, nil)
	epiphany   = on(time.January, 6, nil)
	goodFriday = easter(-2)
	easterDay  = easter(1) // Monday
	labour     = on(time.May, 1, nil)
	ascension  = easter(39)
	whitMonday = easter(50)
	eve        = on(time.December, 24, nil)
	christmas  = on(time.December, 25, nil)
	boxingDay  = on(time.December, 26, nil)
	lastDay    = on(time.December, 31, nil)

	victoria  = &cal.Holiday{Month: time.May, Day: 24, Weekday: time.Monday, Offset: -1, Func: cal.CalcWeekdayFrom}
	midsummer = &cal.Holiday{Month: time.June, Day: 19, Weekday: time.Friday, Offset: 1, Func: cal.CalcWeekdayFrom}

	euronext = []*cal.Holiday{newYear, goodFriday, easterDay, labour, christmas, boxingDay}
)

// with returns the holidays of a base and more.
func with(base []*cal.Holiday, more ...*cal.Holiday) []*cal.Holiday {
	return append(slices.Clone(base), more...)
}

// exchanges are the markets that symbols may name. Their holidays are those of the exchanges' own calendars: nyse.com
// (holidays and trading hours), tsx.com, londonstockexchange.com (business days), xetra.com (trading calendar),
// euronext.com (which has those of Milan and Oslo too), bolsasymercados.es, six-group.com, nasdaqomxnordic.com (trading
// hours), asx.com.au (trading calendar), and jpx.co.jp (market holidays).
var exchanges = []*Exchange{
	{
		Code:     US,
		Zone:     "America/New_York",
		suffixes: "US",
		indexes:  "^GSPC ^DJI ^IXIC ^NDX ^RUT ^VIX ^NYA ^OEX ^TNX ^IRX ^TYX ^FVX ^SPX",
		rules: []*cal.Holiday{
			on(time.January, 1, sundayToMonday),
			since(1998, nth(3, time.Monday, time.January)),
			since(1971, nth(3, time.Monday, time.February)),
			goodFriday,
			since(1971, nth(-1, time.Monday, time.May)),
			since(2022, on(time.June, 19, toNearest)),
			on(time.July, 4, toNearest),
			nth(1, time.Monday, time.September),
			nth(4, time.Thursday, time.November),
			on(time.December, 25, toNearest),
		},
		closures: `1985-09-27 1994-04-27 2001-09-11 2001-09-12 2001-09-13 2001-09-14 2004-06-11 2007-01-02 ` +
			`2012-10-29 2012-10-30 2018-12-05 2025-01-09`,
	},
	{
		Code: "XTSE", Zone: "America/Toronto", suffixes: "TO V CN NE", indexes: "^GSPTSE",
		rules: []*cal.Holiday{
			on(time.January, 1, toMonday),
			since(2008, nth(3, time.Monday, time.February)),
			goodFriday,
			victoria,
			on(time.July, 1, toMonday),
			nth(1, time.Monday, time.August),
			nth(1, time.Monday, time.September),
			nth(2, time.Monday, time.October),
			on(time.December, 25, toMonday),
			on(time.December, 26, boxing),
		},
	},
	{
		Code: "XLON", Zone: "Europe/London", suffixes: "L IL UK", indexes: "^FTSE ^FTMC", rules: gb.Holidays,
		closures: `1995-05-08 1999-12-31 2002-06-03 2002-06-04 2011-04-29 2012-06-04 2012-06-05 2022-09-19`,
	},
	{
		Code: "XETR", Zone: "Europe/Berlin", suffixes: "DE F BE DU HM HA MU SG", indexes: "^GDAXI ^MDAXI ^TECDAX",
		rules: with(euronext,
			until(2021, easter(50)), until(2021, on(time.October, 3, nil)), eve, lastDay),
	},
	{Code: "XPAR", Zone: "Europe/Paris", suffixes: "PA", indexes: "^FCHI", rules: euronext},
	{Code: "XAMS", Zone: "Europe/Amsterdam", suffixes: "AS", indexes: "^AEX", rules: euronext},
	{Code: "XBRU", Zone: "Europe/Brussels", suffixes: "BR", indexes: "^BFX", rules: euronext},
	{Code: "XLIS", Zone: "Europe/Lisbon", suffixes: "LS", rules: euronext},
	{
		Code:     "XMIL",
		Zone:     "Europe/Rome",
		suffixes: "MI",
		rules:    with(euronext, until(2022, on(time.August, 15, nil)), eve, lastDay),
	},
	{Code: "XMAD", Zone: "Europe/Madrid", suffixes: "MC", indexes: "^IBEX", rules: euronext},
	{
		Code: "XSWX", Zone: "Europe/Zurich", suffixes: "SW", indexes: "^SSMI",
		rules: with(euronext,
			on(time.January, 2, nil), ascension, whitMonday, on(time.August, 1, nil), eve, lastDay),
	},
	{
		Code: "XSTO", Zone: "Europe/Stockholm", suffixes: "ST", indexes: "^OMX",
		rules: with(euronext, epiphany, ascension,
			until(2004, easter(50)), since(2005, on(time.June, 6, nil)), midsummer, eve, lastDay),
	},
	{
		Code: "XHEL", Zone: "Europe/Helsinki", suffixes: "HE",
		rules: with(euronext, epiphany, ascension, midsummer, on(time.December, 6, nil), eve, lastDay),
	},
	{
		Code: "XCSE", Zone: "Europe/Copenhagen", suffixes: "CO",
		rules: []*cal.Holiday{
			newYear,
			easter(-3),
			goodFriday,
			easterDay,
			until(2023, easter(26)),
			ascension,
			since(2009, easter(40)),
			whitMonday,
			on(time.June, 5, nil),
			eve,
			christmas,
			boxingDay,
			lastDay,
		},
	},
	{
		Code: "XOSL", Zone: "Europe/Oslo", suffixes: "OL",
		rules: with(euronext,
			easter(-3), on(time.May, 17, nil), ascension, whitMonday, eve, lastDay),
	},
	{
		Code: "XASX", Zone: "Australia/Sydney", suffixes: "AX XA", indexes: "^AXJO ^AORD",
		rules: []*cal.Holiday{
			on(time.January, 1, toMonday),
			on(time.January, 26, toMonday),
			goodFriday,
			easterDay,
			on(time.April, 25, nil),
			nth(2, time.Monday, time.June),
			on(time.December, 25, toMonday),
			on(time.December, 26, boxing),
		},
		closures: `2022-09-22`,
	},
	{
		Code: "XTKS", Zone: "Asia/Tokyo", suffixes: "T", indexes: "^N225 ^TOPX NKY",
		rules: with(jp.Holidays, newYear, on(time.January, 2, nil), on(time.January, 3, nil), lastDay),
		closures: `2009-09-22 2015-09-22 2019-04-30 2019-05-01 2019-05-02 2019-10-22 2020-07-24 2020-08-10 2020-10-01
			2021-07-22 2021-07-23 2021-08-09 2026-09-22`,
		openings: `2020-08-11 2021-08-11`,
	},

	// The holidays of these are not computed: those of Asia follow the moon.
	{Code: "XHKG", Zone: "Asia/Hong_Kong", suffixes: "HK", indexes: "^HSI"},
	{Code: "XSHG", Zone: "Asia/Shanghai", suffixes: "SS"},
	{Code: "XSHE", Zone: "Asia/Shanghai", suffixes: "SZ"},
	{Code: "XKRX", Zone: "Asia/Seoul", suffixes: "KS KQ", indexes: "^KS11"},
	{Code: "XTAI", Zone: "Asia/Taipei", suffixes: "TW TWO", indexes: "^TWII"},
	{Code: "XBOM", Zone: "Asia/Kolkata", suffixes: "BO", indexes: "^BSESN"},
	{Code: "XNSE", Zone: "Asia/Kolkata", suffixes: "NS", indexes: "^NSEI"},
	{Code: "XSES", Zone: "Asia/Singapore", suffixes: "SI", indexes: "^STI"},
	{Code: "XIDX", Zone: "Asia/Jakarta", suffixes: "JK", indexes: "^JKSE"},
	{Code: "XKLS", Zone: "Asia/Kuala_Lumpur", suffixes: "KL", indexes: "^KLSE"},
	{Code: "XBKK", Zone: "Asia/Bangkok", suffixes: "BK"},
	{Code: "XNZE", Zone: "Pacific/Auckland", suffixes: "NZ", indexes: "^NZ50"},
	{Code: "BVMF", Zone: "America/Sao_Paulo", suffixes: "SA", indexes: "^BVSP"},
	{Code: "XMEX", Zone: "America/Mexico_City", suffixes: "MX", indexes: "^MXX"},
	{Code: "XBUE", Zone: "America/Argentina/Buenos_Aires", suffixes: "BA", indexes: "^MERV"},
	{Code: "XSGO", Zone: "America/Santiago", suffixes: "SN"},
	{Code: "XJSE", Zone: "Africa/Johannesburg", suffixes: "JO"},
	{Code: "XWBO", Zone: "Europe/Vienna", suffixes: "VI", indexes: "^ATX"},
	{Code: "XWAR", Zone: "Europe/Warsaw", suffixes: "WA"},
	{Code: "XPRA", Zone: "Europe/Prague", suffixes: "PR"},
	{Code: "XBUD", Zone: "Europe/Budapest", suffixes: "BD"},
	{Code: "XATH", Zone: "Europe/Athens", suffixes: "AT"},
	{Code: "XDUB", Zone: "Europe/Dublin", suffixes: "IR"},
	{Code: "XIST", Zone: "Europe/Istanbul", suffixes: "IS"},
	{Code: "XICE", Zone: "Atlantic/Reykjavik", suffixes: "IC"},
	{Code: "XTAE", Zone: "Asia/Jerusalem", suffixes: "TA", weekend: []time.Weekday{time.Saturday}},
	{Code: "XSAU", Zone: "Asia/Riyadh", suffixes: "SR", weekend: []time.Weekday{time.Friday, time.Saturday}},
	{Code: "XCAI", Zone: "Africa/Cairo", suffixes: "CA", weekend: []time.Weekday{time.Friday, time.Saturday}},
}
