package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// goalEvent is a goal event that follows a message, the latest that its customer
// had had of any campaign with the same goal event.
type goalEvent struct {
	customer   int64
	touchedAt  time.Time
	at         time.Time
	properties map[string]any
}

// reportGoal credits goal events to the campaign by last touch: the customer's
// latest accepted message before the event, of any campaign whose goal is the
// same event, was this campaign's, and lay within the goal's window.
func (s *Store) reportGoal(ctx context.Context, c *campaign.CampaignReport, camp *campaign.Campaign, id int64, at time.Time) error {
	goal := camp.Goal
	var rivals [][]any
	for _, other := range s.catalog.Campaigns {
		if other.Goal != nil && other.Goal.Event == goal.Event {
			rivals = append(rivals, []any{other.Name})
		}
	}
	// Each mail is the last touch until the next one: a range of the customer's
	// events. CROSS JOIN keeps SQLite to this order.
	rows, err := s.db.QueryContext(ctx, `WITH rival AS (SELECT k.id FROM campaigns k JOIN `+s.rows("$4", "name text")+` r ON r.name = k.name),
		touch AS (SELECT customer_id, campaign_id, done_at, lead(done_at) OVER (PARTITION BY customer_id ORDER BY done_at, id) AS next_at
			FROM messages WHERE stage = 'accepted' AND done_at <= $3 AND campaign_id IN (SELECT id FROM rival))
		SELECT g.customer_id, t.done_at, g.occurred_at, g.properties
		FROM touch t CROSS JOIN events g
		WHERE t.campaign_id = $1 AND g.customer_id = t.customer_id AND g.name = $2
			AND g.occurred_at >= t.done_at AND (t.next_at IS NULL OR g.occurred_at < t.next_at)
			AND g.occurred_at <= $3 AND g.known_at <= $3`,
		id, goal.Event, campaign.Micros(at), array(rivals))
	if err != nil {
		return fmt.Errorf("goal: %w", err)
	}
	defer rows.Close()
	var found []goalEvent
	for rows.Next() {
		var g goalEvent
		var touched, occurred int64
		var data []byte
		if err := rows.Scan(&g.customer, &touched, &occurred, &data); err != nil {
			return fmt.Errorf("goal: %w", err)
		}
		g.touchedAt, g.at = campaign.FromMicros(touched), campaign.FromMicros(occurred)
		if err := json.Unmarshal(data, &g.properties); err != nil {
			return fmt.Errorf("goal: %w", err)
		}
		if !g.at.After(goal.Within.After(g.touchedAt)) && audience.Match(goal.Where, g.properties, g.at) {
			found = append(found, g)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("goal: %w", err)
	}
	return s.creditGoals(ctx, c, goal, found, at)
}

func (s *Store) creditGoals(ctx context.Context, c *campaign.CampaignReport, goal *campaign.Goal, found []goalEvent, at time.Time) error {
	back, err := s.takenBack(ctx, found, at)
	if err != nil {
		return fmt.Errorf("refunds: %w", err)
	}
	customers := map[int64]bool{}
	for _, g := range found {
		b := back[orderOf(g.properties)]
		value, worth := g.properties[goal.Value].(float64)
		if b.whole || worth && b.amount > 0 && b.amount >= value {
			continue // an order that was undone is none
		}
		customers[g.customer] = true
		if worth && goal.Value != "" {
			currency, _ := g.properties["currency"].(string)
			if currency == "" {
				currency = s.catalog.Workspace.Currency
			}
			c.Revenue[currency] += max(0, value-b.amount)
		}
	}
	c.Converted = len(customers)
	return nil
}

// undone is what of an order was taken back.
type undone struct {
	amount float64
	whole  bool
}

func orderOf(properties map[string]any) string {
	switch id := properties["order_id"].(type) {
	case string:
		return id
	case float64:
		return fmt.Sprint(id)
	}
	return ""
}

// takenBack finds refunds and cancellations of the orders among goal events.
func (s *Store) takenBack(ctx context.Context, found []goalEvent, at time.Time) (map[string]undone, error) {
	customers := map[int64]bool{}
	var ids []int64
	for _, g := range found {
		if orderOf(g.properties) != "" && !customers[g.customer] {
			customers[g.customer] = true
			ids = append(ids, g.customer)
		}
	}
	out := map[string]undone{}
	if len(ids) == 0 {
		return out, nil
	}
	rows, err := s.db.QueryContext(ctx, `SELECT name, properties FROM events WHERE customer_id IN `+s.ids("$1")+`
		AND name IN ($2, $3) AND occurred_at <= $4 AND known_at <= $4`,
		array(ids), campaign.OrderRefunded, campaign.OrderCancelled, campaign.Micros(at))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var data []byte
		var properties map[string]any
		if err := rows.Scan(&name, &data); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, &properties); err != nil {
			return nil, err
		}
		order := orderOf(properties)
		if order == "" {
			continue
		}
		u := out[order]
		amount, partial := properties["total"].(float64)
		_, lines := properties["products"]
		u.amount += amount
		u.whole = u.whole || name == campaign.OrderCancelled || !partial && !lines
		out[order] = u
	}
	return out, rows.Err()
}
