package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// downloadFunc writes what a request filters.
type downloadFunc func(r *request, s *postgres.Session, w io.Writer) error

const downloadTime = 10 * time.Minute // that a download may take

// download returns the handler of a download. It is in the audit log before its first row is read.
func (d *Dashboard) download(write downloadFunc) http.HandlerFunc {
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
		leave, err := take(r.Context(), d.limits.downloads, waitForTurn)
		if err != nil {
			d.fail(w, r, v, err)
			return
		}
		defer leave()

		if err := d.recordDownload(req); err != nil {
			d.fail(w, r, v, err)
			return
		}
		ctx, cancel := context.WithTimeout(req.ctx, downloadTime)
		defer cancel()
		req.ctx = ctx

		out := &patientWriter{w: w, out: http.NewResponseController(w), name: downloadName(req)}
		err = d.db.ReadOnly(ctx, func(s *postgres.Session) error { return write(req, s, out) }, postgres.Unlogged)
		switch {
		case err == nil:
		case out.started: // a file that is cut off must not look whole
			d.log.Warn("dashboard: a download was cut off", "path", r.URL.Path, "error", err.Error())
			panic(http.ErrAbortHandler)
		default:
			d.fail(w, r, v, err)
		}
	}
}

// tableOf has the table that a download is recorded with.
var tableOf = map[string]string{
	"/positions.csv": "execution.position_values",
	"/orders.csv":    "execution.orders",
	"/trades.csv":    "execution.trades",
	"/audit.csv":     "shared.audit_log",
}

func (d *Dashboard) recordDownload(r *request) error {
	filter := map[string]string{}
	for name, values := range r.query {
		filter[clipped(name, 50)] = clipped(strings.Join(values, ","), 200)
	}
	ctx := blotter.WithAllAccounts(r.ctx)
	access := postgres.Access{Table: tableOf[r.path], Operation: "export", Key: filter, Account: r.account}
	return d.db.Audit(ctx, access)
}

func downloadName(r *request) string {
	name := strings.TrimSuffix(strings.TrimPrefix(r.path, "/"), ".csv")
	return fmt.Sprintf("%s-%s.csv", name, r.now.In(r.zone).Format(time.DateOnly))
}

// patientWriter sends a download as long as its reader takes it. A reader that is too slow is cut off.
type patientWriter struct {
	w       http.ResponseWriter
	out     *http.ResponseController
	name    string
	started bool
	sent    int // bytes since the deadline was moved
}

func (p *patientWriter) Write(data []byte) (int, error) {
	if !p.started {
		p.started = true
		h := p.w.Header()
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="`+p.name+`"`)
	}
	if p.sent == 0 || p.sent > downloadChunk {
		_ = p.out.SetWriteDeadline(time.Now().Add(writeTime))
		p.sent = 0
	}
	p.sent += len(data)
	return p.w.Write(data)
}
