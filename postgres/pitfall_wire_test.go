package postgres_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// recorder is a proxy that keeps the texts of the statements, as pg_stat_activity and the server's log show them.
type recorder struct {
	mu    sync.Mutex
	texts []string
}

func (r *recorder) serve(client, server net.Conn) {
	go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
	head := make([]byte, 4)
	if !r.pass(client, server, head, 0) { // the start-up message has no type
		return
	}
	for head = make([]byte, 5); r.pass(client, server, head, 1); {
	}
}

// pass forwards one message. Its length follows its type.
func (r *recorder) pass(client, server net.Conn, head []byte, lengthAt int) bool {
	if _, err := io.ReadFull(client, head); err != nil {
		return false
	}

	body := make([]byte, binary.BigEndian.Uint32(head[lengthAt:])-4)
	if _, err := io.ReadFull(client, body); err != nil {
		return false
	}
	if lengthAt == 1 && head[0] == 'Q' {
		r.keep(body[:len(body)-1])
	}
	if lengthAt == 1 && head[0] == 'P' {
		_, text, _ := bytes.Cut(body, []byte{0}) // after the name of the prepared statement
		text, _, _ = bytes.Cut(text, []byte{0})
		r.keep(text)
	}

	_, err := server.Write(append(slices.Clone(head), body...))
	return err == nil
}

func (r *recorder) keep(text []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.texts, string(text)) {
		r.texts = append(r.texts, string(text))
	}
}

// The marks of the data. None of them may be part of a statement's text, although they are written to get there.
const (
	markAccount  = "ACCT-MARK' or true --"
	markSymbol   = `SYMBOLMARK'";--`
	markStrategy = "STRATEGYMARK'); drop table execution.orders; --"
	markOrder    = `ORDERMARK\' $1 `
	markTrade    = "TRADEMARK$$;"
	markPrice    = "98765.4321"
	markUser     = "USERMARK'"
	markOccasion = "OCCASIONMARK\"; --"
)

// recorded opens a database and returns the texts of everything that the library sends for one account.
func recorded(t *testing.T) (*pgtest.Database, []string) {
	t.Helper()
	d, r := pgtest.Open(t), &recorder{}
	cfg := d.Config
	through := pgtest.Proxy(t, cfg.URL, r.serve)
	for _, url := range []*string{&cfg.URL, &cfg.ReadOnlyURL} {
		*url = withLogin(t, through, *url)
	}

	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	ctx := blotter.WithCorrelation(blotter.WithUser(as(t, markAccount), markUser), markOccasion)
	useForOrders(t, ctx, db)
	useForTrades(t, ctx, db)
	useForReads(t, ctx, db)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.texts) < 30 {
		t.Fatalf("only %d texts were recorded", len(r.texts))
	}

	stored := pgtest.Value[int](t, d, `select count(*) from execution.trades where account_id = $1 and symbol = $2 and strategy in ($3, '')
		and trade_id like $4`, markAccount, markSymbol, markStrategy, markTrade+"%")
	if stored != 8 {
		t.Errorf("%d trades are stored as they were given, want 8", stored)
	}

	return d, slices.Clone(r.texts)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func markedOrder(n int) blotter.Order {
	return blotter.Order{
		OrderID: fmt.Sprint(markOrder, n), Symbol: markSymbol, Side: blotter.Buy, OrderType: blotter.Limit,
		Strategy: markStrategy,
		Quantity: blotter.MustDecimal("10"), Price: new(blotter.MustDecimal(markPrice)), AccountID: markAccount,
	}
}

func useForOrders(t *testing.T, ctx context.Context, db *postgres.DB) {
	t.Helper()
	first, second := markedOrder(1), markedOrder(2)
	must(t, db.CreateOrder(ctx, &first))
	_, err := db.CreateOrders(ctx, []blotter.Order{second, markedOrder(3)})
	must(t, err)
	first.Quantity = blotter.MustDecimal("20")
	must(t, db.UpdateOrder(ctx, &first))

	must(t, db.Transaction(ctx, func(tx *postgres.Tx) error {
		if _, err := tx.Exec(ctx, "set local work_mem = '5MB'"); err != nil { // a first statement that is not plain
			return err
		}
		third, err := postgres.Orders.Get(ctx, tx, markAccount, markOrder+"3")
		if err != nil {
			return err
		}
		if err := tx.Savepoint(ctx, func(tx *postgres.Tx) error { return tx.CancelOrder(ctx, &third) }); err != nil {
			return err
		}
		fourth := markedOrder(4)
		if err := postgres.Orders.Upsert(ctx, tx, &fourth); err != nil {
			return err
		}
		if _, err := postgres.Orders.CopyIn(ctx, tx, []blotter.Order{markedOrder(5), markedOrder(6)}); err != nil {
			return err
		}
		return postgres.Orders.Delete(ctx, tx, markAccount, markOrder+"6")
	}))
}

func useForTrades(t *testing.T, ctx context.Context, db *postgres.DB) {
	t.Helper()
	trade := func(n int, side blotter.Side, order string) blotter.Trade {
		return blotter.Trade{
			TradeID: fmt.Sprint(markTrade, n), OrderID: order, Symbol: markSymbol, Side: side,
			Quantity: blotter.MustDecimal("5"),
			Price:    blotter.MustDecimal(markPrice), Strategy: markStrategy,
			ExecutedAt: time.Date(2026, 1, 5, 15, n, 0, 0, time.UTC),
		}
	}

	_, err := db.ExecuteTrade(ctx, trade(1, blotter.Buy, markOrder+"1"))
	must(t, err)
	_, err = db.ExecuteTrade(ctx, trade(1, blotter.Buy, markOrder+"1")) // a duplicate
	must(t, err)
	for i, side := range []blotter.Side{blotter.Sell, blotter.Sell, blotter.Buy} { // closes, opens, closes
		_, err = db.ExecuteTrade(ctx, trade(2+i, side, ""))
		must(t, err)
	}

	_, err = db.ExecuteTrades(ctx,
		[]blotter.Trade{trade(10, blotter.Buy, markOrder+"9"), trade(11, blotter.Sell, ""), trade(12, blotter.Buy, "")},
		postgres.AdoptOrder)
	must(t, err)
	_, err = db.ExecuteTrade(ctx, trade(13, blotter.Buy, "NO-SUCH"))
	wantKind(t, "a fill of an order that is not there", err, blotter.ErrNotFound)
	must(t, db.Transaction(ctx, func(tx *postgres.Tx) error {
		_, err := tx.ExecuteTrade(ctx, trade(14, blotter.Sell, ""))
		return err
	}))
}

func useForReads(t *testing.T, ctx context.Context, db *postgres.DB) {
	t.Helper()
	orders, err := db.Orders(ctx,
		postgres.OrderFilter{Symbol: markSymbol, Limit: 1, Statuses: []blotter.OrderStatus{blotter.Pending}})
	must(t, err)
	_, err = db.Orders(ctx, postgres.OrderFilter{After: &orders[0], Strategy: markStrategy})
	must(t, err)
	trades, err := db.Trades(ctx, postgres.TradeFilter{Symbol: markSymbol, NewestFirst: true, Limit: 2})
	must(t, err)
	for _, f := range []postgres.TradeFilter{
		{After: &trades[1], NewestFirst: true},
		{OrderID: markOrder + "1"},
		{Symbol: markSymbol},
		{Strategy: markStrategy},
	} {
		_, err = db.Trades(ctx, f)
		must(t, err)
	}

	_, err = db.RoundTrips(ctx, postgres.RoundTripFilter{Symbol: markSymbol})
	must(t, err)
	_, err = db.Positions(ctx, postgres.PositionFilter{OpenOnly: true})
	must(t, err)
	_, err = db.PositionAsOf(ctx, markAccount, markSymbol, time.Now())
	must(t, err)
	_, err = db.Portfolio(ctx, markAccount)
	must(t, err)
	_, err = db.PnL(ctx, postgres.PnLFilter{By: "strategy"})
	must(t, err)
	_, err = db.Verify(ctx)
	must(t, err)
	must(t, db.Audit(ctx, postgres.Access{Table: "execution.trades", Operation: "read", Key: []string{markTrade, markOccasion}}))
	entries, err := db.AuditLog(ctx, postgres.AuditFilter{UserID: markUser, CorrelationID: markOccasion})
	must(t, err)
	if len(entries) == 0 {
		t.Error("the audit log does not know who acted")
	}

	_, err = db.NewestTrades(ctx, []string{markAccount})
	must(t, err)
}

// Every statement that the library sends for an account reads its tables by an index that begins with the account, even
// in the generic plan. The account is a condition of the index, not a filter on its rows.
func TestPitfall23AccountIsAnIndexCondition(t *testing.T) {
	t.Parallel()
	d, texts := recorded(t)
	d.Exec(t, `insert into execution.accounts (account_id) select 'A' || n from generate_series(1, 50) n`)
	d.Exec(t, `insert into execution.orders (account_id, order_id, symbol, side, quantity) select 'A' || n % 50 + 1, n, 'S' || n % 7, 'buy', 1 from generate_series(1, 5000) n`)
	d.Exec(t, `insert into execution.trades (account_id, trade_id, order_id, symbol, side, quantity, price, position_effect, executed_at, quantity_after, cost_basis_after, realized_pnl_after, fees_after)
		select account_id, order_id, order_id, symbol, side, 1, 1, 'open', now() - id * interval '1 min', 1, 1, 0, 0 from execution.orders where symbol <> $1`, markSymbol)

	d.Exec(t, `insert into execution.positions (account_id, symbol) select 'A' || a, 'S' || s from generate_series(1, 50) a, generate_series(1, 40) s`)
	d.Exec(t, `insert into execution.round_trips (account_id, symbol, opened_at, closed_at, max_quantity, gross, fees, trades) select account_id, symbol, now(), now(), 1, 1, 1, 2 from execution.positions where symbol <> $1`, markSymbol)
	d.Exec(t,
		`analyze execution.accounts, execution.orders, execution.trades, execution.positions, execution.round_trips`)
	conn := login(t, d, d.Config.URL, markAccount)
	mustExec(t, conn, "set role trading_app; set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set random_page_cost = 1.1; set jit = off")
	scans := 0
	for i, text := range texts {
		plain := strings.ReplaceAll(strings.ToLower(text), `"`, "")
		if !strings.Contains(plain, "execution.") && !strings.Contains(plain, "from shared.audit_log") ||
			strings.Contains(plain, "blotter_copy_stage") || strings.Contains(plain, "set local") {
			continue
		}
		name := fmt.Sprint("q", i)
		mustExec(t, conn, "prepare "+name+" as "+text)
		n := ask[int](t, conn, "select cardinality(parameter_types) from pg_prepared_statements where name = $1", name)
		call := name
		if n > 0 {
			call += "(" + strings.TrimSuffix(strings.Repeat("null, ", n), ", ") + ")"
		}
		plan := ask[string](t, conn, "explain (format json) execute "+call)
		var parsed []struct{ Plan planNode }
		must(t, json.Unmarshal([]byte(plan), &parsed))
		parsed[0].Plan.walk(func(node *planNode, conditions string) {
			scans++
			if !strings.Contains(strings.ReplaceAll(conditions, "(account_id)::text", "account_id"), "account_id = ") {
				t.Errorf("%s\nreads %s by %s %s, condition %q, filter %q", text, node.Relation, node.Type, node.Index,
					conditions, node.Filter)
			}
		})
	}
	if scans < 40 {
		t.Errorf("only %d scans were looked at", scans)
	}
}

// planNode is one step of a plan, as EXPLAIN describes it.
type planNode struct {
	Type      string     `json:"Node Type"`
	Relation  string     `json:"Relation Name"`
	Index     string     `json:"Index Name"`
	IndexCond string     `json:"Index Cond"`
	Filter    string     `json:"Filter"`
	Plans     []planNode `json:"Plans"`
}

// walk visits the scans of tenant tables, each with the conditions of the indexes that it reads.
func (p *planNode) walk(visit func(node *planNode, conditions string)) {
	if strings.Contains(p.Type, "Scan") &&
		(isTenant("execution."+p.Relation) || strings.HasPrefix(p.Relation, "audit_log")) {
		visit(p, p.conditions())
	}
	for i := range p.Plans {
		p.Plans[i].walk(visit)
	}
}

// conditions returns the conditions of the indexes of a scan; a bitmap may use several.
func (p *planNode) conditions() string {
	all := p.IndexCond
	for i := range p.Plans {
		if strings.HasPrefix(p.Plans[i].Type, "Bitmap") {
			all += p.Plans[i].conditions()
		}
	}
	return all
}

// Others of the same role read the text of statements in pg_stat_activity, and operators in the server's log and in
// pg_stat_statements. It contains no value of an account.
func TestPitfall25TextsHoldNoValues(t *testing.T) {
	t.Parallel()
	d, texts := recorded(t)
	conn := login(t, d, d.Config.URL, "")
	shown := ask[string](t, conn,
		`select string_agg(query, E'\n') from pg_stat_activity where datname = current_database()`)
	if !strings.Contains(shown, "set_config('app.current_account_id', $1, true)") &&
		!strings.Contains(shown, "execution.") && !strings.Contains(shown, "commit") {
		t.Errorf("pg_stat_activity shows none of the library's statements: %s", shown)
	}

	for _, text := range append(texts, shown) {
		for _, mark := range []string{
			"ACCT-MARK", "SYMBOLMARK", "STRATEGYMARK", "ORDERMARK", "TRADEMARK", "USERMARK",
			"OCCASIONMARK", markPrice,
		} {
			if strings.Contains(text, mark) {
				t.Errorf("%q is in the text %s", mark, text)
			}
		}
	}
}
