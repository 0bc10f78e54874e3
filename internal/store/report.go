package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// Report says what every campaign did, or the one named, as of at: facts that
// happen later don't exist yet. Names, labels, status and steps are those of now.
// An unknown name gives no campaigns.
func (s *Store) Report(ctx context.Context, name string, at time.Time) (campaign.Report, error) {
	r := campaign.Report{At: at, Campaigns: []campaign.CampaignReport{}}
	rows, err := s.db.QueryContext(ctx, `SELECT id, name, label, status,
			(SELECT count(*) FROM enrollments e WHERE e.campaign_id = k.id AND e.decided_at <= $2),
			(SELECT count(*) FROM enrollments e WHERE e.campaign_id = k.id AND e.decided_at <= $2 AND e.state = 'held_out')
		FROM campaigns k WHERE removed_at IS NULL AND ($1 = '' AND (name <> $3 OR EXISTS (SELECT 1 FROM enrollments e WHERE e.campaign_id = k.id AND e.decided_at <= $2))
			OR name = $1) ORDER BY name`, name, campaign.Micros(at), campaign.ServiceCampaign)
	if err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	defer rows.Close()
	ids := map[string]int64{}
	for rows.Next() {
		c := campaign.CampaignReport{FailedBy: map[string]int{}, CancelledBy: map[string]int{}, HeldBy: map[string]int{}, Revenue: map[string]float64{}}
		var id int64
		if err := rows.Scan(&id, &c.Campaign, &c.Label, &c.Status, &c.Entered, &c.HeldOut); err != nil {
			return r, fmt.Errorf("report: %w", err)
		}
		ids[c.Campaign] = id
		r.Campaigns = append(r.Campaigns, c)
	}
	if err := rows.Err(); err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	rows.Close()
	pauses, err := s.Pauses(ctx)
	if err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	for i := range r.Campaigns {
		c := &r.Campaigns[i]
		if p, paused := pauses[c.Campaign]; paused && !p.Since.After(at) {
			c.Paused = p.Report()
		}
		if err := s.reportOn(ctx, c, ids[c.Campaign], at); err != nil {
			return r, fmt.Errorf("report %s: %w", c.Campaign, err)
		}
	}
	return r, nil
}

func (s *Store) reportOn(ctx context.Context, c *campaign.CampaignReport, id int64, at time.Time) error {
	steps, err := s.reportMessages(ctx, c, id, at)
	if err != nil {
		return err
	}
	if err := s.reportHeld(ctx, c, id, at); err != nil {
		return err
	}
	camp, ok := s.catalog.Campaign(c.Campaign)
	if !ok {
		return nil
	}
	for _, n := range camp.Program.Nodes {
		if n.Send == nil {
			continue
		}
		step := steps[n.ID]
		step.Step, step.Template = n.ID, n.Send.Template
		c.Steps = append(c.Steps, step)
	}
	if camp.Goal == nil {
		return nil
	}
	return s.reportGoal(ctx, c, camp, id, at)
}

// stateAsOf is an SQL expression: the state that a message had at $2, as far as
// its row tells. What was done or uncertain only later was on its way.
const stateAsOf = `CASE WHEN state IN ('accepted', 'failed', 'cancelled') AND done_at > $2 THEN 'pending'
	WHEN state = 'uncertain' AND uncertain_at > $2 THEN 'pending' ELSE state END`

// reportMessages counts the ledger's rows by step, state and reason.
func (s *Store) reportMessages(ctx context.Context, c *campaign.CampaignReport, id int64, at time.Time) (map[string]campaign.StepReport, error) {
	steps := map[string]campaign.StepReport{}
	rows, err := s.db.QueryContext(ctx, `SELECT step, state, CASE WHEN state IN ('failed', 'cancelled') THEN reason ELSE '' END AS why, count(*),
			count(CASE WHEN opened_at <= $2 THEN 1 END), count(CASE WHEN clicked_at <= $2 THEN 1 END),
			count(CASE WHEN machine_opened_at <= $2 THEN 1 END), count(CASE WHEN machine_clicked_at <= $2 THEN 1 END), count(CASE WHEN unsubscribed_at <= $2 THEN 1 END)
		FROM (SELECT step, `+stateAsOf+` AS state, reason, opened_at, clicked_at, machine_opened_at, machine_clicked_at, unsubscribed_at
			FROM messages WHERE campaign_id = $1 AND created_at <= $2) m
		GROUP BY step, state, why`, id, campaign.Micros(at))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var step, state, why string
		var n, left int
		var seen campaign.Engagement
		if err := rows.Scan(&step, &state, &why, &n, &seen.Opened, &seen.Clicked, &seen.MachineOpened, &seen.MachineClicked, &left); err != nil {
			return nil, err
		}
		t := steps[step]
		c.Add(seen)
		t.Add(seen)
		c.Unsubscribed, t.Unsubscribed = c.Unsubscribed+left, t.Unsubscribed+left
		switch campaign.State(state) {
		case campaign.Accepted:
			c.Sent, t.Sent = c.Sent+n, t.Sent+n
		case campaign.Failed:
			c.Failed, t.Failed = c.Failed+n, t.Failed+n
			c.FailedBy[why] += n
		case campaign.Cancelled:
			t.Cancelled += n
			c.CancelledBy[why] += n
		case campaign.Uncertain:
			c.Uncertain, t.Uncertain = c.Uncertain+n, t.Uncertain+n
		default:
			c.Waiting, t.Waiting = c.Waiting+n, t.Waiting+n
		}
		steps[step] = t
	}
	return steps, rows.Err()
}

func (s *Store) reportHeld(ctx context.Context, c *campaign.CampaignReport, id int64, at time.Time) error {
	rows, err := s.db.QueryContext(ctx, `SELECT held FROM ticks WHERE campaign_id = $1 AND at <= $2`, id, campaign.Micros(at))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		held := map[string]int{}
		if err := json.Unmarshal([]byte(text), &held); err != nil {
			return fmt.Errorf("read what was held: %w", err)
		}
		for why, n := range held {
			// A blown fuse holds the same candidates again at every tick.
			if why == campaign.HeldFuse {
				c.HeldBy[why] = max(c.HeldBy[why], n)
				continue
			}
			c.HeldBy[why] += n
		}
	}
	return rows.Err()
}
