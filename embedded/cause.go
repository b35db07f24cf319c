package embedded

import (
	"context"
	"errors"
	"fmt"
)

// withCause returns the error of a call whose context has ended with that as a second cause: errors.Is finds
// context.Canceled or context.DeadlineExceeded, also where a program that was cut short only said so in its own words.
func withCause(ctx context.Context, err error) error {
	end := ctx.Err()
	if err == nil || end == nil || errors.Is(err, end) {
		return err
	}

	return fmt.Errorf("%w (%w)", err, end)
}
