package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// Sync makes the store's campaigns those of the catalog: new ones are added,
// renamed ones (`was`) keep their history, changed ones take their passes with
// them, and those whose file is gone end.
func (s *Store) Sync(ctx context.Context, cat *campaign.Catalog, now time.Time) error {
	if err := s.keepOptIns(ctx, cat); err != nil {
		return fmt.Errorf("keep which topics want a confirmation: %w", err)
	}
	if same, err := s.inSync(ctx, cat, now); err != nil || same {
		return err
	}
	var rest []int64 // campaigns that have run until now
	err := s.write(ctx, func(tx *sql.Tx) error {
		rest = nil
		if err := s.lockSync(ctx, tx); err != nil {
			return err
		}
		if err := s.guardRemoval(ctx, tx, cat); err != nil {
			return err
		}
		for _, c := range cat.All() {
			stopped, err := s.syncCampaign(ctx, tx, cat, c, now)
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			rest = append(rest, stopped...)
		}
		return s.removeCampaigns(ctx, tx, cat, now)
	})
	if err != nil || len(rest) == 0 {
		return err
	}
	// Only now does every look see that they rest: what was let out or claimed by then
	// is taken back, all of it; by the sweep, should this process end here.
	return s.write(ctx, func(tx *sql.Tx) error {
		for _, id := range rest {
			if err := s.takeBackCampaign(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// lockSync lets one process at a time load campaigns.
func (s *Store) lockSync(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE meta SET value = value WHERE key = 'store_id'`)
	return err
}

type campaignRow struct {
	id        int64
	versionID sql.NullInt64
	hash      string
	follows   string
	activated sql.NullInt64
	status    string
}

func (s *Store) findCampaign(ctx context.Context, tx *sql.Tx, name string) (row campaignRow, found bool, err error) {
	var hash, follows sql.NullString
	err = tx.QueryRowContext(ctx, `SELECT c.id, c.version_id, c.activated_at, c.status, v.hash, v.follows
		FROM campaigns c LEFT JOIN campaign_versions v ON v.id = c.version_id WHERE c.name = $1`, name).
		Scan(&row.id, &row.versionID, &row.activated, &row.status, &hash, &follows)
	if errors.Is(err, sql.ErrNoRows) {
		return row, false, nil
	}
	row.hash, row.follows = hash.String, follows.String
	return row, err == nil, err
}

// syncCampaign makes a campaign's row that of its file. It returns the row's id when
// the file has stopped what was running.
func (s *Store) syncCampaign(ctx context.Context, tx *sql.Tx, cat *campaign.Catalog, c *campaign.Campaign, now time.Time) (stopped []int64, err error) {
	row, found, err := s.findCampaign(ctx, tx, c.Name)
	if err != nil {
		return nil, err
	}
	if !found {
		if row, found, err = s.rename(ctx, tx, cat, c); err != nil {
			return nil, err
		}
	}
	if !found {
		if err := tx.QueryRowContext(ctx, `INSERT INTO campaigns (name, seed, status, loaded_at) VALUES ($1, $1, $2, $3) RETURNING id`,
			c.Name, string(c.Status), campaign.Micros(now)).Scan(&row.id); err != nil {
			return nil, fmt.Errorf("add: %w", err)
		}
	}
	// The same file can have other steps than before: their default ids are ours.
	if row.hash != c.Hash || row.follows != array(c.Program.Follows()) {
		if row.versionID, err = s.changeVersion(ctx, tx, c, row, now); err != nil {
			return nil, err
		}
	}
	if row.status == string(campaign.Active) && c.Status != campaign.Active {
		stopped = []int64{row.id}
	}
	_, err = tx.ExecContext(ctx, `UPDATE campaigns SET label = $2, topic = $3, status = $4, version_id = $5,
		activated_at = $6, hold_uncertain = $7, priority = $8, removed_at = NULL WHERE id = $1`,
		row.id, c.Label, c.Topic, string(c.Status), row.versionID, activation(c, row.activated, now), c.HoldUncertain, c.Priority)
	return stopped, err
}

// fenceOff sets what is put back so that the worker that has claimed it, if one has,
// can no more hand it over, and no try counts for that.
const fenceOff = `, lease_until = NULL, token = token + 1, attempt = CASE state WHEN 'claimed' THEN attempt - 1 ELSE attempt END`

// takeBackCampaign puts back what the queue and the workers have of a campaign
// that is paused. What is handed over already can't be stopped.
func (s *Store) takeBackCampaign(ctx context.Context, tx *sql.Tx, id int64) error {
	_, err := s.putBack(ctx, tx, fenceOff,
		`m.campaign_id = $1 AND m.stage = 'moving' AND m.state IN ('queued', 'claimed')`, id)
	if err != nil {
		return fmt.Errorf("take back what is queued: %w", err)
	}
	return nil
}

// rename finds the campaign under one of its earlier names, unless a file still
// bears that name.
func (s *Store) rename(ctx context.Context, tx *sql.Tx, cat *campaign.Catalog, c *campaign.Campaign) (campaignRow, bool, error) {
	for _, was := range c.Was {
		if _, taken := cat.Campaign(was); taken {
			continue
		}
		row, found, err := s.findCampaign(ctx, tx, was)
		if err != nil || !found {
			if err != nil {
				return row, false, err
			}
			continue
		}
		if _, err := tx.ExecContext(ctx, `UPDATE campaigns SET name = $2 WHERE id = $1`, row.id, c.Name); err != nil {
			return row, false, fmt.Errorf("rename %s: %w", was, err)
		}
		return row, true, nil
	}
	return campaignRow{}, false, nil
}

// changeVersion stores a file's new version and takes passes whose step is gone
// to the next step that the older version had and the new one still has.
func (s *Store) changeVersion(ctx context.Context, tx *sql.Tx, c *campaign.Campaign, row campaignRow, now time.Time) (sql.NullInt64, error) {
	follows := array(c.Program.Follows())
	version := sql.NullInt64{Valid: true}
	err := tx.QueryRowContext(ctx, `INSERT INTO campaign_versions (campaign_id, hash, source, follows, loaded_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (campaign_id, hash) DO UPDATE SET loaded_at = excluded.loaded_at, follows = excluded.follows RETURNING id`,
		row.id, c.Hash, c.Source, follows, campaign.Micros(now)).Scan(&version.Int64)
	if err != nil {
		return version, fmt.Errorf("store version: %w", err)
	}
	if row.follows == "" {
		return version, nil
	}
	var older []campaign.Follow
	if err := json.Unmarshal([]byte(row.follows), &older); err != nil {
		return version, fmt.Errorf("read the older version's steps: %w", err)
	}
	for _, f := range older {
		at, moved := c.Program.Resume(f.ID, older)
		if !moved {
			continue
		}
		if err := s.moveFrom(ctx, tx, row.id, f.ID, c.Program, at, now); err != nil {
			return version, fmt.Errorf("move passes from step %s: %w", f.ID, err)
		}
	}
	return version, nil
}

// moveFrom takes running passes off a step that is gone. The step that they come
// to is not done yet, so they are put behind the one before it: a pass with an
// marked step and a wake moment starts at the step named in `step` afresh. One
// that was waiting waits to the end: taking a wait out mails nobody early.
func (s *Store) moveFrom(ctx context.Context, tx *sql.Tx, campaignID int64, gone string, p *campaign.Program, at int, now time.Time) error {
	us := campaign.Micros(now)
	if _, err := tx.ExecContext(ctx, `UPDATE messages SET state = 'cancelled', reason = $3, token = token + 1, done_at = $4
		WHERE campaign_id = $1 AND step = $2 AND stage IN ('pending', 'moving') AND state IN ('pending', 'queued', 'claimed')`,
		campaignID, gone, campaign.CancelStepRemoved, us); err != nil {
		return err
	}
	if at == campaign.End {
		_, err := tx.ExecContext(ctx, `UPDATE enrollments SET state = 'finished', wake_at = NULL, deadline = NULL, ended_at = $3
			WHERE campaign_id = $1 AND step IN ($2, $4) AND state = 'running'`, campaignID, gone, us, enterPrefix+gone)
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE enrollments SET step = $4, deadline = NULL,
			wake_at = CASE WHEN wake_at > $3 THEN wake_at ELSE CAST($3 AS BIGINT) END
		WHERE campaign_id = $1 AND step IN ($2, $5) AND state = 'running'`, campaignID, gone, us, enterPrefix+p.Nodes[at].ID, enterPrefix+gone)
	return err
}

// enterPrefix marks, in enrollments.step, a pass that is to take the step named
// rather than to go on from it.
const enterPrefix = ">"

// removeCampaigns ends the passes of campaigns whose file is gone.
func (s *Store) removeCampaigns(ctx context.Context, tx *sql.Tx, cat *campaign.Catalog, now time.Time) error {
	all := cat.All()
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.Name
	}
	gone, err := tx.QueryContext(ctx, `SELECT id FROM campaigns WHERE removed_at IS NULL AND name NOT IN
		(SELECT n.name FROM `+s.rows("$1", "name text")+` n)`, array(wrap(names)))
	ids, err := collect(gone, err, scanID)
	if err != nil {
		return fmt.Errorf("find removed campaigns: %w", err)
	}
	for _, id := range ids {
		us := campaign.Micros(now)
		for _, q := range []string{
			`UPDATE messages SET state = 'cancelled', reason = 'campaign_removed', token = token + 1, done_at = $2
				WHERE campaign_id = $1 AND stage IN ('pending', 'moving') AND state IN ('pending', 'queued', 'claimed')`,
			`UPDATE enrollments SET state = 'exited', reason = 'campaign_removed', wake_at = NULL, deadline = NULL, ended_at = $2
				WHERE campaign_id = $1 AND state = 'running'`,
			`UPDATE campaigns SET removed_at = $2 WHERE id = $1`,
		} {
			if _, err := tx.ExecContext(ctx, q, id, us); err != nil {
				return fmt.Errorf("end a removed campaign: %w", err)
			}
		}
	}
	return nil
}

// wrap makes one-column rows.
func wrap[T any](vs []T) [][]any {
	out := make([][]any, len(vs))
	for i, v := range vs {
		out[i] = []any{v}
	}
	return out
}

func scanID(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) }
