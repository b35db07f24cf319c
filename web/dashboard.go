package web

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
)

// Config configures a Dashboard. Only DB is required.
type Config struct {
	// DB is the database.
	DB *postgres.DB
	// Account restricts whoever opens the one-time link to this account. Default: all accounts.
	Account string

	// SignIn asks users for their names and passwords. Default: whoever opens the one-time link may look, which is for
	// loopback addresses only.
	SignIn bool
	// Secure says that browsers reach the dashboard by HTTPS, so that cookies are sent by HTTPS only.
	Secure bool
	// BehindProxy says that a proxy of the operator passes requests on: the address of the client is the last one in
	// X-Forwarded-For.
	BehindProxy bool
	// TrustHeader is the header in which the proxy names the user that it has signed in. Requires BehindProxy. Default
	// none.
	TrustHeader string

	// Checks are run at most once a minute, while somebody looks, unless Sight is set.
	Checks []monitor.Check
	// Sight returns the last results of checks that run anyway. Default none.
	Sight func() monitor.Sight

	// OnLink is called with the path of the next one-time link when the last one was used. Default none.
	OnLink func(path string)
	// Version of the program, for the foot of the pages.
	Version string
	// Clock returns the present time. Default time.Now.
	Clock func() time.Time
	// Logger logs failures. Default slog.Default().
	Logger *slog.Logger
}

// Dashboard serves the pages. Create it with New.
type Dashboard struct {
	cfg       Config
	db        *postgres.DB
	log       *slog.Logger
	pages     *pages
	health    *healthKeeper
	live      *live
	sessions  *sessions
	accounts  *accountList
	limits    *limits
	lag       *lagHistory
	analytics analyticsKeeper
}

// New returns a dashboard. It starts nothing; Start does.
func New(cfg Config) (*Dashboard, error) {
	if cfg.DB == nil {
		return nil, blotter.Invalid("Config.DB", nil, "a database")
	}
	if cfg.TrustHeader != "" && !cfg.BehindProxy {
		return nil, blotter.Invalid("Config.TrustHeader", cfg.TrustHeader, "nothing without BehindProxy")
	}
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}

	parsed, err := parsePages()
	if err != nil {
		return nil, err
	}
	d := &Dashboard{cfg: cfg, db: cfg.DB, log: cfg.Logger, pages: parsed}
	d.health = newHealthKeeper(cfg)
	d.lag = &lagHistory{clock: cfg.Clock}
	d.live = newLive(d)
	d.sessions = newSessions(cfg)
	d.accounts = &accountList{db: cfg.DB, clock: cfg.Clock}
	d.limits = newLimits()
	return d, nil
}

// Start starts to follow changes of the database while somebody looks.
func (d *Dashboard) Start(ctx context.Context) error {
	return d.live.runner.Start(ctx, nil, d.live.run)
}

// Stop ends the live updates.
func (d *Dashboard) Stop(ctx context.Context) error { return d.live.runner.Stop(ctx) }

// DB returns the database that the dashboard shows.
func (d *Dashboard) DB() *postgres.DB { return d.db }

// Link returns the path of the one-time link, or "" if users sign in.
func (d *Dashboard) Link() string {
	if d.cfg.SignIn {
		return ""
	}
	return d.sessions.link()
}

// Handler returns the handler of all pages. The server that runs it checks the Host header.
func (d *Dashboard) Handler() http.Handler {
	mux := http.NewServeMux()
	page := func(pattern string, show pageFunc) { mux.HandleFunc("GET "+pattern, d.page(show)) }
	operator := func(pattern string, show pageFunc) { mux.HandleFunc("GET "+pattern, d.page(operatorOnly(show))) }

	page("/{$}", d.overview)
	page("/positions", d.positions)
	page("/position", d.position)
	page("/orders", d.orders)
	page("/order", d.order)
	page("/trades", d.trades)
	page("/trade", d.trade)
	page("/performance", d.performance)
	page("/market", d.market)
	page("/symbol", d.symbol)
	operator("/pipeline", d.pipeline)
	operator("/database", d.database)
	page("/audit", d.audit)
	page("/search", d.search)

	mux.HandleFunc("GET /positions.csv", d.download(positionsCSV))
	mux.HandleFunc("GET /orders.csv", d.download(ordersCSV))
	mux.HandleFunc("GET /trades.csv", d.download(tradesCSV))
	mux.HandleFunc("GET /audit.csv", d.download(auditCSV))

	mux.HandleFunc("GET /live", d.serveLive)
	mux.HandleFunc("GET /open", d.openLink)
	mux.HandleFunc("GET /login", d.loginPage)
	mux.HandleFunc("POST /login", d.login)
	mux.HandleFunc("POST /logout", d.logout)
	mux.HandleFunc("GET /assets/{name}", d.asset)
	mux.HandleFunc("/", d.notFound)

	return d.limits.wrap(d, secureHeaders(crossOrigin(mux)))
}
