//go:build mutants

package events

import (
	"os"
	"strings"
	"sync/atomic"

	"github.com/blotterdb/blotter"
	"github.com/redis/go-redis/v9"
)

// mutant is the defect that is built in, one at a time.
var mutant atomic.Pointer[string]

// The processes of the chaos test are told their defect.
func init() {
	if name := os.Getenv("BLOTTER_MUTANT"); name != "" {
		mutant.Store(&name)
	}
}

// mutated reports that a defect is built in on purpose, to see the tests fail.
func mutated(name string) bool {
	m := mutant.Load()
	return m != nil && *m == name
}

// mutateWindow is the window's statement, with the defect.
func mutateWindow(sql string, args []any) (string, []any) {
	switch {
	case mutated("naive"): // everything visible beyond the last position
		sql = strings.NewReplacer("xid >= $1::text::xid8", "$1::text is not null", "xid = any($3::text[]::xid8[])", "false and xid = any($3::text[]::xid8[])",
			"and pg_visible_in_snapshot(xid, $5::text::pg_snapshot)", "and $5::text is not null", "and xid < $2::text::xid8", "and $2::text is not null").Replace(sql)
	case mutated("pos_floor"):
		args = append([]any{}, args...)
		args[3] = max(args[3].(int64), posFloor.Load())
	case mutated("xid_order"), mutated("horizon"):
		sql = strings.NewReplacer("order by pos", "order by xid, pos", "order by o.pos", "order by o.xid, o.pos").Replace(sql)
	case mutated("unmaterialized"):
		first, _, _ := strings.Cut(strings.TrimPrefix(sql[strings.Index(sql, "select pos"):], "("), "union all")
		sql = strings.Replace(first, "xid >= $1::text::xid8", "(xid >= $1::text::xid8 or xid = any($3::text[]::xid8[]))", 1) + " order by pos limit $6"
	}
	return sql, args
}

// mutateScript is the script that publishes, with the defect.
func mutateScript(script *redis.Script) *redis.Script {
	if !mutated("no_cas") {
		return script
	}
	begin, end := strings.Index(publishText, "if last_epoch > epoch"), strings.Index(publishText, "for i = 6")
	text := publishText[:begin] + "local have = first - 1\n" + publishText[end:]
	return redis.NewScript(strings.Replace(text, "string.format('%.0f-%.0f', epoch, number)", "'*'", 1))
}

// posFloor is the last position of the mutant that trusts one.
var posFloor atomic.Int64

// mutateAdvance moves the cursor, which stood at a position, with the defect.
func mutateAdvance(at *cursor, from int64, read []blotter.Event) {
	if len(read) > 0 {
		from = read[len(read)-1].Pos
	}
	if mutated("naive") {
		at.posDone = from
	}
	if mutated("pos_floor") && len(read) > 0 {
		posFloor.Store(from)
	}
}

// mutateNeeded is the question whether a partition is needed, with the defect: it goes by age.
func mutateNeeded(sql string) string {
	if mutated("age") {
		return "select $1::bigint > $2::bigint"
	}
	return sql
}

// mutating reports that any defect is built in.
func mutating() bool { return mutant.Load() != nil }
