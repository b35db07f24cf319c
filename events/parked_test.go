package events

import (
	"testing"

	"github.com/blotterdb/blotter"
)

// A parked account does not hold up prices of a symbol that has its name, nor does a symbol hold up an account.
func TestParkedKeysAreOfTheirAccount(t *testing.T) {
	t.Parallel()
	for _, parked := range []parkedKey{{"AAPL", "AAPL"}, {"", "AAPL"}} {
		at := &cursor{parked: map[parkedKey]bool{parked: true}}
		other := blotter.Event{Pos: 7, Key: "AAPL"}
		if parked.account == "" {
			other.AccountID = "AAPL"
		}
		live, err := (&Consumer{}).park(t.Context(), nil, at, []blotter.Event{other})
		if err != nil || len(live) != 1 {
			t.Errorf("%+v is parked: %d events of %+v are applied, %v; want 1", parked, len(live), other, err)
		}
	}
}
