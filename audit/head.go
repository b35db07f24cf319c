package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/fileerror"
	"github.com/blotterdb/blotter/postgres"
)

// Head is the end of the chain at a time. With a head from before, Verify detects a rewritten or truncated chain. A
// head reveals nothing of the entries.
type Head struct {
	Seal     int64     `json:"seal"`   // the last one
	Number   int64     `json:"number"` // of its last entry
	Head     string    `json:"head"`   // in hexadecimal
	SealedAt time.Time `json:"sealed_at"`
}

const sqlHead = `
select seal, first_number + cardinality(ids) - 1, head, sealed_at from shared.audit_seals order by seal desc limit 1`

// LastHead returns the end of the chain. ErrNotFound: nothing is sealed yet.
func LastHead(ctx context.Context, db *postgres.DB) (h Head, err error) {
	ctx = blotter.WithAllAccounts(ctx)
	var head []byte
	err = db.ReadOnly(ctx, func(s *postgres.Session) error {
		return s.QueryRow(ctx, sqlHead).Scan(&h.Seal, &h.Number, &head, &h.SealedAt)
	}, postgres.Primary)
	if errors.Is(err, blotter.ErrNotFound) {
		return h, &blotter.Error{
			Op: "read the head", Kind: blotter.ErrNotFound,
			Message: "nothing is sealed yet; run blotter audit seal", Err: err,
		}
	}

	h.Head = hex.EncodeToString(head)
	h.SealedAt = h.SealedAt.UTC()
	return h, err
}

// same reports whether two heads describe the same end of a chain.
func (h Head) same(o Head) bool { return h.Seal == o.Seal && h.Number == o.Number && h.Head == o.Head }

// ExportHead adds the end of the chain to the file, if the last head in the file is on the chain, and returns it.
//
// ErrInvalid: the file contains something other than heads. ErrConflict: its last head is not on the chain.
// ErrNotFound: nothing is sealed yet.
func ExportHead(ctx context.Context, db *postgres.DB, path string) (Head, error) {
	heads, err := headsIn(path)
	if err == nil && len(heads) > 0 {
		err = onChain(ctx, db, path, heads[len(heads)-1])
	}
	if err != nil {
		return Head{}, err
	}
	h, err := LastHead(ctx, db)
	if err == nil {
		err = WriteHead(path, h)
	}
	return h, err
}

const sqlOnChain = `
select exists (select from shared.audit_seals where seal = $1 and first_number + cardinality(ids) - 1 = $2
    and encode(head, 'hex') = $3)`

// onChain refuses a head of the file that is not on the current chain.
func onChain(ctx context.Context, db *postgres.DB, path string, h Head) error {
	ctx = blotter.WithAllAccounts(ctx)
	var there bool
	err := db.ReadOnly(ctx, func(s *postgres.Session) error {
		return s.QueryRow(ctx, sqlOnChain, h.Seal, h.Number, h.Head).Scan(&there)
	}, postgres.Primary)
	if err == nil && !there {
		err = &blotter.Error{
			Op: "export the head", Kind: blotter.ErrConflict,
			Message: fmt.Sprintf(
				"the last head in %s (seal %d, entry %d) is not on the chain, which was rewritten or truncated; "+
					"nothing was added; blotter audit verify --heads says more", path, h.Seal, h.Number),
		}
	}

	return err
}

// WriteHead adds a head to the file as a line of JSON. It creates a missing file, and lets only the owner read and
// write it. ErrInvalid: the file contains something other than heads.
func WriteHead(path string, h Head) error {
	if _, err := headsIn(path); err != nil {
		return err
	}

	line, err := json.Marshal(h)
	if err != nil {
		return fileError(path, err)
	}

	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fileError(path, err)
	}

	err = file.Chmod(0o600)
	if err == nil {
		_, err = file.Write(append(line, '\n'))
	}
	if err == nil {
		err = file.Sync()
	}

	return fileError(path, errors.Join(err, file.Close()))
}

// ReadHeads reads the heads that WriteHead wrote. ErrInvalid: a line is not a head, or there are none.
func ReadHeads(path string) ([]Head, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	heads, err := parseHeads(path, text)
	if err == nil && len(heads) == 0 {
		err = blotter.Invalid("heads", path, "a file that blotter audit export-head wrote")
	}
	return heads, err
}

// headsIn reads the heads of a file to which one will be added. A missing file, or one that is not regular, has none.
func headsIn(path string) ([]Head, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil, nil
	}
	if err != nil {
		return nil, fileError(path, err)
	}

	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fileError(path, err)
	}

	heads, err := parseHeads(path, text)
	if err == nil && len(heads) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		err = blotter.Invalid("heads", path, "a file whose last line ends")
	}

	return heads, err
}

func parseHeads(path string, text []byte) (heads []Head, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var h Head
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil || h.Seal < 1 || len(h.Head) != 2*len(digest{}) {
			return nil, blotter.Invalid("heads", fmt.Sprintf("%s, line %d", path, n),
				"a line that blotter audit export-head wrote")
		}
		heads = append(heads, h)
	}
	return heads, fileError(path, lines.Err())
}

func fileError(path string, err error) error {
	if err == nil {
		return nil
	}
	return &blotter.Error{
		Kind: blotter.ErrOperational, Err: err,
		Message: fmt.Sprintf("the file of heads %s: %s", path, fileerror.Text(err)),
	}
}
