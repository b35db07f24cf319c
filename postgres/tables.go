package postgres

import "github.com/blotterdb/blotter"

// The tables of the schema. Migrations make them; CompareRegistry compares the two.
var (
	MarketData       = NewTable[blotter.Bar]("data_ingestion.market_data", Key("symbol", "timeframe", "timestamp"))
	Instruments      = NewTable[blotter.Instrument]("data_ingestion.instruments", Key("symbol"))
	LatestPrices     = NewTable[blotter.LatestPrice]("data_ingestion.latest_prices", Key("symbol"))
	CorporateActions = NewTable[blotter.CorporateAction]("data_ingestion.corporate_actions",
		Key("symbol", "ex_date", "kind"))
	DataQualityLogs = NewTable[blotter.DataQualityLog]("data_ingestion.data_quality_logs", Key("id"))

	Accounts = NewTable[blotter.Account]("execution.accounts", Key("account_id"))
	Orders   = NewTable[blotter.Order]("execution.orders", Key("account_id", "order_id"),
		References("execution.accounts", "account_id"))
	Trades = NewTable[blotter.Trade]("execution.trades", Key("account_id", "trade_id", "symbol", "side"),
		References("execution.orders", "account_id", "order_id"), Derived("other_fees", otherFeesOfTrade))
	Positions = NewTable[blotter.Position]("execution.positions", Key("account_id", "symbol"),
		References("execution.accounts", "account_id"))
	RoundTrips = NewTable[blotter.RoundTrip]("execution.round_trips", Key("account_id", "symbol", "id"),
		References("execution.accounts", "account_id"))
	PositionValues = NewTable[blotter.PositionValue]("execution.position_values", Key("account_id", "symbol"),
		View(), Derived("other_fees", otherFeesOfPosition))

	Adjustments = NewTable[blotter.Adjustment]("execution.position_adjustments",
		Key("account_id", "adjustment_id", "symbol"), References("execution.positions", "account_id", "symbol"))
	Corrections = NewTable[blotter.Correction]("execution.trade_corrections", Key("account_id", "correction_id"),
		References("execution.trades", "account_id", "trade_id", "symbol", "side"))

	Imports = NewTable[blotter.Import]("execution.imports", Key("account_id", "id"),
		References("execution.accounts", "account_id"))

	Outbox         = NewTable[blotter.Event]("events.outbox", Key("pos"))
	EventCursors   = NewTable[blotter.EventCursor]("events.cursor", Key("consumer"))
	EventWitnesses = NewTable[blotter.EventWitness]("events.witness", Key("lineage"))
	EventBatches   = NewTable[blotter.EventBatch]("events.batch", Key("channel", "epoch", "first_seq"))
	DeadLetters    = NewTable[blotter.DeadLetter]("events.dead_letter", Key("consumer", "pos"))
	Published      = NewTable[blotter.Published]("events.published", Key("account_id", "event_id"))

	PortfolioSummaries = NewTable[blotter.PortfolioSummary]("analytics.portfolio_summary", Key("account_id", "symbol"))
	MarketPrices       = NewTable[blotter.MarketPrice]("analytics.market_prices", Key("symbol"))
	PerformanceMetrics = NewTable[blotter.PerformanceMetrics]("analytics.performance_metrics",
		Key("account_id", "strategy", "date", "currency"))

	SystemLogs         = NewTable[blotter.SystemLog]("logging.system_logs")
	ArchivedSystemLogs = NewTable[blotter.ArchivedSystemLog]("logging.archived_system_logs")
	PerformanceLogs    = NewTable[blotter.PerformanceLog]("logging.performance_logs")

	AuditLog        = NewTable[blotter.AuditEntry]("shared.audit_log")
	MaintenanceRuns = NewTable[blotter.MaintenanceRun]("shared.maintenance_runs", Key("id"))

	Strategies      = NewTable[blotter.Strategy]("strategy_engine.strategies", Key("strategy_id"))
	StrategySignals = NewTable[blotter.StrategySignal]("strategy_engine.strategy_signals", Key("signal_id"),
		References("strategy_engine.strategies", "strategy_id"))
	RiskLimits = NewTable[blotter.RiskLimit]("risk_management.risk_limits", Key("account_id", "limit_type"),
		References("execution.accounts", "account_id"))
	RiskEvents = NewTable[blotter.RiskEvent]("risk_management.risk_events", Key("account_id", "event_id"),
		References("execution.accounts", "account_id"))
)
