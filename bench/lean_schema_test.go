package bench

import (
	"fmt"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

// The work of the fills' benchmarks: orders spread over accounts and symbols, four for each position.
const (
	fillAccounts = 64
	fillSymbols  = 50
	fillOrders   = 12_800
)

// sqlLeanSchema makes the tables that a careful engineer makes for the same fills: the same facts, a key for each
// table, an order for each trade, and the indexes of the document that the system was first described in. It has
// neither CHECKs nor row-level security nor an audit log.
const sqlLeanSchema = `
create schema lean;
create table lean.orders (
    id              bigint generated always as identity,
    account_id      text not null,
    order_id        text not null,
    symbol          text not null,
    side            text not null,
    quantity        numeric not null,
    filled_quantity numeric not null default 0,
    filled_notional numeric not null default 0,
    status          text not null default 'submitted',
    strategy        text not null default '',
    version         bigint not null default 1,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    primary key (account_id, order_id)
);
create index on lean.orders (symbol, status);
create index on lean.orders (strategy);
create index on lean.orders (created_at desc);
create index on lean.orders (account_id);
create table lean.positions (
    account_id   text not null,
    symbol       text not null,
    quantity     numeric not null default 0,
    cost_basis   numeric not null default 0,
    realized_pnl numeric not null default 0,
    fees         numeric not null default 0,
    multiplier   numeric not null default 1,
    currency     text not null default 'USD',
    opened_at    timestamptz,
    max_quantity numeric not null default 0,
    life_pnl     numeric not null default 0,
    life_fees    numeric not null default 0,
    life_trades  bigint not null default 0,
    strategy     text not null default '',
    version      bigint not null default 1,
    last_updated timestamptz not null default now(),
    primary key (account_id, symbol)
);
create index on lean.positions (account_id);
create index on lean.positions (symbol);
create table lean.trades (
    id                  bigint generated always as identity,
    account_id          text not null,
    trade_id            text not null,
    order_id            text,
    symbol              text not null,
    side                text not null,
    quantity            numeric not null,
    price               numeric not null,
    multiplier          numeric not null,
    currency            text not null,
    commission          numeric not null,
    commission_currency text not null,
    realized_pnl        numeric not null,
    position_effect     text not null,
    strategy            text not null,
    executed_at         timestamptz not null,
    created_at          timestamptz not null default now(),
    quantity_after      numeric not null,
    cost_basis_after    numeric not null,
    realized_pnl_after  numeric not null,
    fees_after          numeric not null,
    primary key (account_id, trade_id, symbol, side),
    foreign key (account_id, order_id) references lean.orders
);
create index on lean.trades (symbol, executed_at desc);
create index on lean.trades (strategy);
create index on lean.trades (account_id);
create table lean.round_trips (
    id           bigint generated always as identity primary key,
    account_id   text not null,
    symbol       text not null,
    opened_at    timestamptz not null,
    closed_at    timestamptz not null,
    max_quantity numeric not null,
    gross        numeric not null,
    fees         numeric not null,
    strategy     text not null,
    trades       bigint not null
);
create table lean.events (
    pos        bigint generated always as identity primary key,
    account_id text not null,
    event_id   uuid not null,
    type       text not null,
    created_at timestamptz not null default now(),
    data       jsonb not null
)`

const (
	sqlFillOrders = `
insert into %[1]s.orders (account_id, order_id, symbol, side, quantity, status)
select 'A' || n %% 64, 'O' || n, 'S' || n / 64 %% 50, case when n / 3200 %% 2 = 0 then 'buy' else 'sell' end,
       1000000000, 'submitted'
  from generate_series(0, 12799) n`

	sqlFillPositions = `
insert into %[1]s.positions (account_id, symbol)
select 'A' || a, 'S' || s from generate_series(0, 63) a, generate_series(0, 49) s`
)

// execFunc runs SQL of the set-up on the benchmark's database.
type execFunc func(sql string)

// setUp returns how the set-up of a benchmark runs SQL on a database of pgtest.
func setUp(b testing.TB, db *pgtest.Database) execFunc {
	return func(sql string) { db.Exec(b, sql) }
}

// seedBook creates the accounts, orders and flat positions of the benchmark in blotter's own book.
func seedBook(exec execFunc) {
	exec(`insert into execution.accounts (account_id) select 'A' || n from generate_series(0, 63) n`)
	seedFills(exec, "execution")
}

// seedFills creates the orders and flat positions of the benchmark in a schema.
func seedFills(exec execFunc, schema string) {
	for _, sql := range []string{sqlFillOrders, sqlFillPositions} {
		exec(fmt.Sprintf(sql, schema))
	}
	exec(fmt.Sprintf(`vacuum analyze %[1]s.orders, %[1]s.positions`, schema))
}

// makeLean gives a peer a lean schema of its own.
func makeLean(exec execFunc, schema string) {
	exec(in(schema, sqlLeanSchema))
	seedFills(exec, schema)
}

// in returns a statement of the lean schema for another schema of the same tables.
func in(schema, sql string) string {
	sql = strings.ReplaceAll(sql, "schema lean;", "schema "+schema+";")
	return strings.ReplaceAll(sql, "lean.", schema+".")
}

// sqlWrong counts what does not follow from the trades of a book: positions, orders, round trips, and events that are
// missing or too many. %[1]s is the book's schema, %[2]s the table of events.
const sqlWrong = `
with traded as (
    select account_id, symbol, sum(case side when 'buy' then quantity else -quantity end) as quantity,
           sum(realized_pnl) as pnl, sum(commission) as fees,
           count(*) filter (where position_effect in ('close', 'flip')) as ended
      from %[1]s.trades group by account_id, symbol
), filled as (
    select account_id, order_id, sum(quantity) as quantity, sum(quantity * price) as notional
      from %[1]s.trades where order_id is not null group by account_id, order_id
), trips as (
    select account_id, symbol, count(*) as trips from %[1]s.round_trips group by account_id, symbol
)
select (select count(*) from %[1]s.positions p left join traded t using (account_id, symbol)
         where (p.quantity, p.realized_pnl, p.fees)
               <> (coalesce(t.quantity, 0), coalesce(t.pnl, 0), coalesce(t.fees, 0)))
     + (select count(*) from %[1]s.orders o left join filled f using (account_id, order_id)
         where (o.filled_quantity, o.filled_notional) <> (coalesce(f.quantity, 0), coalesce(f.notional, 0)))
     + (select count(*) from traded t left join trips r using (account_id, symbol)
         where t.ended <> coalesce(r.trips, 0))
     + abs((select count(*) from %[1]s.trades) - (select count(*) from %[2]s))
     + abs((select count(*) from %[1]s.trades) - $1)`

// answers reports whether the rows of a book follow from its trades, and whether every acknowledged trade is there.
func answers(b testing.TB, db *pgtest.Database, schema string, booked int64) string {
	b.Helper()
	events := schema + ".events"
	if schema == "execution" {
		events = "events.outbox"
	}
	if wrong := pgtest.Value[int64](b, db, fmt.Sprintf(sqlWrong, schema, events), booked); wrong != 0 {
		return fmt.Sprintf("%d wrong", wrong)
	}
	return "right"
}
