package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// loadOptions are the flags of load.
type loadOptions struct {
	rate, callers, accounts, symbols int
	span                             time.Duration
	analyticsURL                     string
}

func loadCommand(set *settings) *cobra.Command {
	var opts loadOptions
	var consent writeConsent
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Book generated fills, and measure the lag of the analytics",
		Long: `Book generated fills in accounts LOAD-1 and so on, at --rate for --span, while
the daemon runs (blotter serve). Meanwhile, a few fills per second are booked in
account LOAD-PROBE and followed until the analytics show them, which measures
the lag. Finally, load waits until no events are waiting, and reconciles. The
exit status is 1 if a fill failed or a figure differs.

Use it on a test database, because the fills stay. With --url it asks first, and
needs --yes without a terminal.`,
		Example: "  blotter load --rate 5000 --span 60s",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.check(); err != nil {
				return err
			}
			const what = "load books made-up fills of accounts LOAD-1 and so on"
			if err := consent.check(cmd.Context(), set, what); err != nil {
				return err
			}

			report, err := runLoad(cmd.Context(), set, opts)
			if err != nil {
				return err
			}
			err = set.print(cmd, report.json(), report.print)
			return failIf(report.failed > 0 || len(report.reconciled.Mismatches) > 0, err)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&opts.rate, "rate", 1000, "fills per `second`, 1 to 100,000")
	flags.DurationVar(&opts.span, "span", 10*time.Second, "duration, at most 24h")
	flags.IntVar(&opts.callers, "callers", 64, "number of concurrent callers, 1 to 1,000")
	flags.IntVar(&opts.accounts, "accounts", 20, "number of accounts, 1 to 1,000")
	flags.IntVar(&opts.symbols, "symbols", 30, "number of symbols, 1 to 10,000")
	analyticsFlag(cmd, &opts.analyticsURL)
	consent.add(cmd)
	return cmd
}

func (o loadOptions) check() error {
	for _, flag := range []struct {
		name        string
		value, most int
	}{
		{"--rate", o.rate, 100_000},
		{"--callers", o.callers, 1000},
		{"--accounts", o.accounts, 1000},
		{"--symbols", o.symbols, 10_000},
	} {
		if flag.value < 1 || flag.value > flag.most {
			return usagef("invalid %s %d: want 1 to %d", flag.name, flag.value, flag.most)
		}
	}

	if o.span <= 0 || o.span > 24*time.Hour {
		return usagef("invalid --span %s: want more than 0, at most 24h", o.span)
	}
	return nil
}

// loadReport is the result of a load.
type loadReport struct {
	booked, failed int64
	firstFailure   error
	bookingTime    time.Duration
	drainTime      time.Duration // from the last fill until no events were waiting
	latency, lag   quantiles
	reconciled     analytics.Reconciliation
}

// quantiles summarizes durations.
type quantiles struct {
	count         int
	p50, p99, max time.Duration
}

func quantilesOf(all []time.Duration) quantiles {
	if len(all) == 0 {
		return quantiles{}
	}
	slices.Sort(all)
	return quantiles{len(all), all[len(all)/2], all[len(all)*99/100], all[len(all)-1]}
}

func runLoad(ctx context.Context, set *settings, opts loadOptions) (*loadReport, error) {
	db, target, done, err := set.openBoth(ctx, opts.analyticsURL)
	if err != nil {
		return nil, err
	}
	defer done()
	l := &load{opts: opts, target: target, id: time.Now().UTC().Format("20060102T150405.000")}
	if l.book, err = db.NewBook(postgres.BookConfig{}); err != nil {
		return nil, err
	}
	if err := l.book.Start(ctx); err != nil {
		return nil, err
	}
	defer func() { _ = l.book.Stop(context.WithoutCancel(ctx)) }()

	report := l.run(blotter.WithAllAccounts(ctx))
	sync, err := analytics.New(analytics.Config{Source: db, Target: target, Logger: set.logger()})
	if err != nil {
		return nil, err
	}
	return report, report.drain(ctx, sync)
}

const (
	loadDrainMax  = 2 * time.Minute       // for the analytics to apply all events
	loadDrainPoll = 20 * time.Millisecond // between two reconciliations
)

// drain reconciles until no events are waiting.
func (r *loadReport) drain(ctx context.Context, sync *analytics.Synchronizer) (err error) {
	start := time.Now()
	for {
		if r.reconciled, err = sync.Reconcile(ctx); err != nil {
			return fmt.Errorf("the analytics cannot be reconciled: %w", err)
		}
		if r.reconciled.NeverRan {
			return errors.New("the fills are booked, but the analytics have not started: " +
				"start blotter serve, then repeat the load")
		}

		r.drainTime = time.Since(start)
		if r.reconciled.Lag.Events == 0 || r.drainTime > loadDrainMax {
			return ctx.Err()
		}
		if !sleep(ctx, loadDrainPoll) {
			return ctx.Err()
		}
	}
}

// load books generated fills.
type load struct {
	opts   loadOptions
	id     string // begins the ids of its trades
	book   *postgres.Book
	target *postgres.DB
	next   atomic.Int64 // number of the next fill

	mu      sync.Mutex
	failed  int64
	first   error
	latency []time.Duration // a sample
	lag     []time.Duration
}

// loadSampleMax is the greatest number of latencies that are kept.
const loadSampleMax = 1 << 20

// run books fills until the span is over.
func (l *load) run(ctx context.Context) *loadReport {
	ctx, cancel := context.WithTimeout(ctx, l.opts.span)
	defer cancel()
	start := time.Now()
	var wait sync.WaitGroup
	for range l.opts.callers {
		wait.Go(func() { l.call(ctx, start) })
	}
	wait.Go(func() { l.probe(ctx) })
	wait.Wait()

	planned := int64(l.opts.span.Seconds() * float64(l.opts.rate))
	return &loadReport{
		booked:       min(l.next.Load(), planned) - l.failed,
		failed:       l.failed,
		firstFailure: l.first,
		bookingTime:  time.Since(start),
		latency:      quantilesOf(l.latency),
		lag:          quantilesOf(l.lag),
	}
}

// call books fills, each when it is due.
func (l *load) call(ctx context.Context, start time.Time) {
	var latencies []time.Duration
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for {
		n := l.next.Add(1) - 1
		due := time.Duration(float64(n) / float64(l.opts.rate) * float64(time.Second))
		if due >= l.opts.span {
			break
		}
		if wait := time.Until(start.Add(due)); wait > 0 {
			time.Sleep(wait) // at most the span
		}

		begin := time.Now()
		if _, err := l.book.ExecuteTrade(context.WithoutCancel(ctx), l.fill(random, n)); err != nil {
			l.mu.Lock()
			l.failed++
			if l.first == nil {
				l.first = err
			}
			l.mu.Unlock()
			continue
		}
		latencies = append(latencies, time.Since(begin))
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	kept := min(len(latencies), loadSampleMax/l.opts.callers)
	l.latency = append(l.latency, latencies[:kept]...)
}

func (l *load) fill(random *rand.Rand, n int64) blotter.Trade {
	side := blotter.Buy
	if random.IntN(2) == 0 {
		side = blotter.Sell
	}

	cents := int64(5_000 + random.IntN(10_000))
	return blotter.Trade{
		AccountID:  fmt.Sprintf("LOAD-%d", 1+random.IntN(l.opts.accounts)),
		TradeID:    fmt.Sprintf("%s-%d", l.id, n),
		Symbol:     fmt.Sprintf("LOAD%d", random.IntN(l.opts.symbols)),
		Side:       side,
		Quantity:   blotter.MustDecimal(fmt.Sprint(1 + random.IntN(100))),
		Price:      blotter.MustDecimal(fmt.Sprintf("%d.%02d", cents/100, cents%100)),
		Commission: blotter.MustDecimal("0.35"),
		Strategy:   "load",
		ExecutedAt: time.Now(),
	}
}

const (
	probeAccount = "LOAD-PROBE"
	probePause   = 20 * time.Millisecond  // between two probes
	probePoll    = 500 * time.Microsecond // between two looks for a probe

	sqlProbe = `
select coalesce((select event_count from analytics.portfolio_summary where account_id = $1 and symbol = $2), 0)`
)

// probe books fills, one after the other, and measures the time until the analytics show each.
func (l *load) probe(ctx context.Context) {
	symbol := "PROBE-" + l.id[len(l.id)-10:]
	for n := int64(1); ctx.Err() == nil; n++ {
		trade := blotter.Trade{
			AccountID: probeAccount, TradeID: fmt.Sprintf("%s-probe-%d", l.id, n),
			Symbol: symbol, Side: blotter.Buy, Quantity: blotter.MustDecimal("1"), Price: blotter.MustDecimal("1"),
			Strategy: "probe", ExecutedAt: time.Now(),
		}
		if _, err := l.book.ExecuteTrade(context.WithoutCancel(ctx), trade); err != nil {
			continue
		}

		committed := time.Now()
		if l.waitForProbes(ctx, symbol, n) {
			l.lag = append(l.lag, time.Since(committed))
		}
		sleep(ctx, probePause)
	}
}

// waitForProbes waits until the analytics have counted want probes, and reports whether they have.
func (l *load) waitForProbes(ctx context.Context, symbol string, want int64) bool {
	err := l.target.AutoCommit(ctx, func(s *postgres.Session) error {
		for {
			var n int64
			if err := s.QueryRow(ctx, sqlProbe, probeAccount, symbol).Scan(&n); err != nil || n >= want {
				return err
			}
			if !sleep(ctx, probePoll) {
				return ctx.Err()
			}
		}
	})
	return err == nil
}

// sleep waits, and reports whether it did so to the end, because the context did not end before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (r *loadReport) print(w io.Writer) error {
	show := func(q quantiles) string {
		const precision = 10 * time.Microsecond
		return fmt.Sprintf("p50 %s, p99 %s, max %s",
			q.p50.Round(precision), q.p99.Round(precision), q.max.Round(precision))
	}

	fmt.Fprintf(w, "booked     %s fills in %s, %s per second\n", term.Thousands(r.booked),
		r.bookingTime.Round(time.Millisecond), term.Thousands(rate(r.booked, r.bookingTime)))
	fmt.Fprintf(w, "a fill     %s\n", show(r.latency))
	if r.lag.count > 0 {
		fmt.Fprintf(w, "analytics  %s after it (%s probes)\n", show(r.lag), term.Thousands(r.lag.count))
	} else {
		fmt.Fprintln(w, "analytics  showed no probe; blotter serve keeps the analytics")
	}
	if r.failed > 0 {
		term.PrintWrapped(w, fmt.Sprintf("FAILED: %s fills, the first with: %v",
			term.Thousands(r.failed), r.firstFailure))
	}
	if r.reconciled.Lag.Events > 0 {
		fmt.Fprintf(w, "after %s: %s\n",
			r.drainTime.Round(time.Second), backlog(r.reconciled.Lag.Events, r.reconciled.Lag.Age))
	} else {
		fmt.Fprintf(w, "all events applied %s after the last fill\n", r.drainTime.Round(time.Millisecond))
	}
	return printReconciliation(w, r.reconciled)
}

func (r *loadReport) json() any {
	milliseconds := func(q quantiles) any {
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		return map[string]any{"count": q.count, "p50_ms": ms(q.p50), "p99_ms": ms(q.p99), "max_ms": ms(q.max)}
	}
	return map[string]any{
		"booked": r.booked, "failed": r.failed,
		"seconds": r.bookingTime.Seconds(), "drain_seconds": r.drainTime.Seconds(),
		"fill": milliseconds(r.latency), "analytics": milliseconds(r.lag),
		"reconciliation": reconciliationJSON(r.reconciled),
	}
}
