package events

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/blotterdb/blotter"
)

// snapshot is a pg_snapshot (PostgreSQL documentation, chapter 9.27.12): transactions below xmin are over, those from xmax
// on had not ended, and of those between, xip were still running.
type snapshot struct {
	xmin, xmax uint64
	xip        []uint64
}

// nothing is the snapshot in which no transaction of ours is visible: 3 is the first number that a cluster gives out.
const nothing = "3:3:"

func parseSnapshot(text string) (s snapshot, err error) {
	parts := strings.Split(text, ":")
	bad := func() (snapshot, error) {
		return snapshot{}, blotter.Invalid("snapshot", text, "xmin:xmax:xip, as PostgreSQL writes it")
	}
	if len(parts) != 3 {
		return bad()
	}
	if s.xmin, err = strconv.ParseUint(parts[0], 10, 64); err != nil {
		return bad()
	}
	if s.xmax, err = strconv.ParseUint(parts[1], 10, 64); err != nil {
		return bad()
	}
	for running := range strings.SplitSeq(parts[2], ",") {
		if running == "" {
			continue
		}
		xid, err := strconv.ParseUint(running, 10, 64)
		if err != nil {
			return bad()
		}
		s.xip = append(s.xip, xid)
	}
	return s, nil
}

func (s snapshot) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:%d:", s.xmin, s.xmax)
	for i, xid := range s.xip {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(xid, 10))
	}
	return b.String()
}

// without is the snapshot as if the transaction were running. One's own counts as over in one's own snapshot once a later
// one has ended: what it still emits would be taken for consumed.
func (s snapshot) without(xid uint64) snapshot {
	at, found := slices.BinarySearch(s.xip, xid)
	if found || xid >= s.xmax || xid == 0 {
		return s
	}
	s.xip = slices.Insert(slices.Clone(s.xip), at, xid)
	s.xmin = min(s.xmin, xid)
	return s
}
