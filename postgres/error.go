package postgres

import (
	"context"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
)

// translate returns err as a *blotter.Error; see pgerror.Translate.
func translate(ctx context.Context, op string, err error) error {
	return pgerror.Translate(ctx, op, err)
}

// programming returns the error of a caller that uses the package wrongly.
func programming(message string) *blotter.Error {
	return &blotter.Error{Kind: blotter.ErrProgramming, Message: message}
}
