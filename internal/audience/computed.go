package audience

import (
	"fmt"

	"tidings/internal/campaign"
)

// computed tests an attribute that is worked out from the customer's history.
func (b *builder) computed(c campaign.Computed, t campaign.Test) (string, error) {
	return "", fmt.Errorf("compile condition: attribute %s cannot be worked out", c.Name)
}
