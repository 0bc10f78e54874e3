package store

import (
	"context"
	"time"

	"tidings/internal/campaign"
)

// WhyUnreachable is why no mail of a topic may go to a customer as of a moment.
func WhyUnreachable(ctx context.Context, s *Store, externalID, topic string, at time.Time) (why string, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT `+reachable("$2", "$3")+` FROM customers c WHERE c.external_id = $1`,
		externalID, topic, campaign.Micros(at)).Scan(&why)
	return why, err
}
