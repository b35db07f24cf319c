package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
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
	found, err := readEntries(ctx, v.q, sqlEntries, s.ids, slices.MinFunc(s.times, time.Time.Compare), slices.MaxFunc(s.times, time.Time.Compare))
	if err != nil {
		return err
	}
	byID := make(map[int64][]*blotter.AuditEntry, len(found))
	for i := range found {
		byID[found[i].ID] = append(byID[found[i].ID], &found[i])
	}
	for i, id := range s.ids {
		if len(byID[id]) == 0 {
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

// compare looks among the entries of one id, of which there should be one, for that which was sealed.
func (v *verifier) compare(p place, found []*blotter.AuditEntry) error {
	v.Entries++
	for _, e := range found {
		d, err := digestEntry(e)
		if err != nil {
			return err
		}
		if d == p.seal.digest(p.i) {
			v.checkTime(p, e)
			return nil
		}
	}
	v.odd = append(v.odd, odd{p, *found[0]})
	if len(v.odd) > lostMax {
		return v.tellOdd()
	}
	return nil
}

// checkTime looks for an entry that was given another time than that at which it was written, before it was sealed.
func (v *verifier) checkTime(p place, e *blotter.AuditEntry) {
	if e.Timestamp.After(p.seal.sealedAt.Add(clockTolerance)) {
		v.entry(Postdated, p.seal, p.i, "has a time after it was sealed, "+moment(p.seal.sealedAt))
	}
	if p.seal.afterAt == nil || e.Timestamp.After(p.seal.afterAt.Add(-clockTolerance)) {
		return
	}
	if _, next, _ := snapshotParts(p.seal.after); e.XID >= next {
		v.entry(Backdated, p.seal, p.i, "has a time before its transaction began, after "+moment(*p.seal.afterAt))
	}
}

// settle tells what became of entries that are not where, or what, they were.
func (v *verifier) settle(ctx context.Context) error {
	for lost := range slices.Chunk(v.lost, batchMaxMax) {
		ids := make([]int64, len(lost))
		for i, p := range lost {
			ids[i] = p.seal.ids[p.i]
		}
		found, err := readEntries(ctx, v.q, sqlEntriesAnywhere, ids)
		if err != nil {
			return err
		}
		byID := map[int64]blotter.AuditEntry{}
		for _, e := range found {
			byID[e.ID] = e
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
			v.entry(Changed, o.seal, o.i, fmt.Sprintf("was changed; it says now: %s %s, key %s, by %s, %s", o.found.TableName, o.found.Operation, o.found.Key, o.found.Login, moment(o.found.Timestamp)))
			continue
		}
		p := v.odd[other].place
		v.entry(Exchanged, o.seal, o.i, fmt.Sprintf("holds what was sealed as entry %d (id %d)", p.seal.number(p.i), p.seal.ids[p.i]))
	}
	v.odd = nil
	return nil
}

// placeOf is the odd entry in whose place odd entry i was sealed, with that one's id, or -1.
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
