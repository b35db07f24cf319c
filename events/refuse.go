package events

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// Refusal is an event that a handler does not apply, and why.
type Refusal struct {
	Event  blotter.Event
	Reason error
}

// Refuse records, in the transaction of a handler, events that it will never apply because their content is wrong. They
// are stored in events.dead_letter with the reason, and later events of their keys are applied. An event that the
// handler should apply and cannot is not refused: return its error.
func Refuse(ctx context.Context, tx *postgres.Tx, consumer string, refused ...Refusal) error {
	var letters deadLetters
	for i := range refused {
		letters.add(&refused[i].Event, fmt.Sprintf("refused: %.*s", deadErrorMax, refused[i].Reason))
	}
	return letters.store(ctx, tx, consumer, true)
}
