package blotter

import "time"

// ImportState is the state of an import.
type ImportState string

// The import states.
const (
	ImportRunning ImportState = "running" // or interrupted; the same command continues it
	ImportDone    ImportState = "done"
	ImportUndone  ImportState = "undone" // its trades were removed
)

// Import is the import of one file of fills into one account. Its key is (AccountID, ID). Account, Digest and Source
// identify it: the same content is one import, whatever the name of its file, until it is undone.
type Import struct {
	AccountID  string            `db:"account_id"`
	ID         int64             `db:"id,generated"`
	File       string            `db:"file"`   // the first name of the content
	Source     string            `db:"source"` // the account in the file, if one of several was chosen
	Digest     []byte            `db:"digest"` // SHA-256 of the content
	Layout     string            `db:"layout"`
	Options    map[string]string `db:"options"` // by the names of their flags, those that decide what is booked
	State      ImportState       `db:"state,omitzero"`
	UserID     string            `db:"user_id,generated"` // who began it
	Login      string            `db:"login,generated"`
	StartedAt  time.Time         `db:"started_at,generated"`
	FinishedAt *time.Time        `db:"finished_at"` // end of the last run; nil until one has ended
	UndoneAt   *time.Time        `db:"undone_at"`
	UndoneBy   string            `db:"undone_by"`

	ImportCounts
}

// ImportCounts counts the rows of a file by what became of them. Rows is the sum of the others.
type ImportCounts struct {
	Rows       int64 `db:"rows"`
	Booked     int64 `db:"booked"`     // by this import, in all its runs
	Duplicates int64 `db:"duplicates"` // booked before by others
	Conflicts  int64 `db:"conflicts"`  // booked before with other content
	Rejected   int64 `db:"rejected"`   // neither read nor booked
	LeftOut    int64 `db:"left_out"`   // not fills, or not of the account
}
