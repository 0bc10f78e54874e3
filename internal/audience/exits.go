package audience

import (
	"context"
	"errors"

	"tidings/internal/campaign"
)

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
