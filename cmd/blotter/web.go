package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/web"
	"github.com/spf13/cobra"
)

const webDefault = "127.0.0.1:8080"

// webOptions are the flags of the dashboard.
type webOptions struct {
	address     string // "" for no dashboard
	hosts       []string
	certFile    string
	keyFile     string
	behindProxy bool
	trustHeader string
}

func (o *webOptions) add(cmd *cobra.Command, standard string) {
	flags := cmd.Flags()
	usage := "`address` of the dashboard: HOST:PORT, or unix:PATH"
	if standard == "" {
		usage += " (default: none)"
	}
	flags.StringVar(&o.address, "http", standard, usage)
	flags.StringVar(&o.certFile, "tls-cert", "", "`file` with the certificate of the dashboard")
	flags.StringVar(&o.keyFile, "tls-key", "", "`file` with the key of the certificate")
	flags.BoolVar(&o.behindProxy, "behind-proxy", false, "a proxy with TLS passes requests to the dashboard")
	flags.StringVar(&o.trustHeader, "trust-header", "", "`name` of the header in which the proxy names the user")
}

// check returns an error for flags that would open the dashboard to others without TLS and names.
func (o *webOptions) check() error {
	if o.address == "" {
		if o.certFile != "" || o.keyFile != "" || o.behindProxy || o.trustHeader != "" {
			return usagef("--tls-cert, --tls-key, --behind-proxy and --trust-header are for a dashboard: give " +
				"--http too")
		}
		return nil
	}

	isUnix := strings.HasPrefix(o.address, "unix:")
	if _, _, err := net.SplitHostPort(o.address); err != nil && !isUnix {
		return usagef("invalid --http %q: want an address, such as %s, or unix:PATH", o.address, webDefault)
	}
	switch {
	case (o.certFile == "") != (o.keyFile == ""):
		return usagef("--tls-cert and --tls-key need each other")
	case o.trustHeader != "" && !o.behindProxy:
		return usagef("--trust-header is for a dashboard behind a proxy: give --behind-proxy too")
	case o.trustHeader != "" && !web.IsLoopback(o.address):
		return usagef("--trust-header is believed from whoever reaches --http %s: listen on a loopback address or a "+
			"socket, which only the proxy reaches", o.address)
	case !web.IsLoopback(o.address) && o.certFile == "" && !o.behindProxy:
		return usagef("other machines reach --http %s: give --tls-cert and --tls-key, or --behind-proxy "+
			"if a proxy with TLS is in front of it", o.address)
	}
	return checkHostNames(o.hosts)
}

// asksForNames reports whether users sign in. Otherwise a one-time link is printed.
func (o *webOptions) asksForNames() bool {
	return o.behindProxy || o.certFile != "" || !web.IsLoopback(o.address)
}

// dashboard is a dashboard and its server.
type dashboard struct {
	*web.Server
	pages *web.Dashboard
	out   io.Writer // for the links
}

// newDashboard returns the dashboard of a database. Its link shows the account, or all accounts.
func newDashboard(
	db *postgres.DB, o webOptions, account string, out io.Writer, log *slog.Logger, sight func() monitor.Sight,
) (*dashboard, error) {
	d := &dashboard{out: out}
	var err error
	d.pages, err = web.New(web.Config{
		DB: db, Account: account, SignIn: o.asksForNames(), Secure: o.behindProxy || o.certFile != "",
		BehindProxy: o.behindProxy, TrustHeader: o.trustHeader, Checks: doctorChecks(monitor.Thresholds{}),
		Sight:   sight,
		OnLink:  func(path string) { d.printLink("opened; the next link is", path) },
		Version: version(), Logger: log,
	})
	if err != nil {
		return nil, err
	}

	d.Server = web.NewServer(d.pages, web.ServerConfig{
		Address: o.address, Hosts: o.hosts, CertFile: o.certFile, KeyFile: o.keyFile, Logger: log,
	})

	return d, nil
}

// Start starts to listen, and prints how to open the dashboard.
func (d *dashboard) Start(ctx context.Context) error {
	if err := d.Server.Start(ctx); err != nil {
		return err
	}
	if path := d.pages.Link(); path != "" {
		d.printLink("dashboard", path)
		return nil
	}
	users, err := web.Users(ctx, d.pages.DB())
	if err == nil && len(users) == 0 {
		fmt.Fprintln(d.out, "dashboard: nobody can sign in yet; add a user with blotter users add NAME --accounts all")
	}
	return err
}

// printLink prints a one-time link. It goes to the terminal and never to the log, because it signs its reader in.
func (d *dashboard) printLink(what, path string) {
	url := d.URL()
	if url == "" {
		url = "http://localhost"
	}
	fmt.Fprintf(d.out, "%s: %s\n", what, term.Printable(url+path))
}

func webCommand(set *settings) *cobra.Command {
	var opts webOptions
	cmd := &cobra.Command{
		Use:   "web",
		Short: "Serve the dashboard",
		Long: `Serve the dashboard until it is interrupted: what you own and made, positions
with their bars and fills, orders and trades with filters and downloads,
performance, market data, and the health of the database. It reads and never
writes to the book. blotter serve --http serves it beside the daemon's services.

On a loopback address, a one-time link is printed that signs a browser in. On
any other address users sign in (blotter users add), and it takes TLS:
--tls-cert and --tls-key, or --behind-proxy. With --account, whoever opens the
link sees that account only.`,
		Example: `  blotter web
  blotter web --http 127.0.0.1:9000 --account ACC123
  blotter web --http 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.check(); err != nil {
				return err
			}

			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}

			defer db.Close()

			return serveDashboard(cmd.Context(), set, db.DB, opts, set.account, cmd.OutOrStdout())
		},
	}

	opts.add(cmd, webDefault)
	cmd.Flags().StringSliceVar(&opts.hosts, "http-host", nil,
		"`name` under which the dashboard is requested, besides localhost and that of this machine; may be repeated")

	return cmd
}

// serveDashboard serves the dashboard until ctx ends.
func serveDashboard(
	ctx context.Context, set *settings, db *postgres.DB, opts webOptions, account string, out io.Writer,
) error {
	d, err := newDashboard(db, opts, account, out, set.logger(), nil)
	if err != nil {
		return err
	}
	if err := d.Start(ctx); err != nil {
		return err
	}
	fmt.Fprintln(out, "press Ctrl-C to end it")
	<-ctx.Done()

	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	return d.Stop(end)
}
