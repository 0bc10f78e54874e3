package audience

import (
	"context"
	"errors"
	"time"

	"tidings/internal/campaign"
)

// Holds tells for which passes cond holds, by PassAt.ID; every pass asked for
// is in the answer. c is the campaign whose passes they are, nil for plain
// customers; a nil cond holds for all.
func (e *Evaluator) Holds(ctx context.Context, q Querier, c *campaign.Campaign, cond campaign.Condition, passes []PassAt) (map[int64]bool, error) {
	return nil, errors.ErrUnsupported
}

// HoldsEach judges several conditions in one statement: the answers stand in
// the order of conds.
func (e *Evaluator) HoldsEach(ctx context.Context, q Querier, c *campaign.Campaign, conds []campaign.Condition, passes []PassAt) (map[int64][]bool, error) {
	return nil, errors.ErrUnsupported
}

// Exits tells which of the passes have ended as of their AsOf, by the trigger's
// own cancel or by exit_on, whichever was first. Passes that go on are not in
// the answer.
func (e *Evaluator) Exits(ctx context.Context, q Querier, c *campaign.Campaign, passes []PassAt) (map[int64]Exit, error) {
	return nil, errors.ErrUnsupported
}

// Carts is the content of each pass's cart as of its AsOf, by PassAt.ID. The
// cart is the one that Trigger names by cart_id, else the customer's own.
func (e *Evaluator) Carts(ctx context.Context, q Querier, passes []PassAt) (map[int64]*campaign.Cart, error) {
	return nil, errors.ErrUnsupported
}

// FreshPasses are the running enrollments of a campaign (campaignID is its row)
// whose customer has facts, new in w, that could end the pass or a wait of it.
func (e *Evaluator) FreshPasses(ctx context.Context, q Querier, c *campaign.Campaign, campaignID int64, w Window) ([]int64, error) {
	return nil, errors.ErrUnsupported
}

// Members are the customers for whom cond holds as of asOf, by id.
func (e *Evaluator) Members(ctx context.Context, q Querier, cond campaign.Condition, asOf time.Time) ([]int64, error) {
	return nil, errors.ErrUnsupported
}

// Count is how many Members there are.
func (e *Evaluator) Count(ctx context.Context, q Querier, cond campaign.Condition, asOf time.Time) (int, error) {
	return 0, errors.ErrUnsupported
}
