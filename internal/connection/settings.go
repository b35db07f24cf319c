package connection

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// connectTimeoutDefault applies if the URL has no connect_timeout.
const connectTimeoutDefault = 10 * time.Second

// Settings are the choices of a caller for its connections. A negative timeout means no limit.
type Settings struct {
	Service                  string // the application_name
	SynchronousCommit        string // "" leaves it to the URL and the server
	StatementTimeout         time.Duration
	LockTimeout              time.Duration
	IdleInTransactionTimeout time.Duration
}

// Prepare sets the start-up parameters of a connection that acts as the role.
func Prepare(cc *pgx.ConnConfig, s Settings, r Role) {
	surviveLogin(cc)

	params := cc.RuntimeParams
	params["role"] = string(r)
	params["application_name"] = s.Service
	params["client_encoding"] = "UTF8" // Go's; the default is the database's own
	params["timezone"] = "UTC"
	params["jit"] = "off" // compiling costs more than it saves on queries over many partitions (40 ms became 6)
	// In a table of 6 million bars, a month is read by the key in its order (1.5 ms). The default, made for spinning
	// disks, prefers a bitmap and a sort (4 ms).
	params["random_page_cost"] = "1.1"
	if s.SynchronousCommit != "" {
		params["synchronous_commit"] = s.SynchronousCommit
	}
	params["statement_timeout"] = Milliseconds(s.StatementTimeout)
	params["lock_timeout"] = Milliseconds(s.LockTimeout)
	params["idle_in_transaction_session_timeout"] = Milliseconds(s.IdleInTransactionTimeout)

	if cc.ConnectTimeout == 0 {
		cc.ConnectTimeout = connectTimeoutDefault
	}
	cc.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler { return &canceller{conn: c} }
}

// Milliseconds returns d as the value of a timeout setting; a negative d gives 0, the value for no limit.
func Milliseconds(d time.Duration) string {
	return fmt.Sprint(max(0, d.Milliseconds()))
}
