package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// viewer returns who looks. If nobody has signed in, it answers the request and returns false.
func (d *Dashboard) viewer(w http.ResponseWriter, r *http.Request) (*viewer, bool) {
	v, err := d.sessions.viewerOf(r)

	switch {
	case err != nil:
		d.fail(w, r, nil, err)
		return nil, false
	case v != nil:
		return v, true
	case strings.HasSuffix(r.URL.Path, ".csv") || r.URL.Path == "/live":
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return nil, false
	case !d.cfg.SignIn:
		d.linkNeeded(w, r)
		return nil, false
	}

	http.Redirect(w, r, address("/login", "next", localPath(r.URL.RequestURI())), http.StatusSeeOther)
	return nil, false
}

func (d *Dashboard) linkNeeded(w http.ResponseWriter, r *http.Request) {
	d.showProblem(w, r, http.StatusUnauthorized, problem{
		Title: "Open the link that the program printed",
		Text: "Each link works once, and signs this browser in for twelve hours. " +
			"When a link was used, the program prints the next one.",
		Command: "blotter web",
	})
}

// openLink signs in the holder of the one-time link.
func (d *Dashboard) openLink(w http.ResponseWriter, r *http.Request) {
	session, ok := d.sessions.open(r.URL.Query().Get("token"))
	if !ok {
		if v, err := d.sessions.viewerOf(r); err == nil && v != nil { // the link was opened twice in one browser
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		d.linkNeeded(w, r)
		return
	}

	d.sessions.setCookie(w, r, session, sessionLength)
	d.record(r.Context(), localUser, "login", d.client(r))
	if d.cfg.OnLink != nil {
		d.cfg.OnLink(d.sessions.link())
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// loginForm is the data of the page on which users sign in.
type loginForm struct{ Name, Next, Error string }

func (d *Dashboard) loginPage(w http.ResponseWriter, r *http.Request) {
	if !d.cfg.SignIn {
		d.linkNeeded(w, r)
		return
	}
	d.showLogin(w, r, http.StatusOK, loginForm{Next: localPath(r.URL.Query().Get("next"))})
}

func (d *Dashboard) showLogin(w http.ResponseWriter, r *http.Request, status int, form loginForm) {
	d.show(w, r, status, "Sign in", "login.html", form)
}

// wrongLogin does not say which of the two was wrong.
const wrongLogin = "The name or the password is wrong."

// login checks a name and a password, and begins a session.
func (d *Dashboard) login(w http.ResponseWriter, r *http.Request) {
	if !d.cfg.SignIn {
		d.linkNeeded(w, r)
		return
	}
	name := r.PostFormValue("name")
	form := loginForm{Name: name, Next: localPath(r.PostFormValue("next"))}

	keys := []string{"user " + name, "client " + d.client(r)}
	if wait := d.sessions.failed.wait(d.cfg.Clock(), keys); wait > 0 {
		form.Error = "There were too many failed attempts. Try again in " + span(wait) + "."
		w.Header().Set("Retry-After", "60")
		d.showLogin(w, r, http.StatusTooManyRequests, form)
		return
	}

	isRight, err := d.checkPassword(r.Context(), name, r.PostFormValue("password"))
	switch {
	case err != nil:
		d.fail(w, r, nil, err)
		return
	case !isRight:
		d.sessions.failed.add(d.cfg.Clock(), keys)
		d.record(r.Context(), name, "login failed", d.client(r))
		form.Error = wrongLogin
		d.showLogin(w, r, http.StatusUnauthorized, form)
		return
	}

	token, err := d.sessions.begin(r.Context(), name)
	if err != nil {
		d.fail(w, r, nil, err)
		return
	}
	d.record(r.Context(), name, "login", d.client(r))
	d.sessions.setCookie(w, r, token, sessionLength)
	http.Redirect(w, r, form.Next, http.StatusSeeOther)
}

// checkPassword reports whether the password is that of the user. It takes as long for a user who does not exist.
func (d *Dashboard) checkPassword(ctx context.Context, name, password string) (bool, error) {
	leave, err := take(ctx, d.limits.hashing, waitForTurn)
	if err != nil {
		return false, err
	}
	defer leave()

	hash, err := passwordOf(ctx, d.db, name)
	if errors.Is(err, blotter.ErrNotFound) {
		matches(password, unknownUser())
		return false, nil
	}
	return err == nil && matches(password, hash), err
}

func (d *Dashboard) logout(w http.ResponseWriter, r *http.Request) {
	v, err := d.sessions.viewerOf(r)
	if err == nil {
		err = d.sessions.end(r)
	}
	if err != nil {
		d.fail(w, r, nil, err)
		return
	}
	if v != nil {
		d.record(r.Context(), v.name, "logout", d.client(r))
	}
	d.sessions.setCookie(w, r, "", -time.Second)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// record writes an entry of the audit log. A login works even if it cannot be written, but not without a line in the
// log.
func (d *Dashboard) record(ctx context.Context, user, operation, client string) {
	ctx = blotter.WithUser(blotter.WithAllAccounts(ctx), clipped(user, userMax))
	access := postgres.Access{Table: "dashboard", Operation: operation, Key: map[string]string{"client": client}}
	if err := d.db.Audit(ctx, access); err != nil {
		d.log.Error("dashboard: a login is missing in the audit log", "operation", operation, "error", err.Error())
	}
}

func clipped(text string, most int) string {
	runes := []rune(text)
	return string(runes[:min(len(runes), most)])
}

// client returns the address of the client, as the proxy says if there is one.
func (d *Dashboard) client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = "local"
	}
	if !d.cfg.BehindProxy {
		return host
	}

	passed := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	last := strings.TrimSpace(passed[len(passed)-1])
	if net.ParseIP(last) == nil {
		return host
	}
	return last
}

// localPath returns a path of this dashboard, or "/" for anything that leads elsewhere.
func localPath(next string) string {
	u, err := url.Parse(next)
	isLocal := err == nil && u.Scheme == "" && u.Host == "" && u.User == nil
	if !isLocal || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.Contains(next, `\`) {
		return "/"
	}
	return u.RequestURI()
}

const (
	failuresMax  = 10               // within failureTime, for a user and for a client
	failureTime  = 15 * time.Minute // after which failures are forgotten
	attemptsMax  = 10_000           // users and clients whose failures are remembered
	tooManyNames = time.Minute      // to wait if there are more
)

// attempt counts the failed logins of a user or a client.
type attempt struct {
	count int
	since time.Time
}

// attempts has the failed logins. Its owner is sessions, whose lock it does not need.
type attempts struct {
	mu     sync.Mutex
	counts map[string]attempt
}

// wait returns how long to wait before the next login, or 0.
func (a *attempts) wait(now time.Time, keys []string) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()

	for _, key := range keys {
		if kept := a.counts[key]; kept.count >= failuresMax {
			wait = max(wait, kept.since.Add(failureTime).Sub(now))
		}
	}

	if len(a.counts) >= attemptsMax {
		a.forget(now)
		if len(a.counts) >= attemptsMax {
			return max(wait, tooManyNames)
		}
	}

	return wait
}

// add counts a failed login.
func (a *attempts) add(now time.Time, keys []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forget(now)
	for _, key := range keys {
		kept := a.counts[key]
		if kept.count == 0 {
			kept.since = now
		}
		kept.count++
		a.counts[key] = kept
	}
}

func (a *attempts) forget(now time.Time) {
	for key, kept := range a.counts {
		if now.Sub(kept.since) >= failureTime {
			delete(a.counts, key)
		}
	}
}
