package audit_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/pgtest"
)

// Entries are numbered without a gap, in batches, and each is sealed once, whatever its transaction's fate.
func TestSealing(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	if n := sealAll(t, db, 0); n != 0 {
		t.Errorf("an empty log: %d sealed", n)
	}

	change(t, db, 7)
	if n := sealAll(t, db, 3); n != 7 {
		t.Errorf("%d sealed, want 7", n)
	}
	if n := sealAll(t, db, 3); n != 0 {
		t.Errorf("a second time %d are sealed", n)
	}
	if r := intact(t, db); r.Entries != 7 || r.Seals != 3 || r.Pending != 0 || r.Head.Number != 7 || r.Head.Seal != 3 {
		t.Errorf("%+v", r)
	}

	// A transaction that began early and commits late is sealed when it has.
	conn := db.Connect(t, db.AdminURL)
	late, err := conn.Begin(t.Context())
	if err == nil {
		_, err = late.Exec(t.Context(), `insert into execution.accounts (account_id) values ('late')`)
	}
	if err != nil {
		t.Fatal(err)
	}

	change(t, db, 2)
	if n := sealAll(t, db, 0); n != 2 {
		t.Errorf("beside an open transaction %d are sealed, want 2", n)
	}
	if r := intact(t, db); r.Pending != 0 {
		t.Errorf("%+v", r)
	}
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := intact(t, db); r.Pending != 1 {
		t.Errorf("an entry that is not sealed yet: %+v", r)
	}
	if n := sealAll(t, db, 0); n != 1 {
		t.Errorf("after it has committed %d are sealed", n)
	}
	if r := intact(t, db); r.Entries != 10 || r.Pending != 0 {
		t.Errorf("%+v", r)
	}

	order := pgtest.Value[[]int64](t, db, `select array_agg(number order by seal)
		from (select seal, first_number as number from shared.audit_seals) s`)
	if !slices.Equal(order, []int64{1, 4, 7, 8, 10}) {
		t.Errorf("seals begin at %v", order)
	}
}

// A window has what was visible when it was opened: what commits between two batches of it is the next one's.
func TestCommitBetweenTwoBatches(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	change(t, db, 1)
	sealAll(t, db, 0)
	change(t, db, 3)
	late, err := db.Connect(t, db.AdminURL).Begin(t.Context())
	if err == nil {
		_, err = late.Exec(t.Context(), `insert into execution.accounts (account_id) values ('late')`)
	}
	if err != nil {
		t.Fatal(err)
	}

	change(t, db, 3)
	if n, more, err := audit.SealBatch(t.Context(), db.DB, 2); n != 2 || !more || err != nil {
		t.Fatal(n, more, err)
	}
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := sealAll(t, db, 2); n != 4 {
		t.Errorf("%d of the window are sealed, want 4", n)
	}
	if n := sealAll(t, db, 2); n != 1 {
		t.Errorf("%d of the next window are sealed, want 1", n)
	}
	if r := intact(t, db); r.Entries != 8 {
		t.Errorf("%+v", r)
	}
}

// While one sealer holds the cursor, another passes on; when it is gone, nothing is half done.
func TestOneSealerAtATime(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	change(t, db, 3)
	tx, err := db.Connect(t, db.AdminURL).Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), `select from shared.audit_cursor for update`)
	}
	if err != nil {
		t.Fatal(err)
	}
	if n := sealAll(t, db, 0); n != 0 {
		t.Errorf("beside another sealer %d are sealed", n)
	}

	_ = tx.Rollback(t.Context())
	if n := sealAll(t, db, 0); n != 3 {
		t.Errorf("after it %d are sealed", n)
	}

	intact(t, db)
}

func TestSealerStartsAndStopsTwice(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	change(t, db, 3)
	s, err := audit.New(db.DB, audit.Config{Interval: time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if s.Health() == nil {
		t.Error("healthy before it runs")
	}

	ctx, cancel := context.WithCancel(t.Context())
	if err := errors.Join(s.Start(ctx), s.Start(ctx)); err != nil {
		t.Fatal(err)
	}

	cancel() // the context's end does not stop it
	sealed := func(n int64) func() bool {
		return func() bool { return pgtest.Value[int64](t, db, `select number from shared.audit_cursor`) == n }
	}
	until(t, "the entries are sealed", sealed(3))
	if err := s.Health(); err != nil {
		t.Errorf("while it runs: %v", err)
	}

	db.Exec(t, `alter table shared.audit_cursor rename to hidden`)
	until(t, "the sealer says what is wrong", func() bool { return s.Health() != nil })
	if err := s.Health(); !strings.Contains(err.Error(), "audit_cursor") {
		t.Errorf("without its cursor: %v", err)
	}

	db.Exec(t, `alter table shared.hidden rename to audit_cursor`)
	until(t, "the sealer recovers", func() bool { return s.Health() == nil })
	change(t, db, 2)
	until(t, "new entries are sealed", sealed(5))
	if err := errors.Join(s.Stop(t.Context()), s.Stop(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); !errors.Is(err, blotter.ErrProgramming) {
		t.Errorf("started again: %v", err)
	}
	if s.Health() == nil {
		t.Error("healthy after it was stopped")
	}

	never, _ := audit.New(db.DB, audit.Config{})
	if err := never.Stop(t.Context()); err != nil {
		t.Errorf("stopping one that never started: %v", err)
	}

	intact(t, db)
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for _, cfg := range []audit.Config{{Interval: -1}, {BatchMax: -1}, {BatchMax: 10_001}} {
		if _, err := audit.New(nil, cfg); !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	if _, err := audit.Seal(t.Context(), nil, -1); !errors.Is(err, blotter.ErrInvalid) {
		t.Errorf("Seal with -1: %v", err)
	}
}

// In another cluster transaction ids start again: what no seal has is sealed by id, the chain goes on, and entries that
// are not sealed yet are not taken for forged ones. Ours come to the ids that the entries from there have: none is
// sealed twice.
func TestAnotherCluster(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	change(t, db, 3)
	sealAll(t, db, 0)
	change(t, db, 2)
	sealAll(t, db, 0)
	change(t, db, 7)

	// As after a restore: what is not sealed yet has transaction ids that are ahead of ours, and so has the snapshot.
	ahead := pgtest.Value[int64](t, db, `with x as (select pg_current_xact_id()::text::bigint as now), u as (
		update shared.audit_log set xid = ((select now from x) + 8 + (id - 5) * 2)::text::xid8 where id > 5
		    returning xid) select max(xid::text::bigint) from u`)
	db.Exec(t, `update shared.audit_cursor set snap_done = '2000000000:2000000000:', system_identifier = 'elsewhere'`)
	r, err := audit.VerifyDatabase(t.Context(), db.DB, nil)
	// the seals say that it is the same cluster
	if err != nil || r.Pending != 7 || len(r.Breaks) != 1 || r.Breaks[0].Kind != audit.Cursor {
		t.Errorf("before the sealer comes: %+v, %v", r, err)
	}
	if n := sealAll(t, db, 3); n != 7 {
		t.Errorf("%d sealed, want 7", n)
	}

	entries := int64(12)
	for now := int64(0); now <= ahead+10; now = pgtest.Value[int64](t, db,
		`select pg_current_xact_id()::text::bigint`) {
		change(t, db, 1)
		entries++
		if n := sealAll(t, db, 0); n != 1 {
			t.Fatalf("at transaction %d of %d: %d sealed, want 1", now, ahead, n)
		}
	}

	r, err = audit.VerifyDatabase(t.Context(), db.DB, nil)
	if err != nil || r.Entries != entries || len(r.Breaks) != 1 ||
		!strings.Contains(r.Breaks[0].Message, "starts again although") {
		t.Errorf("a cursor that was made to start again: %+v, %v", r, err)
	}
}

// An entry from another cluster whose transaction id is that of a transaction that runs here is not sealed again when
// that one ends.
func TestAnotherClustersTransactionRunsHere(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	change(t, db, 3)
	sealAll(t, db, 0)
	change(t, db, 2)
	conn := db.Connect(t, db.AdminURL)
	running, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	var xid string
	if err := running.QueryRow(t.Context(), `select pg_current_xact_id()::text`).Scan(&xid); err != nil {
		t.Fatal(err)
	}

	db.Exec(t, `update shared.audit_log set xid = $1::text::xid8 where id > 3`, xid)
	db.Exec(t, `update shared.audit_cursor set system_identifier = 'elsewhere'`)
	if n := sealAll(t, db, 0); n != 2 {
		t.Errorf("%d sealed, want 2", n)
	}
	if err := running.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}

	change(t, db, 1)
	if n := sealAll(t, db, 0); n != 1 {
		t.Errorf("%d sealed, want the one that is new", n)
	}
}
