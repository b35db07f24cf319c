package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/web"
)

const password = "correct horse battery"

// signedIn returns a browser of a user, who is added first.
func (s *site) signedIn(t testing.TB, user web.User) *browser {
	t.Helper()
	if err := web.AddUser(t.Context(), s.db.DB, user, password); err != nil {
		t.Fatal(err)
	}
	b := s.browser(t)
	if status, body := b.login(t, user.Name, password); status != http.StatusSeeOther {
		t.Fatalf("login: %d %s", status, body)
	}
	return b
}

func (b *browser) login(t testing.TB, name, password string) (int, string) {
	t.Helper()
	return b.post(t, "/login", url.Values{"name": {name}, "password": {password}, "next": {"/"}})
}

func asksForNames(c *web.Config) { c.SignIn = true }

// A user of one account finds nothing of another one, whatever they put into parameters, headers and cookies.
func TestOtherAccountsAreOutOfReach(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	book(t, db, fill("MINE", "my-trade", "KO", 10, "60", demoDay))
	hidden := fill("THEIRS", "their-trade", "HIDDEN", 7_717_717, "12345.5", demoDay)
	hidden.OrderID = "their-order"
	hidden.Strategy = "unseen"
	order(t, db, &hidden)
	book(t, db, hidden)
	b := newSite(t, db, asksForNames).signedIn(t, web.User{Name: "ann", Accounts: []string{"MINE"}})

	// Texts that no request has, so that no page repeats them.
	secrets := []string{"unseen", "7717717", "7,717,717", "12345.5", "12,345.5"}
	check := func(path string) {
		t.Helper()
		_, body := b.get(t, path)
		for _, secret := range secrets {
			if strings.Contains(body, secret) {
				t.Errorf("%s shows %q", path, secret)
			}
		}
	}

	contains(t, "their own trades", b.page(t, "/trades"), "my-trade")
	paths := append(append([]string{}, allPages...), "/trades.csv", "/orders.csv", "/positions.csv", "/audit.csv",
		"/search?q=H",
		"/search?q=K", "/position?symbol=HIDDEN", "/trade?symbol=HIDDEN&id=their-trade&side=buy",
		"/order?id=their-order",
		"/live-not", "/symbol?symbol=KO")
	tricks := []string{
		"account=THEIRS", "account=", "account=MINE&account=THEIRS", "account=THEIRS&account=MINE", "account=%20",
		"Account=THEIRS",
		"account=MINE'%20or%20'1'='1", "symbol=HIDDEN", "account=MINE%00THEIRS", "after=99999999999999.99999",
		"after=THEIRS%0AA",
		"order=their-order", "totals=all", "user=their", "range=all",
	}
	for _, path := range paths {
		check(path)
		for _, trick := range tricks {
			separator := "?"
			if strings.Contains(path, "?") {
				separator = "&"
			}
			check(path + separator + trick)
		}
	}

	for _, header := range []string{
		"X-Account", "X-Forwarded-User", "X-Remote-User", "Authorization",
		"X-Original-URL",
	} {
		b.header.Set(header, "THEIRS")
	}
	for _, path := range paths {
		check(path)
	}
	for _, path := range []string{"/pipeline", "/database"} {
		if status, _ := b.get(t, path); status != http.StatusForbidden {
			t.Errorf("%s without the mark of an operator: status %d", path, status)
		}
	}
}

// An account that a user may not see is answered like one that does not exist.
func TestForeignAccountsLookUnknown(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	book(t, db, fill("MINE", "a", "KO", 10, "60", demoDay))
	book(t, db, fill("OTHER", "b", "KO", 10, "60", demoDay))
	b := newSite(t, db, asksForNames).signedIn(t, web.User{Name: "ann", Accounts: []string{"MINE"}})

	status1, foreign := b.get(t, "/trades?account=OTHER")
	status2, unknown := b.get(t, "/trades?account=WRONG")
	if status1 != http.StatusNotFound || status2 != status1 || strings.ReplaceAll(foreign, "OTHER",
		"WRONG") != unknown {
		t.Errorf("a foreign account answers %d, one that does not exist %d, or their pages differ", status1, status2)
	}
}

// hostile texts for every column: whoever shows one unescaped runs it.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'";--<svg/onload=alert(1)>`,
	`{{.}}</td>`, `javascript:alert(1)`, `=HYPERLINK("x")`, "\u202eevil", `</title><script>`,
}

// fillHostile stores hostile texts in every column that takes them.
func fillHostile(t testing.TB, db *pgtest.Database) {
	t.Helper()

	for i, text := range hostile {
		symbol := string([]rune(text)[:min(len([]rune(text)), blotter.SymbolLengthMax)])
		trade := fill("A"+text, "t"+text, symbol, 5+i, "10", demoDay.Add(-time.Minute))
		trade.OrderID = "o" + text
		trade.Strategy = text
		trade.Currency = string([]rune(text)[:min(len([]rune(text)), 12)])
		order(t, db, &trade)
		book(t, db, trade)

		row := &blotter.RejectedRow{Line: int64(i), Symbol: symbol, Check: "bar", Reason: text, Raw: text}
		if err := db.Quarantine(blotter.WithAllAccounts(t.Context()), text, []*blotter.RejectedRow{row}); err != nil {
			t.Fatal(err)
		}

		access := postgres.Access{Table: text, Operation: "view", Key: map[string]string{text: text}}
		ctx := blotter.WithCorrelation(blotter.WithUser(blotter.WithAllAccounts(t.Context()), text), text)
		if err := db.Audit(ctx, access); err != nil {
			t.Fatal(err)
		}
	}
}

// Texts of every column are shown as such.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	fillHostile(t, db)
	b := newSite(t, db, nil).opened(t)

	pages := append([]string{}, allPages...)
	for _, text := range hostile {
		account, escaped := url.QueryEscape("A"+text), url.QueryEscape(text)
		symbol := url.QueryEscape(string([]rune(text)[:min(len([]rune(text)), blotter.SymbolLengthMax)]))
		pages = append(pages, "/?account="+account, "/trades?symbol="+symbol, "/search?q="+escaped,
			"/audit?user="+escaped,
			"/position?symbol="+symbol, "/position?account="+account+"&symbol="+symbol,
			"/order?account="+account+"&id=o"+escaped,
			"/trade?account="+account+"&symbol="+symbol+"&side=buy&id=t"+escaped, "/performance?account="+account,
			"/"+url.PathEscape(text), "/trades?from="+escaped, "/trades?after="+escaped, "/orders?status="+escaped)
	}
	for _, path := range pages {
		_, body := b.get(t, path)
		body = strings.ReplaceAll(body, `<script src="/assets/script.js`, "")
		for _, raw := range []string{
			"<script", "<img", "<svg/", `href="javascript:`, "onerror=alert(1)>", "</td></td>",
		} {
			if strings.Contains(body, raw) {
				t.Errorf("%s has %q unescaped", path, raw)
			}
		}
	}
	if file := b.page(t, "/trades.csv"); strings.Contains(file, "\n=HYPER") || strings.Contains(file, `,"=HYPER`) {
		t.Error("the download has a formula")
	}
}

// Every answer has the headers that keep other sites and inline code out.
func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, pgtest.Open(t), nil)
	b := s.opened(t)

	for _, path := range []string{"/", "/nothing", "/trades.csv", "/assets/style.css", "/open?token=wrong"} {
		answer, err := b.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()

		h := answer.Header
		contains(t, path, h.Get("Content-Security-Policy"), "default-src 'none'", "frame-ancestors 'none'",
			"script-src 'self'")
		if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") ||
			h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, h)
		}
		if h.Get("Referrer-Policy") != "same-origin" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept, or tells other sites where it was: %v", path, h)
		}
	}

	if body := b.page(t, "/"); strings.Contains(body, "style=") || strings.Contains(body, "onclick=") {
		t.Error("a page has inline style or script")
	}
}

// A page of another site cannot make a visitor's browser sign in, sign out, download or listen, and cannot reach the
// dashboard under a name of its own.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	s := newSite(t, db, asksForNames)
	b := s.signedIn(t, web.User{Name: "ann", AllAccounts: true})
	b.header.Set("Sec-Fetch-Site", "cross-site")
	b.header.Set("Origin", "https://evil.example")
	for _, path := range []string{"/logout", "/login"} {
		if status, _ := b.post(t, path, url.Values{
			"name":     {"ann"},
			"password": {password},
		}); status != http.StatusForbidden {
			t.Errorf("POST %s from another site: status %d", path, status)
		}
	}
	for _, path := range []string{"/trades.csv", "/live"} {
		if status, _ := b.get(t, path); status != http.StatusForbidden {
			t.Errorf("GET %s from another site: status %d", path, status)
		}
	}

	b.header = http.Header{}
	b.page(t, "/") // the session lives
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/", nil)
	request.Host = "evil.example"
	if status, _ := b.send(t, request); status != http.StatusMisdirectedRequest {
		t.Errorf("a foreign Host header: status %d", status)
	}
	for _, next := range []string{"//evil.example", "https://evil.example/", `/\evil.example`, "javascript:alert(1)"} {
		other := s.browser(t)
		answer, err := other.PostForm(s.URL+"/login", url.Values{
			"name": {"ann"}, "password": {password},
			"next": {next},
		})
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if at := answer.Header.Get("Location"); at != "/" {
			t.Errorf("next %q leads to %q", next, at)
		}
	}
}

// The link works once, and only with its token.
func TestOneTimeLink(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	next := make(chan string, 1)
	s := newSite(t, db, func(c *web.Config) { c.OnLink = func(path string) { next <- path } })

	link := s.pages.Link()
	stranger := s.browser(t)
	for _, path := range []string{
		"/", "/trades", "/trades.csv", "/live", "/open", "/open?token=",
		"/open?token=wrong", link + "x",
	} {
		if status, _ := stranger.get(t, path); status != http.StatusUnauthorized {
			t.Errorf("%s without the link: status %d", path, status)
		}
	}
	b := s.opened(t)
	b.page(t, "/")
	if status, _ := stranger.get(t, link); status != http.StatusUnauthorized {
		t.Errorf("the link worked twice: status %d", status)
	}
	if status, _ := stranger.get(t, <-next); status != http.StatusSeeOther {
		t.Errorf("the next link: status %d", status)
	}

	s.clock.advance(12 * time.Hour)
	if status, _ := b.get(t, "/"); status != http.StatusUnauthorized {
		t.Errorf("after twelve hours: status %d", status)
	}
}

// Sessions end by logout, after twelve hours, and when their user is changed or removed.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	s := newSite(t, db, asksForNames)
	ann := web.User{Name: "ann", AllAccounts: true}
	ends := map[string]func(b *browser){
		"logout":  func(b *browser) { b.post(t, "/logout", nil) },
		"expiry":  func(*browser) { s.clock.advance(12 * time.Hour) },
		"removed": func(*browser) { must(t, web.RemoveUser(t.Context(), db.DB, "ann")) },
		"changed": func(*browser) { must(t, web.AddUser(t.Context(), db.DB, ann, password+"!")) },
	}
	for name, end := range ends {
		b := s.signedIn(t, ann)
		b.page(t, "/")
		stolen := s.browser(t)
		at, _ := url.Parse(s.URL)
		stolen.Jar.SetCookies(at, b.Jar.Cookies(at))
		stolen.page(t, "/")

		end(b)
		for who, one := range map[string]*browser{"the browser": b, "a copy of its cookie": stolen} {
			if status, _ := one.get(t, "/trades"); status != http.StatusSeeOther {
				t.Errorf("%s: %s still sees trades: status %d", name, who, status)
			}
		}
	}
	const sqlStored = `select count(*)::int from dashboard.users where password like '%' || $1 || '%'`
	if stored := pgtest.Value[int](t, db, sqlStored, password); stored != 0 {
		t.Error("a password is stored")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Passwords cannot be guessed at length, and unknown users look like known ones.
func TestLoginsAreLimited(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	s := newSite(t, db, asksForNames)
	s.signedIn(t, web.User{Name: "ann", AllAccounts: true})
	b := s.browser(t)

	status, wrong := b.login(t, "ann", "wrong password")
	_, unknown := b.login(t, "bob", "wrong password")
	if status != http.StatusUnauthorized || strings.ReplaceAll(unknown, "bob", "ann") != wrong {
		t.Errorf("status %d, or an unknown user looks different", status)
	}

	for range 8 {
		b.login(t, "ann", "wrong password")
	}
	if status, _ := b.login(t, "ann", password); status != http.StatusTooManyRequests {
		t.Errorf("after ten failures the right password answers %d", status)
	}

	s.clock.advance(15 * time.Minute)
	if status, _ := b.login(t, "ann", password); status != http.StatusSeeOther {
		t.Errorf("a quarter of an hour later: status %d", status)
	}
}

// Every login, failed login, logout and download is in the audit log.
func TestLookingIsAudited(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	book(t, db, fill("ACC", "a", "KO", 10, "60", demoDay))
	s := newSite(t, db, asksForNames)
	b := s.signedIn(t, web.User{Name: "ann", Accounts: []string{"ACC"}})
	b.login(t, "ann", "wrong password")
	b.page(t, "/trades.csv?symbol=KO&side=buy")
	b.post(t, "/logout", nil)

	const sql = `select string_agg(concat_ws(' ', user_id, operation, table_name, account_id), '; ' order by id)
		from shared.audit_log where operation in ('login', 'login failed', 'logout', 'export')`
	const want = "ann login dashboard; ann login failed dashboard; ann export execution.trades ACC; ann logout " +
		"dashboard"
	if got := pgtest.Value[string](t, db, sql); got != want {
		t.Errorf("the audit log has %q, want %q", got, want)
	}
	key := pgtest.Value[string](t, db, `select key::text from shared.audit_log where operation = 'export'`)
	if key != `{"side": "buy", "symbol": "KO"}` {
		t.Errorf("the download is recorded as %s", key)
	}
}

// A header of a proxy counts only if it was asked for, and only for users who exist.
func TestTrustedHeader(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	book(t, db, fill("ACC", "a", "KO", 10, "60", demoDay))
	must(t, web.AddUser(t.Context(), db.DB, web.User{Name: "ann", Accounts: []string{"ACC"}}, password))

	plain := newSite(t, db, asksForNames).browser(t)
	plain.header.Set("X-User", "ann")
	if status, _ := plain.get(t, "/trades"); status != http.StatusSeeOther {
		t.Errorf("a header that nobody asked for: status %d", status)
	}
	trusting := newSite(t, db, func(c *web.Config) {
		c.SignIn = true
		c.BehindProxy = true
		c.TrustHeader = "X-User"
	}).browser(t)
	trusting.header.Set("X-User", "ann")
	contains(t, "the trades", trusting.page(t, "/trades"), "KO")
	trusting.header.Set("X-User", "nobody")
	if status, _ := trusting.get(t, "/trades"); status != http.StatusSeeOther {
		t.Errorf("a user who does not exist: status %d", status)
	}
	if _, err := web.New(web.Config{DB: db.DB, TrustHeader: "X-User"}); err == nil {
		t.Error("a header is trusted without a proxy")
	}
}

// A client that sends a request slowly, or one that is too large, is cut off.
func TestSlowAndLargeRequests(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	pages, err := web.New(web.Config{DB: db.DB})
	must(t, err)
	server := web.NewServer(pages, web.ServerConfig{Address: "127.0.0.1:0"})
	must(t, server.Start(t.Context()))
	t.Cleanup(func() { must(t, server.Stop(context.WithoutCancel(t.Context()))) })
	address := strings.TrimPrefix(server.URL(), "http://")

	slow, err := net.Dial("tcp", address)
	must(t, err)
	defer slow.Close()
	fmt.Fprint(slow, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
	must(t, slow.SetReadDeadline(time.Now().Add(time.Minute)))
	if line, err := bufio.NewReader(slow).ReadString('\n'); err == nil && !strings.Contains(line, " 408 ") {
		t.Errorf("a request that never ends is answered with %q", line)
	}

	for what, request := range map[string]string{
		"414": "GET /" + strings.Repeat("a", 5000) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
		"431": "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("a", 64<<10) + "\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", address)
		must(t, err)
		must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		fmt.Fprint(conn, request)
		line, _ := bufio.NewReader(conn).ReadString('\n')
		conn.Close()
		if !strings.Contains(line, what) {
			t.Errorf("want status %s, got %q", what, line)
		}
	}
}
