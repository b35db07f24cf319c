//go:build !mutants

package events

import (
	"github.com/blotterdb/blotter"
	"github.com/redis/go-redis/v9"
)

// mutated reports that a defect is built in on purpose, to see the tests fail. It never is without the build tag mutants.
func mutated(string) bool { return false }

// mutateWindow is the window's statement, with the defect.
func mutateWindow(sql string, args []any) (string, []any) { return sql, args }

// mutateScript is the script that publishes, with the defect.
func mutateScript(script *redis.Script) *redis.Script { return script }

// mutateAdvance moves the cursor with the defect.
func mutateAdvance(*cursor, int64, []blotter.Event) {}

// mutateNeeded is the question whether a partition is needed, with the defect.
func mutateNeeded(sql string) string { return sql }

// mutating reports that any defect is built in.
func mutating() bool { return false }
