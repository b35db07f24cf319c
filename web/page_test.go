package web_test

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/web"
)

// allPages are the pages of the menu.
var allPages = []string{
	"/", "/positions", "/orders", "/trades", "/performance", "/performance?range=all", "/market", "/pipeline",
	"/database", "/audit",
}

// demoPages are further pages that the demo's book has.
var demoPages = []string{
	"/position?account=DEMO&symbol=SYN-A", "/symbol?symbol=SYN-A", "/search?q=SYN", "/positions?state=all&sort=loss",
	"/trades?side=buy&result=won&from=2025-01-01&to=2025-12-31&weekday=2&hour=0&currency=USD&strategy=moving-average",
	"/orders?status=filled&symbol=SYN-B", "/order?account=DEMO&id=MA-SYN-A-20240228T0000",
}

func readAll(t testing.TB, answer *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func contains(t testing.TB, what, text string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q", what, w)
		}
	}
}

// Every page answers with the demo's book, and within the weight that a page may have.
func TestPagesOfDemo(t *testing.T) {
	t.Parallel()
	const weightMax = 150_000

	db := pgtest.Open(t)
	fillDemo(t, db, "DEMO")
	b := newSite(t, db, nil).opened(t)
	for _, path := range append(append([]string{}, allPages...), demoPages...) {
		status, body := b.get(t, path)
		if strings.HasPrefix(path, "/order?") && status == http.StatusNotFound {
			continue // the demo trades on that day only by its strategy
		}
		if status != http.StatusOK || len(body) > weightMax {
			t.Errorf("%s: status %d, %d bytes", path, status, len(body))
		}
		if strings.Contains(body, "<no value>") || strings.Contains(body, "%!") || strings.Contains(body, "ZgotmplZ") {
			t.Errorf("%s has a mistake of a template", path)
		}
	}

	contains(t, "the overview", b.page(t, "/"), "Open positions are worth", "Equity in USD", "SYN-A", "Latest fills")
	contains(t, "the position", b.page(t, demoPages[0]), "Does it add up?", "Round trips", "<svg", "Show as a table")
	contains(t, "the market", b.page(t, "/market"), "SYN-A", "SYN-C", "27 of the last 36 months")
}

// Every page of an empty database says what to do.
func TestPagesOfEmptyDatabase(t *testing.T) {
	t.Parallel()
	b := newSite(t, pgtest.Open(t), nil).opened(t)
	for _, path := range allPages {
		b.page(t, path)
	}
	contains(t, "the overview", b.page(t, "/"), "blotter demo", "blotter trades import")
	contains(t, "the market", b.page(t, "/market"), "blotter import FILE")
	contains(t, "the pipeline", b.page(t, "/pipeline"), "blotter serve")
}

var nextPage = regexp.MustCompile(`<a href="([^"]+)" rel="next">`)

// The pages of a list have every trade once, and the download has the same trades.
func TestPagingAndDownload(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	var trades []blotter.Trade
	for i := range 173 {
		// Several trades have the same instant, so that a page may end between two of them.
		at := demoDay.Add(-time.Duration(i/7) * time.Hour)
		trades = append(trades, fill("ACC", fmt.Sprintf("t-%03d", i), "KO", 1+i%3, "60.25", at))
	}
	book(t, db, trades...)
	b := newSite(t, db, nil).opened(t)

	seen := map[string]int{}
	link := regexp.MustCompile(`>(t-\d+)</a>`)
	for path := "/trades?symbol=KO"; path != ""; {
		body := b.page(t, path)
		for _, found := range link.FindAllStringSubmatch(body, -1) {
			seen[found[1]]++
		}
		path = ""
		if next := nextPage.FindStringSubmatch(body); next != nil {
			path = strings.ReplaceAll(next[1], "&amp;", "&")
		}
	}
	if len(seen) != len(trades) {
		t.Errorf("the pages have %d trades, want %d", len(seen), len(trades))
	}
	for id, times := range seen {
		if times != 1 {
			t.Errorf("trade %s is listed %d times", id, times)
		}
	}

	rows, err := csv.NewReader(strings.NewReader(b.page(t, "/trades.csv?symbol=KO&side=buy"))).ReadAll()
	if err != nil || len(rows) != len(trades)+1 {
		t.Errorf("the download has %d rows, %v; want %d and a header", len(rows), err, len(trades))
	}
	rows, _ = csv.NewReader(strings.NewReader(b.page(t, "/trades.csv?symbol=PEP"))).ReadAll()
	if len(rows) != 1 {
		t.Errorf("a filter that nothing matches gives %d rows", len(rows))
	}
}

// Money of two currencies is never added, numbers have every digit, and losses have a sign and a class.
func TestNumbersAreExact(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	account := blotter.WithAccount(t.Context(), "ACC")
	euro := fill("ACC", "e1", "SAP", 1000, "1234.5678901", demoDay.Add(-2*time.Hour))
	euro.Currency = "EUR"
	end := fill("ACC", "e2", "SAP", -1000, "1234.0678901", demoDay.Add(-time.Hour))
	end.Currency = "EUR"
	if _, err := db.ExecuteTrades(account, []blotter.Trade{
		euro, end, fill("ACC", "u1", "KO", 10, "60.1", demoDay.Add(-time.Hour)), fill("ACC", "u2", "KO", -10,
			"61.1", demoDay),
	}); err != nil {
		t.Fatal(err)
	}

	b := newSite(t, db, nil).opened(t)
	body := b.page(t, "/trades")
	contains(t, "the list", body, "1,234.5678901", "-500.00", "EUR", "USD")
	overview := b.page(t, "/")
	contains(t, "the overview", overview, "Equity in EUR", "Equity in USD", "-500.00", "10.00")
	if strings.Contains(overview, "-490") {
		t.Error("euros and dollars were added")
	}
	if !regexp.MustCompile(`class="[^"]*loss[^"]*"[^>]*>(<a[^>]*>)?-500\.00`).MatchString(overview) {
		t.Error("a loss has no class of its own")
	}
}

// Every figure of a month leads to the trades that it counts.
func TestFiguresLeadToTheirTrades(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	march := time.Date(2025, 3, 31, 23, 30, 0, 0, time.UTC) // in New York it is still March
	book(t, db,
		fill("ACC", "in-march", "KO", 10, "60", march), fill("ACC", "in-april", "KO", -10, "66",
			march.Add(24*time.Hour)))
	db.Exec(t, `update execution.accounts set zone = 'America/New_York'`)
	b := newSite(t, db, func(c *web.Config) { c.Account = "ACC" }).opened(t)

	body := b.page(t, "/performance?range=all")
	found := regexp.MustCompile(`<a href="([^"]+)">March 2025</a>`).FindStringSubmatch(body)
	if found == nil {
		t.Fatal("the page has no figure of March")
	}
	trades := b.page(t, strings.ReplaceAll(found[1], "&amp;", "&"))
	contains(t, "the list of March", trades, "in-march")
	if strings.Contains(trades, "in-april") {
		t.Error("a trade of April is in the list of March")
	}
}

// The figures of the overview are the same, whether the analytics run or not.
func TestFiguresWithoutAnalytics(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	fillDemo(t, db, "DEMO")
	b := newSite(t, db, nil).opened(t)
	before := b.page(t, "/")
	contains(t, "the overview without analytics", before, "The analytics do not run")
	rebuildAnalytics(t, db)

	b.site.clock.advance(time.Second) // the state of the analytics is kept for less
	after := b.page(t, "/?fresh=1")
	if strings.Contains(after, "The analytics do not run") {
		t.Error("the analytics ran, and the page says that they do not")
	}
	figures := regexp.MustCompile(`(?s)<dl class="stats">.*?</dl>`)
	if a, b := figures.FindString(before), figures.FindString(after); a != b {
		t.Errorf("the figures of the trades and of the analytics differ:\n%s\n%s", a, b)
	}
}
