package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

// bookKey is the key of an order or of a position.
type bookKey struct{ account, name string }

func (k bookKey) compare(o bookKey) int {
	return cmp.Or(strings.Compare(k.account, o.account), strings.Compare(k.name, o.name))
}

type tradeKey struct {
	account, id, symbol string
	side                blotter.Side
}

func keyOf(t *blotter.Trade) tradeKey { return tradeKey{t.AccountID, t.TradeID, t.Symbol, t.Side} }

// booking is a number of trades on their way into the book.
type booking struct {
	given    []blotter.Trade
	opts     []ExecuteOption // of each
	together bool            // AllOrNothing
	ids      []string        // correlation of each
	imports  []int64         // the import that books each; nil where none does
	later    bool            // the events are for the transaction to emit before it commits

	trades   []blotter.Trade // with what they take from their orders
	receipts []Receipt
	bookRows

	orders    map[bookKey]*bookOrder
	positions map[bookKey]*bookPosition
	booked    map[tradeKey]int // place in trades of one that this booking writes
	written   []int            // places, in order
	trips     []*blotter.RoundTrip
	events    []blotter.Event // of what was written, if they are to be emitted later
}

// bookRows is what the database has of what trades touch.
type bookRows struct {
	stored      map[tradeKey]blotter.Trade
	instruments map[string]blotter.Instrument
	currencies  map[string]string // of accounts
}

type bookOrder struct {
	blotter.Order
	version int64 // that is stored; 0 for one to be made
	changed bool
}

type bookPosition struct {
	blotter.Position
	version int64 // that is stored; 0 for one to be made
	changed bool
}

func newBooking(ctx context.Context, trades []blotter.Trade, opts []ExecuteOption) (*booking, error) {
	if len(trades) > tradesMax {
		return nil, blotter.Invalid("trades", len(trades), fmt.Sprintf("at most %d a call", tradesMax))
	}
	var all ExecuteOption
	for _, o := range opts {
		all |= o
	}
	scope, _ := blotter.ScopeOf(ctx)
	b := &booking{given: slices.Clone(trades), together: all&AllOrNothing != 0}
	b.opts, b.ids = slices.Repeat([]ExecuteOption{all}, len(trades)), slices.Repeat([]string{blotter.CorrelationOf(ctx)}, len(trades))
	for i := range b.given {
		if err := intoScope(&b.given[i].AccountID, scope); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// halves are two bookings of the first and the second half of the trades.
func (b *booking) halves() []*booking {
	n := len(b.given) / 2
	first := &booking{given: b.given[:n], opts: b.opts[:n], ids: b.ids[:n]}
	second := &booking{given: b.given[n:], opts: b.opts[n:], ids: b.ids[n:]}
	if b.imports != nil {
		first.imports, second.imports = b.imports[:n], b.imports[n:]
	}
	return []*booking{first, second}
}

// intoScope gives a row without an account the scope's, and refuses another.
func intoScope(account *string, scope blotter.Scope) error {
	switch {
	case scope.All && *account != "":
	case scope.All:
		return blotter.Invalid("account_id", "", "the account's, for the context is for all accounts")
	case scope.Account == "":
		return blotter.Invalid("context", "no account", "one of blotter.WithAccount, or WithAllAccounts for a service")
	case *account == "":
		*account = scope.Account
	case *account != scope.Account:
		return blotter.Invalid("account_id", *account, "the context's, "+scope.Account)
	}
	return nil
}

// begin clears what an earlier attempt left. A trade without a time of execution is executed now.
func (b *booking) begin(now time.Time) {
	b.trades = slices.Clone(b.given)
	b.receipts = make([]Receipt, len(b.given))
	b.orders, b.positions = map[bookKey]*bookOrder{}, map[bookKey]*bookPosition{}
	b.bookRows = bookRows{stored: map[tradeKey]blotter.Trade{}, instruments: map[string]blotter.Instrument{}, currencies: map[string]string{}}
	b.booked, b.written, b.trips, b.events = map[tradeKey]int{}, nil, nil, nil
	for i := range b.trades {
		if t := &b.trades[i]; t.ExecutedAt.IsZero() {
			t.ExecutedAt = now.UTC().Truncate(time.Microsecond)
		} else {
			t.ExecutedAt = t.ExecutedAt.UTC().Truncate(time.Microsecond)
		}
		if err := checkTexts(b.trades[i]); err != nil {
			b.refuse(i, Refused, err)
		}
	}
}

// checkTexts refuses a trade whose texts no row has, and which the server might not even be asked about. What its order
// gives it, and its numbers, are looked at later.
func checkTexts(t blotter.Trade) error {
	setDefault(&t.Symbol, "-")
	setDefault(&t.Side, blotter.Buy)
	t.Quantity, t.Price, t.Multiplier = blotter.MustDecimal("1"), blotter.Decimal{}, blotter.Decimal{}
	return t.Check()
}

// refused reports that the trade was refused before anything was read.
func (b *booking) refused(i int) bool { return b.receipts[i].Outcome != "" }

// fold books the trades in memory, one after the other.
func (b *booking) fold() error {
	for i := range b.trades {
		if !b.refused(i) {
			b.one(i)
		}
	}
	if !b.together || b.firstError() == nil {
		return nil
	}
	for i := range b.receipts {
		if _, fresh := b.booked[keyOf(&b.trades[i])]; fresh && b.receipts[i].Err == nil { // a copy is no duplicate of anything then
			b.receipts[i] = Receipt{Outcome: Withheld, Trade: b.given[i]}
		}
	}
	return errNotAll
}

func (b *booking) refuse(i int, outcome Outcome, err error) {
	b.receipts[i] = Receipt{Outcome: outcome, Trade: b.given[i], Err: err}
}

// one books trade i.
func (b *booking) one(i int) {
	t := &b.trades[i]
	key := keyOf(t)
	if first, again := b.booked[key]; again {
		b.again(i, b.trades[first], b.receipts[first].Order)
		return
	}
	order := b.orders[bookKey{t.AccountID, t.OrderID}]
	if stored, again := b.stored[key]; again {
		var current *blotter.Order
		if order != nil {
			copied := order.Order
			current = &copied
		}
		b.again(i, stored, current)
		return
	}
	adopted, err := b.fromOrder(i, t, order)
	if err != nil {
		return
	}
	if err := t.Check(); err != nil {
		b.refuse(i, Refused, err)
		return
	}
	position := b.positions[bookKey{t.AccountID, t.Symbol}]
	if err := b.fromInstrument(t, position, b.opts[i]); err != nil {
		b.refuse(i, Refused, err)
		return
	}
	r := Receipt{Outcome: Applied}
	if adopted != nil {
		order = adopted
	}
	var filled blotter.Order
	if order != nil {
		known := order.Order
		if known.Adopted && b.opts[i]&AdoptOrder != 0 && t.Quantity.GreaterThan(known.Open()) {
			known.Quantity = known.FilledQuantity.Add(t.Quantity) // all that is known of it are its fills
		}
		if filled, err = known.WithFill(*t, b.opts[i]&AllowOverfill != 0); err != nil {
			outcome := Refused
			if errors.Is(err, blotter.ErrOverfill) {
				outcome = Overfill
			}
			b.refuse(i, outcome, err)
			return
		}
		r.Order = &filled
	}
	after, effect, err := position.Apply(*t)
	if err != nil {
		b.refuse(i, Refused, err)
		return
	}
	if order != nil {
		order.Order, order.changed = filled, true
		b.orders[bookKey{t.AccountID, t.OrderID}] = order
	}
	position.Position, position.changed = after, true
	*t = t.WithEffect(after, effect)
	if effect.Closed != nil {
		b.trips = append(b.trips, effect.Closed)
	}
	r.Trade, r.Position = *t, after
	b.receipts[i] = r
	b.booked[key] = i
	b.written = append(b.written, i)
}

// again is the receipt of a trade that is in the book already.
func (b *booking) again(i int, stored blotter.Trade, order *blotter.Order) {
	given := b.given[i]
	if fields := given.Differences(stored); len(fields) > 0 {
		b.receipts[i] = Receipt{Outcome: Conflict, Trade: given, Err: &blotter.Error{
			Op: "execute trade " + given.TradeID, Kind: blotter.ErrConflict,
			Message: "it is booked already, with another " + strings.Join(fields, ", "),
		}}
		return
	}
	b.receipts[i] = Receipt{Outcome: Duplicate, Trade: stored, Order: order, Position: stored.PositionAfter()}
}

// fromOrder gives the trade what it takes from its order, or makes the order.
func (b *booking) fromOrder(i int, t *blotter.Trade, order *bookOrder) (adopted *bookOrder, err error) {
	switch {
	case t.OrderID == "":
	case order != nil:
		if t.Quantity.IsZero() {
			t.Quantity = order.Open()
			if t.Quantity.Sign() <= 0 {
				none := blotter.Invalid("quantity", t.Quantity, "one, for the order has nothing open")
				none.Err = blotter.ErrOverfill
				err = none
				b.refuse(i, Overfill, err)
			}
		}
		t.Strategy = cmp.Or(t.Strategy, order.Strategy)
	case b.opts[i]&AdoptOrder != 0:
		o := blotter.Order{
			AccountID: t.AccountID, OrderID: t.OrderID, Symbol: t.Symbol, Side: t.Side, OrderType: blotter.Market, Quantity: t.Quantity,
			TimeInForce: blotter.Day, Status: blotter.Submitted, Strategy: t.Strategy, Adopted: true,
		}
		if err = o.Check(); err != nil {
			b.refuse(i, Refused, err)
			break
		}
		return &bookOrder{Order: o}, nil
	default:
		err = &blotter.Error{
			Op: "execute trade " + t.TradeID, Kind: blotter.ErrNotFound,
			Message: fmt.Sprintf("there is no order %s; create it first, or adopt it from its fills", t.OrderID),
		}
		b.refuse(i, UnknownOrder, err)
	}
	return nil, err
}

// fromInstrument gives a first trade the instrument's multiplier and currency, and checks the sign of the price.
func (b *booking) fromInstrument(t *blotter.Trade, position *bookPosition, opts ExecuteOption) error {
	instrument, known := b.instruments[t.Symbol]
	if t.Price.IsNeg() && !instrument.AllowsNegative {
		return blotter.Invalid("price", t.Price,
			fmt.Sprintf("a number above 0; \"blotter instruments set %s --allows-negative\" allows prices below 0", t.Symbol))
	}
	if t.Price.IsZero() && !instrument.AllowsNegative && opts&AllowZeroPrice == 0 {
		return blotter.Invalid("price", t.Price, "a number above 0; AllowZeroPrice books what expired worthless or was given away")
	}
	if position.version == 0 && !position.changed {
		if t.Multiplier.IsZero() && known {
			t.Multiplier = instrument.Multiplier
		}
		t.Currency = cmp.Or(t.Currency, statedCurrency(instrument), b.currencies[t.AccountID])
	}
	return nil
}

// statedCurrency returns the currency that somebody stated of the instrument, or "". A default says nothing: an import of
// bars makes instruments without knowing their currencies.
func statedCurrency(i blotter.Instrument) string {
	if i.Symbol == "" {
		return ""
	}
	if stated := i.Facts().Currency; stated != nil {
		return *stated
	}
	return ""
}
