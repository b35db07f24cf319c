package logs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
	"github.com/jackc/pgx/v5"
)

// TestTailReadsByIndex checks that Tail reads the end of the log by an index, even in a month without statistics.
func TestTailReadsByIndex(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, `insert into logging.system_logs (service, level, message) select 's', 'info', 'm' || n
			from generate_series(1, 50000) n`)
	conn := db.Connect(t, db.Config.ReporterURL)
	leaf := pgtest.Value[string](t, db, "select distinct split_part(tableoid::regclass::text, '.', 2) from "+
		"logging.system_logs")
	for sql, args := range map[string][]any{
		sqlTailBegin:                          {1000},
		sqlTailEnd:                            {49_990},
		fmt.Sprintf(sqlTailRows, "true", 100): {49_990, 50_000, []int64{49_995}},
	} {
		rows, err := conn.Query(t.Context(), "explain "+sql, args...)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(lines, "\n")
		if !strings.Contains(plan, leaf+"_id_idx") || strings.Contains(plan, "Seq Scan on "+leaf) {
			t.Errorf("%s\n%s", sql, plan)
		}
	}
}
