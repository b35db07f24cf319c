package barfile

import (
	"slices"
	"strings"

	"github.com/blotterdb/blotter/internal/tabular"
)

// leanZones are the zones in which Lean writes the times of a kind of instrument at a market: dataTimeZone in its
// Data/market-hours/market-hours-database.json (commit 24863901de), which often differs from the zone of the
// exchange. docs/formats.md has the table. The zones of other markets are unknown.
var leanZones = map[string]string{
	"equity/usa": "America/New_York", "equity/india": "Asia/Kolkata",
	"option/usa": "America/New_York", "option/india": "Asia/Kolkata",
	"indexoption/usa": "America/New_York",
	"index/usa":       "America/Chicago", "index/cboe": "America/New_York", "index/eurex": "Europe/Berlin",
	"index/hkfe": "Asia/Hong_Kong", "index/india": "Asia/Kolkata", "index/krx": "Asia/Seoul", "index/ose": "Asia/Tokyo",
	"future/cme": "UTC", "future/cbot": "UTC", "future/nymex": "UTC", "future/comex": "UTC", "future/cfe": "UTC",
	"future/ice": "UTC", "future/nyseliffe": "UTC", "future/sgx": "UTC", "future/eurex": "Europe/Berlin",
	"future/hkfe": "Asia/Hong_Kong", "future/india": "Asia/Kolkata", "future/krx": "Asia/Seoul",
	"forex/oanda": "UTC", "forex/interactivebrokers": "UTC", "forex/fxcm": "Etc/GMT+5",
	"cfd/oanda": "UTC", "cfd/interactivebrokers": "UTC", "cfd/fxcm": "Etc/GMT+5",
}

// leanNewYork are the indexes of the market "usa" that Lean writes in New York's time. The others, such as SPX, VIX and
// NDX, are in Chicago's.
var leanNewYork = strings.Fields(`
	AEX BKX BRR BRTI BXD BXM BXN BXR CEX CLL COMP COR1M COR1Y COR30D COR3M COR6M COR9M DJCIAGC DJCICC DJCIGC DJCIGR
	DJCIIK DJCIKC DJCISB DJCISI DJI DJINET DJR DJX DRG DTX DUX DVS DWCF DWCPF DXL DXY EVZ FTW5000 FVX GVZ HGX MID MIDG
	MIDV MRUT NYA NYFANG NYXBT OEX OSX OVX PUT RLS RUA RUI RUT RVX SET SGX SKEW SMLG SP600 SPGSCI SPSIBI SPSV SVX TNX
	TYX UKX UTIL UTY VAF VIF VIN VIX1D VIX1Y VIX3M VIX6M VIX9D VOLI VPD VPN VRO VVIX VWA VWB VXD VXN VXO VXSLV VXTH
	VXTLT XAU XDA XDB XEO XMI XNDX XSP`)

// leanInUTC are the contracts for difference of FXCM that Lean writes in UTC.
var leanInUTC = strings.Fields(`AU200AUD BCOUSD CH20CHF DE10YBEUR DE30EUR DXYUSD ES35EUR EU50EUR FR40EUR
	HK33HKD IT40EUR JP225JPY NAS100USD NATGASUSD SPX500USD
	UK100GBP US30USD WTICOUSD XAGUSD XAUUSD XCUUSD XPDUSD XPTUSD`)

// leanZone returns the zone of the times of a symbol, or "" if it is not known.
func leanZone(kind, market, symbol string) string {
	switch {
	case strings.HasPrefix(kind, "crypto"):
		return "UTC"
	case kind == "futureoption":
		kind = "future"
	}

	switch {
	case kind == "index" && market == "usa" && slices.Contains(leanNewYork, symbol):
		return "America/New_York"
	case kind == "future" && market == "ice" && symbol == "DX":
		return "America/New_York"
	case kind == "cfd" && market == "fxcm" && slices.Contains(leanInUTC, symbol):
		return "UTC"
	}
	return leanZones[kind+"/"+market]
}

// leanSession corrects the zone of an index of the market "usa" by its first bar: trading begins at 9:30 in New York,
// which is 8:30 in Chicago, and no index has a bar at 8:30 in New York.
func leanSession(path leanFile, sample []record) string {
	if !path.index || path.zone != "America/New_York" || path.base.IsZero() || len(sample) == 0 {
		return path.zone
	}
	const half, open = (8*60 + 30) * 60_000, (9*60 + 30) * 60_000
	e, ok := tabular.ParseEpoch(tabular.Trim(sample[0].Cells[0]))
	if ok && e.N >= half && e.N < open {
		return "America/Chicago"
	}
	return path.zone
}
