package partition_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/blotterdb/blotter/partition"
)

func at(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func bars(leaves ...partition.Leaf) partition.State {
	return partition.State{Tables: []partition.Table{{
		Relation: partition.Relation{Schema: "data_ingestion", Name: "market_data"}, Key: "timestamp",
		Past: partition.Year, Ahead: partition.Month,
		Names: map[string]bool{}, Leaves: leaves,
	}}}
}

func leaf(from, to time.Time) partition.Leaf {
	return partition.Leaf{
		Relation: partition.Relation{Schema: "data_ingestion", Name: "l" + from.Format("20060102")},
		Bounds:   partition.Bounds{From: from, To: to}, Vacuumed: true, Bytes: 1 << 20,
	}
}

// apply adds what the plan creates to the state, as Apply would, and takes away what it retires.
func apply(state partition.State, steps []partition.Step) partition.State {
	t := &state.Tables[0]
	for _, s := range steps {
		switch s.Kind {
		case partition.Create:
			t.Leaves = append(t.Leaves, partition.Leaf{Relation: s.Leaf, Bounds: s.Bounds})
		case partition.Drop, partition.Detach, partition.Archive:
			t.Leaves = slices.DeleteFunc(t.Leaves, func(l partition.Leaf) bool { return l.Relation == s.Leaf })
		case partition.Vacuum:
			for i := range t.Leaves {
				t.Leaves[i].Vacuumed = t.Leaves[i].Vacuumed || t.Leaves[i].Relation == s.Leaf
			}
		}
	}

	slices.SortFunc(t.Leaves, func(a, b partition.Leaf) int { return a.From.Compare(b.From) })
	return state
}

// covered checks that the leaves cover [from, to) without gap or overlap.
func covered(t *testing.T, what string, state partition.State, from, to time.Time) {
	t.Helper()

	for _, l := range state.Tables[0].Leaves {
		if l.To.After(from) && l.From.Before(to) {
			if l.From.After(from) {
				t.Fatalf("%s: nothing covers %s to %s", what, from, l.From)
			}
			if l.From.Before(from) {
				t.Fatalf("%s: %s overlaps what is before %s", what, l.Bounds, from)
			}
			from = l.To
		}
	}

	if from.Before(to) {
		t.Fatalf("%s: nothing covers %s to %s", what, from, to)
	}
}

// TestPlanCoversTwoCenturies checks that a runner that runs once a quarter from 1900 to 2100 leaves neither gap nor
// overlap, in leap years and in any zone, and that nothing is due after a plan was applied.
func TestPlanCoversTwoCenturies(t *testing.T) {
	t.Parallel()

	for _, name := range []string{"UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}

		state := bars()
		state.Tables[0].Analyzed = at(9999, 1, 1)
		for now := at(1900, 1, 1).Add(30 * time.Minute); now.Year() < 2100; now = calendar.AddMonths(now, 3) {
			local := now.In(zone)
			steps, failures := partition.Plan(state, local, partition.Policy{})
			if failures != nil {
				t.Fatal(failures)
			}
			state = apply(state, steps)
			if steps, _ := partition.Plan(state, local, partition.Policy{}); len(steps) > 0 {
				t.Fatalf("%s, %s: after the plan there is still %v", name, now, steps)
			}
		}

		covered(t, name, state, at(1900, 1, 1), at(2100, 2, 1))
		if n := len(state.Tables[0].Leaves); n != 200*12+1 {
			t.Errorf("%s: %d leaves, want one a month", name, n)
		}

		for _, l := range state.Tables[0].Leaves {
			if l.From.Location() != time.UTC || l.From.Day() != 1 || l.From.Hour() != 0 ||
				!calendar.AddMonths(l.From, 1).Equal(l.To) {
				t.Fatalf("%s: bounds %s", name, l.Bounds)
			}
		}
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()

	now := at(2026, 5, 17)
	year := func(y int) partition.Leaf { return leaf(at(y, 1, 1), at(y+1, 1, 1)) }
	month := func(y int, m time.Month) partition.Leaf { return leaf(at(y, m, 1), at(y, m+1, 1)) }
	old := month(2025, 1)
	old.Vacuumed = false
	pending := month(2024, 6)
	pending.Pending = true
	ahead := month(2026, 7)
	ahead.Pending = true
	foreign := partition.Leaf{
		Relation: partition.Relation{Schema: "data_ingestion", Name: "d"}, Foreign: "DEFAULT", Bytes: 1 << 20,
	}
	taken := bars()
	taken.Tables[0].Names["market_data_2026_07"] = true
	drop := partition.Policy{
		Retire: map[string]partition.Retirement{
			"market_data": {How: partition.DropLeaf, After: partition.Age{Years: 1}},
		},
	}
	for _, test := range []struct {
		what     string
		state    partition.State
		policy   partition.Policy
		want     []string
		failures int
	}{
		{
			"a new database", bars(),
			partition.Policy{},
			[]string{
				"create market_data_2026_05", "create market_data_2026_06", "create market_data_2026_07",
				"create market_data_2026_08",
			},
			0,
		},
		{
			"all is there", bars(month(2026, 5), month(2026, 6), month(2026, 7), month(2026, 8)),
			partition.Policy{},
			[]string{"analyze market_data"},
			0,
		},
		{"a month inside an existing year", bars(year(2026)), partition.Policy{}, []string{"analyze market_data"}, 0},
		{
			"a leaf ahead that is half detached", bars(month(2026, 5), month(2026, 6), ahead, month(2026, 8)),
			partition.Policy{},
			[]string{"attach l20260701", "analyze market_data"},
			0,
		},
		{
			"a hole", bars(month(2026, 5), month(2026, 7), month(2026, 8)),
			partition.Policy{},
			[]string{"create market_data_2026_06", "analyze market_data"},
			0,
		},
		{
			"asleep since last July", bars(year(2024), month(2025, 5), month(2025, 6), month(2025, 7)),
			partition.Policy{},
			[]string{
				"create market_data_2025_08", "create market_data_2025_09", "create market_data_2025_10",
				"create market_data_2025_11", "create market_data_2025_12",
				"create market_data_2026_01", "create market_data_2026_02", "create market_data_2026_03",
				"create market_data_2026_04",
				"create market_data_2026_05", "create market_data_2026_06", "create market_data_2026_07",
				"create market_data_2026_08", "analyze market_data",
			},
			0,
		},
		{
			"a closed leaf, and one that is half detached", bars(pending, old, month(2025, 2)),
			partition.Policy{MonthsAhead: 1},
			[]string{
				"finalize l20240601", "create market_data_2025_05", "create market_data_2025_06",
				"create market_data_2025_07", "create market_data_2025_08",
				"create market_data_2025_09", "create market_data_2025_10", "create market_data_2025_11",
				"create market_data_2025_12",
				"create market_data_2026_01", "create market_data_2026_02", "create market_data_2026_03",
				"create market_data_2026_04",
				"create market_data_2026_05", "create market_data_2026_06", "vacuum l20250101", "analyze market_data",
			},
			0,
		},
		{
			"old leaves go last, and are not vacuumed before",
			bars(old, month(2026, 5), month(2026, 6), month(2026, 7)), drop,
			[]string{
				"create market_data_2025_05", "create market_data_2025_06", "create market_data_2025_07",
				"create market_data_2025_08",
				"create market_data_2025_09", "create market_data_2025_10", "create market_data_2025_11",
				"create market_data_2025_12",
				"create market_data_2026_01", "create market_data_2026_02", "create market_data_2026_03",
				"create market_data_2026_04",
				"create market_data_2026_08", "analyze market_data", "drop l20250101",
			},
			0,
		},
		{"a default partition", bars(foreign), partition.Policy{}, []string{"analyze market_data"}, 1},
		{
			"another table has the name", taken,
			partition.Policy{},
			[]string{"create market_data_2026_05", "create market_data_2026_06", "create market_data_2026_08"},
			1,
		},
	} {
		steps, failures := partition.Plan(test.state, now, test.policy)
		var got []string
		for _, s := range steps {
			got = append(got, fmt.Sprintf("%s %s", s.Kind, s.Leaf.Name))
		}
		if !slices.Equal(got, test.want) || len(failures) != test.failures {
			t.Errorf("%s:\ngot  %q %v\nwant %q", test.what, got, failures, test.want)
		}
	}
}

// TestRetireByMonthsAndYears checks that the leaf of a month is retired from the day on which its end is the given
// number of months ago, and not a day earlier, for plans of any day. The expected day is the first of a month,
// which needs no clamping.
func TestRetireByMonthsAndYears(t *testing.T) {
	t.Parallel()

	for age, months := range map[partition.Age]int{
		{Months: 1}: 1, {Months: 13}: 13, {Years: 1}: 12, {Years: 1, Months: 2}: 14,
	} {
		policy := partition.Policy{
			Retire: map[string]partition.Retirement{"market_data": {How: partition.DropLeaf, After: age}},
		}
		for month := at(2026, 1, 1); month.Before(at(2029, 1, 1)); month = calendar.AddMonths(month, 1) {
			end := calendar.AddMonths(month, 1)
			due := calendar.AddMonths(end, months)
			state := bars(leaf(month, end))

			for now := due.AddDate(0, 0, -40).Add(23 * time.Hour); now.Before(due.AddDate(0, 0,
				5)); now = now.AddDate(0, 0, 1) {
				steps, _ := partition.Plan(state, now, policy)
				dropped := slices.ContainsFunc(steps, func(s partition.Step) bool { return s.Kind == partition.Drop })
				if want := !now.Before(due); dropped != want {
					t.Fatalf("at %s, retirement after %+v drops the leaf of %s: %v, want %v", now, age,
						month.Format("2006-01"), dropped, want)
				}
			}
		}
	}
}

func TestParseRetire(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]partition.Retirement{
		"system_logs=archive:90d":      {How: partition.ArchiveLeaf, After: partition.Age{Days: 90}},
		"logging.system_logs=drop:18m": {How: partition.DropLeaf, After: partition.Age{Months: 18}},
		"market_data=detach:10y":       {How: partition.DetachLeaf, After: partition.Age{Years: 10}},
		"market_data=keep":             {},
	} {
		if _, got, err := partition.ParseRetire(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}

	for _, bad := range []string{
		"", "x", "x=", "x=drop", "x=drop:0d", "x=drop:5", "x=drop:-5d", "x=burn:5d", "x=keep:5d",
	} {
		if _, _, err := partition.ParseRetire(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
