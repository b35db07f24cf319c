package barfile

import (
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// leanFile is what the path of a Lean file tells: date, symbol, resolution and kind stand nowhere else
// (Lean, Data/readme.md).
type leanFile struct {
	known     bool
	symbol    string
	timeframe string // "" for ticks
	kind      string // trade, quote, openinterest or "" (daily and hour files of equities)
	zone      string
	scaled    bool // prices are written ten thousand times higher
	spot      bool // there are quotes and no trades: forex and contracts for difference
	base      time.Time
}

var (
	leanFolders = regexp.MustCompile(`(?i)(?:^|/)(equity|option|indexoption|futureoption|future|index|crypto|cryptofuture|forex|cfd)/([a-z0-9]+)/` +
		`(tick|second|minute|hour|daily)/([^/]+?)(?:_(trade|quote|openinterest))?(?:\.zip|\.csv|/)`)
	leanDay    = regexp.MustCompile(`(?i)/(\d{8})_(trade|quote|openinterest)[^/]*\.(?:zip|csv)`)
	leanMember = regexp.MustCompile(`(?i)^(\d{8})_([^_]+)_(tick|second|minute|hour|daily)_(trade|quote|openinterest)`)
)

var leanTimeframes = map[string]string{"second": "1s", "minute": "1m", "hour": "1h", "daily": "1d"}

// leanZones are the markets whose times are not New York's.
var leanZones = map[string]string{"india": "Asia/Kolkata", "cme": "America/Chicago", "cbot": "America/Chicago", "hkfe": "Asia/Hong_Kong", "eurex": "Europe/Berlin"}

// leanPath reads the path of a file, or of a zip and its member.
func leanPath(path, member string) (f leanFile) {
	path = filepath.ToSlash(path)
	parts := leanFolders.FindStringSubmatch(path)
	if parts == nil {
		return leanFile{}
	}
	kind, market, resolution := strings.ToLower(parts[1]), strings.ToLower(parts[2]), strings.ToLower(parts[3])
	f = leanFile{known: true, symbol: strings.ToUpper(parts[4]), timeframe: leanTimeframes[resolution], kind: strings.ToLower(parts[5])}
	f.scaled = kind == "equity" || kind == "option"
	f.spot = kind == "forex" || kind == "cfd"
	f.zone = "America/New_York"
	if zone, known := leanZones[market]; known {
		f.zone = zone
	}
	if strings.HasPrefix(kind, "crypto") || f.spot {
		f.zone = "UTC"
	}
	if resolution == "hour" || resolution == "daily" {
		return f
	}
	day := leanDay.FindStringSubmatch(path)
	if day == nil {
		return leanFile{}
	}
	f.kind = strings.ToLower(day[2])
	f.base, _ = time.Parse("20060102", day[1])
	// A member that has more in its name than its folder, as a contract of a future, is a symbol of its own.
	if inner := leanMember.FindStringSubmatch(member); inner == nil && strings.Contains(member, "_") {
		f.symbol = nameTells(member).symbol
	}
	return f
}

// leanLayout is the layout that path and number of cells tell.
func (f *File) leanLayout(sample []record, path leanFile) (l layout, err error) {
	switch n := len(sample[0].cells); {
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
		return l, f.notBars(sample[0].cells, "")
	}
	l.base = path.base
	if path.scaled {
		l.scale = 10000
	}
	return l, nil
}
