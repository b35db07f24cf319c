package barfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
)

const header = "date,open,high,low,close,volume\n"

// A file without bars is an error of one line that says why.
func TestNotBarFile(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "it is empty"},
		{"byte order mark alone", "\xef\xbb\xbf", "it is empty"},
		{"blank lines", "\n\n , ,\r\n", "it is empty"},
		{"header alone", header, "it has a header and no rows"},
		{"header alone, no line end", strings.TrimSpace(header), "it has a header and no rows"},
		{"text", "Dear customer,\nplease find your statement below.\n", `no column for date in "Dear customer,"`},
		{
			name: "broken JSON",
			text: `{"bars": {"AAPL": [{"t": "2021-01-01T00:00:00Z", "o": 1, "h": 2 "l"}]}}`,
			want: "its JSON is broken",
		},
		{"empty JSON", "{}", "it is empty"},
		{
			name: "Alpha Vantage's limit",
			text: `{"Information": "The rate limit is 25 requests a day."}`,
			want: "it holds the vendor's message, not bars",
		},
		{
			name: "Alpha Vantage's limit, older",
			text: `{"Note": "Thank you for using Alpha Vantage!"}`,
			want: "it holds the vendor's message, not bars",
		},
		{
			name: "symbols that are not text",
			text: "Date;Open;High;Low;Close;Name\n2021-01-04;1;2;1;2;M\x81nch\n2021-01-05;1;2;1;2;M\x81nch\n",
			want: "the symbol is not UTF-8 text",
		},
		{"day numbers", header + "44200,1,2,1,2,3\n44201,1,2,1,2,3\n", "is the day number of a spreadsheet"},
		{
			name: "JSON cut short",
			text: `{"bars": {"AAPL": [{"t": "2021-01-01T00:00:00Z", "o": 1, "h": 2`,
			want: "the JSON ends in the middle",
		},
		{"a JSON number", `[1, 2, 3]`, "its JSON has no rows with the prices of bars"},
		{"binary", "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xfe\n\x00\x01\n", "no column for date"},
		{"gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x4c\x4a\n", "reading it failed: unexpected EOF"},
		{"zstd", "\x28\xb5\x2f\xfd\x04\x00", "zstd files are not supported"},
		{"a zip from a stream", "PK\x03\x04", "cannot be read from a stream; save it as a file first"},
		{"trades", "timestamp,price,amount,side\n1605499846,15993.5,0.026472,buy\n", "it holds trades, not bars"},
		{"one row, no bar", header + "a,b,c,d,e,f\n", "its only row is not a bar (line 2: invalid date"},
		{
			name: "rows, no bars",
			text: header + strings.Repeat("Q1,1,2,1,2,3\n", 5),
			want: "none of its rows is a bar (line 2: invalid date",
		},
		{"first line without end", strings.Repeat("x", 1<<20), "line 1 is longer than any bar"},
		{"second line without end", header + strings.Repeat("x", 1<<20), "line 2 is longer than any bar"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			refused(t, "AAPL.csv", test.text, barfile.Options{}, test.want)
		})
	}
}

func TestLongLineAfterBars(t *testing.T) {
	t.Parallel()
	text := header + strings.Repeat("2019-01-02,1,2,1,2,3\n", 100) + strings.Repeat("x", 1<<17) + "\n" +
		"2019-01-03,1,2,1,2,3\n"
	r := read(t, "AAPL.csv", text, barfile.Options{})
	if r.err == nil || !strings.Contains(r.err.Error(), "line 102 is longer") || !errors.Is(r.err, blotter.ErrInvalid) {
		t.Errorf("error %v, want that line 102 is too long", r.err)
	}
}

func TestReadFails(t *testing.T) {
	t.Parallel()
	broken := iotest.ErrReader(errors.New("the disk is on fire"))
	for _, text := range []string{"", header} {
		_, err := barfile.Read(io.MultiReader(strings.NewReader(text), broken), "AAPL.csv", barfile.Options{})
		if err == nil || !strings.Contains(err.Error(), "reading it failed: the disk is on fire") {
			t.Errorf("after %q: %v, want that reading failed", text, err)
		}
	}

	file, err := barfile.Read(io.MultiReader(strings.NewReader(header+strings.Repeat("2019-01-02,1,2,1,2,3\n", 100)),
		broken), "AAPL.csv", barfile.Options{})
	if err != nil {
		t.Fatal(err)
	}

	var last error
	for _, last = range file.Bars() {
	}
	if last == nil || !strings.Contains(last.Error(), "the disk is on fire") {
		t.Errorf("the last error is %v, want that reading failed", last)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "AAPL.csv")
	if err := os.WriteFile(path, []byte(header+"2019-01-02,1,2,1,2,3\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	file, err := barfile.Open(path, barfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if file.Path != path || file.Symbol != "AAPL" || file.Format != "CSV" || file.Source != "csv:"+filepath.Base(dir) {
		t.Errorf("%+v", file)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}

	for path, want := range map[string]string{
		dir:                           "it is a folder; name its files, for example " + filepath.Join(dir, "*.csv"),
		filepath.Join(dir, "nothing"): "there is no such file",
		filepath.Join(path, "below"):  "not a folder",
	} {
		_, err := barfile.Open(path, barfile.Options{})
		if err == nil || !strings.HasPrefix(err.Error(), "blotter: "+path) && !strings.HasPrefix(err.Error(), path) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s): %v, want %q", path, err, want)
		}
	}
}

// The source of a file without a vendor includes its folder. That of a stream does not.
func TestSourceOfFolder(t *testing.T) {
	t.Parallel()
	text := []byte(header + "2019-01-02,1,2,1,2,3\n")
	long := strings.Repeat("ü", 60)

	for folder, want := range map[string]string{"daily": "csv:daily", long: "csv:" + long[:2*46]} {
		file, _, err := opened(t, folder+"/AAPL.csv", text, barfile.Options{})
		if err != nil || file.Source != want {
			t.Errorf("source %q, %v; want %q", file.Source, err, want)
		}
	}

	if r := read(t, "daily/AAPL.csv", string(text), barfile.Options{}); r.file.Source != "csv" {
		t.Errorf("source of a stream %q, want csv", r.file.Source)
	}

	file, _, err := opened(t, "daily/AAPL.csv", text, barfile.Options{Source: "desk"})
	if err != nil || file.Source != "desk" {
		t.Errorf("source %q, %v; want the one asked for", file.Source, err)
	}

	yahoo := []byte("Date,Open,High,Low,Close,Adj Close,Volume\n2019-01-02,1,2,1,2,2,3\n")
	if file, _, err := opened(t, "daily/AAPL.csv", yahoo, barfile.Options{}); err != nil || file.Source != "yahoo" {
		t.Errorf("source %q, %v; want yahoo", file.Source, err)
	}
}
