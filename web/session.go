package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

const (
	// sessionLength is how long a session lasts.
	sessionLength = 12 * time.Hour
	tokenBytes    = 32
	localMax      = 100 // sessions by the one-time link, of which the oldest end
)

// sessions knows who looks: by a cookie whose token is stored hashed. Sessions of the one-time link are kept in memory,
// those of users in the database.
type sessions struct {
	cfg Config

	mu     sync.Mutex
	token  string // of the next one-time link
	local  []localSession
	failed attempts
}

type localSession struct {
	digest  [sha256.Size]byte
	expires time.Time
}

func newSessions(cfg Config) *sessions {
	return &sessions{cfg: cfg, token: newToken(), failed: attempts{counts: map[string]attempt{}}}
}

// newToken returns a secret that nobody guesses.
func newToken() string {
	token := make([]byte, tokenBytes)
	_, _ = rand.Read(token) // never fails
	return base64.RawURLEncoding.EncodeToString(token)
}

// cookieName returns the name of the cookie. Cookies belong to all ports of a host, so that without TLS the port is in
// the name.
func (s *sessions) cookieName(r *http.Request) string {
	if s.cfg.Secure {
		return "__Host-blotter"
	}
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		return "blotter_" + port
	}
	return "blotter"
}

func (s *sessions) setCookie(w http.ResponseWriter, r *http.Request, token string, lifetime time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(r), Value: token, Path: "/", MaxAge: int(lifetime.Seconds()),
		HttpOnly: true, Secure: s.cfg.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// link returns the path of the one-time link.
func (s *sessions) link() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "/open?token=" + s.token
}

// open exchanges the token of the one-time link for that of a session. The link works once.
func (s *sessions) open(token string) (session string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.SignIn || subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1 {
		return "", false
	}

	s.token = newToken()
	session = newToken()
	if len(s.local) == localMax {
		s.local = s.local[1:]
	}
	s.local = append(s.local, localSession{sha256.Sum256([]byte(session)), s.cfg.Clock().Add(sessionLength)})
	return session, true
}

// viewerOf returns who looks, or nil if nobody has signed in.
func (s *sessions) viewerOf(r *http.Request) (*viewer, error) {
	if s.cfg.TrustHeader != "" {
		if name := r.Header.Get(s.cfg.TrustHeader); name != "" {
			return s.named(r.Context(), name)
		}
	}

	cookie, err := r.Cookie(s.cookieName(r))
	if err != nil || cookie.Value == "" {
		return nil, nil
	}
	digest := sha256.Sum256([]byte(cookie.Value))
	if s.cfg.SignIn {
		return s.signedIn(r.Context(), digest)
	}
	return s.localViewer(digest), nil
}

func (s *sessions) localViewer(digest [sha256.Size]byte) *viewer {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Clock()
	s.local = slices.DeleteFunc(s.local, func(l localSession) bool { return !now.Before(l.expires) })
	isThis := func(l localSession) bool { return subtle.ConstantTimeCompare(l.digest[:], digest[:]) == 1 }
	if !slices.ContainsFunc(s.local, isThis) {
		return nil
	}

	if s.cfg.Account != "" {
		return &viewer{name: localUser, accounts: []string{s.cfg.Account}}
	}
	return &viewer{name: localUser, all: true, operator: true}
}

const sqlSession = `
select u.name, u.accounts, u.all_accounts, u.operator
  from dashboard.sessions s
  join dashboard.users u on u.name = s.user_name
 where s.digest = $1 and s.expires_at > $2`

const sqlNamed = `select name, accounts, all_accounts, operator from dashboard.users where name = $1`

// signedIn returns the user of a session, or nil if there is no such session.
func (s *sessions) signedIn(ctx context.Context, digest [sha256.Size]byte) (*viewer, error) {
	v, err := s.find(ctx, sqlSession, digest[:], s.cfg.Clock())
	if v != nil {
		v.signedIn = true
	}
	return v, err
}

// named returns the user of that name, or nil if there is none.
func (s *sessions) named(ctx context.Context, name string) (*viewer, error) {
	return s.find(ctx, sqlNamed, name)
}

func (s *sessions) find(ctx context.Context, sql string, args ...any) (found *viewer, err error) {
	ctx = blotter.WithAllAccounts(ctx)
	err = s.cfg.DB.ReadOnly(ctx, func(session *postgres.Session) error {
		rows, err := session.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		defer rows.Close()

		for rows.Next() {
			found = &viewer{}
			if err := rows.Scan(&found.name, &found.accounts, &found.all, &found.operator); err != nil {
				return err
			}
			slices.Sort(found.accounts)
		}
		return rows.Err()
	}, postgres.Primary, postgres.Unlogged)
	return found, err
}

const (
	sqlAddSession  = `insert into dashboard.sessions (digest, user_name, expires_at) values ($1, $2, $3)`
	sqlEndSession  = `delete from dashboard.sessions where digest = $1`
	sqlEndSessions = `delete from dashboard.sessions where expires_at <= $1`
)

// begin stores a session of a user and returns its token. It removes sessions that have expired.
func (s *sessions) begin(ctx context.Context, user string) (token string, err error) {
	token = newToken()
	digest := sha256.Sum256([]byte(token))
	now := s.cfg.Clock()

	ctx = blotter.WithAllAccounts(ctx)
	err = s.cfg.DB.Transaction(ctx, func(tx *postgres.Tx) error {
		if _, err := tx.Exec(ctx, sqlEndSessions, now); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlAddSession, digest[:], user, now.Add(sessionLength))
		return err
	})
	return token, err
}

// end removes the session of a request.
func (s *sessions) end(r *http.Request) error {
	cookie, err := r.Cookie(s.cookieName(r))
	if err != nil {
		return nil
	}
	digest := sha256.Sum256([]byte(cookie.Value))
	if !s.cfg.SignIn {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.local = slices.DeleteFunc(s.local, func(l localSession) bool { return l.digest == digest })
		return nil
	}

	ctx := blotter.WithAllAccounts(r.Context())
	return s.cfg.DB.Transaction(ctx, func(tx *postgres.Tx) error {
		_, err := tx.Exec(ctx, sqlEndSession, digest[:])
		return err
	})
}
