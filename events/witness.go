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

// witness is the mark that a consumer whose cursor is elsewhere has left with its outbox, and keeps with its cursor. It is
// committed, and waited for, after the snapshot of its window was taken. So a server that has it has every transaction
// that the snapshot saw end, and gives their numbers to no others.
//
// Marks are numbered within a lineage, of which events.witness keeps the last. A lineage is continued only from its last
// mark, and only on the server and timeline on which it began. So a server with a later number has the earlier ones too:
// the cursor's database may go back (a restored backup, a failover of its own) without being refused. Then, and after the
// outbox's failover, a new lineage begins.
type witness struct {
	lineage, token uuid.UUID
	number         int64
}

// parseWitness reads what String wrote. The empty text is a cursor without a mark.
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
		return w, false, fmt.Errorf("the mark %q of a cursor is damaged: %w", text, err)
	}
	return w, true, nil
}

func (w witness) String() string { return fmt.Sprintf("%s/%d/%s", w.lineage, w.number, w.token) }

// elsewhere reports whether the cursor is in another database than the outbox.
func (c *Consumer) elsewhere() bool { return c.cfg.Source != c.cfg.Target }

// sqlWitness reads where the outbox is at this moment, as sqlIdentity does, and the last mark of a lineage.
const sqlWitness = `
select h.identity, h.next, coalesce(w.number, 0), coalesce(w.token, '00000000-0000-0000-0000-000000000000')
  from (` + sqlIdentity + `) h(identity, next) left join events.witness w on w.lineage = $1`

// standing is how a cursor's mark stands to the outbox that it was compared with.
type standing struct {
	mark     witness // of the cursor
	marked   bool
	identity string // of the outbox's server
	last     bool   // the mark is the last of its lineage
}

// verify refuses an outbox that lacks what the cursor, which is elsewhere, has consumed. It is asked in every transaction
// that reads the outbox, because each may be on a connection to another server.
func (at *cursor) verify(ctx context.Context, q postgres.Querier) (s standing, err error) {
	if s.mark, s.marked, err = parseWitness(at.witness); err != nil {
		return s, err
	}
	var next, number int64
	var token uuid.UUID
	if err := q.QueryRow(ctx, sqlWitness, s.mark.lineage).Scan(&s.identity, &next, &number, &token); err != nil {
		return s, err
	}
	if err := at.belongs(s.identity, next); err != nil {
		return s, err
	}

	s.last = number == s.mark.number && token == s.mark.token
	if s.marked && !s.last && number <= s.mark.number {
		return s, at.lost(number)
	}
	return s, nil
}

// lost is the error for an outbox that lacks consumed events.
func (at *cursor) lost(number int64) error {
	return &blotter.Error{
		Op: "consume", Kind: blotter.ErrConflict,
		Message: fmt.Sprintf("consumer %s has consumed events that this server lacks: a replica took over that was behind, "+
			"or a backup was restored (its mark is %q, the last here has number %d). Compute its state again, by blotter analytics rebuild "+
			"or Consumer.Restart; docs/runbook.md, After a failover", at.consumer, at.witness, number),
	}
}

const (
	sqlNextWitness = `
update events.witness set number = number + 1, token = $4, updated_at = clock_timestamp()
 where lineage = $1 and number = $2 and token = $3 and system_identifier = $5`
	sqlNewLineage = `
insert into events.witness (lineage, consumer, number, token, system_identifier) values ($1, $2, 1, $3, $4)`
	// sqlForgetLineages keeps those that the backups of a cursor may need.
	sqlForgetLineages = `
delete from events.witness
 where lineage in (select lineage from events.witness where consumer = $1 order by updated_at desc offset $2)`
	// sqlFlushedWrite has the commit flushed and, where there is a synchronous replica, waited for.
	sqlFlushedWrite = `select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') in ('off', 'local')`
)

// lineagesMax is how many lineages of a consumer are kept.
const lineagesMax = 1000

// testify leaves the mark of a window that was chosen in this transaction, and has it flushed with the transaction.
func (at *cursor) testify(ctx context.Context, tx *postgres.Tx, s standing) (witness, error) {
	token, err := uuid.NewRandom()
	if err != nil {
		return witness{}, err
	}
	if _, err := tx.Exec(ctx, sqlFlushedWrite); err != nil {
		return witness{}, err
	}

	if s.marked && s.last {
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

func newLineage(ctx context.Context, tx *postgres.Tx, consumer, identity string, token uuid.UUID) (w witness, err error) {
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

// errMoved says that a state was read from one server and its mark left on another.
var errMoved = errors.New("another server took over meanwhile")

// mark leaves the first mark of a cursor that begins at a snapshot, which was taken before, of a server of that identity.
// It is empty where the cursor is with its outbox.
func (c *Consumer) mark(ctx context.Context, identity string) (text string, err error) {
	if !c.elsewhere() {
		return "", nil
	}
	err = c.cfg.Source.Transaction(ctx, func(tx *postgres.Tx) error {
		at := cursor{consumer: c.cfg.Name, identity: identity}
		s, err := at.verify(ctx, tx)
		if err != nil {
			return err
		}
		if s.identity != identity {
			return &blotter.Error{Op: "consume", Kind: blotter.ErrOperational, Retry: true, Err: errMoved, Message: errMoved.Error()}
		}
		w, err := at.testify(ctx, tx, s)
		text = w.String()
		return err
	})
	return text, err
}

const sqlKeepMark = `update events.cursor set witness = $2 where consumer = $1`

// verifySource is verify in a session of its own, where the cursor is elsewhere.
func (c *Consumer) verifySource(ctx context.Context, at *cursor) error {
	if !c.elsewhere() {
		return nil
	}
	return c.cfg.Source.AutoCommit(ctx, func(s *postgres.Session) error {
		_, err := at.verify(ctx, s)
		return err
	})
}
