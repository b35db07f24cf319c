// Package analytics keeps portfolio_summary and performance_metrics in step with the trades: it is the data
// synchronizer.
//
//	s, err := analytics.New(analytics.Config{Source: db})
//	err = s.Start(ctx)
//	defer s.Stop(context.WithoutCancel(ctx))
//
// A Synchronizer is a consumer of the outbox (package events). One transaction takes a chunk of events, folds them,
// writes the sums and moves the cursor, so every trade counts once, whenever the process is killed. Sums and counts are
// stored, rates are derived: a rebuild gives exactly the same figures.
//
//	trade_executed       -> performance_metrics (syncTradeData), portfolio_summary (syncPositionData)
//	trade_undone         -> both, subtracted again
//	market_data_updated  -> market_prices, and the market value of positions (syncMarketData)
//
// Rebuild computes everything again from the trades, beside writers and readers, and leaves the cursor where its view
// of the trades ended. Reconcile adds up the trades up to the cursor in SQL and compares the figures.
//
// The analytics may be in another database (Config.Target), which then holds the cursor too.
package analytics
