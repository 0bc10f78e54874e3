package audience

import (
	"fmt"

	"tidings/internal/campaign"
)

// sample holds for the customers whose draw lies below the share.
func (b *builder) sample(s campaign.Sample) (string, error) {
	return "", fmt.Errorf("compile condition: no sample of %v can be drawn", s.Share)
}
