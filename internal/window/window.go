// Package window describes which rows of a table became visible between two snapshots of the server.
//
// A reader that must see every row once cannot go by positions: a transaction that took its numbers early may commit
// late. It keeps the snapshot of what it has read, and reads what is visible in a newer one and was not in that. In the
// snapshots of one server visibility only grows, so every committed row is in exactly one window.
package window

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/blotterdb/blotter"
)

// Snapshot is a pg_snapshot (PostgreSQL documentation, chapter 9.27.12).
type Snapshot struct {
	Xmin    uint64   // every transaction below it had ended
	Xmax    uint64   // no transaction from it on had ended
	Running []uint64 // those between the two that were still running, in ascending order
}

// Until returns the snapshot in which all transactions below xid have ended, and no others.
func Until(xid uint64) Snapshot { return Snapshot{Xmin: xid, Xmax: xid} }

// Parse reads a snapshot as PostgreSQL writes it. Its error is ErrInvalid.
func Parse(text string) (s Snapshot, err error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return Snapshot{}, invalid(text)
	}
	if s.Xmin, err = strconv.ParseUint(parts[0], 10, 64); err != nil {
		return Snapshot{}, invalid(text)
	}
	if s.Xmax, err = strconv.ParseUint(parts[1], 10, 64); err != nil {
		return Snapshot{}, invalid(text)
	}

	for running := range strings.SplitSeq(parts[2], ",") {
		if running == "" {
			continue
		}
		xid, err := strconv.ParseUint(running, 10, 64)
		if err != nil {
			return Snapshot{}, invalid(text)
		}
		s.Running = append(s.Running, xid)
	}
	return s, nil
}

func invalid(text string) error {
	return blotter.Invalid("snapshot", text, "xmin:xmax:xip, as PostgreSQL writes it")
}

// String returns the snapshot as PostgreSQL writes it.
func (s Snapshot) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:%d:", s.Xmin, s.Xmax)
	for i, xid := range s.Running {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(xid, 10))
	}
	return b.String()
}

// WithRunning returns s as if transaction xid were still running. A transaction's own number counts as ended in its own
// snapshot once a later transaction has ended: a reader that also writes would take what it writes next for read.
func (s Snapshot) WithRunning(xid uint64) Snapshot {
	at, found := slices.BinarySearch(s.Running, xid)
	if found || xid >= s.Xmax || xid == 0 {
		return s
	}
	s.Running = slices.Insert(slices.Clone(s.Running), at, xid)
	s.Xmin = min(s.Xmin, xid)
	return s
}

// Window describes the rows that are visible in one snapshot and were not in an earlier one. Their transactions have a
// number from From up to but not including To, or one in Running. Of these, the rows that are visible in the later
// snapshot belong to the window.
type Window struct {
	From, To uint64
	Running  []uint64 // never nil
}

// Between returns the window from done, which is read, to target.
func Between(done, target Snapshot) Window {
	return Window{From: done.Xmax, To: target.Xmax, Running: append([]uint64{}, done.Running...)}
}
