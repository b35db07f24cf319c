package events

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// Refusal is an event that a handler does not apply, and why.
type Refusal struct {
	Event  blotter.Event
	Reason error
}

// sqlRefuse stores refusals as settled: a row that is resolved parks no key.
const sqlRefuse = `
insert into events.dead_letter (consumer, pos, account_id, key, error, resolved_at)
select $1, u.pos, nullif(u.account_id, ''), u.key, u.error, clock_timestamp()
  from unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) u(pos, account_id, key, error)
on conflict (consumer, pos) do nothing`

// Refuse notes, in the transaction of a handler, events that it does not apply and never will, because they are not what
// they say: they stand in events.dead_letter with the reason, and later events of their keys are applied. An event that the
// handler fails to apply though it should is not refused but returned as an error.
func Refuse(ctx context.Context, tx *postgres.Tx, consumer string, refused ...Refusal) error {
	if len(refused) == 0 {
		return nil
	}
	var pos []int64
	var accounts, keys, reasons []string
	for _, r := range refused {
		pos = append(pos, r.Event.Pos)
		accounts, keys = append(accounts, r.Event.AccountID), append(keys, r.Event.Key)
		reasons = append(reasons, fmt.Sprintf("refused: %.*s", deadErrorMax, r.Reason))
	}
	_, err := tx.Exec(ctx, sqlRefuse, consumer, pos, accounts, keys, reasons)
	return err
}
