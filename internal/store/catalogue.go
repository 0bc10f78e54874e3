package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"tidings/internal/campaign"
	"tidings/internal/intake"
)

// ofCatalogue tells whether an event is about a product and no customer.
func ofCatalogue(e *campaign.Event) bool { return slices.Contains(campaign.CatalogueEvents(), e.Name) }

// acceptCatalogue stores what a call says of products.
func (s *Store) acceptCatalogue(ctx context.Context, tx *sql.Tx, items []intake.Item) error {
	var es []*campaign.Event
	for _, it := range items {
		if it.Event != nil && ofCatalogue(it.Event) {
			es = append(es, it.Event)
		}
	}
	_, err := s.insertCatalogue(ctx, tx, es)
	return err
}

// insertCatalogue stores facts of the catalogue, in order, and returns how many
// were new: one whose uid is known is left out.
func (s *Store) insertCatalogue(ctx context.Context, tx *sql.Tx, es []*campaign.Event) (int, error) {
	if len(es) == 0 {
		return 0, nil
	}
	in := make([][]any, len(es))
	for i, e := range es {
		in[i] = []any{e.UID, e.Name, e.Properties["product_id"], campaign.Micros(e.OccurredAt), campaign.Micros(e.KnownAt), e.Properties}
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO catalogue_events (uid, name, product_id, occurred_at, known_at, properties)
		SELECT x.uid, x.name, x.product_id, x.occurred_at, x.known_at, x.properties FROM `+
		s.rows("$1", "uid text", "name text", "product_id text", "occurred_at bigint", "known_at bigint", "properties json")+
		` x WHERE TRUE ON CONFLICT (uid) DO NOTHING`, array(in))
	if err != nil {
		return 0, fmt.Errorf("store facts of the catalogue: %w", err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}
