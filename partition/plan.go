package partition

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter/internal/calendar"
)

// Kind is what a step does.
type Kind string

// The kinds, in the order in which a plan has them.
const (
	Finalize Kind = "finalize" // end a DETACH CONCURRENTLY that was cut short
	Attach   Kind = "attach"   // end one, and attach its leaf again, whose time is not over
	Create   Kind = "create"   // make a leaf and attach it
	Vacuum   Kind = "vacuum"   // VACUUM (FREEZE, ANALYZE) of a closed leaf
	Analyze  Kind = "analyze"  // ANALYZE of a partitioned table
	Detach   Kind = "detach"   // DETACH CONCURRENTLY
	Bound    Kind = "bound"    // give a leaf its bounds as a CHECK, so that attaching it elsewhere scans nothing
	Validate Kind = "validate" // prove that CHECK, beside readers and writers
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

// Failure is what keeps one table from its partitions.
type Failure struct {
	Table Relation
	Err   error
}

// Failures are those of several tables, which do not stop each other.
type Failures []Failure

func (f Failures) Error() string {
	var texts []string
	for _, one := range f {
		texts = append(texts, one.Table.String()+": "+one.Err.Error())
	}
	return strings.Join(texts, "; ")
}

// Unwrap gives the error of each table.
func (f Failures) Unwrap() []error {
	var errs []error
	for _, one := range f {
		errs = append(errs, one.Err)
	}
	return errs
}

const (
	// catchUpMonths is how far back holes between leaves are filled: a database that nobody opened for a year.
	catchUpMonths = 12
	// analyzeEvery is how often a partitioned table's own statistics are gathered; autovacuum does it for leaves only.
	analyzeEvery = 24 * time.Hour
	// analyzeBytesMin is the size, with indexes, from which a table is analyzed for the first time: ten pages, which the
	// server assumes until then.
	analyzeBytesMin = 10 * 8192
)

// Plan is what is to be done at the time now, in order: finalize, create, vacuum and analyze, retire. What cannot be
// done, as where another table has the name of a leaf, is in the failures; the rest of the plan is good.
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

// finalize ends the detachings that were cut short, and returns the table with the leaves that it has then. A leaf whose
// time is not over is attached again: no policy retires it, and rows of its time are refused without it.
func (p *planner) finalize(t Table) Table {
	leaves := t.Leaves
	t.Leaves = nil
	for _, leaf := range leaves {
		goes := leaf.Pending && (leaf.Foreign != "" || p.closed(t, leaf))
		step := Step{Kind: Attach, Table: t.Relation, Leaf: leaf.Relation, Bounds: leaf.Bounds}
		if goes {
			step.Kind = Finalize
		}
		if leaf.Pending {
			p.steps = append(p.steps, step)
		}
		if !goes {
			t.Leaves = append(t.Leaves, leaf)
		}
	}
	return t
}

// create covers what is due. What is due and overlaps a foreign leaf cannot be known: such a table gets nothing.
func (p *planner) create(t Table) {
	for _, leaf := range t.Leaves {
		if leaf.Foreign != "" {
			p.fail(t, "partition %s is for %s, which leaves no room for others; detach it", leaf.Relation, leaf.Foreign)
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

// createPositions keeps one whole leaf ahead of the last position that was given out.
func (p *planner) createPositions(t Table) {
	next := int64(0)
	for _, leaf := range t.Leaves {
		next = max(next, leaf.ToPos)
	}
	for ; next < t.Used+t.Size; next += t.Size {
		p.createLeaf(t, Positions, "_p"+strconv.FormatInt(next/t.Size, 10), Bounds{FromPos: next, ToPos: next + t.Size})
	}
}

// createTimes covers every month that is due, in years where the table has years and none of the year is there yet.
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
				p.fail(t, "partition %s covers %s only in part (%s); detach it", taken.Relation, b, taken.Bounds)
			}
		}
	}
}

// due is the time to cover: the current month and those ahead of it, and what of the last twelve months the table had
// begun and misses.
func (p *planner) due(t Table) (from, to time.Time) {
	month := calendar.StartOfMonth(p.now)
	from, to = month, calendar.AddMonths(month, p.policy.monthsAhead()+1)
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
		p.fail(t, "table %s exists and is not the partition from %s; attach it (%s) or rename it, for its name is needed", leaf, b, attachSQL(t.Relation, leaf, b))
		return
	}
	p.steps = append(p.steps, Step{Kind: Create, Table: t.Relation, Leaf: leaf, Bounds: b, Grain: grain})
}

// upkeep freezes closed leaves that have rows, once, unless they are about to be dropped, and gathers the statistics of a
// table. Of a small one the server would plan to read it whole, and keep that plan while it grows.
func (p *planner) upkeep(t Table) {
	for _, leaf := range t.Leaves {
		if p.closed(t, leaf) && !leaf.Vacuumed && !leaf.Empty && (p.policy.retirement(t).How != DropLeaf || !p.retired(t, leaf)) {
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

// closed reports that no row will be added, save by somebody who adds to the past.
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

// overlapping is the first leaf that has a part of the bounds, or nil.
func (t Table) overlapping(b Bounds) *Leaf {
	for i := range t.Leaves {
		if leaf := &t.Leaves[i]; leaf.overlaps(b) {
			return leaf
		}
	}
	return nil
}
