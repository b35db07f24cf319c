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

// Policy says how far partitions are made ahead and what becomes of old ones. The zero value makes three months or one
// year ahead and keeps everything.
type Policy struct {
	MonthsAhead int // whole months after the current one; 0 is 3
	YearsAhead  int // whole years after the current one, for tables that are made by years; 0 is 1
	// Retire is what becomes of old leaves, by the table's name with or without its schema. A table that is not in it
	// keeps its leaves.
	Retire map[string]Retirement
}

const (
	monthsAheadDefault = 3
	yearsAheadDefault  = 1
)

func (p Policy) monthsAhead() int { return cmp.Or(p.MonthsAhead, monthsAheadDefault) }
func (p Policy) yearsAhead() int  { return cmp.Or(p.YearsAhead, yearsAheadDefault) }

// Retirement is what becomes of a leaf when its upper bound is as old as After.
type Retirement struct {
	How   How
	After Age
}

// How a leaf is retired.
type How string

// The ways to retire a leaf.
const (
	Keep          How = ""        // it stays
	DetachLeaf    How = "detach"  // it becomes a table of its own, for whoever wants to dump or move it
	ArchiveLeaf   How = "archive" // it moves, without its rows being copied, to the table archived_<its table>
	DropLeaf      How = "drop"    // it goes, with its rows
	archivePrefix     = "archived_"
)

// Age is a calendar distance into the past: one month before 29 March is 28 February, or the 29th in a leap year.
type Age struct{ Years, Months, Days int }

// before returns the instant that is a before now. As in PostgreSQL's interval arithmetic, years and months are
// subtracted first, then days.
func (a Age) before(now time.Time) time.Time {
	return calendar.AddMonths(now, -12*a.Years-a.Months).AddDate(0, 0, -a.Days)
}

var retirePattern = regexp.MustCompile(`^([a-z_.]+)=(?:(keep)|(detach|archive|drop):([0-9]{1,5})([dmy]))$`)

// ParseRetire reads one entry of Policy.Retire: TABLE=keep, or TABLE=detach:AGE, archive:AGE or drop:AGE, where AGE is
// a number of d(ays), m(onths) or y(ears) from 1 on.
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

// Check reports what the policy asks that the tables cannot do. Its error is ErrInvalid.
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
			return blotter.Invalid("retire", name, "a table that is partitioned by time, for its leaves have no age otherwise")
		case r.How == ArchiveLeaf && state.archive(table.Relation) == (Relation{}):
			return blotter.Invalid("retire", name+"="+string(r.How), "detach or drop: there is no table "+table.Schema+"."+archivePrefix+table.Name)
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

// archive is the table to which the leaves of t are archived; zero where there is none.
func (s State) archive(t Relation) Relation {
	want := Relation{t.Schema, archivePrefix + t.Name}
	for _, other := range s.Tables {
		if other.Relation == want {
			return want
		}
	}
	return Relation{}
}
