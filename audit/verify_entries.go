package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/window"
)

// place is entry i of a seal.
type place struct {
	seal *seal
	i    int
}

// odd is an entry that is not what was sealed in its place.
type odd struct {
	place
	found blotter.AuditEntry
}

const (
	// lostMax is how many missing entries are looked for at other times at once. It bounds memory.
	lostMax = 10_000
	// exchangedMax is how many changed entries are compared with each other's places.
	exchangedMax = 64
)

// entries compares the entries of a seal with it.
func (v *verifier) entries(ctx context.Context, s *seal) error {
	byID := make(map[int64]*candidates, len(s.ids))
	places := make(map[int64]int, len(s.ids))
	for i, id := range s.ids {
		places[id] = i
	}

	look := func(e *blotter.AuditEntry) error {
		c := byID[e.ID]
		if c == nil {
			c = &candidates{}
			byID[e.ID] = c
		}
		return c.add(e, s.digest(places[e.ID]))
	}
	err := readEntries(ctx, v.q, sqlEntries, look, s.ids, slices.MinFunc(s.times, time.Time.Compare),
		slices.MaxFunc(s.times, time.Time.Compare))
	if err != nil {
		return err
	}

	for i, id := range s.ids {
		if byID[id] == nil {
			err = v.missing(ctx, place{s, i})
		} else {
			err = v.compare(place{s, i}, byID[id])
		}
		if err != nil {
			return err
		}
	}

	return nil
}

// candidates are the entries of one id. There should be one.
type candidates struct {
	sealed *blotter.AuditEntry // the one that was sealed, without its values; nil for none
	first  *blotter.AuditEntry // kept only while none is the sealed one
}

// add compares an entry with what was sealed.
func (c *candidates) add(e *blotter.AuditEntry, sealed digest) error {
	d, err := digestEntry(e)
	switch {
	case err != nil:
		return err
	case c.sealed != nil:
	case d == sealed:
		e.Key = nil
		e.Old = nil
		e.New = nil
		c.sealed, c.first = e, nil
	case c.first == nil:
		c.first = e
	}

	return nil
}

// missing notes an entry that is not at its time.
func (v *verifier) missing(ctx context.Context, p place) error {
	if p.seal.times[p.i].Before(v.oldest) {
		v.Retired++
		v.RetiredBefore = v.oldest.UTC()
		return nil
	}
	if v.lost = append(v.lost, p); len(v.lost) < lostMax {
		return nil
	}
	return v.settle(ctx)
}

// compare compares a sealed entry with its candidates and notes the difference.
func (v *verifier) compare(p place, found *candidates) error {
	v.Entries++
	if found.sealed != nil {
		return v.checkTime(p, found.sealed)
	}
	v.odd = append(v.odd, odd{p, *found.first})
	if len(v.odd) > lostMax {
		return v.tellOdd()
	}
	return nil
}

// checkTime looks for an entry that was given another time than that at which it was written, before it was sealed.
func (v *verifier) checkTime(p place, e *blotter.AuditEntry) error {
	if e.Timestamp.After(p.seal.sealedAt.Add(clockTolerance)) {
		v.entry(Postdated, p.seal, p.i, "has a time after it was sealed, "+moment(p.seal.sealedAt))
	}
	if p.seal.afterAt == nil || e.Timestamp.After(p.seal.afterAt.Add(-clockTolerance)) {
		return nil
	}

	after, err := window.Parse(p.seal.after)
	if err != nil {
		return err
	}
	if e.XID >= after.Xmax {
		v.entry(Backdated, p.seal, p.i, "has a time before its transaction began, after "+moment(*p.seal.afterAt))
	}
	return nil
}

// settle tells what became of entries that are not where, or what, they were.
func (v *verifier) settle(ctx context.Context) error {
	for lost := range slices.Chunk(v.lost, batchMaxMax) {
		ids := make([]int64, len(lost))
		for i, p := range lost {
			ids[i] = p.seal.ids[p.i]
		}
		byID := map[int64]blotter.AuditEntry{}
		keep := func(e *blotter.AuditEntry) error {
			byID[e.ID] = *e
			return nil
		}
		if err := readEntries(ctx, v.q, sqlEntriesAnywhere, keep, ids); err != nil {
			return err
		}
		for _, p := range lost {
			if e, there := byID[p.seal.ids[p.i]]; there {
				v.Entries++
				v.odd = append(v.odd, odd{p, e})
			} else {
				v.entry(Removed, p.seal, p.i, "was removed")
			}
		}
	}

	v.lost = nil
	return v.tellOdd()
}

// tellOdd tells entries that have changed places from those that were changed.
func (v *verifier) tellOdd() error {
	for i, o := range v.odd {
		other := -1
		if len(v.odd) <= exchangedMax {
			var err error
			if other, err = v.placeOf(i); err != nil {
				return err
			}
		}
		if other < 0 {
			v.entry(Changed, o.seal, o.i, fmt.Sprintf("was changed; it says now: %s %s, key %s, by %s, %s",
				o.found.TableName, o.found.Operation, o.found.Key, o.found.Login, moment(o.found.Timestamp)))
			continue
		}
		p := v.odd[other].place
		v.entry(Exchanged, o.seal, o.i, fmt.Sprintf("holds what was sealed as entry %d (id %d)",
			p.seal.number(p.i), p.seal.ids[p.i]))
	}

	v.odd = nil
	return nil
}

// placeOf returns the odd entry that now holds the content of odd entry i, or -1.
func (v *verifier) placeOf(i int) (int, error) {
	for other, o := range v.odd {
		if other == i {
			continue
		}

		e := v.odd[i].found
		e.ID = o.seal.ids[o.i]
		d, err := digestEntry(&e)
		if err != nil {
			return -1, err
		}
		if d == o.seal.digest(o.i) {
			return other, nil
		}
	}
	return -1, nil
}
