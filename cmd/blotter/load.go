package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// loadOptions bound a load.
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
		Short: "Book generated fills, and measure how the analytics keep up",
		Long: `Book generated fills, on accounts LOAD-1 and so on, at --rate for --span, beside
the daemon (blotter serve). While it does, a few fills a second on the account
LOAD-PROBE are followed until the analytics show them: that is the lag. In the
end it waits until nothing is left, and reconciles. The exit status is 1 if a
fill failed or a figure differs.

It is meant for a database of tests: what it books stays. With --url it asks
first, and without a terminal needs --yes.`,
		Example: "  blotter load --rate 5000 --span 60s",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.check(); err != nil {
				return err
			}
			if err := consent.check(cmd.Context(), set, "load books made-up fills of accounts LOAD-1 and so on"); err != nil {
				return err
			}
			report, err := runLoad(cmd.Context(), set, opts)
			if err != nil {
				return err
			}
			if set.json {
				err = printJSON(cmd.OutOrStdout(), report.json())
			} else {
				err = report.print(cmd.OutOrStdout())
			}
			if err == nil && (report.failed > 0 || len(report.reconciled.Mismatches) > 0) {
				err = exitStatus(1)
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&opts.rate, "rate", 1000, "fills a `second`, 1 to 100,000")
	flags.DurationVar(&opts.span, "span", 10*time.Second, "for how long, at most 24h")
	flags.IntVar(&opts.callers, "callers", 64, "callers at once, 1 to 1,000")
	flags.IntVar(&opts.accounts, "accounts", 20, "accounts, 1 to 1,000")
	flags.IntVar(&opts.symbols, "symbols", 30, "symbols, 1 to 10,000")
	analyticsFlag(cmd, &opts.analyticsURL)
	consent.add(cmd)
	return cmd
}

func (o loadOptions) check() error {
	for _, flag := range []struct {
		name        string
		value, most int
	}{{"--rate", o.rate, 100_000}, {"--callers", o.callers, 1000}, {"--accounts", o.accounts, 1000}, {"--symbols", o.symbols, 10_000}} {
		if flag.value < 1 || flag.value > flag.most {
			return usagef("%s %d: want 1 to %d", flag.name, flag.value, flag.most)
		}
	}
	if o.span <= 0 || o.span > 24*time.Hour {
		return usagef("--span %s: want more than 0, at most 24h", o.span)
	}
	return nil
}

// loadReport is what a load found.
type loadReport struct {
	booked, failed int64
	firstFailure   error
	took, drained  time.Duration // booking; waiting for the analytics afterwards
	latency, lag   quantiles
	reconciled     analytics.Reconciliation
}

// quantiles are of a number of durations.
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
	l := &load{opts: opts, target: target, run: time.Now().UTC().Format("20060102T150405.000")}
	if l.book, err = db.NewBook(postgres.BookConfig{}); err != nil {
		return nil, err
	}
	if err := l.book.Start(ctx); err != nil {
		return nil, err
	}
	defer func() { _ = l.book.Stop(context.WithoutCancel(ctx)) }()
	report := l.all(blotter.WithAllAccounts(ctx))
	sync, err := analytics.New(analytics.Config{Source: db, Target: target, Logger: set.logger()})
	if err != nil {
		return nil, err
	}
	start := time.Now()
	for {
		if report.reconciled, err = sync.Reconcile(ctx); err != nil {
			return nil, fmt.Errorf("the analytics cannot be reconciled: %w", err)
		}
		if report.reconciled.NeverRan {
			return nil, fmt.Errorf("the fills are booked, but nothing folds them: start blotter serve, then repeat the load")
		}
		if report.drained = time.Since(start); report.reconciled.Lag.Events == 0 || report.drained > loadDrainMax {
			return report, ctx.Err()
		}

		select {
		case <-ctx.Done():
			return report, ctx.Err()
		case <-time.After(loadDrainPoll):
		}
	}
}

const (
	loadDrainMax  = 2 * time.Minute       // for how long a load waits in the end for what is left
	loadDrainPoll = 20 * time.Millisecond // between two looks at that
)

// load is a load under way.
type load struct {
	opts   loadOptions
	run    string // begins the ids of its trades
	book   *postgres.Book
	target *postgres.DB
	next   atomic.Int64 // number of the next fill

	mu      sync.Mutex
	failed  int64
	first   error
	latency []time.Duration // a sample
	lag     []time.Duration
}

// loadSampleMax bounds the latencies that are kept.
const loadSampleMax = 1 << 20

func (l *load) all(ctx context.Context) *loadReport {
	ctx, cancel := context.WithTimeout(ctx, l.opts.span)
	defer cancel()
	start := time.Now()
	var wait sync.WaitGroup
	for range l.opts.callers {
		wait.Go(func() { l.call(ctx, start) })
	}
	wait.Go(func() { l.probe(ctx) })
	wait.Wait()
	r := &loadReport{booked: min(l.next.Load(), int64(l.opts.span.Seconds()*float64(l.opts.rate))) - l.failed, failed: l.failed, firstFailure: l.first, took: time.Since(start)}
	r.latency, r.lag = quantilesOf(l.latency), quantilesOf(l.lag)
	return r
}

// call books one fill after the other, each when it is due.
func (l *load) call(ctx context.Context, start time.Time) {
	var mine []time.Duration
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
		mine = append(mine, time.Since(begin))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latency = append(l.latency, mine[:min(len(mine), loadSampleMax/l.opts.callers)]...)
}

func (l *load) fill(random *rand.Rand, n int64) blotter.Trade {
	side := blotter.Buy
	if random.IntN(2) == 0 {
		side = blotter.Sell
	}
	cents := int64(5_000 + random.IntN(10_000))
	return blotter.Trade{
		AccountID: fmt.Sprintf("LOAD-%d", 1+random.IntN(l.opts.accounts)), TradeID: fmt.Sprintf("%s-%d", l.run, n), Symbol: fmt.Sprintf("LOAD%d", random.IntN(l.opts.symbols)),
		Side: side, Quantity: blotter.MustDecimal(fmt.Sprint(1 + random.IntN(100))), Price: blotter.MustDecimal(fmt.Sprintf("%d.%02d", cents/100, cents%100)),
		Commission: blotter.MustDecimal("0.35"), Strategy: "load", ExecutedAt: time.Now(),
	}
}

const (
	probeAccount = "LOAD-PROBE"
	// probePause is between two probes, and probePoll between two looks for one.
	probePause = 20 * time.Millisecond
	probePoll  = 500 * time.Microsecond
	sqlProbe   = `select coalesce((select event_count from analytics.portfolio_summary where account_id = $1 and symbol = $2), 0)`
)

// probe follows a few fills until the analytics show them.
func (l *load) probe(ctx context.Context) {
	symbol := "PROBE-" + l.run[len(l.run)-10:]
	for n := int64(1); ctx.Err() == nil; n++ {
		trade := blotter.Trade{
			AccountID: probeAccount, TradeID: fmt.Sprintf("%s-probe-%d", l.run, n), Symbol: symbol, Side: blotter.Buy,
			Quantity: blotter.MustDecimal("1"), Price: blotter.MustDecimal("1"), Strategy: "probe", ExecutedAt: time.Now(),
		}
		if _, err := l.book.ExecuteTrade(context.WithoutCancel(ctx), trade); err != nil {
			continue
		}
		committed := time.Now()
		if l.await(ctx, symbol, n) {
			l.lag = append(l.lag, time.Since(committed))
		}
		pauseFor(ctx, probePause)
	}
}

// await waits until the analytics have counted so many probes.
func (l *load) await(ctx context.Context, symbol string, want int64) bool {
	err := l.target.AutoCommit(ctx, func(s *postgres.Session) error {
		for {
			var n int64
			if err := s.QueryRow(ctx, sqlProbe, probeAccount, symbol).Scan(&n); err != nil || n >= want {
				return err
			}
			if !pauseFor(ctx, probePoll) {
				return ctx.Err()
			}
		}
	})
	return err == nil
}

// pauseFor is false if the context ended.
func pauseFor(ctx context.Context, d time.Duration) bool {
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
		return fmt.Sprintf("p50 %s, p99 %s, max %s", q.p50.Round(10*time.Microsecond), q.p99.Round(10*time.Microsecond), q.max.Round(10*time.Microsecond))
	}
	fmt.Fprintf(w, "booked     %s fills in %s, %s a second\n", thousands(r.booked), r.took.Round(time.Millisecond), thousands(rate(r.booked, r.took)))
	fmt.Fprintf(w, "a fill     %s\n", show(r.latency))
	if r.lag.count > 0 {
		fmt.Fprintf(w, "analytics  %s after it (%s probes)\n", show(r.lag), thousands(int64(r.lag.count)))
	} else {
		fmt.Fprintln(w, "analytics  showed no probe; blotter serve keeps them")
	}
	if r.failed > 0 {
		printWrapped(w, fmt.Sprintf("FAILED: %s fills, the first with: %v", thousands(r.failed), r.firstFailure))
	}
	if r.reconciled.Lag.Events > 0 {
		fmt.Fprintf(w, "after %s %s\n", r.drained.Round(time.Second), behind(r.reconciled.Lag.Events, r.reconciled.Lag.Age))
	} else {
		fmt.Fprintf(w, "all folded %s after the last fill\n", r.drained.Round(time.Millisecond))
	}
	return printReconciliation(w, r.reconciled)
}

func (r *loadReport) json() any {
	milliseconds := func(q quantiles) any {
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		return map[string]any{"count": q.count, "p50_ms": ms(q.p50), "p99_ms": ms(q.p99), "max_ms": ms(q.max)}
	}
	return map[string]any{
		"booked": r.booked, "failed": r.failed, "seconds": r.took.Seconds(), "drain_seconds": r.drained.Seconds(),
		"fill": milliseconds(r.latency), "analytics": milliseconds(r.lag), "reconciliation": reconciliationJSON(r.reconciled),
	}
}
