package embedded

import (
	"context"
	"errors"
	"fmt"
)

// withCause adds the end of the context as a second cause to the error of a call, so that errors.Is finds
// context.Canceled or context.DeadlineExceeded even if an interrupted program returned an error of its own.
func withCause(ctx context.Context, err error) error {
	end := ctx.Err()
	if err == nil || end == nil || errors.Is(err, end) {
		return err
	}

	return fmt.Errorf("%w (%w)", err, end)
}
