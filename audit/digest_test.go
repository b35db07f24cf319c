package audit_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/audit"
)

var entry = blotter.AuditEntry{
	ID: 7, AccountID: "A1", Login: "blotter_app", Role: "trading_app", UserID: "ann",
	TableName: "execution.orders", Operation: "UPDATE",
	Key:           json.RawMessage(`{"order_id": "O1", "account_id": "A1"}`),
	Old:           json.RawMessage(`{"price": 1.50, "tags": ["a", null, true]}`),
	New:           json.RawMessage(`{"price": 1.5, "tags": []}`),
	CorrelationID: "c", XID: 1 << 40, Timestamp: time.Date(2026, 11, 24, 12, 0, 0, 123456000, time.UTC),
}

func digestOf(t *testing.T, e blotter.AuditEntry) string {
	t.Helper()
	d, err := audit.Digest(e)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The rules may not change: what was sealed must verify for as long as it is kept.
func TestDigestIsFixed(t *testing.T) {
	t.Parallel()
	const want = "fd4d4fc0de32ddad58418aa81a399f628d36c83c721318faa1a6fd7dcfb1407c"
	if got := digestOf(t, entry); got != want {
		t.Errorf("the digest is %s, want %s", got, want)
	}
}

// Spelling does not matter, content does.
func TestDigestIsOfContent(t *testing.T) {
	t.Parallel()

	want := digestOf(t, entry)
	spelled := entry
	spelled.Key = json.RawMessage(`{"account_id":"\u00411", "order_id":"O1"}`)
	spelled.Timestamp = entry.Timestamp.In(time.FixedZone("elsewhere", -5*3600)).Add(789)
	if digestOf(t, spelled) != want {
		t.Error("another spelling, zone and part of a microsecond have another digest")
	}

	seen := map[string]string{want: "the entry"}
	v := reflect.TypeOf(entry)
	for i := range v.NumField() {
		changed := entry
		f := reflect.ValueOf(&changed).Elem().Field(i)
		switch value := f.Interface().(type) {
		case string:
			f.SetString(value + "x")
		case int64:
			f.SetInt(value + 1)
		case uint64:
			f.SetUint(value + 1)
		case time.Time:
			f.Set(reflect.ValueOf(value.Add(time.Microsecond)))
		case json.RawMessage:
			f.Set(reflect.ValueOf(json.RawMessage(`{"other": 1}`)))
		default:
			t.Fatalf("field %s is of a kind that this test does not know", v.Field(i).Name)
		}
		d := digestOf(t, changed)
		if seen[d] != "" {
			t.Errorf("another %s has the digest of %s", v.Field(i).Name, seen[d])
		}
		seen[d] = v.Field(i).Name
	}

	for _, key := range []string{
		"", "null", `""`, `"null"`, `0`, `0.0`, `false`, `[]`, `{}`, `[{}]`, `{"a": "b"}`,
		`["a", "b"]`, `{"ab": ""}`, `{"a": ["b"]}`, `[["a"], "b"]`, `[["a", "b"]]`,
	} {
		changed := entry
		changed.Key = json.RawMessage(key)
		if key == "" {
			changed.Key = nil
		}
		d := digestOf(t, changed)
		if seen[d] != "" {
			t.Errorf("key %q has the digest of %s", key, seen[d])
		}
		seen[d] = "key " + key
	}

	moved := entry // a text does not run over into the next
	moved.Login, moved.Role = "blotter_apptrading", "_app"
	if digestOf(t, moved) == want {
		t.Error("fields run into each other")
	}

	changed := entry
	changed.Key = json.RawMessage(`{`)
	if _, err := audit.Digest(changed); err == nil {
		t.Error("what is no JSON has a digest")
	}
}
