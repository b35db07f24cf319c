package maintenance

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter"
)

// verify verifies the book of every account. It fails if a value disagrees with its trades.
func (r *Runner) verify(ctx context.Context, task *Task) (Figures, error) {
	if task.DryRun {
		task.Say("verify   every position and order against its trades")
		return Figures{}, nil
	}

	db, done, err := r.cfg.OpenBook(ctx)
	if err != nil {
		return nil, err
	}
	defer done()

	v, err := db.Verify(blotter.WithAllAccounts(ctx))
	if err != nil {
		return nil, err
	}

	wrong := int64(len(v.Mismatches)) + v.More
	figures := Figures{"positions": v.Positions, "orders": v.Orders, "trades": v.Trades, "mismatches": wrong}
	if wrong > 0 {
		return figures, &blotter.Error{
			Kind: blotter.ErrIntegrity,
			Message: fmt.Sprintf("%d values disagree with their trades; the first: %s; blotter verify lists them",
				wrong, v.Mismatches[0]),
		}
	}

	return figures, nil
}
