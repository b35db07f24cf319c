package barfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/tabular"
)

// leanFile holds what the path of a Lean file says. Its date, symbol, resolution and kind are not in the file (Lean,
// Data/readme.md).
type leanFile struct {
	known     bool
	symbol    string
	timeframe string // "" for ticks
	kind      string // trade, quote, openinterest or "" (daily and hour files of equities)
	zone      string
	scaled    bool // prices are written ten thousand times higher
	spot      bool // there are quotes and no trades: forex and contracts for difference
	index     bool
	base      time.Time
	err       error // why the contract has no symbol
}

// The shapes of Lean's paths. A folder names the kind, the market, the resolution and the symbol. The members of a zip
// for a day are named like 20131007_spy_minute_trade.csv, and those of a zip for all days like
// es_trade_202406_20240621.csv. The contract follows the kind of data.
var (
	leanFolders = regexp.MustCompile(`(?i)(?:^|/)` +
		`(equity|option|indexoption|futureoption|future|index|crypto|cryptofuture|forex|cfd)/` +
		`([a-z0-9]+)/` +
		`(tick|second|minute|hour|daily)/` +
		`([^/]+?)(?:(?:_(?:19|20)\d\d)?_(trade|quote|openinterest)(?:_american|_european)?)?(?:\.zip|\.csv|/)`)

	leanDay = regexp.MustCompile(`(?i)(?:^|/)(\d{8})` +
		`_(trade|quote|openinterest)(?:_american|_european)?\.(?:zip|csv)$`)

	leanMember = regexp.MustCompile(`(?i)^(\d{8})_([^_]+)_(tick|second|minute|hour|daily)` +
		`_(trade|quote|openinterest)(_[a-z0-9_]+)?\.csv$`)

	leanAllDays  = regexp.MustCompile(`(?i)^([^_/]+)_(trade|quote|openinterest)(_[a-z0-9_]+)?\.csv$`)
	leanOption   = regexp.MustCompile(`(?i)^_(?:american|european)_(call|put)_(\d+)_(\d{8})$`)
	leanContract = regexp.MustCompile(`^_(\d{6})(?:_(\d{8}))?$`)
)

var leanTimeframes = map[string]string{"second": "1s", "minute": "1m", "hour": "1h", "daily": "1d"}

// leanScale is the factor by which Lean multiplies the prices of equities and of options on equities and indexes, and
// the strikes of all options.
const leanScale = 10_000

// leanPath reads the path of a file, or of a zip and its member.
func leanPath(path, member string) (f leanFile) {
	path = filepath.ToSlash(path)
	parts := leanFolders.FindStringSubmatch(path)
	if parts == nil {
		return leanFile{}
	}

	kind := strings.ToLower(parts[1])
	market := strings.ToLower(parts[2])
	resolution := strings.ToLower(parts[3])
	f = leanFile{
		known:     true,
		symbol:    strings.ToUpper(parts[4]),
		timeframe: leanTimeframes[resolution],
		kind:      strings.ToLower(parts[5]),
	}

	f.scaled = kind == "equity" || kind == "option" || kind == "indexoption"
	f.spot = kind == "forex" || kind == "cfd"
	f.index = kind == "index"
	f.zone = leanZone(kind, market, f.symbol)

	name := member
	if name == "" {
		name = filepath.Base(path)
	}
	if strings.HasSuffix(kind, "option") || kind == "future" {
		f.symbol, f.err = leanSymbol(f.symbol, name)
	}

	if resolution == "hour" || resolution == "daily" {
		return f
	}

	day := leanDay.FindStringSubmatch(path)
	if day == nil {
		inner := leanMember.FindStringSubmatch(filepath.Base(path)) // unpacked
		if inner == nil {
			return leanFile{}
		}
		day = []string{"", inner[1], inner[4]}
	}

	f.kind = strings.ToLower(day[2])
	f.base, _ = time.Parse("20060102", day[1])
	return f
}

// leanSymbol returns the symbol of a contract, which is Lean's name with the real strike: ES_202406 or ES_20240621 for
// a future, AAPL_CALL_170_20240315 for an option.
func leanSymbol(underlying, member string) (string, error) {
	contract := ""
	if inner := leanMember.FindStringSubmatch(member); inner != nil {
		underlying, contract = strings.ToUpper(inner[2]), inner[5]
	} else if inner := leanAllDays.FindStringSubmatch(member); inner != nil {
		underlying, contract = strings.ToUpper(inner[1]), inner[3]
	}

	symbol := ""
	if option := leanOption.FindStringSubmatch(contract); option != nil {
		scaled, _ := tabular.PlainNumber([]byte(option[2]))
		if strike, err := scaled.Div64(leanScale); err == nil {
			symbol = underlying + "_" + strings.ToUpper(option[1]) + "_" + strike.String() + "_" + option[3]
		}
	} else if future := leanContract.FindStringSubmatch(contract); future != nil {
		symbol = underlying + "_" + cmp.Or(future[2], future[1])
	}

	switch {
	case symbol == "":
		return "", errors.New("its name does not tell the contract, unlike 20240311_es_minute_trade_202406.csv; " +
			"set --symbol")
	case len(symbol) > blotter.SymbolLengthMax-len(MidSuffix):
		return "", fmt.Errorf("the contract %s is longer than the %d characters of a symbol; set --symbol", symbol,
			blotter.SymbolLengthMax)
	}
	return symbol, nil
}

// leanOutside reports whether a file is Lean's, outside of Lean's folders. The name of the member tells it, or a zip of
// the same name with hourly or daily rows of prices in ten thousandths.
func (f *File) leanOutside(sample []record) bool {
	name := f.member
	if name == "" {
		name = filepath.Base(f.Path)
	}

	zip := strings.TrimSuffix(filepath.Base(f.Path), ".zip")
	first := sample[0].Cells

	switch n := len(first); {
	case n != leanTrades.count && n != leanQuotes.count:
		return false
	case leanMember.MatchString(name):
		_, isTime := tabular.PlainNumber(first[0])
		return isTime
	case len(tabular.Trim(first[0])) != len("20131007 09:30") || first[0][8] != ' ':
		return false
	case leanAllDays.MatchString(name):
		return true
	case f.member == "" || !strings.EqualFold(strings.TrimSuffix(f.member, ".csv"), zip) &&
		!strings.HasPrefix(f.member, zip+"_"):
		return false
	}

	for i := range sample {
		for _, cell := range sample[i].Cells[1:] {
			if bytes.IndexByte(cell, '.') >= 0 {
				return false
			}
		}
	}
	return true
}

// leanLayout returns the layout that the path and the number of cells tell.
func (f *File) leanLayout(sample []record, path leanFile) (l layout, err error) {
	switch n := len(sample[0].Cells); {
	case path.kind == "openinterest":
		return l, notBars(f.name(), "open interest")
	case path.timeframe == "" && path.kind == "quote":
		return l, notBars(f.name(), "quotes (Lean ticks)")
	case path.timeframe == "":
		return l, notBars(f.name(), "trades (Lean ticks)")
	case n == leanTrades.count || n == leanTrades.count-1:
		l = leanTrades
		l.count = n
		if n < leanTrades.count {
			l.at[fieldVolume] = -1
		}
	case n == leanQuotes.count:
		l = leanQuotes
		l.at[fieldVolume] = -1
	default:
		return l, f.notBars(sample[0].Cells, "")
	}

	l.base = path.base

	if path.scaled {
		l.scale = leanScale
	}

	if path.err != nil && f.opts.Symbol == "" {
		return l, tabular.Error(f.name(), path.err.Error())
	}
	return l, nil
}
