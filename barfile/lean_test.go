package barfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/barfile"
)

const (
	leanMinutes = "34200000,25000,26000,24000,25500,10\n34260000,25000,26000,24000,25500,1\n"
	leanDays    = "20140606 00:00,25000,26000,24000,25500,10\n20140609 00:00,25000,26000,24000,25500,1\n"
)

// Each contract is a symbol of its own, and never a row of its underlying.
func TestLeanContracts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path    string
		members []string
		want    string // symbols and the first open
	}{
		{
			path: "option/usa/minute/aapl/20240311_trade_american.zip",
			members: []string{
				"20240311_aapl_minute_trade_american_call_1700000_20240315.csv",
				leanMinutes,
				"20240311_aapl_minute_trade_american_put_1725000_20240315.csv",
				leanMinutes,
			},
			want: "AAPL_CALL_170_20240315 AAPL_PUT_172.5_20240315 2.5",
		},
		{
			path: "option/usa/minute/aapl/20240311_quote_american.zip",
			members: []string{
				"20240311_aapl_minute_quote_american_call_1700000_20240315.csv",
				"34200000,10000,10000,10000,10000,5,30000,30000,30000,30000,7\n",
			},
			want: "AAPL_CALL_170_20240315:MID 2",
		},
		{
			"indexoption/usa/minute/spx/20240311_trade_european.zip",
			[]string{"20240311_spx_minute_trade_european_call_50000000_20240315.csv", leanMinutes},
			"SPX_CALL_5000_20240315 2.5",
		},
		{
			path: "option/usa/daily/aapl_2014_trade_american.zip",
			members: []string{
				"aapl_trade_american_call_6500000_20140621.csv",
				leanDays,
				"aapl_trade_american_put_6500000_20140621.csv",
				leanDays,
			},
			want: "AAPL_CALL_650_20140621 AAPL_PUT_650_20140621 2.5",
		},
		{
			path: "future/cme/minute/es/20240311_trade.zip",
			members: []string{
				"20240311_es_minute_trade_202406.csv",
				leanMinutes,
				"20240311_es_minute_trade_202409_20240920.csv",
				leanMinutes,
			},
			want: "ES_202406 ES_20240920 25000",
		},
		{
			"future/cme/daily/nq_trade.zip",
			[]string{"nq_trade_201312_20131220.csv", leanDays, "nq_trade_201403_20140321.csv", leanDays},
			"NQ_20131220 NQ_20140321 25000",
		},
		{
			"futureoption/cme/minute/es/202406/20240311_trade_american.zip",
			[]string{"20240311_es_minute_trade_american_call_51000000_20240621.csv", leanMinutes},
			"ES_CALL_5100_20240621 25000",
		},
	} {
		path := filepath.Join(t.TempDir(), test.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, zipped(t, test.members...), 0o600); err != nil {
			t.Fatal(err)
		}

		file, err := barfile.Open(path, barfile.Options{})
		if err != nil {
			t.Errorf("%s: %v", test.path, err)
			continue
		}

		var got []string

		open := ""
		for row, err := range file.Bars() {
			if err != nil {
				t.Errorf("%s: %v", test.path, err)
				break
			}
			if len(got) == 0 || got[len(got)-1] != row.Symbol {
				got = append(got, row.Symbol)
			}
			open = row.Open.String()
		}

		_ = file.Close()
		if text := strings.Join(append(got, open), " "); text != test.want {
			t.Errorf("%s: %s, want %s", test.path, text, test.want)
		}
	}

	for name, want := range map[string]string{
		"20240311_es_minute_trade.csv": "its name does not tell the " +
			"contract",
		"20240311_averylongticker_minute_trade_american_call_1700000_20240315.csv": "is longer than the 32 " +
			"characters of a symbol",
	} {
		_, _, err := opened(t, "option/usa/minute/es/20240311_trade_american.zip", zipped(t, name, leanMinutes),
			barfile.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// Files of Lean outside of its folders are refused, because the scale of their prices is not known. Within, a relative
// path is enough.
func TestLeanOutsideItsFolders(t *testing.T) {
	for name, content := range map[string][]byte{
		"20240311_trade.zip":            zipped(t, "20240311_qqq_minute_trade.csv", leanMinutes),
		"spy.zip":                       zipped(t, "spy.csv", leanDays),
		"nq_trade.zip":                  zipped(t, "nq_trade_201312_20131220.csv", leanDays),
		"20240311_qqq_minute_trade.csv": []byte(leanMinutes),
	} {
		_, _, err := opened(t, name, content, barfile.Options{})
		if err == nil ||
			!strings.Contains(err.Error(),
				"it is a file of Lean, whose folders tell the market and the scale of its prices") {
			t.Errorf("%s: %v, want that it is Lean's and its scale unknown", name, err)
		}
	}

	file, bars, err := opened(t, "spy.zip", zipped(t, "spy.csv", leanDays), barfile.Options{Format: "csv"})
	if err != nil || bars != 2 || file.Format != "CSV" {
		t.Errorf("as CSV: %d bars, %v", bars, err)
	}

	_, _, err = opened(t, "DAX.zip", zipped(t, "DAX.csv", strings.ReplaceAll(leanDays, "25000", "25000.5")),
		barfile.Options{})
	if err != nil {
		t.Errorf("prices with a point: %v", err)
	}

	dir := filepath.Join(t.TempDir(), "equity/usa/daily")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}

	t.Chdir(dir)
	if err := os.WriteFile("spy.zip", zipped(t, "spy.csv", leanDays), 0o600); err != nil {
		t.Fatal(err)
	}

	inside, err := barfile.Open("spy.zip", barfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	for row, err := range inside.Bars() {
		if err != nil || inside.Format != "Lean zip" || row.Open.String() != "2.5" {
			t.Fatalf("%s: open %s, %v; want 2.5", inside.Format, row.Open, err)
		}
	}
}
