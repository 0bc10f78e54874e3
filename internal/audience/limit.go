package audience

import (
	"fmt"

	"tidings/internal/campaign"
)

// limited holds for the first of a segment's members, as of the day's start.
func (b *builder) limited(s *campaign.Segment) (string, error) {
	return "", fmt.Errorf("compile condition: segment %s cannot be limited", s.Name)
}
