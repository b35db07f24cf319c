package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
)

// The first field of what is hashed says what it is and which rules made it, so that no entry can pass for a seal.
const (
	entryRules = "blotter audit entry 1"
	sealRules  = "blotter audit seal 1"
	// absent is the length of a field without a value.
	absent = ^uint64(0)
)

type digest = [sha256.Size]byte

// digestEntry returns the digest of an entry. An empty account means no account, because an account id has at least one
// character.
func digestEntry(e *blotter.AuditEntry) (digest, error) {
	b := appendText(make([]byte, 0, 1024), entryRules)
	b = appendNumber(b, e.ID)
	for _, text := range []string{e.AccountID, e.Login, e.Role, e.UserID, e.TableName, e.Operation} {
		b = appendText(b, text)
	}

	for _, value := range []json.RawMessage{e.Key, e.Old, e.New} {
		var err error
		if b, err = appendJSON(b, value); err != nil {
			return digest{}, &blotter.Error{
				Op: fmt.Sprintf("hash entry %d of the audit log", e.ID), Kind: blotter.ErrData,
				Message: err.Error(), Err: err,
			}
		}
	}

	b = appendText(b, e.CorrelationID)
	b = binary.BigEndian.AppendUint64(b, e.XID)
	return sha256.Sum256(appendTime(b, e.Timestamp)), nil
}

// headOf returns the head of a seal: the digest of all of it and of the head before it, which is empty for the first
// seal.
func headOf(s *seal, before []byte) digest {
	b := appendText(make([]byte, 0, 256+64*len(s.ids)), sealRules)
	b = appendText(b, string(before))
	b = appendNumber(appendNumber(b, s.seal), s.firstNumber)
	b = appendNumber(b, int64(len(s.ids)))
	for i, id := range s.ids {
		b = appendTime(appendNumber(b, id), s.times[i])
	}

	b = appendText(b, string(s.digests))
	b = appendText(b, s.after)
	if s.afterAt == nil {
		b = binary.BigEndian.AppendUint64(b, absent)
	} else {
		b = appendTime(appendNumber(b, 8), *s.afterAt)
	}

	b = appendText(b, s.system)
	return sha256.Sum256(appendTime(b, s.sealedAt))
}

func appendNumber(b []byte, n int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(n)) }

// appendTime appends microseconds, the precision of PostgreSQL.
func appendTime(b []byte, t time.Time) []byte { return appendNumber(b, t.UnixMicro()) }

func appendText(b []byte, text string) []byte {
	return append(appendNumber(b, int64(len(text))), text...)
}

// appendJSON appends a JSON value in one spelling, however the server or a client spells it: objects in the order of
// their keys. Numbers keep their digits: 1.0 differs from 1.00. Nil means a missing value, which differs from the value
// null.
func appendJSON(b []byte, raw json.RawMessage) ([]byte, error) {
	if raw == nil {
		return binary.BigEndian.AppendUint64(b, absent), nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return b, err
	}
	return appendValue(b, value), nil
}

// appendValue writes a letter for the kind of the value, then the value.
func appendValue(b []byte, value any) []byte {
	switch v := value.(type) {
	case bool:
		if v {
			return append(b, 't')
		}
		return append(b, 'f')
	case json.Number:
		return appendText(append(b, 'n'), v.String())
	case string:
		return appendText(append(b, 's'), v)
	case []any:
		b = appendNumber(append(b, 'a'), int64(len(v)))
		for _, element := range v {
			b = appendValue(b, element)
		}
		return b
	case map[string]any:
		b = appendNumber(append(b, 'o'), int64(len(v)))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b = appendValue(appendText(b, key), v[key])
		}
		return b
	}

	return append(b, '0') // null
}
