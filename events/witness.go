package events

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// witness is the mark that a consumer with a remote cursor leaves beside its outbox and keeps with its cursor. It is
// committed and flushed after the snapshot of its window was taken. So a server that has the mark has every transaction
// that the snapshot saw end, and gives their numbers to no others.
//
// Marks are numbered within a lineage, of which events.witness keeps the last. A lineage is continued only from its
// last mark, on the server and timeline where it began. So a server with a later number has the earlier marks too, and
// the cursor's database may go back (a restored backup, a failover of its own) without being refused. Then, and after a
// failover of the outbox, a new lineage begins.
type witness struct {
	lineage, token uuid.UUID
	number         int64
}

// parseWitness reads what String wrote. found is false for the empty text, of a cursor without a mark.
func parseWitness(text string) (w witness, found bool, err error) {
	if text == "" {
		return w, false, nil
	}

	lineage, rest, _ := strings.Cut(text, "/")
	number, token, _ := strings.Cut(rest, "/")
	w.lineage, err = uuid.Parse(lineage)
	if err == nil {
		w.number, err = strconv.ParseInt(number, 10, 64)
	}
	if err == nil {
		w.token, err = uuid.Parse(token)
	}
	if err != nil {
		return w, false, fmt.Errorf("invalid mark %q of a cursor: %w", text, err)
	}
	return w, true, nil
}

func (w witness) String() string { return fmt.Sprintf("%s/%d/%s", w.lineage, w.number, w.token) }

// isRemote reports whether the cursor is in another database than the outbox.
func (c *Consumer) isRemote() bool { return c.cfg.Source != c.cfg.Target }

// sqlWitness reads where the outbox stands, as sqlIdentity does, and the last mark of a lineage.
const sqlWitness = `
select h.identity, h.next, coalesce(w.number, 0), coalesce(w.token, '00000000-0000-0000-0000-000000000000')
  from (` + sqlIdentity + `) h(identity, next) left join events.witness w on w.lineage = $1`

// sourceCheck is the result of checkSource.
type sourceCheck struct {
	mark     witness // of the cursor
	hasMark  bool
	identity string // of the outbox's server
	isLast   bool   // the mark is the last of its lineage
}

// checkSource refuses an outbox that lacks events which the remote cursor has consumed. Every transaction that reads
// the outbox calls it, because each may be on a connection to another server.
func (at *cursor) checkSource(ctx context.Context, q postgres.Querier) (s sourceCheck, err error) {
	if s.mark, s.hasMark, err = parseWitness(at.witness); err != nil {
		return s, err
	}
	var next, number int64
	var token uuid.UUID
	if err := q.QueryRow(ctx, sqlWitness, s.mark.lineage).Scan(&s.identity, &next, &number, &token); err != nil {
		return s, err
	}
	if err := at.checkHistory(s.identity, next); err != nil {
		return s, err
	}

	s.isLast = number == s.mark.number && token == s.mark.token
	if s.hasMark && !s.isLast && number <= s.mark.number {
		return s, at.lostError(number)
	}
	return s, nil
}

// lostError returns the error for an outbox that lacks consumed events.
func (at *cursor) lostError(number int64) error {
	return &blotter.Error{
		Op: "consume", Kind: blotter.ErrConflict,
		Message: fmt.Sprintf("consumer %s has consumed events that this server lacks: "+
			"a replica took over that was behind, or a backup was restored "+
			"(its mark is %q, the last here has number %d). "+
			"Compute its state again, by blotter analytics rebuild or Consumer.Restart; "+
			"docs/runbook.md, After a failover",
			at.consumer, at.witness, number),
	}
}

const (
	sqlNextWitness = `
update events.witness set number = number + 1, token = $4, updated_at = clock_timestamp()
 where lineage = $1 and number = $2 and token = $3 and system_identifier = $5`
	sqlNewLineage = `
insert into events.witness (lineage, consumer, number, token, system_identifier) values ($1, $2, 1, $3, $4)`
	// sqlForgetLineages keeps as many as backups of a cursor may need.
	sqlForgetLineages = `
delete from events.witness
 where lineage in (select lineage from events.witness where consumer = $1 order by updated_at desc offset $2)`
	// sqlFlushedWrite makes the commit wait for the disk and for a synchronous replica, if there is one.
	sqlFlushedWrite = `
select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') in ('off', 'local')`
)

// lineagesMax is how many lineages of a consumer are kept.
const lineagesMax = 1000

// leaveMark stores the mark of a window whose target was chosen in this transaction. The commit flushes it.
func (at *cursor) leaveMark(ctx context.Context, tx *postgres.Tx, s sourceCheck) (witness, error) {
	token, err := uuid.NewRandom()
	if err != nil {
		return witness{}, err
	}
	if _, err := tx.Exec(ctx, sqlFlushedWrite); err != nil {
		return witness{}, err
	}

	if s.hasMark && s.isLast {
		tag, err := tx.Exec(ctx, sqlNextWitness, s.mark.lineage, s.mark.number, s.mark.token, token, s.identity)
		if err != nil {
			return witness{}, err
		}
		if tag.RowsAffected() == 1 {
			return witness{lineage: s.mark.lineage, number: s.mark.number + 1, token: token}, nil
		}
	}
	return newLineage(ctx, tx, at.consumer, s.identity, token)
}

func newLineage(
	ctx context.Context, tx *postgres.Tx, consumer, identity string, token uuid.UUID,
) (w witness, err error) {
	lineage, err := uuid.NewRandom()
	if err != nil {
		return w, err
	}
	batch := &pgx.Batch{}
	batch.Queue(sqlNewLineage, lineage, consumer, token, identity)
	batch.Queue(sqlForgetLineages, consumer, lineagesMax)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return w, err
	}
	return witness{lineage: lineage, number: 1, token: token}, nil
}

// errMoved reports that a state was read from one server and its mark would be left on another.
var errMoved = errors.New("another server took over meanwhile")

// firstMark leaves the first mark of a cursor that begins at a snapshot, taken earlier from a server of that identity.
// It returns the empty text for a cursor in the same database as its outbox.
func (c *Consumer) firstMark(ctx context.Context, identity string) (text string, err error) {
	if !c.isRemote() {
		return "", nil
	}
	err = c.cfg.Source.Transaction(ctx, func(tx *postgres.Tx) error {
		at := cursor{consumer: c.cfg.Name, identity: identity}
		s, err := at.checkSource(ctx, tx)
		if err != nil {
			return err
		}

		if s.identity != identity {
			return &blotter.Error{
				Op: "consume", Kind: blotter.ErrOperational, Retry: true, Err: errMoved, Message: errMoved.Error(),
			}
		}
		w, err := at.leaveMark(ctx, tx, s)
		text = w.String()
		return err
	})
	return text, err
}

const sqlKeepMark = `update events.cursor set witness = $2 where consumer = $1`

// checkRemoteSource calls checkSource, in a session of its own, if the cursor is remote.
func (c *Consumer) checkRemoteSource(ctx context.Context, at *cursor) error {
	if !c.isRemote() {
		return nil
	}
	return c.cfg.Source.AutoCommit(ctx, func(s *postgres.Session) error {
		_, err := at.checkSource(ctx, s)
		return err
	})
}
