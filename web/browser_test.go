package web_test

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/web"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var screenshots = flag.String("screenshots", "", "the folder to write pictures of the pages to (make screenshots)")

// chromium returns the path of a Chromium.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("these tests need Chromium: apt-get install chromium, or another browser of its family as google-chrome")
	return ""
}

// tab is a tab of a browser of its own, which notes what goes wrong in its pages.
type tab struct {
	context.Context
	site *site

	mu       sync.Mutex
	problems []string
}

// newTab opens a browser and signs it in by the one-time link, if there is one.
func (s *site) newTab(t testing.TB) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.Flag("hide-scrollbars", true), chromedp.UserDataDir(t.TempDir()))
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		closeTab()
		stop()
	})

	b := &tab{Context: ctx, site: s}
	b.do(t, b.listen)
	if link := s.pages.Link(); link != "" {
		b.open(t, link)
	}
	return b
}

// listen notes exceptions and errors of the console.
func (b *tab) listen(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
	if _, err := cdp.Call(ctx, target, log.Enable, cdp.Empty{}); err != nil {
		return none, err
	}

	entries := cdp.Events(b, target, log.EntryAdded)
	thrown := cdp.Events(b, target, runtime.ExceptionThrown)

	go func() {
		for event, err := range entries {
			if err == nil && event.Entry.Level == log.EntryLevelError {
				b.note(event.Entry.Text)
			}
		}
	}()

	go func() {
		for event, err := range thrown {
			if err == nil {
				b.note(event.ExceptionDetails.Text)
			}
		}
	}()

	return none, nil
}

func (b *tab) note(problem string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, problem)
}

// noProblems fails the test if the console of the browser has an error.
func (b *tab) noProblems(t testing.TB, what string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, problem := range b.problems {
		t.Errorf("%s: %s", what, problem)
	}
	b.problems = nil
}

func (b *tab) do(t testing.TB, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b, actions...); err != nil {
		t.Fatal(err)
	}
}

// open opens a page of the dashboard.
func (b *tab) open(t testing.TB, path string) {
	t.Helper()
	b.do(t, chromedp.Navigate(b.site.URL+path), chromedp.WaitReady("main"))
}

// eval returns the value of an expression in the page.
func eval[T any](t testing.TB, b *tab, script string) T {
	t.Helper()
	value, err := chromedp.Run(b, chromedp.Evaluate[T](script, awaited))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// awaited lets an expression be a promise.
func awaited(p *runtime.EvaluateParams) {
	isAwaited := true
	p.AwaitPromise = &isAwaited
}

// await waits until an expression in the page is true, whatever page that is by then.
func (b *tab) await(t testing.TB, what, script string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()

	var err error
	for ctx.Err() == nil {
		var isTrue bool
		if isTrue, err = chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+script+")")); err == nil && isTrue {
			return
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	at, _ := chromedp.Run(b, chromedp.Evaluate[string](`location.href + " " + document.activeElement.outerHTML`))
	t.Fatalf("%s did not come: %v; the page is %.300s", what, err, at)
}

// size sets the width of the window, and light or dark.
func (b *tab) size(t testing.TB, width int64, scheme string) {
	t.Helper()

	b.do(t, func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		metrics := emulation.SetDeviceMetricsOverrideParams{
			Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 600,
		}
		if _, err := cdp.Call(ctx, target, emulation.SetDeviceMetricsOverride, metrics); err != nil {
			return none, err
		}

		media := emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		}
		_, err = cdp.Call(ctx, target, emulation.SetEmulatedMedia, media)
		return none, err
	})
}

//go:embed testdata/axe.min.js
var axe string

// violation is a rule of axe-core that a page breaks.
type violation struct {
	ID    string `json:"id"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// accessible fails the test if a page breaks a rule of axe-core.
func (b *tab) accessible(t testing.TB, what string) {
	t.Helper()
	eval[int](t, b, axe+";0")
	found := eval[string](t, b, `axe.run({resultTypes: ["violations"]}).then((r) => JSON.stringify(r.violations))`)
	var list []violation
	if err := json.Unmarshal([]byte(found), &list); err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		t.Errorf("%s breaks %s %d times: %.300s: %.400s", what, v.ID, len(v.Nodes), v.Nodes[0].HTML, v.Nodes[0].Summary)
	}
}

// Every page fits every width, in light and dark, without an error on the console or a barrier.
func TestPagesInBrowser(t *testing.T) {
	db := pgtest.Open(t)
	fillDemo(t, db, "DEMO")
	rebuildAnalytics(t, db)

	b := newSite(t, db, nil).newTab(t)
	pages := append(append([]string{}, allPages...), "/position?account=DEMO&symbol=SYN-A", "/symbol?symbol=SYN-A",
		"/nothing")

	for i, path := range pages {
		scheme := []string{"light", "dark"}[i%2]
		for _, width := range []int64{360, 1280, 2560} {
			b.size(t, width, scheme)
			b.open(t, path)
			if over := eval[float64](t, b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("%s at %d pixels is %.0f too wide", path, width, over)
			}
			b.picture(t, path, width, scheme)
		}

		if path != "/nothing" { // its status is an error on the console
			b.noProblems(t, path)
		}

		b.size(t, 1280, scheme)
		b.accessible(t, path+" "+scheme)
	}
}

// picture writes a picture of the page, if the flag asks for them.
func (b *tab) picture(t testing.TB, path string, width int64, scheme string) {
	t.Helper()
	if *screenshots == "" {
		return
	}

	content, err := chromedp.Run(b, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}

	name := strings.Trim(strings.NewReplacer("/", "", "?", "-", "&", "-", "=", "-").Replace(path), "-")
	if name == "" {
		name = "overview"
	}

	file := filepath.Join(*screenshots, fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
	if err := os.WriteFile(file, shrunk(t, content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A booked fill shows on open pages by itself, and a hidden tab is not updated.
func TestLiveUpdate(t *testing.T) {
	db := pgtest.Open(t)
	book(t, db, fill("ACC", "first", "KO", 10, "60", demoDay.Add(-time.Hour)))
	b := newSite(t, db, nil).newTab(t)
	b.open(t, "/trades")
	b.await(t, "the page is live", `!document.getElementById("pulse").hidden`)
	// The server looks once a second: what came before its first look is on the page already.
	b.await(t, "the first look",
		`window.looked ? performance.now() - window.looked > 1500 : (window.looked = performance.now(), false)`)

	begin := time.Now()
	book(t, db, fill("ACC", "second", "KO", 5, "61", demoDay))
	b.await(t, "the fill", `document.getElementById("trades").textContent.includes("second")`)
	t.Logf("shown after %s", time.Since(begin))
	b.noProblems(t, "a live page")

	hidden := `Object.defineProperty(document, "hidden", {value: true, configurable: true});
		document.dispatchEvent(new Event("visibilitychange")); document.body.dataset.updates`
	updates := eval[string](t, b, hidden)
	book(t, db, fill("ACC", "third", "KO", 5, "61", demoDay))
	b.await(t, "two seconds",
		`window.left ? performance.now() - window.left > 2000 : (window.left = performance.now(), false)`)
	if now := eval[string](t, b, `document.body.dataset.updates`); now != updates {
		t.Errorf("a hidden page was updated: %s, then %s", updates, now)
	}
	eval[bool](t, b, `delete document.hidden; document.dispatchEvent(new Event("visibilitychange"))`)
	b.await(t, "the fill of before", `document.getElementById("trades").textContent.includes("third")`)
}

// A user signs in, finds a symbol by the keyboard alone, filters, and signs out.
func TestKeyboardAndSignIn(t *testing.T) {
	db := pgtest.Open(t)
	fillDemo(t, db, "DEMO")
	must(t, web.AddUser(t.Context(), db.DB, web.User{Name: "ann", Accounts: []string{"DEMO"}}, password))
	b := newSite(t, db, asksForNames).newTab(t)
	b.open(t, "/trades?symbol=SYN-B")
	b.accessible(t, "the page for signing in")
	b.do(t, chromedp.SendKeys(`input[name=name]`, "ann"), chromedp.SendKeys(`input[name=password]`, password+"\r"))
	b.await(t, "the page of before",
		`location.pathname == "/trades" && document.documentElement.classList.contains("scripted")`)

	b.do(t, chromedp.KeyEvent("g"), chromedp.KeyEvent("o"))
	b.await(t, "the overview", `location.pathname == "/" && document.documentElement.classList.contains("scripted")`)
	eval[bool](t, b, `document.dispatchEvent(new KeyboardEvent("keydown", {key: "/"}))`)
	if focused := eval[string](t, b, `document.activeElement.id`); focused != "q" {
		t.Errorf("the key / leads to %q, not to the search", focused)
	}
	b.do(t, chromedp.SendKeys("#q", "syn-c\r"))
	b.await(t, "the position",
		`location.pathname == "/position" && new URLSearchParams(location.search).get("symbol") == "SYN-C"`)
	b.await(t, "the chart", `document.querySelector(".figure svg") != null`)
	eval[bool](t, b, `document.querySelector(".figure .canvas").dispatchEvent(
		new PointerEvent("pointermove", {bubbles: true, clientX: 600, clientY: 400}))`)
	b.await(t, "the crosshair", `document.querySelector(".tip").textContent.includes("Close")`)
	b.noProblems(t, "signing in and searching")

	b.do(t, chromedp.Click(`.who button`))
	b.await(t, "the page for signing in", `location.pathname == "/login"`)
	b.open(t, "/trades")
	if at := eval[string](t, b, `location.pathname`); at != "/login" {
		t.Errorf("after signing out the trades are at %s", at)
	}
}

// Pages with texts that try to be code, and with 1,000 positions, are whole and run nothing.
func TestHostileAndLargeInBrowser(t *testing.T) {
	db := pgtest.Open(t)
	fillHostile(t, db)
	fillPositions(t, db, "LARGE", 1000)
	b := newSite(t, db, nil).newTab(t)

	for _, width := range []int64{360, 1280} {
		b.size(t, width, "light")
		for _, path := range []string{
			"/", "/positions?sort=value", "/trades", "/performance", "/audit", "/market", "/orders",
			"/?account=LARGE", "/positions?account=LARGE",
			"/search?q=" + url.QueryEscape(hostile[0]),
		} {
			b.open(t, path)
			if over := eval[float64](t, b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("%s at %d pixels is %.0f too wide", path, width, over)
			}
			if n := eval[int](t, b, `document.querySelectorAll("main script, main img, main iframe").length`); n > 0 {
				t.Errorf("%s has %d elements that stored text made", path, n)
			}
			b.picture(t, "hostile"+path, width, "light")
			b.noProblems(t, path)
		}
	}
}

// The pages of an empty database, for their pictures.
func TestEmptyInBrowser(t *testing.T) {
	b := newSite(t, pgtest.Open(t), nil).newTab(t)
	b.size(t, 1280, "light")
	for _, path := range allPages {
		b.open(t, path)
		b.noProblems(t, path)
		b.picture(t, "empty"+path, 1280, "light")
	}
	b.accessible(t, "an empty page")
}

// shrunk returns a PNG with the 200 most frequent colors of one.
func shrunk(t testing.TB, content []byte) []byte {
	t.Helper()
	const colors = 200

	picture, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	bounds := picture.Bounds()
	full := image.NewRGBA(bounds)
	draw.Draw(full, bounds, picture, bounds.Min, draw.Src)
	counts := map[color.RGBA]int{}
	for i := 0; i < len(full.Pix); i += 4 {
		counts[color.RGBA{full.Pix[i], full.Pix[i+1], full.Pix[i+2], full.Pix[i+3]}]++
	}

	frequent := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int { return counts[b] - counts[a] })
	var palette color.Palette
	for _, c := range frequent[:min(len(frequent), colors)] {
		palette = append(palette, c)
	}
	nearest := map[color.RGBA]uint8{}
	for c := range counts {
		nearest[c] = uint8(palette.Index(c))
	}
	small := image.NewPaletted(bounds, palette)
	for i := range small.Pix {
		small.Pix[i] = nearest[color.RGBA{full.Pix[4*i], full.Pix[4*i+1], full.Pix[4*i+2], full.Pix[4*i+3]}]
	}

	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, small); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
