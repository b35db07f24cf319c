package web_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/internal/demo"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/web"
)

// demoDay is the present day of the tests.
var demoDay = time.Date(2026, 3, 2, 15, 30, 0, 0, time.UTC)

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// site is a dashboard that is served.
type site struct {
	*httptest.Server
	db    *pgtest.Database
	pages *web.Dashboard
	clock *clock
}

// newSite serves the dashboard of a database.
func newSite(t testing.TB, db *pgtest.Database, change func(*web.Config)) *site {
	t.Helper()

	s := &site{db: db, clock: &clock{now: demoDay}}
	cfg := web.Config{DB: db.DB, Clock: s.clock.Now, Version: "test", Checks: []monitor.Check{}}
	if change != nil {
		change(&cfg)
	}

	var err error
	if s.pages, err = web.New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := s.pages.Start(t.Context()); err != nil {
		t.Fatal(err)
	}

	s.Server = httptest.NewServer(monitor.CheckHost(s.pages.Handler()))
	t.Cleanup(func() {
		_ = s.pages.Stop(t.Context())
		s.CloseClientConnections()
		s.Close()
	})

	return s
}

// browser is a client that keeps cookies and follows no redirects.
type browser struct {
	http.Client
	site   *site
	header http.Header
}

func (s *site) browser(t testing.TB) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{site: s, header: http.Header{}}
	b.Jar = jar
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

// opened returns a browser that has opened the one-time link.
func (s *site) opened(t testing.TB) *browser {
	t.Helper()
	b := s.browser(t)
	if status, _ := b.get(t, s.pages.Link()); status != http.StatusSeeOther {
		t.Fatalf("the link answered %d", status)
	}
	return b
}

// get returns the status and the body of a page.
func (b *browser) get(t testing.TB, path string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.site.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b.send(t, request)
}

// page returns a page, which must be there.
func (b *browser) page(t testing.TB, path string) string {
	t.Helper()
	status, body := b.get(t, path)
	if status != http.StatusOK {
		t.Fatalf("%s: status %d\n%s", path, status, body)
	}
	return body
}

func (b *browser) post(t testing.TB, path string, values url.Values) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.site.URL+path,
		strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(t, request)
}

func (b *browser) send(t testing.TB, request *http.Request) (int, string) {
	t.Helper()
	for name, values := range b.header {
		request.Header[name] = values
	}
	answer, err := b.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode, readAll(t, answer)
}

// fillDemo imports the demo's bars up to demoDay, and trades on them.
func fillDemo(t testing.TB, db *pgtest.Database, account string) {
	t.Helper()
	files, err := demo.WriteSample(t.TempDir(), demoDay)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		file, err := barfile.Open(path, barfile.Options{Source: demo.SampleSource})
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.ImportBars(t.Context(), postgres.BarImport{File: path, Bars: file.Bars()})
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
	}

	series, err := db.Symbols(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := demo.Trade(t.Context(), db.DB, account, series); err != nil {
		t.Fatal(err)
	}
}

// fill returns a trade to book.
func fill(account, id, symbol string, quantity int, price string, at time.Time) blotter.Trade {
	side := blotter.Buy
	if quantity < 0 {
		side = blotter.Sell
		quantity = -quantity
	}
	return blotter.Trade{
		AccountID: account, TradeID: id, Symbol: symbol, Side: side, Price: blotter.MustDecimal(price), ExecutedAt: at,
		Quantity: blotter.MustDecimal(fmt.Sprint(quantity)),
	}
}

// book books trades of one account.
func book(t testing.TB, db *pgtest.Database, trades ...blotter.Trade) {
	t.Helper()
	ctx := blotter.WithAccount(t.Context(), trades[0].AccountID)
	receipts, err := db.ExecuteTrades(ctx, trades)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range receipts {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

// rebuildAnalytics computes the analytics from the trades, as blotter analytics rebuild does.
func rebuildAnalytics(t testing.TB, db *pgtest.Database) {
	t.Helper()
	s, err := analytics.New(analytics.Config{Source: db.DB})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// order creates the order of a trade.
func order(t testing.TB, db *pgtest.Database, trade *blotter.Trade) {
	t.Helper()
	o := &blotter.Order{
		AccountID: trade.AccountID, OrderID: trade.OrderID, Symbol: trade.Symbol, Side: trade.Side,
		Quantity: trade.Quantity, Strategy: trade.Strategy,
	}
	if err := db.CreateOrder(blotter.WithAccount(t.Context(), trade.AccountID), o); err != nil {
		t.Fatal(err)
	}
}

// fillPositions books a position in each of n symbols.
func fillPositions(t testing.TB, db *pgtest.Database, account string, n int) {
	t.Helper()
	var trades []blotter.Trade
	for i := range n {
		symbol := fmt.Sprintf("S%04d", i)
		trades = append(trades, fill(account, "t-"+symbol, symbol, 1+i%90, fmt.Sprintf("%d.%02d", 1+i%300, i%100),
			demoDay.Add(-time.Hour)))
	}
	book(t, db, trades...)
}
