package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// synced is a campaign's row as far as the catalog decides it.
type synced struct {
	label, topic, status, hash, follows string
	holdUncertain                       bool
	priority                            int
	activated                           sql.NullInt64
}

// inSync tells whether the store's campaigns are those of the catalog already,
// as they are at every tick but the first one after a change: then nothing is
// written and nothing locked.
func (s *Store) inSync(ctx context.Context, cat *campaign.Catalog, now time.Time) (bool, error) {
	stored, err := s.synced(ctx)
	if err != nil {
		return false, fmt.Errorf("read campaigns: %w", err)
	}
	all := cat.All()
	if len(stored) != len(all) {
		return false, nil
	}
	for _, c := range all {
		is, found := stored[c.Name]
		want := synced{c.Label, c.Topic, string(c.Status), c.Hash, array(c.Program.Follows()), c.HoldUncertain, c.Priority, activation(c, is.activated, now)}
		if !found || is != want {
			return false, nil
		}
	}
	return true, nil
}

// synced are the campaigns that are not removed, by name.
func (s *Store) synced(ctx context.Context) (map[string]synced, error) {
	rows, err := s.reader().QueryContext(ctx, `SELECT c.name, c.label, c.topic, c.status, coalesce(v.hash, ''), coalesce(v.follows, ''), c.hold_uncertain, c.priority, c.activated_at
		FROM campaigns c LEFT JOIN campaign_versions v ON v.id = c.version_id WHERE c.removed_at IS NULL`)
	out := map[string]synced{}
	_, err = collect(rows, err, func(rows *sql.Rows) (name string, err error) {
		var row synced
		err = rows.Scan(&name, &row.label, &row.topic, &row.status, &row.hash, &row.follows, &row.holdUncertain, &row.priority, &row.activated)
		out[name] = row
		return name, err
	})
	return out, err
}

// activation is when a campaign first was active: its active_from, else this
// moment. One that is still to come may be put off or brought forward.
func activation(c *campaign.Campaign, stored sql.NullInt64, now time.Time) sql.NullInt64 {
	if c.Status != campaign.Active || stored.Valid && stored.Int64 <= campaign.Micros(now) {
		return stored
	}
	if c.ActiveFrom.IsZero() {
		return sql.NullInt64{Int64: campaign.Micros(now), Valid: true}
	}
	return sql.NullInt64{Int64: campaign.Micros(c.ActiveFrom), Valid: true}
}
