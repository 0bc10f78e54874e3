package schema

import (
	"slices"

	"tidings/internal/campaign"
)

// eventNames are the events that an editor offers: those of the Segment
// e-commerce specification (segment.com/docs/connections/spec/ecommerce/v2) that
// shops send, and Tidings' own.
func eventNames() []string {
	return []string{
		campaign.OrderCompleted, campaign.OrderRefunded, campaign.OrderCancelled, "Order Updated", "Order Delivered",
		campaign.ProductViewed, campaign.ProductAdded, campaign.ProductRemoved, campaign.CartViewed, campaign.CheckoutStarted,
		campaign.ProductReviewed, campaign.BackInStockRequested, campaign.PriceDropRequested,
		campaign.Subscribed, campaign.Unsubscribed, campaign.EmailSent, campaign.EmailOpened, campaign.EmailClicked,
	}
}

// attributeNames are the attributes that every workspace has: what an import or
// an identify call usually tells, and what is worked out from the history.
func attributeNames() []string {
	return slices.Concat(toldTexts(), []string{"created_at", "tier"}, computedNames())
}

// toldTexts are those attributes that are told, and are texts.
func toldTexts() []string {
	return []string{"email", "first_name", "last_name", "locale", "timezone", "country"}
}

func computedNames() []string { return (&campaign.Workspace{}).ComputedNames() }
