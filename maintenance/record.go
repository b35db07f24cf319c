package maintenance

import (
	"context"
	"encoding/json"
	"time"

	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
)

const (
	sqlNow   = `select clock_timestamp()`
	sqlBegin = `insert into shared.maintenance_runs (job, service, run_by, started_at) values ($1, $2, $3, $4) returning id`
	// sqlEnd leaves a run alone that somebody has marked as killed meanwhile.
	sqlEnd = `update shared.maintenance_runs set ended_at = greatest($2, started_at), result = $3, error = $4, figures = $5
		where id = $1 and result = 'running'`
)

const (
	errorLengthMax = 2000 // characters of an error that are kept
	// recordTimeout bounds saying how a run ended when everything else was stopped.
	recordTimeout = 5 * time.Second
)

// now is the time by which jobs are due.
func (r *Runner) now(ctx context.Context, conn *pgx.Conn) (now time.Time, err error) {
	if r.cfg.Clock != nil {
		return r.cfg.Clock(), nil
	}
	err = conn.QueryRow(ctx, sqlNow).Scan(&now)
	return now, err
}

func (r *Runner) begin(ctx context.Context, conn *pgx.Conn, job, service string) (id int64, err error) {
	now, err := r.now(ctx, conn)
	if err == nil {
		err = conn.QueryRow(ctx, sqlBegin, job, service, r.cfg.By, now).Scan(&id)
	}
	return id, pgerror.Translate(ctx, "begin "+job, err)
}

// end says how a run ended, also where its context has.
func (r *Runner) end(ctx context.Context, conn *pgx.Conn, id int64, o Outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	result, text := "ok", ""
	if o.Err != nil {
		result, text = "failed", clip(o.Err.Error(), errorLengthMax)
	}
	figures, err := json.Marshal(o.Figures)
	if err != nil || o.Figures == nil {
		figures = []byte("{}")
	}
	now, err := r.now(ctx, conn)
	if err == nil {
		_, err = conn.Exec(ctx, sqlEnd, id, now, result, text, figures)
	}
	return pgerror.Translate(ctx, "end "+o.Job, err)
}
