package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

const (
	addressMax    = 4 << 10  // bytes of a URL
	bodyMax       = 16 << 10 // bytes of a request's body
	pagesMax      = 16       // that are made at the same time
	downloadsMax  = 4        // that run at the same time
	liveMax       = 200      // open connections for live updates
	waitForTurn   = 5 * time.Second
	writeTime     = 30 * time.Second // that a reader has for an answer
	argonMax      = 2                // passwords that are checked at the same time
	downloadChunk = 64 << 10         // bytes that a reader of a download has to take within writeTime
)

// errBusy is the error of a request that found too many others.
var errBusy = errors.New("too many requests are being answered at the moment; try again in a few seconds")

// limits bounds what runs at the same time.
type limits struct {
	making    chan struct{}
	downloads chan struct{}
	watching  chan struct{}
	hashing   chan struct{}
}

func newLimits() *limits {
	return &limits{
		making:    make(chan struct{}, pagesMax),
		downloads: make(chan struct{}, downloadsMax),
		watching:  make(chan struct{}, liveMax),
		hashing:   make(chan struct{}, argonMax),
	}
}

// enter waits for a turn to make a page.
func (l *limits) enter(ctx context.Context) (leave func(), err error) {
	return take(ctx, l.making, waitForTurn)
}

// take waits for a place among those that slots has.
func take(ctx context.Context, slots chan struct{}, wait time.Duration) (leave func(), err error) {
	leave = func() { <-slots }
	select {
	case slots <- struct{}{}:
		return leave, nil
	default:
	}

	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case slots <- struct{}{}:
		return leave, nil
	case <-timer.C:
		return nil, errBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// wrap bounds the size of requests, and the time that a reader has.
func (l *limits) wrap(d *Dashboard, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.RequestURI) > addressMax {
			http.Error(w, "the address is too long", http.StatusRequestURITooLong)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, bodyMax)
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTime))
		if d.cfg.Secure {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// policy allows what comes from the dashboard itself, and nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secureHeaders sets the headers that every answer has.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// crossOrigin refuses requests that a page of another site made its visitor's browser send: those that change
// something, downloads and live updates.
func crossOrigin(next http.Handler) http.Handler {
	var protection http.CrossOriginProtection
	return protection.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		isData := strings.HasSuffix(r.URL.Path, ".csv") || r.URL.Path == "/live"
		if isData && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
			http.Error(w, "this address cannot be used from another site", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	}))
}
