package postgres

// TxOption changes how Transaction runs: Isolation, MaxRetries, Unlogged, Audited.
type TxOption interface{ setTx(o *options) }

// BeginOption changes how Begin starts a transaction: Isolation, Unlogged, Audited.
type BeginOption interface {
	TxOption
	setBegin()
}

// ReadOption changes how ReadOnly runs: Snapshot, Primary, PrimaryOnly, Isolation, Unlogged, Audited.
type ReadOption interface{ setRead(o *options) }

// SessionOption is an option of Transaction, Begin and ReadOnly alike.
type SessionOption interface {
	BeginOption
	ReadOption
}

// options collects the options of one session.
type options struct {
	isolation  Isolation
	maxRetries int
	access     *Access // to record before the session begins
	unlogged   bool
	primary    primaryNeed
}

// begin returns the BEGIN of a transaction with the options.
func (o options) begin() string {
	if o.isolation == "" {
		return "begin"
	}
	return "begin isolation level " + string(o.isolation)
}

// Isolation is the isolation level of a transaction (PostgreSQL documentation, chapter 13.2). The default is
// ReadCommitted. For ReadOnly, it puts all queries of the session into one read-only transaction.
type Isolation string

// The isolation levels. ReadUncommitted is the same as ReadCommitted in PostgreSQL.
const (
	ReadUncommitted Isolation = "read uncommitted"
	ReadCommitted   Isolation = "read committed"
	RepeatableRead  Isolation = "repeatable read"
	Serializable    Isolation = "serializable"
)

func (i Isolation) setTx(o *options)   { o.isolation = i }
func (i Isolation) setRead(o *options) { o.isolation = i }
func (i Isolation) setBegin()          {}

// MaxRetries is how often Transaction runs again after a serialization failure or deadlock; 0 is never. The default is
// Config.MaxRetries.
type MaxRetries int

func (n MaxRetries) setTx(o *options) { o.maxRetries = max(0, int(n)) }

// Logging says whether the failure of a session is logged. The default is to log it.
type Logging bool

// Unlogged suppresses the log line of a failed session. Use it when the caller reports the error.
const Unlogged Logging = false

func (l Logging) setTx(o *options)   { o.unlogged = !bool(l) }
func (l Logging) setRead(o *options) { o.unlogged = !bool(l) }
func (l Logging) setBegin()          {}

// Audited records the access in a transaction of its own before the session begins. If that fails, the session does not
// begin.
func Audited(access Access) SessionOption { return auditOption{&access} }

type auditOption struct{ access *Access }

func (a auditOption) setTx(o *options)   { o.access = a.access }
func (a auditOption) setRead(o *options) { o.access = a.access }
func (a auditOption) setBegin()          {}

// ReadMode says what a read-only session sees.
type ReadMode int

const (
	// Snapshot makes every query of the session see the same instant.
	Snapshot ReadMode = iota + 1

	// Primary makes the session read from the primary, even if ReadOnlyURL or ReporterURL leads to a replica: a
	// replica's snapshot does not say which transactions run, so that what is computed from snapshots is wrong there. A
	// session of all accounts then reads by ServiceURL, in a read-only transaction of trading_service. A session of one
	// account is refused with ErrOperational, and so is any session if the other URL leads to a replica too.
	Primary

	// PrimaryOnly makes the session read from the primary by its own URL. It is refused if that leads to a replica.
	PrimaryOnly
)

func (m ReadMode) setRead(o *options) {
	switch m {
	case Snapshot:
		o.isolation = RepeatableRead
	case Primary:
		o.primary = primaryRerouted
	case PrimaryOnly:
		o.primary = primaryOnly
	}
}

// primaryNeed says whether a session has to read from the primary.
type primaryNeed int

const (
	primaryAny      primaryNeed = iota // any server will do
	primaryRerouted                    // by another URL if need be
	primaryOnly                        // by its own URL
)

func readOptions(opts []ReadOption) options {
	var o options
	for _, opt := range opts {
		opt.setRead(&o)
	}
	return o
}

func (db *DB) txOptions(opts []TxOption) options {
	o := options{maxRetries: max(0, db.cfg.MaxRetries)}
	for _, opt := range opts {
		opt.setTx(&o)
	}
	return o
}

func (db *DB) beginOptions(opts []BeginOption) options {
	var o options
	for _, opt := range opts {
		opt.setTx(&o)
	}
	return o
}
