package blotter

import "time"

// ImportState says how far an import has come.
type ImportState string

// The import states.
const (
	ImportRunning ImportState = "running" // or interrupted: the same command goes on
	ImportDone    ImportState = "done"
	ImportUndone  ImportState = "undone" // its trades were removed
)

// Import is the reading of one file's fills into one account. Its key is (AccountID, ID). Account, Digest and Source make
// its identity: the same content is one import, under whatever name it comes, until it is undone.
type Import struct {
	AccountID  string            `db:"account_id"`
	ID         int64             `db:"id,generated"`
	File       string            `db:"file"`   // the name under which the content came first
	Source     string            `db:"source"` // the file's own account whose fills were taken, where one was chosen
	Digest     []byte            `db:"digest"` // SHA-256 of the content
	Layout     string            `db:"layout"`
	Options    map[string]string `db:"options"` // those that decide what is booked, by the names of their flags
	State      ImportState       `db:"state,omitzero"`
	UserID     string            `db:"user_id,generated"` // who began it
	Login      string            `db:"login,generated"`
	StartedAt  time.Time         `db:"started_at,generated"`
	FinishedAt *time.Time        `db:"finished_at"` // of the last run; nil while none has finished
	UndoneAt   *time.Time        `db:"undone_at"`
	UndoneBy   string            `db:"undone_by"`

	ImportCounts
}

// ImportCounts says what became of the rows of a file. Rows is the sum of the others.
type ImportCounts struct {
	Rows       int64 `db:"rows"`
	Booked     int64 `db:"booked"`     // by this import, in all its runs
	Duplicates int64 `db:"duplicates"` // booked before by others
	Conflicts  int64 `db:"conflicts"`  // booked before with other content
	Rejected   int64 `db:"rejected"`   // neither read nor booked
	LeftOut    int64 `db:"left_out"`   // not fills, or not of the account
}
