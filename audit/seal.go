package audit

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// seal is a row of shared.audit_seals: a batch of entries.
type seal struct {
	seal, firstNumber int64
	ids               []int64     // of its entries, in the order of their numbers
	times             []time.Time // of its entries
	digests           []byte      // of its entries, one after the other
	after             string      // its entries became visible after this snapshot,
	afterAt           *time.Time  // taken at this time; nil where its entries were sealed as those that no seal had
	system            string      // of the cluster that sealed it
	sealedAt          time.Time
	head              []byte
}

// number returns the number of entry i.
func (s *seal) number(i int) int64 { return s.firstNumber + int64(i) }

func (s *seal) lastNumber() int64 { return s.number(len(s.ids) - 1) }

func (s *seal) digest(i int) digest {
	return digest(s.digests[i*sha256.Size : (i+1)*sha256.Size])
}

// add puts an entry at the end of the seal.
func (s *seal) add(e *blotter.AuditEntry) error {
	d, err := digestEntry(e)
	if err != nil {
		return err
	}
	s.ids = append(s.ids, e.ID)
	s.times = append(s.times, e.Timestamp)
	s.digests = append(s.digests, d[:]...)
	return nil
}

// sqlEntries reads entries by id. Their times tell which partitions they are in. The sub-select is looked up by the
// index on id once for each (OFFSET 0 keeps it apart): on a table without statistics the planner would rather read all
// of it.
const sqlEntries = `
select e.id, coalesce(e.account_id, ''), e.login, e.role, e.user_id, e.table_name, e.operation, e.key, e.old, e.new,
    e.correlation_id, e.xid, e.timestamp
  from unnest($1::bigint[]) u(id)
 cross join lateral (select * from shared.audit_log a where a.id = u.id and a.timestamp between $2 and $3 offset 0) e
 order by e.id`

// sqlEntriesAnywhere reads entries by id whose times are not what they were.
const sqlEntriesAnywhere = `
select e.id, coalesce(e.account_id, ''), e.login, e.role, e.user_id, e.table_name, e.operation, e.key, e.old, e.new,
    e.correlation_id, e.xid, e.timestamp
  from unnest($1::bigint[]) u(id)
 cross join lateral (select * from shared.audit_log a where a.id = u.id offset 0) e
 order by e.id`

// readEntries passes entries to each, one by one. A batch is never in memory whole: thousands of entries with old and
// new values may take gigabytes.
func readEntries(ctx context.Context, q postgres.Querier, sql string,
	each func(*blotter.AuditEntry) error, args ...any,
) error {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return err
	}

	defer rows.Close()
	for rows.Next() {
		var e blotter.AuditEntry
		err := rows.Scan(&e.ID, &e.AccountID, &e.Login, &e.Role, &e.UserID, &e.TableName,
			&e.Operation, &e.Key, &e.Old, &e.New,
			&e.CorrelationID, &e.XID, &e.Timestamp)
		if err == nil {
			err = each(&e)
		}
		if err != nil {
			return err
		}
	}

	return rows.Err()
}

const sqlInsertSeal = `
insert into shared.audit_seals (seal, first_number, ids, times, digests, after, after_at, system_identifier, sealed_at,
    head)
values ($1, $2, $3, $4, $5, $6::text::pg_snapshot, $7, $8, $9, $10)`

func (s *seal) insert(ctx context.Context, q postgres.Querier) error {
	_, err := q.Exec(ctx, sqlInsertSeal, s.seal, s.firstNumber, s.ids, s.times, s.digests, s.after, s.afterAt,
		s.system, s.sealedAt, s.head)
	return err
}

const sqlSeals = `
select seal, first_number, ids, times, digests, after::text, after_at, system_identifier, sealed_at, head
  from shared.audit_seals where seal > $1 order by seal limit $2`

func readSeals(ctx context.Context, q postgres.Querier, after int64, limit int) ([]seal, error) {
	rows, err := q.Query(ctx, sqlSeals, after, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (s seal, err error) {
		err = row.Scan(&s.seal, &s.firstNumber, &s.ids, &s.times, &s.digests, &s.after, &s.afterAt,
			&s.system, &s.sealedAt, &s.head)
		return s, err
	})
}
