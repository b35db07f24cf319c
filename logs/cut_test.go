package logs_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/blotterdb/blotter/logs"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// TestCommitUnknown checks that a batch whose COMMIT is not answered is stored once, whether the server received it
// or not.
func TestCommitUnknown(t *testing.T) {
	t.Parallel()

	for name, when := range map[string]pgtest.Cut{"before": pgtest.Unheard, "after": pgtest.Answered} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			db := pgtest.Open(t)
			cfg := db.Config
			cutter, through := pgtest.NewCutter(t, cfg.ServiceURL)
			cfg.ServiceURL = through
			behind, err := postgres.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(behind.Close)

			h := newHandler(t, db, func(c *logs.Config) { c.DB = behind })
			start(t, h)
			log := slog.New(h)
			for n := range 5 {
				cutter.AtCommit(when)
				log.Info(fmt.Sprint("row ", n))
				until(t, "it is stored", func() bool { return h.Stats().Written == int64(n+1) })
				if cutter.Cuts() != n+1 {
					t.Error("nothing was cut")
				}
			}

			if rows := stored(t, db, logs.Filter{}); len(rows) != 5 {
				t.Errorf("%d rows are stored, want 5", len(rows))
			}
		})
	}
}
