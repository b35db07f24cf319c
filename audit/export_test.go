package audit

import (
	"encoding/hex"

	"github.com/blotterdb/blotter"
)

// SealBatch seals one batch and reports whether more may be due.
var SealBatch = sealBatch

// Digest returns an entry's digest in hexadecimal.
func Digest(e blotter.AuditEntry) (string, error) {
	d, err := digestEntry(&e)
	return hex.EncodeToString(d[:]), err
}
