package blotter_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/logs"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/partition"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
)

// publicCall makes one call of the library with a context.
type publicCall func(ctx context.Context) error

// withoutDatabase lists the calls that never wait for the database. They may succeed after their context has ended.
var withoutDatabase = []string{
	"events.Consumer.Stop", "events.Relay.Stop", "analytics.Synchronizer.Stop", "audit.Sealer.Start",
	"audit.Sealer.Stop",
	"logs.Handler.Start", "logs.Handler.Stop", "monitor.Recorder.Start", "monitor.Recorder.Stop",
	"monitor.Server.Start",
	"monitor.Server.Stop", "monitor.Watcher.Start", "monitor.Watcher.Stop", "maintenance.Scheduler.Start",
	"maintenance.Scheduler.Stop", "postgres.Book.Start", "postgres.Book.Stop", "postgres.Tx.Emit",
	"postgres.Tx.Rollback",
	"schema.CheckVersion", "postgres.DB.Begin", "postgres.DB.CheckURLs", "postgres.DB.CheckOwner",
	"partition.RunnerLock.Close",
	"events.Subscribe", "events.InspectRedis", "events.Follow", "events.Consume", "logs.Tail",
	"embedded.Down", "embedded.Find", "embedded.Start", "embedded.Up", "embedded.State.Clients",
	"embedded.StartRedisServer", "embedded.RedisServer.Restart", "partition.Apply",
	"schema.Drift",
	"postgres.CompareRegistry", "schema.Migrator.Verify", "postgres.Tx.Savepoint", "postgres.Tx.Commit",
}

// promoted lists the methods that an exported type gets from an embedded type that is not exported.
var promoted = []string{"logs.Handler.Start", "logs.Handler.Stop"}

// handlers lists the exported functions with a context that only pgx and slog call.
var handlers = []string{"monitor.Tracer.", "logs.Handler.Enabled", "logs.Handler.Handle", "logs.Handler.WithAttrs"}

// TestContextIsTheCause checks that errors.Is finds context.Canceled or context.DeadlineExceeded in the error of every
// public call whose context ended, before the call or while the server was at work. A call that its caller cancelled is
// not logged as an error.
func TestContextIsTheCause(t *testing.T) {
	t.Parallel()

	w := newWalk(t)

	t.Run("every public call is made", w.checkComplete)

	for name, end := range map[string]error{"cancelled": context.Canceled, "deadline": context.DeadlineExceeded} {
		w.withEndedContext(t, name+" before", end)
	}

	locker := w.db.Connect(t, w.db.AdminURL)
	if _, err := locker.Exec(t.Context(), "begin; "+sqlLockAll); err != nil {
		t.Fatal(err)
	}

	for name, end := range map[string]error{"cancelled": context.Canceled, "deadline": context.DeadlineExceeded} {
		w.withContextThatEnds(t, name+" while it waits", end)
	}
}

// sqlLockAll locks every table of blotter against everybody else.
const sqlLockAll = `
do $$
declare
    target regclass;
begin
    for target in select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where c.relkind in ('r', 'p') and n.nspname in ('data_ingestion', 'strategy_engine', 'execution',
                         'risk_management', 'analytics', 'logging', 'shared', 'events') loop
        execute format('lock table only %s in access exclusive mode', target);
    end loop;
end $$`

// walk makes all public calls of the library.
type walk struct {
	db    *pgtest.Database
	calls map[string]publicCall
	log   *errorLog
}

// errorLog is a slog.Handler that keeps the lines logged as errors.
type errorLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *errorLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (l *errorLog) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *errorLog) WithGroup(string) slog.Handler                    { return l }

func (l *errorLog) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	return nil
}

// take returns the lines since the last call.
func (l *errorLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

// withEndedContext makes every call with a context that has already ended.
func (w *walk) withEndedContext(t *testing.T, name string, end error) {
	t.Helper()

	t.Run(name, func(t *testing.T) {
		for _, call := range slices.Sorted(maps.Keys(w.calls)) {
			ctx, cancel := context.WithCancel(blotter.WithAllAccounts(t.Context()))
			if errors.Is(end, context.DeadlineExceeded) {
				ctx, cancel = context.WithDeadline(ctx, time.Unix(1, 0))
			}
			cancel()
			w.check(t, call, end, w.calls[call](ctx))
		}
	})
}

// withContextThatEnds makes every call with a context that ends while the call waits for a lock.
func (w *walk) withContextThatEnds(t *testing.T, name string, end error) {
	t.Helper()

	t.Run(name, func(t *testing.T) {
		observer := w.db.Connect(t, w.db.AdminURL)
		for _, call := range slices.Sorted(maps.Keys(w.calls)) {
			if strings.HasPrefix(call, "embedded.") {
				continue // they do not use this database
			}

			ctx, cancel := context.WithCancel(blotter.WithAllAccounts(t.Context()))
			if errors.Is(end, context.DeadlineExceeded) {
				ctx, cancel = context.WithTimeout(ctx, 10*time.Millisecond)
			}

			answered := make(chan error, 1)
			go func() { answered <- w.calls[call](ctx) }()
			if errors.Is(end, context.Canceled) {
				waitForLockWait(t, observer, answered)
				cancel()
			}

			err := <-answered
			cancel()
			if err == nil && !slices.Contains(withoutDatabase, call) {
				t.Errorf("%s returned no error, but it cannot have read or written anything", call)
			}

			w.check(t, call, end, err)
		}
	})
}

// waitForLockWait returns when a session of the database waits for a lock, when the call has returned, or after 100 ms.
func waitForLockWait(t *testing.T, observer *pgx.Conn, answered chan error) {
	t.Helper()

	for deadline := time.Now().Add(100 * time.Millisecond); time.Now().Before(deadline) && len(answered) == 0; {
		var waits bool
		err := observer.QueryRow(t.Context(), `
select exists (select from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock')`).Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
		if waits {
			return
		}
	}
}

func (w *walk) check(t *testing.T, call string, end, err error) {
	t.Helper()

	if err != nil && !errors.Is(err, end) {
		t.Errorf("%s: errors.Is(err, %v) is false for %v", call, end, err)
	}
	lines := w.log.take()
	if errors.Is(end, context.Canceled) && len(lines) > 0 {
		t.Errorf("%s: a call that its caller cancelled was logged as an error:\n%s", call, strings.Join(lines, "\n"))
	}
}

// checkComplete compares the calls with the exported functions of the packages.
func (w *walk) checkComplete(t *testing.T) {
	exported := map[string]bool{}
	packages := []string{
		"analytics", "audit", "embedded", "events", "logs", "maintenance", "monitor", "partition", "postgres", "schema",
	}
	for _, dir := range packages {
		for _, name := range contextCalls(t, dir) {
			exported[name] = true
		}
	}

	for name := range exported {
		skip := slices.ContainsFunc(handlers, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		if w.calls[name] == nil && !skip {
			t.Errorf("%s takes a context and is not called: add it to newWalk", name)
		}
	}

	for name := range w.calls {
		if !exported[name] && !slices.Contains(promoted, name) {
			t.Errorf("%s is called and not exported", name)
		}
	}
}

// contextCalls returns the exported functions and methods of a package whose first parameter is a context, as
// package.Type.Method.
func contextCalls(t *testing.T, dir string) (names []string) {
	t.Helper()

	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}

	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, "_other.go") {
			continue
		}

		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}

		for _, decl := range parsed.Decls {
			if fn, isFunc := decl.(*ast.FuncDecl); isFunc && fn.Name.IsExported() && takesContext(fn) {
				if receiver := receiverOf(fn); receiver == "" || ast.IsExported(receiver) {
					name := strings.Join([]string{dir, receiver, fn.Name.Name}, ".")
					names = append(names, strings.ReplaceAll(name, "..", "."))
				}
			}
		}
	}

	return names
}

func takesContext(fn *ast.FuncDecl) bool {
	if len(fn.Type.Params.List) == 0 {
		return false
	}
	selector, isSelector := fn.Type.Params.List[0].Type.(*ast.SelectorExpr)
	return isSelector && selector.Sel.Name == "Context"
}

func receiverOf(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return ""
	}

	typ := fn.Recv.List[0].Type
	if star, isStar := typ.(*ast.StarExpr); isStar {
		typ = star.X
	}
	if generic, isGeneric := typ.(*ast.IndexExpr); isGeneric {
		typ = generic.X
	}

	return typ.(*ast.Ident).Name
}

// newWalk opens a database and returns the calls on it.
func newWalk(t *testing.T) *walk {
	t.Helper()

	log := &errorLog{}
	return newWalkOn(t, log, pgtest.OpenConfig(t, func(c *postgres.Config) { c.Logger = slog.New(log) }))
}

// newWalkOn returns the calls on a database that logs to log.
func newWalkOn(t *testing.T, log *errorLog, db *pgtest.Database) *walk {
	t.Helper()

	w := &walk{log: log, calls: map[string]publicCall{}, db: db}
	w.addPostgres(t)
	w.addSessions()
	w.addTables()
	w.addServices(t)
	w.addMaintenance(t)
	w.addEmbedded(t)
	return w
}

// void drops the result of a call and returns its error.
func void[T any](_ T, err error) error { return err }

func drain[T any](rows iter.Seq2[T, error]) error {
	for _, err := range rows {
		if err != nil {
			return err
		}
	}
	return nil
}

func walkOrder() blotter.Order {
	return blotter.Order{
		AccountID: "ACC-W", OrderID: "O-1", Symbol: "NOK", Side: blotter.Buy, OrderType: blotter.Market,
		Quantity: blotter.MustDecimal("3"),
	}
}

func walkTrade() blotter.Trade {
	return blotter.Trade{
		AccountID: "ACC-W", TradeID: "T-1", Symbol: "NOK", Side: blotter.Buy, Quantity: blotter.MustDecimal("3"),
		Price: blotter.MustDecimal("4.5"), Currency: "EUR", ExecutedAt: time.Date(2025, 3, 4, 9, 0, 0, 0, time.UTC),
	}
}

func walkAdjustment() blotter.Adjustment {
	return blotter.Adjustment{
		AccountID: "ACC-W", AdjustmentID: "S-1", Symbol: "NOK", Kind: blotter.Split,
		EffectiveAt: time.Date(2025, 3, 5, 0, 0, 0, 0, time.UTC), New: 2, Old: 1,
	}
}

func walkCorrection() blotter.Correction {
	return blotter.Correction{AccountID: "ACC-W", CorrectionID: "C-1", Symbol: "NOK", TradeID: "T-1", Side: blotter.Buy}
}

func walkAction() blotter.CorporateAction {
	return blotter.CorporateAction{
		Symbol: "NOK", ExDate: time.Date(2025, 3, 4, 0, 0, 0, 0, time.UTC), Kind: blotter.ActionSplit,
		RatioNew: 2, RatioOld: 1, Source: "walk",
	}
}

func walkBars() iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		price := blotter.MustDecimal("1")
		yield(blotter.BarRow{Bar: blotter.Bar{
			Symbol: "NOK", Timeframe: "1d", Timestamp: time.Date(2025, 3, 4, 0, 0, 0, 0, time.UTC),
			Open: price, High: price, Low: price, Close: price, Source: "walk",
		}}, nil)
	}
}

func (w *walk) addPostgres(t *testing.T) {
	db := w.db.DB
	book, err := db.NewBook(postgres.BookConfig{})
	if err != nil {
		t.Fatal(err)
	}

	if err := book.Start(t.Context()); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = book.Stop(context.Background()) })

	migrator, err := schema.NewMigrator(t.Context(), w.db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = migrator.Close() })

	maps.Copy(w.calls, map[string]publicCall{
		"postgres.Open": func(ctx context.Context) error {
			other, err := postgres.Open(ctx, w.db.Config)
			if err == nil {
				other.Close()
			}
			return err
		},
		"postgres.ConnectOwner": func(ctx context.Context) error {
			return closing(postgres.ConnectOwner(ctx, w.db.OwnerURL, "walk"))
		},
		"postgres.ConnectReporter": func(ctx context.Context) error {
			return closing(postgres.ConnectReporter(ctx, w.db.Config.ReporterURL, "walk"))
		},
		"schema.NewMigrator": func(ctx context.Context) error {
			m, err := schema.NewMigrator(ctx, w.db.OwnerURL)
			if err == nil {
				err = errors.Join(void(m.Status(ctx)), m.Close())
			}
			return err
		},
		"schema.Migrator.Up":     func(ctx context.Context) error { return void(migrator.Up(ctx)) },
		"schema.Migrator.DownTo": func(ctx context.Context) error { return void(migrator.DownTo(ctx, 0)) },
		"schema.Migrator.Status": func(ctx context.Context) error { return void(migrator.Status(ctx)) },
		"schema.Migrator.Verify": func(ctx context.Context) error { return void(migrator.Verify(ctx)) },
		"postgres.CompareRegistry": func(ctx context.Context) error {
			return void(postgres.CompareRegistry(ctx, w.db.OwnerURL))
		},
		"schema.CheckVersion": func(ctx context.Context) error {
			return schema.CheckVersion(ctx, w.db.Connect(t, w.db.OwnerURL))
		},
		"postgres.DB.AnalyzeBars": func(ctx context.Context) error { return db.AnalyzeBars(ctx, 1_000_000) },
		"postgres.DB.Audit": func(ctx context.Context) error {
			return db.Audit(ctx, postgres.Access{Table: "execution.trades", Operation: "read"})
		},
		"postgres.DB.AuditLog": func(ctx context.Context) error {
			return void(db.AuditLog(ctx, postgres.AuditFilter{}))
		},
		"postgres.DB.BarHistory": func(ctx context.Context) error { return void(db.BarHistory(ctx, "NOK", 5)) },
		"postgres.DB.Bars": func(ctx context.Context) error {
			return void(db.Bars(ctx, postgres.BarFilter{Symbol: "NOK"}))
		},
		"postgres.DB.Begin": func(ctx context.Context) error {
			tx, err := db.Begin(ctx)
			if err == nil {
				err = tx.Rollback(ctx)
			}
			return err
		},
		"postgres.DB.CheckURLs": db.CheckURLs,
		"postgres.DB.CheckOwner": func(ctx context.Context) error {
			conn := w.db.Connect(t, w.db.OwnerURL)
			return db.CheckOwner(ctx, conn)
		},
		"postgres.DB.CreateOrder": func(ctx context.Context) error {
			return db.CreateOrder(ctx, new(walkOrder()))
		},
		"postgres.DB.UpdateOrder": func(ctx context.Context) error {
			return db.UpdateOrder(ctx, new(walkOrder()))
		},
		"postgres.DB.CancelOrder": func(ctx context.Context) error {
			return db.CancelOrder(ctx, new(walkOrder()))
		},
		"postgres.DB.CreateOrders": func(ctx context.Context) error {
			return void(db.CreateOrders(ctx, []blotter.Order{walkOrder()}))
		},
		"postgres.DB.ExecuteTrade": func(ctx context.Context) error {
			return void(db.ExecuteTrade(ctx, walkTrade()))
		},
		"postgres.DB.ExecuteTrades": func(ctx context.Context) error {
			return void(db.ExecuteTrades(ctx, []blotter.Trade{walkTrade()}))
		},
		"postgres.Book.Start": book.Start,
		"postgres.Book.Stop": func(ctx context.Context) error {
			other, err := db.NewBook(postgres.BookConfig{})
			if err != nil {
				return err
			}
			return errors.Join(other.Start(ctx), other.Stop(ctx))
		},
		"postgres.DB.Gaps": func(ctx context.Context) error {
			return void(db.Gaps(ctx, postgres.BarFilter{Symbol: "NOK"}))
		},
		"postgres.DB.LatestBar": func(ctx context.Context) error { return void(db.LatestBar(ctx, "NOK", "1d")) },
		"postgres.DB.NewestTrades": func(ctx context.Context) error {
			return void(db.NewestTrades(ctx, []string{"ACC-W"}))
		},
		"postgres.DB.Orders": func(ctx context.Context) error {
			return void(db.Orders(ctx, postgres.OrderFilter{}))
		},
		"postgres.DB.Trades": func(ctx context.Context) error {
			return void(db.Trades(ctx, postgres.TradeFilter{}))
		},
		"postgres.DB.RoundTrips": func(ctx context.Context) error {
			return void(db.RoundTrips(ctx, postgres.RoundTripFilter{}))
		},
		"postgres.DB.Positions": func(ctx context.Context) error {
			return void(db.Positions(ctx, postgres.PositionFilter{}))
		},
		"postgres.DB.PnL": func(ctx context.Context) error {
			return void(db.PnL(ctx, postgres.PnLFilter{}))
		},
		"postgres.DB.Portfolio": func(ctx context.Context) error { return void(db.Portfolio(ctx, "ACC-W")) },
		"postgres.DB.Symbols":   func(ctx context.Context) error { return void(db.Symbols(ctx)) },
		"postgres.DB.Verify":    func(ctx context.Context) error { return void(db.Verify(ctx)) },
		"postgres.DB.PositionAsOf": func(ctx context.Context) error {
			return void(db.PositionAsOf(ctx, "ACC-W", "NOK", time.Unix(0, 0)))
		},
		"postgres.DB.ImportBars": func(ctx context.Context) error {
			return void(db.ImportBars(ctx, postgres.BarImport{File: "nok.csv", Bars: walkBars()}))
		},
		"postgres.DB.Quarantine": func(ctx context.Context) error {
			return db.Quarantine(ctx, "nok.csv", []*blotter.RejectedRow{{Line: 2, Check: "price", Reason: "no price"}})
		},
		"postgres.DB.Seams": func(ctx context.Context) error {
			return void(db.Seams(ctx, postgres.BarFilter{Symbol: "NOK"}))
		},
		"postgres.DB.Instruments": func(ctx context.Context) error {
			return void(db.Instruments(ctx, []string{"NOK"}))
		},
		"postgres.DB.SetPrice": func(ctx context.Context) error {
			return void(db.SetPrice(ctx, blotter.LatestPrice{Symbol: "NOK", Price: blotter.MustDecimal("1")}, ""))
		},
		"postgres.DB.ForgetPrice": func(ctx context.Context) error { return void(db.ForgetPrice(ctx, "NOK")) },
		"postgres.DB.Prices":      func(ctx context.Context) error { return void(db.Prices(ctx, nil)) },
		"postgres.DB.SetInstrument": func(ctx context.Context) error {
			return void(db.SetInstrument(ctx, blotter.InstrumentFacts{Symbol: "NOK", Currency: new("EUR")}))
		},
		"postgres.DB.AdjustPosition": func(ctx context.Context) error {
			return void(db.AdjustPosition(ctx, walkAdjustment()))
		},
		"postgres.DB.BustTrade": func(ctx context.Context) error {
			return void(db.BustTrade(ctx, walkCorrection()))
		},
		"postgres.DB.CorrectTrade": func(ctx context.Context) error {
			return void(db.CorrectTrade(ctx, walkCorrection(), func(t *blotter.Trade) { t.TradeID = "T-2" }))
		},
		"postgres.DB.Actions": func(ctx context.Context) error {
			return void(db.Actions(ctx, postgres.ActionFilter{}))
		},
		"postgres.DB.AddActions": func(ctx context.Context) error {
			return void(db.AddActions(ctx, []blotter.CorporateAction{walkAction()}, false))
		},
		"postgres.DB.RemoveAction": func(ctx context.Context) error {
			action := walkAction()
			return db.RemoveAction(ctx, action.Symbol, action.ExDate, action.Kind)
		},
		"postgres.DB.Imports": func(ctx context.Context) error {
			return void(db.Imports(ctx, postgres.ImportFilter{}))
		},
		"postgres.DB.ImportNamed": func(ctx context.Context) error { return void(db.ImportNamed(ctx, 1)) },
		"postgres.DB.BeginImport": func(ctx context.Context) error {
			return void(db.BeginImport(ctx, blotter.Import{
				AccountID: "ACC-W", File: "nok.csv", Layout: "walk", Digest: make([]byte, 32),
			}, nil))
		},
		"postgres.DB.BeginImports": func(ctx context.Context) error {
			given := blotter.Import{AccountID: "ACC-W", File: "nok.csv", Layout: "walk", Digest: make([]byte, 32)}
			return void(db.BeginImports(ctx, []postgres.ImportPart{{Import: given}}))
		},
		"postgres.DB.FinishImport": func(ctx context.Context) error {
			return db.FinishImport(ctx, "ACC-W", 1, blotter.ImportCounts{})
		},
		"postgres.DB.UndoImport": func(ctx context.Context) error { return void(db.UndoImport(ctx, "ACC-W", 1)) },
		"postgres.DB.ExecuteImported": func(ctx context.Context) error {
			return void(db.ExecuteImported(ctx, []postgres.ImportedTrade{{Trade: walkTrade(), ImportID: 1}}))
		},
		"postgres.DB.Transaction": func(ctx context.Context) error {
			return db.Transaction(ctx, func(tx *postgres.Tx) error {
				return void(tx.Exec(ctx, "select from execution.trades"))
			})
		},
		"postgres.DB.ReadOnly": func(ctx context.Context) error {
			return db.ReadOnly(ctx, func(s *postgres.Session) error {
				var n int
				return s.QueryRow(ctx, "select count(*) from execution.trades").Scan(&n)
			}, postgres.Snapshot)
		},
		"postgres.DB.AutoCommit": func(ctx context.Context) error {
			return db.AutoCommit(ctx, func(s *postgres.Session) error {
				return void(s.Exec(ctx, "select from execution.trades"))
			})
		},
		"postgres.Book.ExecuteTrade": func(ctx context.Context) error {
			// The book finishes a trade that it has begun to book, so the context must end before that.
			if ctx.Err() == nil {
				<-ctx.Done()
			}
			return void(book.ExecuteTrade(ctx, walkTrade()))
		},
	})
}

// closing closes a connection and returns the error of making it.
func closing(conn *pgx.Conn, err error) error {
	if err == nil {
		_ = conn.Close(context.Background())
	}
	return err
}

// addSessions adds the methods of Session and Tx, each in a session whose own context does not end.
func (w *walk) addSessions() {
	all := blotter.WithAllAccounts(context.Background())
	read := func(name string, call func(context.Context, *postgres.Session) error) {
		w.calls["postgres.Session."+name] = func(ctx context.Context) error {
			return w.db.ReadOnly(all, func(s *postgres.Session) error { return call(ctx, s) }, postgres.Unlogged)
		}
	}

	write := func(name string, call func(context.Context, *postgres.Tx) error) {
		w.calls["postgres.Tx."+name] = func(ctx context.Context) error {
			return w.db.Transaction(all, func(tx *postgres.Tx) error { return call(ctx, tx) }, postgres.Unlogged)
		}
	}

	read("Exec", func(ctx context.Context, s *postgres.Session) error {
		return void(s.Exec(ctx, "select from execution.trades"))
	})
	read("Actions", func(ctx context.Context, s *postgres.Session) error {
		return void(s.Actions(ctx, postgres.ActionFilter{}))
	})
	read("Query", func(ctx context.Context, s *postgres.Session) error {
		rows, err := s.Query(ctx, "select 1 from execution.trades")
		if err != nil {
			return err
		}
		rows.Close()
		return rows.Err()
	})

	read("QueryRow", func(ctx context.Context, s *postgres.Session) error {
		var n int
		return s.QueryRow(ctx, "select count(*) from execution.trades").Scan(&n)
	})

	read("SendBatch", func(ctx context.Context, s *postgres.Session) error {
		batch := &pgx.Batch{}
		batch.Queue("select from execution.trades")
		return s.SendBatch(ctx, batch).Close()
	})

	read("Orders", func(ctx context.Context, s *postgres.Session) error {
		return void(s.Orders(ctx, postgres.OrderFilter{}))
	})
	read("Trades", func(ctx context.Context, s *postgres.Session) error {
		return void(s.Trades(ctx, postgres.TradeFilter{}))
	})
	read("TradeTotals", func(ctx context.Context, s *postgres.Session) error {
		return void(s.TradeTotals(ctx, postgres.TradeFilter{}))
	})
	read("RoundTrips", func(ctx context.Context, s *postgres.Session) error {
		return void(s.RoundTrips(ctx, postgres.RoundTripFilter{}))
	})
	read("Positions", func(ctx context.Context, s *postgres.Session) error {
		return void(s.Positions(ctx, postgres.PositionFilter{}))
	})
	read("Portfolio", func(ctx context.Context, s *postgres.Session) error {
		return void(s.Portfolio(ctx, "ACC-W"))
	})
	read("PositionAsOf", func(ctx context.Context, s *postgres.Session) error {
		return void(s.PositionAsOf(ctx, "ACC-W", "NOK", time.Unix(0, 0)))
	})
	read("PnL", func(ctx context.Context, s *postgres.Session) error {
		return void(s.PnL(ctx, postgres.PnLFilter{}))
	})
	read("Bars", func(ctx context.Context, s *postgres.Session) error {
		return void(s.Bars(ctx, postgres.BarFilter{Symbol: "NOK"}))
	})
	read("Imports", func(ctx context.Context, s *postgres.Session) error {
		return void(s.Imports(ctx, postgres.ImportFilter{}))
	})
	read("AuditLog", func(ctx context.Context, s *postgres.Session) error {
		return void(s.AuditLog(ctx, postgres.AuditFilter{}))
	})
	read("StreamOrders", func(ctx context.Context, s *postgres.Session) error {
		return drain(s.StreamOrders(ctx, postgres.OrderFilter{}))
	})
	read("StreamTrades", func(ctx context.Context, s *postgres.Session) error {
		return drain(s.StreamTrades(ctx, postgres.TradeFilter{}))
	})
	read("StreamRoundTrips", func(ctx context.Context, s *postgres.Session) error {
		return drain(s.StreamRoundTrips(ctx, postgres.RoundTripFilter{}))
	})
	read("StreamPositionValues", func(ctx context.Context, s *postgres.Session) error {
		return drain(s.StreamPositionValues(ctx, postgres.PositionFilter{}))
	})
	read("StreamBars", func(ctx context.Context, s *postgres.Session) error {
		return drain(s.StreamBars(ctx, postgres.BarFilter{Symbol: "NOK"}))
	})
	read("StreamAuditLog", func(ctx context.Context, s *postgres.Session) error {
		return drain(s.StreamAuditLog(ctx, postgres.AuditFilter{}))
	})

	write("CreateOrder", func(ctx context.Context, tx *postgres.Tx) error {
		return tx.CreateOrder(ctx, new(walkOrder()))
	})
	write("CreateOrders", func(ctx context.Context, tx *postgres.Tx) error {
		return void(tx.CreateOrders(ctx, []blotter.Order{walkOrder()}))
	})
	write("UpdateOrder", func(ctx context.Context, tx *postgres.Tx) error {
		return tx.UpdateOrder(ctx, new(walkOrder()))
	})
	write("CancelOrder", func(ctx context.Context, tx *postgres.Tx) error {
		return tx.CancelOrder(ctx, new(walkOrder()))
	})
	write("ExecuteTrade", func(ctx context.Context, tx *postgres.Tx) error {
		return void(tx.ExecuteTrade(ctx, walkTrade()))
	})
	write("ExecuteTrades", func(ctx context.Context, tx *postgres.Tx) error {
		return void(tx.ExecuteTrades(ctx, []blotter.Trade{walkTrade()}))
	})
	write("AdjustPosition", func(ctx context.Context, tx *postgres.Tx) error {
		return void(tx.AdjustPosition(ctx, walkAdjustment()))
	})
	write("Emit", func(ctx context.Context, tx *postgres.Tx) error { return tx.Emit(ctx) })
	write("Savepoint", func(ctx context.Context, tx *postgres.Tx) error {
		return tx.Savepoint(ctx, func(*postgres.Tx) error { return nil })
	})
	w.calls["postgres.Session.CopyFrom"] = func(ctx context.Context) error {
		return w.db.Transaction(all, func(tx *postgres.Tx) error {
			return void(tx.CopyFrom(ctx, pgx.Identifier{"data_ingestion", "instruments"}, []string{"symbol"},
				pgx.CopyFromRows([][]any{{"NOK"}})))
		}, postgres.Unlogged)
	}

	for name, end := range map[string]func(*postgres.Tx, context.Context) error{
		"Commit": (*postgres.Tx).Commit, "Rollback": (*postgres.Tx).Rollback,
	} {
		w.calls["postgres.Tx."+name] = func(ctx context.Context) error {
			tx, err := w.db.Begin(all)
			if err != nil {
				return err
			}
			defer func() { _ = tx.Rollback(all) }()
			return end(tx, ctx)
		}
	}

	w.calls["postgres.SeamsOf"] = func(ctx context.Context) error {
		return w.db.ReadOnly(all, func(s *postgres.Session) error {
			return void(postgres.SeamsOf(ctx, s, "NOK", "1d", time.Unix(0, 0), time.Unix(9, 0)))
		}, postgres.Unlogged)
	}

	w.calls["schema.Drift"] = func(ctx context.Context) error {
		return w.db.ReadOnly(all, func(s *postgres.Session) error { return void(schema.Drift(ctx, s)) },
			postgres.Unlogged)
	}
}

func (w *walk) addTables() {
	all := blotter.WithAllAccounts(context.Background())
	table := func(name string, call func(context.Context, postgres.Querier) error) {
		w.calls["postgres.Table."+name] = func(ctx context.Context) error {
			return w.db.Transaction(all, func(tx *postgres.Tx) error { return call(ctx, tx) }, postgres.Unlogged)
		}
	}

	instrument := func() *blotter.Instrument { return &blotter.Instrument{Symbol: "NOK"} }
	table("Insert", func(ctx context.Context, q postgres.Querier) error {
		return postgres.Instruments.Insert(ctx, q, instrument())
	})
	table("Upsert", func(ctx context.Context, q postgres.Querier) error {
		return postgres.Instruments.Upsert(ctx, q, instrument())
	})
	table("Update", func(ctx context.Context, q postgres.Querier) error {
		return postgres.Instruments.Update(ctx, q, instrument())
	})
	table("Delete", func(ctx context.Context, q postgres.Querier) error {
		return postgres.Instruments.Delete(ctx, q, "NOK")
	})
	table("Get", func(ctx context.Context, q postgres.Querier) error {
		return void(postgres.Instruments.Get(ctx, q, "NOK"))
	})
	table("Find", func(ctx context.Context, q postgres.Querier) error {
		return void(postgres.Instruments.Find(ctx, q))
	})
	table("Stream", func(ctx context.Context, q postgres.Querier) error {
		return drain(postgres.Instruments.Stream(ctx, q))
	})
	table("CopyIn", func(ctx context.Context, q postgres.Querier) error {
		return void(postgres.Instruments.CopyIn(ctx, q, []blotter.Instrument{*instrument()}))
	})
}

// service can be started and stopped.
type service interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

// addService adds Start and Stop, each on a new service, which is stopped at the end.
func (w *walk) addService(name string, create func() (service, error)) {
	run := func(use func(service) error) error {
		s, err := create()
		if err != nil {
			return err
		}
		defer func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			_ = s.Stop(ctx)
		}()

		return use(s)
	}

	w.calls[name+".Start"] = func(ctx context.Context) error {
		return run(func(s service) error { return s.Start(ctx) })
	}
	w.calls[name+".Stop"] = func(ctx context.Context) error {
		return run(func(s service) error { return s.Stop(ctx) })
	}
}

func (w *walk) addServices(t *testing.T) {
	db, log := w.db.DB, slog.New(w.log)
	redis, err := embedded.StartRedisStandIn()
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(redis.Close)

	client, err := events.OpenRedis(redis.URL)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = client.Close() })

	nothing := func(context.Context, *postgres.Tx, []blotter.Event) error { return nil }
	tracer, err := monitor.NewTracer(monitor.TracerConfig{})
	if err != nil {
		t.Fatal(err)
	}

	synchronizer, err := analytics.New(analytics.Config{Source: db, Logger: log})
	if err != nil {
		t.Fatal(err)
	}

	consumer, err := events.NewConsumer(events.Config{Source: db, Name: "walk", Handler: nothing, Logger: log})
	if err != nil {
		t.Fatal(err)
	}

	owner := func(use func(*pgx.Conn) error) error {
		conn, err := pgx.Connect(context.Background(), w.db.OwnerURL)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(context.Background()) }()
		return use(conn)
	}

	w.addService("analytics.Synchronizer", func() (service, error) {
		return analytics.New(analytics.Config{Source: db, Logger: log})
	})
	w.addService("events.Consumer", func() (service, error) {
		return events.NewConsumer(events.Config{Source: db, Name: "walk", Handler: nothing, Logger: log})
	})
	w.addService("events.Relay", func() (service, error) {
		return events.NewRelay(events.RelayConfig{DB: db, Redis: client, Logger: log})
	})
	w.addService("audit.Sealer", func() (service, error) { return audit.New(db, audit.Config{Logger: log}) })
	w.addService("logs.Handler", func() (service, error) {
		return logs.NewHandler(logs.Config{DB: db, Service: "walk", Next: slog.DiscardHandler})
	})
	w.addService("monitor.Recorder", func() (service, error) {
		return monitor.NewRecorder(db, tracer, monitor.RecorderConfig{Logger: log})
	})
	w.addService("monitor.Watcher", func() (service, error) {
		return monitor.NewWatcher(db, nil, monitor.WatcherConfig{Logger: log})
	})
	w.addService("monitor.Server", func() (service, error) {
		handler, err := monitor.Handler(monitor.HandlerConfig{})
		return monitor.NewServer(handler, monitor.ServerConfig{Address: "127.0.0.1:0", Logger: log}), err
	})

	maps.Copy(w.calls, map[string]publicCall{
		"analytics.Synchronizer.Rebuild": func(ctx context.Context) error {
			return void(synchronizer.Rebuild(ctx))
		},
		"analytics.Synchronizer.Reconcile": func(ctx context.Context) error {
			return void(synchronizer.Reconcile(ctx))
		},
		"audit.Seal": func(ctx context.Context) error {
			return void(audit.Seal(ctx, db, 100))
		},
		"audit.LastHead": func(ctx context.Context) error {
			return void(audit.LastHead(ctx, db))
		},
		"audit.VerifyDatabase": func(ctx context.Context) error {
			return void(audit.VerifyDatabase(ctx, db, nil))
		},
		"audit.ExportHead": func(ctx context.Context) error {
			return void(audit.ExportHead(ctx, db, filepath.Join(t.TempDir(), "heads")))
		},
		"audit.RepairCursor": func(ctx context.Context) error {
			return owner(func(conn *pgx.Conn) error {
				_, _, err := audit.RepairCursor(ctx, conn)
				return err
			})
		},
		"audit.Verify": func(ctx context.Context) error {
			return owner(func(conn *pgx.Conn) error { return void(audit.Verify(ctx, conn, nil)) })
		},
		"events.Consume": func(ctx context.Context) error { return events.Consume(ctx, db, "walk", nothing) },
		"events.Expire":  func(ctx context.Context) error { return events.Expire(ctx, db, "walk") },
		"events.Follow": func(ctx context.Context) error {
			return events.Follow(ctx, db, events.FollowConfig{
				Callback: func(context.Context, blotter.Event) error { return nil },
			})
		},
		"events.LagOf": func(ctx context.Context) error {
			return db.ReadOnly(blotter.WithAllAccounts(context.Background()), func(s *postgres.Session) error {
				return void(events.LagOf(ctx, s, blotter.EventCursor{Consumer: "walk", SnapDone: "3:3:"}))
			}, postgres.Unlogged)
		},
		"events.Publish": func(ctx context.Context) error {
			return void(events.Publish(ctx, db, events.Message{
				Type: "note", Service: "walk", Channel: "notes", Key: "k", Data: []byte(`{}`),
				Timestamp: events.Time(time.Unix(9, 0)),
			}))
		},
		"events.ReadStatus": func(ctx context.Context) error { return void(events.ReadStatus(ctx, db)) },
		"events.Rebase": func(ctx context.Context) error {
			return owner(func(conn *pgx.Conn) error { return void(events.Rebase(ctx, conn)) })
		},
		"events.Retain": func(ctx context.Context) error {
			return owner(func(conn *pgx.Conn) error { return void(events.Retain(ctx, conn, 1)) })
		},
		"events.Refuse": func(ctx context.Context) error {
			return db.Transaction(blotter.WithAllAccounts(ctx), func(tx *postgres.Tx) error {
				return events.Refuse(ctx, tx, "walk",
					events.Refusal{Event: blotter.Event{Pos: 7, Key: "k"}, Reason: errors.New("forged")})
			})
		},
		"events.Replay": func(ctx context.Context) error {
			return void(events.Replay(ctx, db, "walk", time.Unix(0, 0)))
		},
		"events.Resolve": func(ctx context.Context) error { return events.Resolve(ctx, db, "walk", "k") },
		"events.Consumer.Restart": func(ctx context.Context) error {
			return consumer.Restart(ctx, time.Second,
				func(context.Context, *postgres.Tx) (string, error) { return "3:3:", nil })
		},
		"events.InspectRedis": func(ctx context.Context) error { return void(events.InspectRedis(ctx, redis.URL, "")) },
		"events.Subscribe": func(ctx context.Context) error {
			return events.Subscribe(ctx, client, events.SubscribeConfig{
				Callback: func(context.Context, events.Message) error { return nil }, Logger: log,
			})
		},
		"logs.Read": func(ctx context.Context) error { return void(logs.Read(ctx, db, logs.Filter{})) },
		"logs.Tail": func(ctx context.Context) error {
			return logs.Tail(ctx, db, logs.Filter{}, func(blotter.SystemLog) error { return nil }, nil)
		},
		"monitor.AdviseIndexes": func(ctx context.Context) error {
			return void(monitor.AdviseIndexes(ctx, db, monitor.Thresholds{}))
		},
		"monitor.ReadPerformance": func(ctx context.Context) error {
			return void(monitor.ReadPerformance(ctx, db, time.Hour, ""))
		},
		"monitor.Run": func(ctx context.Context) error {
			return outcomesOf(monitor.Run(ctx, db, lockedCheck))
		},
		"monitor.RunOn": func(ctx context.Context) error {
			return owner(func(conn *pgx.Conn) error { return outcomesOf(monitor.RunOn(ctx, conn, lockedCheck)) })
		},
	})
}

// lockedCheck reads a table that sqlLockAll locks.
var lockedCheck = []monitor.Check{{
	Name: "walk", Area: "walk",
	Run: func(ctx context.Context, q postgres.Querier) ([]monitor.Finding, error) {
		return nil, void(q.Exec(ctx, "select from execution.trades"))
	},
}}

func outcomesOf(outcomes []monitor.Outcome) (err error) {
	for _, o := range outcomes {
		err = errors.Join(err, o.Err)
	}
	return err
}

func (w *walk) addMaintenance(t *testing.T) {
	log := slog.New(w.log)
	runner, err := maintenance.New(maintenance.Config{OwnerURL: w.db.OwnerURL, Logger: log})
	if err != nil {
		t.Fatal(err)
	}

	policy := partition.Policy{}
	now := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	ignore := func(partition.Step, string) {}
	w.addService("maintenance.Scheduler", func() (service, error) {
		return maintenance.NewScheduler(maintenance.Config{OwnerURL: w.db.OwnerURL, Logger: log})
	})
	maps.Copy(w.calls, map[string]publicCall{
		"maintenance.Runner.Run": func(ctx context.Context) error {
			outcomes, err := runner.Run(ctx, maintenance.Request{Jobs: []string{"all"}})
			for _, o := range outcomes {
				err = errors.Join(err, o.Err)
			}
			return err
		},
		"maintenance.Runner.History": func(ctx context.Context) error {
			return void(runner.History(ctx, maintenance.HistoryFilter{}))
		},
		"maintenance.Runner.Status": func(ctx context.Context) error { return void(runner.Status(ctx)) },
		"partition.Run": func(ctx context.Context) error {
			return partition.Run(ctx, w.db.OwnerURL, now, policy, ignore)
		},
		"partition.Lock": func(ctx context.Context) error {
			lock, err := partition.Lock(ctx, w.db.OwnerURL, "walk")
			if err == nil {
				err = lock.Close(context.Background())
			}
			return err
		},
		"partition.RunnerLock.Close": func(ctx context.Context) error {
			lock := &partition.RunnerLock{Conn: w.db.Connect(t, w.db.OwnerURL)}
			return lock.Close(ctx)
		},
		"partition.Read": func(ctx context.Context) error {
			return void(partition.Read(ctx, w.db.Connect(t, w.db.OwnerURL)))
		},
		"partition.Apply": func(ctx context.Context) error {
			leaf := partition.Relation{Schema: "execution", Name: "trades"}
			step := partition.Step{Kind: partition.Analyze, Table: leaf, Leaf: leaf}
			return partition.Apply(ctx, w.db.Connect(t, w.db.OwnerURL), []partition.Step{step}, ignore)
		},
	})
}

func (w *walk) addEmbedded(t *testing.T) {
	dir := t.TempDir()

	cfg := func() embedded.Config {
		return embedded.Config{DataDir: filepath.Join(dir, fmt.Sprint(time.Now().UnixNano())), Logger: slog.New(w.log)}
	}
	maps.Copy(w.calls, map[string]publicCall{
		"embedded.State.Clients": func(ctx context.Context) error {
			return void(embedded.State{DataDir: dir}.Clients(ctx))
		},
		"embedded.Find": func(ctx context.Context) error { return void(embedded.Find(ctx, "", dir, 0)) },
		"embedded.Down": func(ctx context.Context) error {
			c := cfg()
			if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
				return err
			}
			if err := embedded.Down(ctx, c); !errors.Is(err, embedded.ErrNotRunning) {
				return err
			}
			return nil
		},
		"embedded.Start": func(ctx context.Context) error {
			s, err := embedded.Start(ctx, cfg())
			if err == nil {
				err = s.Stop()
			}
			return err
		},
		"embedded.Up": func(ctx context.Context) error {
			c := cfg()
			_, err := embedded.Up(ctx, c)
			if err == nil {
				err = embedded.Down(context.Background(), c)
			}
			return err
		},
		"embedded.StartRedisServer": func(ctx context.Context) error {
			r, err := embedded.StartRedisServer(ctx, embedded.RedisConfig{})
			if err == nil {
				err = r.Stop()
			}
			return err
		},
		"embedded.RedisServer.Restart": func(ctx context.Context) error {
			r, err := embedded.StartRedisServer(context.Background(), embedded.RedisConfig{})
			if err != nil {
				return err
			}
			defer func() { _ = r.Stop() }()
			return r.Restart(ctx)
		},
	})
}
