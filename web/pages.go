package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
)

//go:embed templates assets
var files embed.FS

// pages has the templates, and the assets with their digests.
type pages struct {
	templates *template.Template
	assets    map[string]asset
}

type asset struct {
	content     []byte
	contentType string
	digest      string
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

func parsePages() (*pages, error) {
	p := &pages{assets: map[string]asset{}}
	list, err := fs.ReadDir(files, "assets")
	if err != nil {
		return nil, err
	}
	for _, entry := range list {
		content, err := files.ReadFile("assets/" + entry.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		p.assets[entry.Name()] = asset{content, contentTypes[path.Ext(entry.Name())], hex.EncodeToString(sum[:8])}
	}

	functions := template.FuncMap{
		"asset":  func(name string) string { return "/assets/" + name + "?v=" + p.assets[name].digest },
		"number": func(n int) string { return term.Thousands(n) },
		"join":   strings.Join,
	}
	p.templates, err = template.New("").Funcs(functions).ParseFS(files, "templates/*.html")
	return p, err
}

// pageFunc makes the content of a page.
type pageFunc func(r *request) (*view, error)

// view is the content of a page.
type view struct {
	Title    string
	Template string // the name of the template for Data
	Data     any
	Redirect string // leads elsewhere instead
}

// layout is the data of the frame around every page.
type layout struct {
	Title    string
	Body     template.HTML
	Nav      []navItem
	Account  string
	Accounts []string
	All      bool // all accounts may be chosen
	User     string
	SignedIn bool
	IsLive   bool
	Path     string
	Query    string // what was searched
	Version  string
	Zone     string
}

type navItem struct {
	Name, Href, Key string
	IsCurrent       bool
}

// navigation has the pages in the order of the menu. The key is pressed after g.
var navigation = []struct {
	name, path, key string
	operator        bool
}{
	{"Overview", "/", "o", false},
	{"Positions", "/positions", "p", false},
	{"Orders", "/orders", "r", false},
	{"Trades", "/trades", "t", false},
	{"Performance", "/performance", "f", false},
	{"Market data", "/market", "m", false},
	{"Pipeline", "/pipeline", "l", true},
	{"Database", "/database", "d", true},
	{"Audit", "/audit", "a", false},
}

// parents has the page of the menu to which a page belongs.
var parents = map[string]string{
	"/position": "/positions", "/order": "/orders", "/trade": "/trades",
	"/symbol": "/market",
}

// page returns the handler of a page.
func (d *Dashboard) page(show pageFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, ok := d.viewer(w, r)
		if !ok {
			return
		}
		req, err := d.newRequest(r, *v)
		if err != nil {
			d.fail(w, r, v, err)
			return
		}

		key := req.scopeKey() + r.URL.RequestURI()
		made, err := d.live.shared(r.Context(), key, func(ctx context.Context) (*rendered, error) {
			own := *req
			scope, _ := blotter.ScopeOf(req.ctx)
			own.ctx = blotter.WithOperation(blotter.WithUser(scope.In(ctx), v.name), "web"+r.URL.Path)
			return d.render(&own, show)
		})
		if err != nil {
			d.fail(w, r, v, err)
			return
		}
		if made.redirect != "" {
			http.Redirect(w, r, made.redirect, http.StatusSeeOther)
			return
		}
		d.write(w, r, http.StatusOK, v, req, made)
	}
}

// rendered is the inner part of a page, which viewers of the same scope share.
type rendered struct {
	title    string
	body     template.HTML
	redirect string
}

func (d *Dashboard) render(req *request, show pageFunc) (*rendered, error) {
	leave, err := d.limits.enter(req.ctx)
	if err != nil {
		return nil, err
	}
	defer leave()

	content, err := show(req)
	if err != nil {
		return nil, err
	}
	if content.Redirect != "" {
		return &rendered{redirect: content.Redirect}, nil
	}

	var body bytes.Buffer
	if err := d.pages.templates.ExecuteTemplate(&body, content.Template, content.Data); err != nil {
		return nil, err
	}
	return &rendered{title: content.Title, body: template.HTML(body.String())}, nil
}

// write writes a page with its frame. Without a viewer there is no menu, without a request no account.
func (d *Dashboard) write(w http.ResponseWriter, r *http.Request, status int, v *viewer, req *request, made *rendered) {
	frame := layout{Title: made.title, Body: made.body, Path: r.URL.Path, Version: d.cfg.Version, Zone: "UTC"}
	if v != nil {
		frame.User = v.name
		frame.SignedIn = v.signedIn
		frame.All = v.all
		frame.Accounts = d.offered(r.Context(), v)
	}
	if req != nil {
		frame.Account = req.account
		frame.Zone = req.zone.String()
		frame.IsLive = status == http.StatusOK
		frame.Query = req.query.Get("q")
	}
	if v != nil {
		frame.Nav = menu(v, r.URL.Path, frame.Account)
	}

	var page bytes.Buffer
	if err := d.pages.templates.ExecuteTemplate(&page, "layout.html", frame); err != nil {
		d.log.Error("dashboard: write page", "path", r.URL.Path, "error", err.Error())
		http.Error(w, "this page cannot be shown; the log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(page.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes())
}

// offered returns the accounts that the viewer may choose.
func (d *Dashboard) offered(ctx context.Context, v *viewer) []string {
	if !v.all {
		return v.accounts
	}
	list, err := d.accounts.list(ctx)
	if err != nil {
		return nil // the page itself says what is wrong
	}
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids
}

func menu(v *viewer, path, account string) (items []navItem) {
	if parent, isChild := parents[path]; isChild {
		path = parent
	}
	for _, n := range navigation {
		if n.operator && !v.operator {
			continue
		}
		items = append(items, navItem{n.name, address(n.path, "account", account), n.key, n.path == path})
	}
	return items
}

// operatorOnly returns a page that only operators see. It shows all accounts.
func operatorOnly(show pageFunc) pageFunc {
	return func(r *request) (*view, error) {
		if !r.viewer.operator {
			return nil, &blotter.Error{
				Kind: blotter.ErrPermission, Message: "this page is for operators: blotter users add NAME --operator",
			}
		}
		return show(r)
	}
}

// problem is the data of a page that says what is wrong.
type problem struct{ Title, Text, Command string }

// fail writes a page that says what is wrong, in a sentence.
func (d *Dashboard) fail(w http.ResponseWriter, r *http.Request, v *viewer, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return // nobody reads the answer
	}
	status, p := explain(err)
	if status == http.StatusInternalServerError {
		d.log.Error("dashboard: "+r.URL.Path, "error", err.Error())
	}

	d.showFor(w, r, status, v, p.Title, "problem.html", p)
}

// showProblem does what fail does, for a viewer who is not known.
func (d *Dashboard) showProblem(w http.ResponseWriter, r *http.Request, status int, p problem) {
	d.show(w, r, status, p.Title, "problem.html", p)
}

// show writes a page without a menu.
func (d *Dashboard) show(w http.ResponseWriter, r *http.Request, status int, title, name string, data any) {
	d.showFor(w, r, status, nil, title, name, data)
}

func (d *Dashboard) showFor(
	w http.ResponseWriter, r *http.Request, status int, v *viewer, title, name string, data any,
) {
	var body bytes.Buffer
	if err := d.pages.templates.ExecuteTemplate(&body, name, data); err != nil {
		http.Error(w, title, status)
		return
	}
	d.write(w, r, status, v, nil, &rendered{title: title, body: template.HTML(body.String())})
}

// explain returns the status and the sentence of an error.
func explain(err error) (int, problem) {
	message := err.Error()
	var known *blotter.Error
	if errors.As(err, &known) && known.Message != "" {
		message = known.Message
	}

	switch {
	case errors.Is(err, blotter.ErrInvalid):
		return http.StatusBadRequest, problem{Title: "Invalid request", Text: message}
	case errors.Is(err, blotter.ErrNotFound):
		return http.StatusNotFound, problem{Title: "Not found", Text: message}
	case errors.Is(err, blotter.ErrPermission):
		return http.StatusForbidden, problem{Title: "Not allowed", Text: message}
	case errors.Is(err, errBusy):
		return http.StatusServiceUnavailable, problem{Title: "Busy", Text: errBusy.Error()}
	case errors.Is(err, blotter.ErrPoolTimeout), errors.Is(err, blotter.ErrOperational),
		errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, problem{
			Title: "The database does not answer", Text: "Try again in a moment.", Command: "blotter doctor",
		}
	}
	return http.StatusInternalServerError, problem{
		Title: "This page cannot be shown", Text: "The program's log says why.", Command: "blotter logs --level error",
	}
}

func (d *Dashboard) notFound(w http.ResponseWriter, r *http.Request) {
	v, err := d.sessions.viewerOf(r)
	if err != nil {
		v = nil
	}
	d.fail(w, r, v, &blotter.Error{Kind: blotter.ErrNotFound, Message: "there is no such page"})
}

// asset serves the stylesheet, the script and the icon, which have no data and may be kept.
func (d *Dashboard) asset(w http.ResponseWriter, r *http.Request) {
	found, isKnown := d.pages.assets[r.PathValue("name")]
	if !isKnown {
		d.notFound(w, r)
		return
	}
	w.Header().Set("Content-Type", found.contentType)
	if r.URL.Query().Get("v") == found.digest {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(found.content)
}

// deadlineOf bounds how long a page may take to be made.
const deadlineOf = 30 * time.Second
