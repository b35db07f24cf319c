package partition

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter/internal/calendar"
)

// Kind is the kind of a step.
type Kind string

// The kinds, in the order of a plan.
const (
	Finalize Kind = "finalize" // complete an interrupted DETACH CONCURRENTLY
	Attach   Kind = "attach"   // the same, and attach the leaf again because its time is not over
	Create   Kind = "create"   // create a leaf
	Vacuum   Kind = "vacuum"   // VACUUM (FREEZE, ANALYZE) of a closed leaf
	Analyze  Kind = "analyze"  // ANALYZE of a partitioned table
	Detach   Kind = "detach"   // DETACH CONCURRENTLY
	Bound    Kind = "bound"    // add the bounds of a leaf as a CHECK, so that ATTACH does not scan it
	Validate Kind = "validate" // validate that CHECK without blocking readers and writers
	Archive  Kind = "archive"  // move a leaf to the archive table
	Drop     Kind = "drop"     // drop a leaf with its rows
)

// Step is one change. It is safe to repeat.
type Step struct {
	Kind  Kind
	Table Relation
	Leaf  Relation // the table itself for Analyze
	Bounds
	Grain   Grain    // of the leaf to create
	Key     string   // column of the bounds, for Bound
	Archive Relation // where Archive moves the leaf to
}

// String returns the step in one line.
func (s Step) String() string {
	text := fmt.Sprintf("%-8s  %s", s.Kind, s.Leaf)
	switch s.Kind {
	case Create, Attach, Detach, Drop, Bound:
		text += "  " + s.Bounds.String()
	case Archive:
		text += "  to " + s.Archive.String()
	}
	return text
}

// Failure is the reason why steps of one table are not possible.
type Failure struct {
	Table Relation
	Err   error
}

// Failures lists the failures of several tables. A failure does not stop the steps of other tables.
type Failures []Failure

// Error returns all failures in one text.
func (f Failures) Error() string {
	var texts []string
	for _, failure := range f {
		texts = append(texts, failure.Table.String()+": "+failure.Err.Error())
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the error of each table.
func (f Failures) Unwrap() []error {
	var errs []error
	for _, failure := range f {
		errs = append(errs, failure.Err)
	}
	return errs
}

const (
	// catchUpMonths is how far back gaps between leaves are filled, after nobody has opened the database for up to a
	// year.
	catchUpMonths = 12
	// analyzeEvery is how often a partitioned table is analyzed. Autovacuum analyzes only leaves.
	analyzeEvery = 24 * time.Hour
	// analyzeBytesMin is the size, with indexes, from which a table is analyzed for the first time: the ten pages
	// that the server assumes before.
	analyzeBytesMin = 10 * 8192
)

// Plan returns the steps that are due at the time now, in the order finalize, create, vacuum and analyze, retire.
// Steps that are not possible, for example because another table has the name of a leaf, are in the failures. The
// others can be applied.
func Plan(state State, now time.Time, policy Policy) ([]Step, Failures) {
	now = now.UTC()
	p := &planner{policy: policy, state: state, now: now}
	var tables []Table
	for _, t := range state.Tables {
		tables = append(tables, p.finalize(t))
	}

	for _, part := range []func(Table){p.create, p.upkeep, p.retire} {
		for _, t := range tables {
			part(t)
		}
	}

	return p.steps, p.failures
}

type planner struct {
	policy   Policy
	state    State
	now      time.Time
	steps    []Step
	failures Failures
}

func (p *planner) fail(t Table, format string, args ...any) {
	p.failures = append(p.failures, Failure{t.Relation, fmt.Errorf(format, args...)})
}

// finalize completes interrupted DETACHes, and returns the table with the leaves that it has afterwards. A leaf whose
// time is not over is attached again: no policy retires it, and rows of its time are refused without it.
func (p *planner) finalize(t Table) Table {
	leaves := t.Leaves
	t.Leaves = nil
	for _, leaf := range leaves {
		detached := leaf.Pending && (leaf.Foreign != "" || p.closed(t, leaf))
		step := Step{Kind: Attach, Table: t.Relation, Leaf: leaf.Relation, Bounds: leaf.Bounds}
		if detached {
			step.Kind = Finalize
		}
		if leaf.Pending {
			p.steps = append(p.steps, step)
		}
		if !detached {
			t.Leaves = append(t.Leaves, leaf)
		}
	}

	return t
}

// create creates the leaves that are due. A table with a foreign leaf gets none, because they could overlap.
func (p *planner) create(t Table) {
	for _, leaf := range t.Leaves {
		if leaf.Foreign != "" {
			p.fail(t, "partition %s has bounds %s, so no other can be created; detach it", leaf.Relation, leaf.Foreign)
			return
		}
	}

	switch t.Ahead {
	case Positions:
		p.createPositions(t)
	case Month, Year:
		p.createTimes(t)
	}
}

// createPositions keeps one whole leaf ahead of the last position in use.
func (p *planner) createPositions(t Table) {
	next := int64(0)
	for _, leaf := range t.Leaves {
		next = max(next, leaf.ToPos)
	}
	for ; next < t.Used+t.Size; next += t.Size {
		p.createLeaf(t, Positions, "_p"+strconv.FormatInt(next/t.Size, 10), Bounds{FromPos: next, ToPos: next + t.Size})
	}
}

// createTimes covers every month that is due. It creates a leaf for a whole year if the table has years and no part
// of the year has a leaf.
func (p *planner) createTimes(t Table) {
	from, to := p.due(t)
	for year := calendar.StartOfYear(from); year.Before(to); year = calendar.AddYears(year, 1) {
		whole := Bounds{From: year, To: calendar.AddYears(year, 1)}
		if p.grain(t, year) == Year && t.overlapping(whole) == nil {
			p.createLeaf(t, Year, year.Format("_y2006"), whole)
			continue
		}

		for month := range 12 {
			b := Bounds{From: calendar.AddMonths(year, month), To: calendar.AddMonths(year, month+1)}
			if !b.To.After(from) || !b.From.Before(to) {
				continue
			}
			switch taken := t.overlapping(b); {
			case taken == nil:
				p.createLeaf(t, Month, b.From.Format("_2006_01"), b)
			case taken.From.After(b.From) || taken.To.Before(b.To):
				p.fail(t, "partition %s covers only a part of %s (%s); detach it", taken.Relation, b, taken.Bounds)
			}
		}
	}
}

// due returns the time to cover: the current month, the months ahead, and those of the last twelve months since the
// first leaf of the table.
func (p *planner) due(t Table) (from, to time.Time) {
	month := calendar.StartOfMonth(p.now)
	from = month
	to = calendar.AddMonths(month, p.policy.monthsAhead()+1)
	if t.Ahead == Year {
		to = calendar.AddYears(calendar.StartOfYear(p.now), p.policy.yearsAhead()+1)
	}

	for _, leaf := range t.Leaves {
		if leaf.From.Before(from) {
			from = leaf.From
		}
	}

	floor := calendar.AddMonths(month, -catchUpMonths)
	if r := p.policy.retirement(t); r.How != Keep && r.After.before(p.now).After(floor) {
		floor = calendar.StartOfMonth(r.After.before(p.now)) // an older leaf would be retired at once
	}
	if from.Before(floor) {
		from = floor
	}

	return from, to
}

func (p *planner) grain(t Table, year time.Time) Grain {
	if year.Before(calendar.StartOfYear(p.now)) {
		return t.Past
	}
	return t.Ahead
}

func (p *planner) createLeaf(t Table, grain Grain, suffix string, b Bounds) {
	leaf := Relation{t.Schema, t.Name + suffix}
	if t.Names[leaf.Name] {
		p.fail(t, "table %s has the name of the partition for %s, but is not attached; attach it (%s) or rename it",
			leaf, b, attachSQL(t.Relation, leaf, b))
		return
	}
	p.steps = append(p.steps, Step{Kind: Create, Table: t.Relation, Leaf: leaf, Bounds: b, Grain: grain})
}

// upkeep vacuums each closed leaf with rows once, unless it is about to be dropped, and analyzes the table. A small
// table is not analyzed: the server would plan to read all of it, and keep that plan while it grows.
func (p *planner) upkeep(t Table) {
	for _, leaf := range t.Leaves {
		if p.closed(t, leaf) && !leaf.Vacuumed && !leaf.Empty &&
			(p.policy.retirement(t).How != DropLeaf || !p.retired(t, leaf)) {
			p.steps = append(p.steps, Step{Kind: Vacuum, Table: t.Relation, Leaf: leaf.Relation, Bounds: leaf.Bounds})
		}
	}

	bytes := int64(0)
	for _, leaf := range t.Leaves {
		if !leaf.Empty {
			bytes += leaf.Bytes
		}
	}

	if (bytes >= analyzeBytesMin || !t.Analyzed.IsZero()) && p.now.Sub(t.Analyzed) >= analyzeEvery {
		p.steps = append(p.steps, Step{Kind: Analyze, Table: t.Relation, Leaf: t.Relation})
	}
}

// closed reports whether the time or the positions of a leaf are over, so that only late rows are added.
func (p *planner) closed(t Table, leaf Leaf) bool {
	switch {
	case leaf.Foreign != "":
		return false
	case t.Ahead == Positions:
		return leaf.ToPos <= t.Used
	}
	return !leaf.To.After(p.now)
}

func (p *planner) retired(t Table, leaf Leaf) bool {
	r := p.policy.retirement(t)
	return r.How != Keep && leaf.Foreign == "" && t.Ahead != Positions && !leaf.To.After(r.After.before(p.now))
}

func (p *planner) retire(t Table) {
	for _, leaf := range t.Leaves {
		if !p.retired(t, leaf) {
			continue
		}
		step := Step{Table: t.Relation, Leaf: leaf.Relation, Bounds: leaf.Bounds, Key: t.Key}
		kinds := map[How][]Kind{DetachLeaf: {Detach}, ArchiveLeaf: {Bound, Validate, Archive}, DropLeaf: {Drop}}
		for _, step.Kind = range kinds[p.policy.retirement(t).How] {
			if step.Kind == Archive {
				step.Archive = p.state.archive(t.Relation)
			}
			p.steps = append(p.steps, step)
		}
	}
}

// overlapping returns the first leaf that overlaps the bounds, or nil.
func (t Table) overlapping(b Bounds) *Leaf {
	for i := range t.Leaves {
		if leaf := &t.Leaves[i]; leaf.overlaps(b) {
			return leaf
		}
	}
	return nil
}
