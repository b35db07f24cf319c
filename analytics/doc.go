// Package analytics keeps portfolio_summary and performance_metrics in step with the trades: it is the data synchronizer.
//
//	s, err := analytics.New(analytics.Config{Source: db})
//	err = s.Start(ctx)
//	defer s.Stop(context.WithoutCancel(ctx))
//
// A Synchronizer is a consumer of the outbox (package events). One transaction takes a chunk of events, folds them, writes
// the sums and moves the cursor, so that killed at any instant it counts every trade once. Sums and counts are stored,
// rates derived: what is computed anew is exactly the same.
//
//	trade_executed       -> performance_metrics (syncTradeData), portfolio_summary (syncPositionData)
//	trade_undone         -> both, taken out again
//	market_data_updated  -> market_prices, and the value of what is held (syncMarketData)
//
// Rebuild computes all of it anew from the trades, beside writers and readers, and leaves the cursor where its view of the
// trades ended. Reconcile proves it: it adds up the trades up to the cursor in SQL, and compares.
//
// The database of the analytics may be another one (Config.Target): then the cursor lives there.
package analytics
