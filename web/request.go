package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones of accounts, the same on every machine

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// request is a request for a page or a download.
type request struct {
	path    string
	query   url.Values
	viewer  viewer
	account string          // whose rows are shown; "" is all accounts
	ctx     context.Context // has the scope and the user
	zone    *time.Location  // of the account; UTC for all accounts
	now     time.Time
}

// errNoAccount is the error of a request by a viewer who may see no account that exists.
var errNoAccount = &blotter.Error{Kind: blotter.ErrNotFound, Message: "there is no account that you may see"}

// newRequest finds the scope of a request: the account that it names, if the viewer may see it. An account that the
// viewer may not see is answered like one that does not exist.
func (d *Dashboard) newRequest(r *http.Request, v viewer) (*request, error) {
	req := &request{path: r.URL.Path, query: r.URL.Query(), viewer: v, zone: time.UTC, now: d.cfg.Clock()}
	ctx := blotter.WithUser(r.Context(), v.name)
	ctx = blotter.WithOperation(ctx, "web"+r.URL.Path)

	req.account = req.query.Get("account")
	if req.account == "" && !v.all {
		if len(v.accounts) == 0 {
			return nil, errNoAccount
		}
		req.account = v.accounts[0]
	}
	if req.account == "" {
		req.ctx = blotter.WithAllAccounts(ctx)
		return req, nil
	}

	unknown := &blotter.Error{Kind: blotter.ErrNotFound, Message: fmt.Sprintf("there is no account %q", req.account)}
	if !v.sees(req.account) || blotter.CheckAccountID(req.account) != nil {
		return nil, unknown
	}
	req.ctx = blotter.WithAccount(ctx, req.account)

	facts, err := d.accounts.find(req.ctx, req.account)
	if err != nil {
		return nil, err
	}
	if facts == nil {
		return nil, unknown
	}
	req.zone = facts.location()
	return req, nil
}

// scopeKey tells requests apart that see different rows.
func (r *request) scopeKey() string {
	return strconv.Quote(r.account) + fmt.Sprint(r.viewer.all, r.viewer.operator)
}

// linkTo returns an address within the account of the request, with the given names and values.
func (r *request) linkTo(path string, pairs ...string) string {
	return address(path, append([]string{"account", r.account}, pairs...)...)
}

// with returns the address of this request with changed parameters.
func (r *request) with(pairs ...string) string {
	values := url.Values{}
	for name, list := range r.query {
		values[name] = list
	}

	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			values.Del(pairs[i])
		} else {
			values.Set(pairs[i], pairs[i+1])
		}
	}

	if len(values) == 0 {
		return r.path
	}

	return r.path + "?" + values.Encode()
}

// today returns the first instant of the present day in the zone of the request.
func (r *request) today() time.Time {
	year, month, day := r.now.In(r.zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, r.zone)
}

// day reads a parameter that is a day in the zone of the request, or an instant. Nothing is the zero time.
func (r *request) day(name string) (time.Time, error) {
	value := r.query.Get(name)
	if value == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, value, r.zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, blotter.Invalid(name, value, "a day such as 2024-01-31, or an instant")
}

// lastDay reads a parameter that is a day, which belongs to the range that it ends, or an instant, which does not.
func (r *request) lastDay(name string) (time.Time, error) {
	end, err := r.day(name)
	if err == nil && len(r.query.Get(name)) == len(time.DateOnly) {
		end = end.AddDate(0, 0, 1)
	}
	return end, err
}

// choice reads a parameter that has one of some values, or none.
func (r *request) choice(name string, allowed ...string) (string, error) {
	value := r.query.Get(name)
	if value == "" {
		return "", nil
	}
	for _, a := range allowed {
		if a == value {
			return value, nil
		}
	}
	return "", blotter.Invalid(name, value, "one of "+strings.Join(allowed, ", "))
}

// pageKey is the last row of a page: its instant and its id.
type pageKey struct {
	at time.Time
	id int64
}

// after reads the row behind which the page begins. The zero key is the first page.
func (r *request) after() (key pageKey, err error) {
	value := r.query.Get("after")
	if value == "" {
		return key, nil
	}
	micros, id, _ := strings.Cut(value, ".")
	at, err1 := strconv.ParseInt(micros, 10, 64)
	key.id, err = strconv.ParseInt(id, 10, 64)
	if err1 != nil || err != nil || key.id <= 0 {
		return key, blotter.Invalid("after", value, "the address of a next page, as the page before it has it")
	}
	key.at = time.UnixMicro(at).UTC()
	return key, nil
}

func (k pageKey) String() string { return fmt.Sprintf("%d.%d", k.at.UnixMicro(), k.id) }

// accountFacts describes an account.
type accountFacts struct{ ID, Currency, Zone string }

func (a *accountFacts) location() *time.Location {
	zone, err := time.LoadLocation(a.Zone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// accountList reads accounts, and remembers them for a moment.
type accountList struct {
	db    *postgres.DB
	clock func() time.Time

	mu   sync.Mutex
	all  []accountFacts
	read time.Time
}

const (
	accountsMax  = 1000 // that a page offers
	accountsKeep = 2 * time.Second
)

const sqlAccount = `select account_id, currency, zone from execution.accounts where account_id = $1`

// find returns the account, or nil if there is none. The context has its scope.
func (l *accountList) find(ctx context.Context, id string) (found *accountFacts, err error) {
	err = l.db.ReadOnly(ctx, func(s *postgres.Session) error {
		rows, err := s.Query(ctx, sqlAccount, id)
		if err != nil {
			return err
		}
		defer rows.Close()

		for rows.Next() {
			found = &accountFacts{}
			if err := rows.Scan(&found.ID, &found.Currency, &found.Zone); err != nil {
				return err
			}
		}
		return rows.Err()
	}, postgres.Unlogged)
	return found, err
}

const sqlAccounts = `select account_id, currency, zone from execution.accounts order by account_id limit $1`

// list returns all accounts, the first accountsMax at most.
func (l *accountList) list(ctx context.Context) ([]accountFacts, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock()
	if !l.read.IsZero() && now.Sub(l.read) < accountsKeep {
		return l.all, nil
	}

	ctx = blotter.WithAllAccounts(ctx)
	var all []accountFacts
	err := l.db.ReadOnly(ctx, func(s *postgres.Session) error {
		rows, err := s.Query(ctx, sqlAccounts, accountsMax)
		if err != nil {
			return err
		}
		defer rows.Close()

		for rows.Next() {
			var a accountFacts
			if err := rows.Scan(&a.ID, &a.Currency, &a.Zone); err != nil {
				return err
			}
			all = append(all, a)
		}
		return rows.Err()
	}, postgres.Unlogged)
	if err != nil {
		return nil, err
	}
	l.all = all
	l.read = now
	return all, nil
}
