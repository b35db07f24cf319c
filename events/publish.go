package events

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// MessageDataMax bounds the data of a published message, in bytes.
	MessageDataMax = blotter.EventDataMax
	// publishMax bounds the messages of one call.
	publishMax = 1000
)

// Publish puts messages of another service into the outbox, in one transaction. From there they go to consumers and to
// Redis like blotter's own. Within an account's context they belong to that account, within WithAllAccounts to none.
// Publish returns how many were new.
//
// A message has a Type, Service, Data and, unless its type is one of blotter's, a Channel. Key defaults to the account.
// The relay sets the numbers and the time of publication. A message is published once: a second one with the same ID
// and account has no effect. The ID of a message without one is derived from its type, correlation, timestamp and data,
// so it needs a Timestamp.
//
// The book publishes trades and positions itself. A message trade_executed or position_updated has no effect if
// data.trade_id is that of a stored trade, and otherwise is ErrInvalid: book the trade. A message trade_undone, or of a
// service with the name of one of blotter's own, is ErrInvalid too.
//
// Prices (market_data_updated, and all messages of that channel) belong to no account: outside of WithAllAccounts they
// are ErrInvalid. So is a price that no consumer could store: of another symbol than its key, zero or negative for an
// instrument that does not allow that, dated before 1900 or more than a day ahead (blotter.PriceAheadMax).
//
// ErrConflict: a message of that ID was published with other content; then nothing of the call is published.
func Publish(ctx context.Context, db *postgres.DB, messages ...Message) (stored int, err error) {
	if len(messages) > publishMax {
		return 0, blotter.Invalid("messages", len(messages), "at most 1,000 a call")
	}

	scope, _ := blotter.ScopeOf(ctx)
	var list []publication
	for i := range messages {
		p, err := newPublication(messages[i], scope.Account)
		if err != nil {
			return 0, err
		}
		list = append(list, p)
	}

	// The same order in all calls: two calls with the same messages do not deadlock.
	order := slices.Clone(list)
	slices.SortStableFunc(order, func(a, b publication) int {
		return bytes.Compare(a.event.EventID[:], b.event.EventID[:])
	})
	err = db.Transaction(ctx, func(tx *postgres.Tx) error {
		stored = 0
		fresh, err := claim(ctx, tx, scope.Account, order)
		if err != nil {
			return err
		}
		for _, p := range list {
			if p.tradeID != "" {
				if err := p.isStored(ctx, tx); err != nil {
					return err
				}
				continue
			}
			if !fresh[p.event.EventID] {
				continue
			}
			delete(fresh, p.event.EventID) // it may be in the call twice
			if err := p.checkSign(ctx, tx); err != nil {
				return err
			}
			stored++
			if err := tx.Emit(ctx, p.event); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return stored, nil
}

// publication is a message on its way into the outbox.
type publication struct {
	event  blotter.Event
	digest [sha256.Size]byte // of what is stored

	// Of a trade or a position:
	account, tradeID string

	price *blotter.PriceData // of market_data_updated
}

// newPublication checks a message and completes it.
func newPublication(m Message, account string) (p publication, err error) {
	if len(m.Data) > MessageDataMax {
		return p, blotter.Invalid("data", fmt.Sprint(len(m.Data), " bytes"), "at most 65,536 bytes")
	}
	data, err := canonical(m.Data)
	if err != nil {
		return p, err
	}

	if m.Type == blotter.TradeExecuted || m.Type == blotter.PositionUpdated {
		return newEcho(m, account)
	}
	if m.Service == blotter.ServiceExecution || m.Service == blotter.ServiceDataIngestion {
		return p, blotter.Invalid("service", m.Service, "another name: "+m.Service+" is a service of blotter")
	}
	if m.ID == uuid.Nil {
		if time.Time(m.Timestamp).IsZero() {
			return p, blotter.Invalid("id", "", "an id, or a timestamp, to recognize a repeated message")
		}
		m.ID = hashedID(hashOf(m.Type, m.CorrelationID, m.Timestamp.String(), string(data)))
	}
	if m.Type == blotter.MarketDataUpdated {
		if p.price, err = priceOf(&m); err != nil {
			return p, err
		}
	}

	p.event = blotter.Event{
		AccountID: account, Channel: cmp.Or(m.Channel, channelOf[m.Type]), Key: cmp.Or(m.Key, account),
		EventID: m.ID, Type: m.Type, V: cmp.Or(m.V, 1), Service: m.Service, CorrelationID: m.CorrelationID, Data: data,
	}
	e := &p.event
	p.digest = hashOf(e.Channel, e.Key, e.Type, fmt.Sprint(e.V), e.Service, e.CorrelationID, string(data))
	if blotter.IsBookEvent(e.Type) {
		return p, blotter.Invalid("type", e.Type, "a type of your own: the book writes these itself")
	}
	return p, e.Check()
}

// priceOf reads the price of a message and sets its key, if missing, to the symbol.
func priceOf(m *Message) (*blotter.PriceData, error) {
	p := &blotter.PriceData{}
	if err := json.Unmarshal(m.Data, p); err != nil {
		return nil, blotter.Invalid("data", excerpt(m.Data), "the data of "+m.Type+": "+err.Error())
	}
	if p.Correction != "" {
		return nil, blotter.Invalid("data.correction", string(p.Correction),
			"no correction: DB.SetPrice and DB.ForgetPrice correct prices")
	}
	m.Key = cmp.Or(m.Key, p.Symbol)
	return p, nil
}

const sqlAllowsNegative = `select exists (select from data_ingestion.instruments where symbol = $1 and allows_negative)`

// checkSign refuses a price that is zero or negative, unless its instrument allows that.
func (p *publication) checkSign(ctx context.Context, tx *postgres.Tx) error {
	if p.price == nil || p.price.Price == nil || p.price.Price.Sign() > 0 {
		return nil
	}
	var allowed bool
	if err := tx.QueryRow(ctx, sqlAllowsNegative, p.price.Symbol).Scan(&allowed); err != nil || allowed {
		return err
	}
	return blotter.Invalid("data.price", p.price.Price.String(),
		"a price above 0: the instrument does not allow others "+
			"(blotter instruments set "+p.price.Symbol+" --allows-negative)")
}

// newEcho returns a publication that repeats what a stored trade has published already.
func newEcho(m Message, account string) (p publication, err error) {
	var data struct {
		AccountID string `json:"account_id"`
		TradeID   string `json:"trade_id"`
	}
	_ = json.Unmarshal(m.Data, &data) // a missing trade_id is refused below
	p.account = cmp.Or(data.AccountID, account)
	p.tradeID = data.TradeID
	if p.tradeID == "" {
		return p, blotter.Invalid("data.trade_id", "", "the id of the stored trade that the message is about")
	}
	return p, nil
}

const sqlTradeIsStored = `select exists (select from execution.trades where account_id = $1 and trade_id = $2)`

// isStored refuses an echo of a trade that is not stored.
func (p *publication) isStored(ctx context.Context, tx *postgres.Tx) error {
	var stored bool
	if err := tx.QueryRow(ctx, sqlTradeIsStored, p.account, p.tradeID).Scan(&stored); err != nil {
		return err
	}
	if !stored {
		return blotter.Invalid("data.trade_id", p.tradeID,
			"the id of a stored trade: booking a trade publishes its message")
	}
	return nil
}

const (
	sqlClaim = `
insert into events.published (account_id, event_id, digest)
select $1, u.event_id, u.digest
  from unnest($2::uuid[], $3::bytea[]) with ordinality u(event_id, digest, place) order by u.place
on conflict (account_id, event_id) do nothing
returning event_id`
	sqlClaimed = `select event_id, digest from events.published where account_id = $1 and event_id = any($2::uuid[])`
)

// claim stores the ids of the messages and returns which of them are new. ErrConflict: an id is known with other
// content.
func claim(
	ctx context.Context, tx *postgres.Tx, account string, list []publication,
) (fresh map[[16]byte]bool, err error) {
	fresh = map[[16]byte]bool{}
	var ids [][16]byte
	var digests [][]byte
	content := map[[16]byte][sha256.Size]byte{}
	for i := range list {
		p := &list[i]
		if p.tradeID != "" {
			continue
		}
		if known, repeated := content[p.event.EventID]; repeated {
			if known != p.digest {
				return nil, otherContent(p.event.EventID)
			}
			continue
		}
		content[p.event.EventID] = p.digest
		ids = append(ids, p.event.EventID)
		digests = append(digests, p.digest[:])
	}
	if len(ids) == 0 {
		return fresh, nil
	}

	rows, err := tx.Query(ctx, sqlClaim, account, ids, digests)
	if err != nil {
		return nil, err
	}
	added, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
	if err != nil {
		return nil, err
	}
	for _, id := range added {
		fresh[id] = true
	}
	if len(added) == len(ids) {
		return fresh, nil
	}
	return fresh, compare(ctx, tx, account, ids, content)
}

// compare refuses messages that were published with other content.
func compare(
	ctx context.Context, tx *postgres.Tx, account string, ids [][16]byte, content map[[16]byte][sha256.Size]byte,
) error {
	rows, err := tx.Query(ctx, sqlClaimed, account, ids)
	if err != nil {
		return err
	}

	var id [16]byte
	var digest []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &digest}, func() error {
		if want := content[id]; !bytes.Equal(digest, want[:]) {
			return otherContent(id)
		}
		return nil
	})
	return err
}

func otherContent(id uuid.UUID) error {
	return &blotter.Error{
		Op: "publish", Kind: blotter.ErrConflict,
		Message: fmt.Sprintf("message %s was published with other content; give a new message a new id", id),
	}
}

// canonical returns a JSON object with sorted properties and without white space, so that equal data is equal text.
// Numbers stay as they are written.
func canonical(data json.RawMessage) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value map[string]any
	if err := decoder.Decode(&value); err != nil || value == nil || decoder.More() {
		return nil, blotter.Invalid("data", excerpt(data), "a JSON object")
	}
	return json.Marshal(value)
}

// excerpt returns the beginning of data, for an error.
func excerpt(data json.RawMessage) string { return string(data[:min(len(data), 100)]) }

// hashOf returns the hash of texts. Each is hashed with its length, so that one cannot pass for two.
func hashOf(texts ...string) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, text := range texts {
		fmt.Fprintf(h, "%d:%s", len(text), text)
	}
	h.Sum(sum[:0])
	return sum
}
