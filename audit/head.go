package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// Head is the end of the chain at a time: whoever has it can tell later whether the chain was made anew or cut off. It
// says nothing of what was recorded.
type Head struct {
	Seal     int64     `json:"seal"`   // the last one
	Number   int64     `json:"number"` // of its last entry
	Head     string    `json:"head"`   // in hexadecimal
	SealedAt time.Time `json:"sealed_at"`
}

const sqlHead = `
select seal, first_number + cardinality(ids) - 1, head, sealed_at from shared.audit_seals order by seal desc limit 1`

// LastHead is the end of the chain. ErrNotFound where nothing is sealed yet.
func LastHead(ctx context.Context, db *postgres.DB) (h Head, err error) {
	ctx = blotter.WithAllAccounts(ctx)
	var head []byte
	err = db.ReadOnly(ctx, func(s *postgres.Session) error {
		return s.QueryRow(ctx, sqlHead).Scan(&h.Seal, &h.Number, &head, &h.SealedAt)
	})
	if errors.Is(err, blotter.ErrNotFound) {
		return h, &blotter.Error{Op: "read the head", Kind: blotter.ErrNotFound, Message: "nothing is sealed yet; run blotter audit seal", Err: err}
	}
	h.Head, h.SealedAt = hex.EncodeToString(head), h.SealedAt.UTC()
	return h, err
}

// WriteHead adds a head to the file as a line of JSON. The file, which is made where it is not there, can be read and
// written by its owner alone from then on.
func WriteHead(path string, h Head) error {
	line, err := json.Marshal(h)
	if err != nil {
		return fileError(err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fileError(err)
	}
	err = file.Chmod(0o600)
	if err == nil {
		_, err = file.Write(append(line, '\n'))
	}
	if err == nil {
		err = file.Sync()
	}
	return fileError(errors.Join(err, file.Close()))
}

// ReadHeads reads the heads that WriteHead wrote. Errors: ErrInvalid for a line that is none, and a file without any.
func ReadHeads(path string) ([]Head, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fileError(err)
	}
	var heads []Head
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var h Head
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil || h.Seal < 1 || len(h.Head) != 2*len(digest{}) {
			return nil, blotter.Invalid("heads", fmt.Sprintf("%s, line %d", path, n), "a line that blotter audit export-head wrote")
		}
		heads = append(heads, h)
	}
	if err := lines.Err(); err != nil {
		return nil, fileError(err)
	}
	if len(heads) == 0 {
		return nil, blotter.Invalid("heads", path, "a file that blotter audit export-head wrote")
	}
	return heads, nil
}

func fileError(err error) error {
	if err == nil {
		return nil
	}
	return &blotter.Error{Kind: blotter.ErrOperational, Message: "the file of heads: " + err.Error(), Err: err}
}
