package partition

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/calendar"
)

// Policy says how far ahead partitions are created, and what to do with old ones. The zero value creates three months
// or one year ahead, and keeps all partitions.
type Policy struct {
	MonthsAhead int // whole months after the current one; default 3
	YearsAhead  int // whole years after the current one, for tables with yearly partitions; default 1
	// Retire says what to do with old leaves, by the name of the table with or without its schema. A table that is
	// not in it keeps its leaves.
	Retire map[string]Retirement
}

const (
	monthsAheadDefault = 3
	yearsAheadDefault  = 1
)

func (p Policy) monthsAhead() int { return cmp.Or(p.MonthsAhead, monthsAheadDefault) }
func (p Policy) yearsAhead() int  { return cmp.Or(p.YearsAhead, yearsAheadDefault) }

// Retirement says what to do with a leaf whose upper bound is older than After.
type Retirement struct {
	How   How
	After Age
}

// How is a way to retire a leaf.
type How string

// The ways to retire a leaf.
const (
	Keep          How = ""        // it stays
	DetachLeaf    How = "detach"  // it becomes a separate table, to be dumped or moved
	ArchiveLeaf   How = "archive" // it moves to the table archived_<its table>, without copying rows
	DropLeaf      How = "drop"    // it is dropped with its rows
	archivePrefix     = "archived_"
)

// Age is a distance into the past by the calendar: one month before 29 March is 28 February, or the 29th in a leap
// year.
type Age struct{ Years, Months, Days int }

// before returns the instant that is a before now. As in PostgreSQL's interval arithmetic, years and months are
// subtracted first, then days.
func (a Age) before(now time.Time) time.Time {
	return calendar.AddMonths(now, -12*a.Years-a.Months).AddDate(0, 0, -a.Days)
}

var retirePattern = regexp.MustCompile(`^([a-z_.]+)=(?:(keep)|(detach|archive|drop):([0-9]{1,5})([dmy]))$`)

// ParseRetire parses one entry of Policy.Retire: TABLE=keep, or TABLE=detach:AGE, archive:AGE or drop:AGE. AGE is a
// positive number of d(ays), m(onths) or y(ears).
func ParseRetire(text string) (table string, r Retirement, err error) {
	match := retirePattern.FindStringSubmatch(text)
	if match == nil {
		return "", r, blotter.Invalid("retire", text, "TABLE=keep, or TABLE=detach:90d, archive:18m or drop:10y")
	}
	if match[2] == "keep" {
		return match[1], r, nil
	}

	n, err := strconv.Atoi(match[4])
	if err != nil || n == 0 {
		return "", r, blotter.Invalid("retire", text, "an age of 1 or more")
	}

	r.How = How(match[3])
	switch match[5] {
	case "d":
		r.After.Days = n
	case "m":
		r.After.Months = n
	case "y":
		r.After.Years = n
	}

	return match[1], r, nil
}

// Check returns ErrInvalid for a policy that the tables cannot follow.
func (p Policy) Check(state State) error {
	if p.MonthsAhead < 0 || p.MonthsAhead > 24 {
		return blotter.Invalid("Policy.MonthsAhead", p.MonthsAhead, "0 for the default, up to 24")
	}
	if p.YearsAhead < 0 || p.YearsAhead > 2 {
		return blotter.Invalid("Policy.YearsAhead", p.YearsAhead, "0 for the default, up to 2")
	}

	for name, r := range p.Retire {
		table, names := Table{}, []string{}
		for _, t := range state.Tables {
			names = append(names, t.String())
			if t.is(name) {
				table = t
			}
		}

		switch {
		case table.Name == "":
			return blotter.Invalid("retire", name, "one of "+strings.Join(names, ", "))
		case r.How == Keep:
		case r.After.Years < 0 || r.After.Months < 0 || r.After.Days < 0 || r.After == Age{}:
			return blotter.Invalid("retire", fmt.Sprintf("%s after %+v", name, r.After), "an age")
		case table.Ahead == Positions:
			return blotter.Invalid("retire", name, "a table that is partitioned by time")
		case r.How == ArchiveLeaf && state.archive(table.Relation) == (Relation{}):
			return blotter.Invalid("retire", name+"="+string(r.How),
				"detach or drop, because there is no table "+table.Schema+"."+archivePrefix+table.Name)
		}
	}

	return nil
}

func (t Table) is(name string) bool { return name == t.Name || name == t.String() }

func (p Policy) retirement(t Table) Retirement {
	if r, found := p.Retire[t.String()]; found {
		return r
	}
	return p.Retire[t.Name]
}

// archive returns the table to which the leaves of t are archived, or the zero Relation if there is none.
func (s State) archive(t Relation) Relation {
	want := Relation{t.Schema, archivePrefix + t.Name}
	for _, other := range s.Tables {
		if other.Relation == want {
			return want
		}
	}
	return Relation{}
}
