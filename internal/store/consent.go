package store

import (
	"context"
	"fmt"
)

// WithoutConsent counts customers who have an address and never said yes or no
// to any topic.
func (s *Store) WithoutConsent(ctx context.Context) (n int, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT count(*) FROM customers c WHERE c.email IS NOT NULL AND c.email <> ''
		AND NOT EXISTS (SELECT 1 FROM consents k WHERE k.customer_id = c.id)`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count customers without consent: %w", err)
	}
	return n, nil
}
