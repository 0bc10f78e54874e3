package audience

import (
	"context"
	"errors"

	"tidings/internal/campaign"
)

// Candidates are the occurrences of c's trigger that could first be decided in
// (w.From, w.To], each judged as of its own moment: not cancelled by then,
// matching the trigger's where, in the audience and holding enter_when. They
// come in the order of admission.
func (e *Evaluator) Candidates(ctx context.Context, q Querier, c *campaign.Campaign, w Window) ([]campaign.Candidate, error) {
	return nil, errors.ErrUnsupported
}

// Cursor marks what is visible now, for Window.Cursor of the next evaluation.
// Read it before evaluating, so that what commits meanwhile is read twice
// rather than never.
func (e *Evaluator) Cursor(ctx context.Context, q Querier) (string, error) {
	return "", errors.ErrUnsupported
}
