package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"tidings/internal/campaign"
	"tidings/scheduler"
)

// Held is what the fuse holds of a campaign.
type Held struct {
	Campaign string
	Entries  int       // what the last tick would have let in
	Allowed  int       // what it may by itself
	Usual    float64   // the mean of earlier ticks that decided anything; 0: there was none
	Since    time.Time // the first tick that was held
	Through  time.Time // the moment up to which Entries are counted: the last one, or what a release was for
	Released bool      // the next tick lets them in
}

// HeldByFuse lists what is held, by campaign.
func (s *Store) HeldByFuse(ctx context.Context) ([]Held, error) {
	rows, err := s.reader().QueryContext(ctx, `SELECT c.name, f.entries, f.most, f.usual, f.since, f.at,
			EXISTS (SELECT 1 FROM releases r WHERE r.campaign_id = f.campaign_id AND r.used_at IS NULL)
		FROM fuses f JOIN campaigns c ON c.id = f.campaign_id WHERE c.removed_at IS NULL ORDER BY c.name`)
	out, err := collect(rows, err, func(rows *sql.Rows) (h Held, err error) {
		var since, at int64
		err = rows.Scan(&h.Campaign, &h.Entries, &h.Allowed, &h.Usual, &since, &at, &h.Released)
		h.Since, h.Through = campaign.FromMicros(since), campaign.FromMicros(at)
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("list what the fuse holds: %w", err)
	}
	return out, nil
}

// Release lets what the fuse holds of a campaign in with its next tick: that very
// decision, of at most h.Entries as of h.Through, and once. It is false when that
// is not what is held any more: it has been let go of, or has become more. Ticks
// that have found no more since then do not matter.
func (s *Store) Release(ctx context.Context, h Held, now time.Time) (bool, error) {
	released := false
	err := s.write(ctx, func(tx *sql.Tx) error {
		released = false
		var id int64
		err := tx.QueryRowContext(ctx, `SELECT f.campaign_id FROM fuses f JOIN campaigns c ON c.id = f.campaign_id
			WHERE c.name = $1 AND f.entries <= $2 AND f.since = $3 AND f.at >= $4`,
			h.Campaign, h.Entries, campaign.Micros(h.Since), campaign.Micros(h.Through)).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM releases WHERE campaign_id = $1 AND used_at IS NULL`, id); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO releases (campaign_id, entries, through, at) VALUES ($1, $2, $3, $4)`,
			id, h.Entries, campaign.Micros(h.Through), campaign.Micros(now))
		released = err == nil
		return err
	})
	if err != nil {
		return false, fmt.Errorf("release what the fuse holds: %w", err)
	}
	return released, nil
}

// openFuse reads whether the fuse holds the campaign, and what was released.
func (b *books) openFuse(ctx context.Context) error {
	l := &b.ledger
	var since, through int64
	err := b.tx.QueryRowContext(ctx, `SELECT since FROM fuses WHERE campaign_id = $1`, b.id).Scan(&since)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	l.Held, l.HeldSince = true, campaign.FromMicros(since)
	var r scheduler.Release
	err = b.tx.QueryRowContext(ctx, `SELECT entries, through FROM releases WHERE campaign_id = $1 AND used_at IS NULL`, b.id).Scan(&r.Entries, &through)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	r.Through = campaign.FromMicros(through)
	l.Release = &r
	return err
}

// Hold notes what the fuse holds. A release that was for less is void: what it let
// go of is not what is decided now.
func (b *books) Hold(ctx context.Context, f *scheduler.Fuse, through, now time.Time) error {
	if f == nil {
		if err := b.unhold(ctx); err != nil {
			return err
		}
		if _, err := b.tx.ExecContext(ctx, `UPDATE releases SET used_at = $2 WHERE campaign_id = $1 AND used_at IS NULL`, b.id, campaign.Micros(now)); err != nil {
			return err
		}
		_, err := b.tx.ExecContext(ctx, `DELETE FROM fuses WHERE campaign_id = $1`, b.id)
		return err
	}
	if _, err := b.tx.ExecContext(ctx, `DELETE FROM releases WHERE campaign_id = $1 AND used_at IS NULL`, b.id); err != nil {
		return err
	}
	_, err := b.tx.ExecContext(ctx, `INSERT INTO fuses (campaign_id, entries, most, usual, since, at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (campaign_id) DO UPDATE SET entries = excluded.entries, most = excluded.most, usual = excluded.usual, at = excluded.at`,
		b.id, f.Decided, f.Allowed, f.Usual, campaign.Micros(now), campaign.Micros(through))
	return err
}

// unhold takes what was held out of the ticks' counts once a release lets it in:
// the report would count it as entered and as not entered.
func (b *books) unhold(ctx context.Context) error {
	if b.ledger.Release == nil {
		return nil
	}
	rows, err := b.tx.QueryContext(ctx, `SELECT at, held FROM ticks WHERE campaign_id = $1 AND at >= $2`, b.id, campaign.Micros(b.ledger.HeldSince))
	counts := map[int64]map[string]int{}
	if _, err := collect(rows, err, func(rows *sql.Rows) (at int64, err error) {
		var text []byte
		held := map[string]int{}
		if err := rows.Scan(&at, &text); err != nil {
			return 0, err
		}
		if err := json.Unmarshal(text, &held); err != nil {
			return 0, fmt.Errorf("read what was held: %w", err)
		}
		if held[campaign.HeldFuse] > 0 {
			delete(held, campaign.HeldFuse)
			counts[at] = held
		}
		return at, nil
	}); err != nil {
		return err
	}
	var in [][]any
	for at, held := range counts {
		in = append(in, []any{at, array(held)})
	}
	for part := range slices.Chunk(in, insertBatch) {
		if _, err := b.tx.ExecContext(ctx, `UPDATE ticks SET held = x.held FROM `+b.rows("$1", "at bigint", "held text")+` x
			WHERE ticks.campaign_id = $2 AND ticks.at = x.at`, array(part), b.id); err != nil {
			return err
		}
	}
	return nil
}
