package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/postgres"
)

const (
	// sealsPage is how many seals are read at a time: at most as many times batchMaxMax entries' places.
	sealsPage = 20
	// verifyTimeout bounds each statement: some read all ids.
	verifyTimeout = 30 * time.Minute
	// clockTolerance is how far the server's clock may have been set back without an entry seeming backdated.
	clockTolerance = time.Minute
)

// VerifyDatabase runs Verify in a read-only session of its own, at one instant. It may run beside any load.
func VerifyDatabase(ctx context.Context, db *postgres.DB, heads []Head) (report Report, err error) {
	ctx = blotter.WithAllAccounts(ctx)
	err = db.ReadOnly(ctx, func(s *postgres.Session) error {
		report, err = Verify(ctx, s, heads)
		return err
	}, postgres.Snapshot, postgres.Primary)
	return report, err
}

// Verify compares every entry of the audit log with its seal, the seals with each other, and the chain with heads that
// were exported. q is a transaction whose statements see one instant (REPEATABLE READ), of a role that sees all
// accounts. The report has its findings; an error says that it could not look.
func Verify(ctx context.Context, q postgres.Querier, heads []Head) (Report, error) {
	v := verifier{q: q, heads: map[int64][]Head{}, began: time.Now()}
	for _, h := range heads {
		if !slices.ContainsFunc(v.heads[h.Seal], h.same) {
			v.heads[h.Seal] = append(v.heads[h.Seal], h)
		}
	}
	err := v.run(ctx)
	v.Elapsed = time.Since(v.began)
	return v.Report, pgerror.Translate(ctx, "verify the audit log", err)
}

// verifier goes through the chain.
type verifier struct {
	Report
	q      postgres.Querier
	heads  map[int64][]Head
	began  time.Time
	last   seal // the one before
	oldest time.Time
	lost   []place // entries that are not where they were sealed
	odd    []odd   // entries that are not what was sealed
}

const (
	sqlVerifyTimeout = `select set_config('statement_timeout', $1, true)`
	// sqlOldest is where the oldest partition begins, so that what was before it is retired, not removed.
	sqlOldest = `
select coalesce(min(lower::timestamptz), 'epoch') from shared.partitions
    where table_name = 'shared.audit_log'::regclass and lower ~ '^\d'`
)

func (v *verifier) run(ctx context.Context) error {
	if _, err := v.q.Exec(ctx, sqlVerifyTimeout, strconv.FormatInt(verifyTimeout.Milliseconds(), 10)); err != nil {
		return err
	}
	if err := v.q.QueryRow(ctx, sqlOldest).Scan(&v.oldest); err != nil {
		return err
	}

	for {
		seals, err := readSeals(ctx, v.q, v.last.seal, sealsPage)
		if err != nil {
			return err
		}
		for i := range seals {
			v.link(&seals[i])
			if err := v.entries(ctx, &seals[i]); err != nil {
				return err
			}
			v.last = seals[i]
		}
		if len(seals) < sealsPage {
			break
		}
	}

	if err := v.settle(ctx); err != nil {
		return err
	}

	v.end()
	return v.unsealed(ctx)
}

// link checks that a seal continues the one before it, and that it is what was exported.
func (v *verifier) link(s *seal) {
	v.Seals++
	before := &v.last
	first := v.Seals == 1
	switch head := headOf(s, before.head); {
	case s.seal != before.seal+1:
		v.broken(SealRemoved, s.seal, "%s gone: seal %d follows seal %d",
			seals(before.seal+1, s.seal-1), s.seal, before.seal)
	case !bytes.Equal(head[:], s.head) || len(before.ids) > 0 && s.firstNumber != before.lastNumber()+1 ||
		first && s.firstNumber != 1:
		v.broken(SealBroken, s.seal,
			"seal %d (entries %d to %d) was changed, or the one before it: its head does not follow from its content "+
				"and the head before", s.seal, s.firstNumber, s.lastNumber())
	case s.afterAt == nil && !first && s.system == before.system && before.afterAt != nil:
		v.broken(SealBroken, s.seal,
			"seal %d starts again although the cluster is the same as that of the seal before: the sealer's cursor "+
				"was changed", s.seal)
	}

	for _, h := range v.heads[s.seal] {
		v.Heads++
		if h.Head != hex.EncodeToString(s.head) || h.Number != s.lastNumber() {
			v.broken(HeadBroken, s.seal, "seal %d is not the one whose head was exported (%s): the chain was rebuilt",
				s.seal, moment(h.SealedAt))
		}
	}

	delete(v.heads, s.seal)
}

func seals(from, to int64) string {
	if from == to {
		return fmt.Sprintf("seal %d is", from)
	}
	return fmt.Sprintf("seals %d to %d are", from, to)
}

// end checks what lies behind the last seal.
func (v *verifier) end() {
	if v.Seals > 0 {
		v.Head = Head{
			Seal: v.last.seal, Number: v.last.lastNumber(), Head: hex.EncodeToString(v.last.head),
			SealedAt: v.last.sealedAt.UTC(),
		}
	}

	for _, n := range slices.Sorted(maps.Keys(v.heads)) {
		for _, h := range v.heads[n] {
			v.Heads++
			if n > v.last.seal {
				v.broken(HeadBroken, n,
					"the chain ends with seal %d, and the head of seal %d (entry %d, %s) was exported: its end "+
						"was cut off", v.last.seal, n, h.Number, moment(h.SealedAt))
			} else {
				v.broken(HeadBroken, n, "seal %d, whose head was exported (%s), is gone", n, moment(h.SealedAt))
			}
		}
	}
}
