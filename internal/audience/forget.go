package audience

import (
	"context"
	"fmt"

	"tidings/internal/campaign"
)

// Forget drops what is kept that a customer's facts helped to work out and that
// does not go with the customer's row: the usual gaps of the products that the
// customer bought, and what ranks people against each other. Both are worked out
// anew from what is left. It is for the transaction that erases the customer, before
// the row goes; what bears the customer's own id goes with it.
func (e Engine) Forget(ctx context.Context, x Execer, customer int64) error {
	if _, err := x.ExecContext(ctx, `DELETE FROM usual_gaps WHERE product IN (SELECT p.product FROM purchases p WHERE p.customer_id = $1)`, customer); err != nil {
		return fmt.Errorf("forget usual gaps: %w", err)
	}
	return e.Unrank(ctx, x, campaign.FromMicros(0))
}
