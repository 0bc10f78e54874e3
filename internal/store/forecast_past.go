package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// bySpan finds the spans of a customer: positions in spans, sorted by customer.
type bySpan struct {
	spans []campaign.Span
	order []int
}

func newBySpan(spans []campaign.Span) bySpan {
	order := make([]int, len(spans))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(spans[a].Customer, spans[b].Customer) })
	return bySpan{spans, order}
}

// of are the positions of a customer's spans.
func (s bySpan) of(customer int64) []int {
	at := func(i int, c int64) int { return cmp.Compare(s.spans[i].Customer, c) }
	begin, found := slices.BinarySearchFunc(s.order, customer, at)
	if !found {
		return nil
	}
	end := begin
	for end < len(s.order) && s.spans[s.order[end]].Customer == customer {
		end++
	}
	return s.order[begin:end]
}

// Organic counts who of the customers with spans, in a forecast of (from, to], had
// c's goal within its time of entering, whatever the campaign did: over those
// spans only during whose time no mail of any campaign was accepted for the
// customer. Orders taken back whole don't count. Without a goal it is zero.
func (s *Store) Organic(ctx context.Context, c *campaign.Campaign, from, to time.Time, spans []campaign.Span) (campaign.Organic, error) {
	if c.Goal == nil || len(spans) == 0 {
		return campaign.Organic{}, nil
	}
	o := organic{Store: s, campaign: c, by: newBySpan(spans), from: from, until: c.Goal.Within.After(to), mailed: make([]bool, len(spans))}
	if err := o.mails(ctx); err != nil {
		return campaign.Organic{}, fmt.Errorf("find mails: %w", err)
	}
	converted, err := o.goals(ctx)
	if err != nil {
		return campaign.Organic{}, fmt.Errorf("find goal events: %w", err)
	}
	customers := map[int64]bool{}
	for i, span := range spans {
		if !o.mailed[i] {
			customers[span.Customer] = true
		}
	}
	return campaign.Organic{Converted: len(converted), Of: len(customers)}, nil
}

// organic reads what really happened in the time of spans.
type organic struct {
	*Store
	campaign    *campaign.Campaign
	by          bySpan
	from, until time.Time
	mailed      []bool // spans in whose time a mail was accepted
}

// covers tells whether a moment lies in the goal's time of a span.
func (o *organic) covers(i int, at int64) bool {
	span := o.by.spans[i]
	return at >= span.Entered && !campaign.FromMicros(at).After(o.campaign.Goal.Within.After(campaign.FromMicros(span.Entered)))
}

func (o *organic) mails(ctx context.Context) error {
	rows, err := o.reader().QueryContext(ctx, `SELECT customer_id, done_at FROM messages WHERE state = 'accepted' AND done_at > $1 AND done_at <= $2`,
		campaign.Micros(o.from), campaign.Micros(o.until))
	_, err = collect(rows, err, func(rows *sql.Rows) (struct{}, error) {
		var customer, at int64
		err := rows.Scan(&customer, &at)
		for _, i := range o.by.of(customer) {
			o.mailed[i] = o.mailed[i] || o.covers(i, at)
		}
		return struct{}{}, err
	})
	return err
}

// goals are the customers with a goal event in the time of a span without mail.
// The goal's events of the whole time are read in one go, along their index.
func (o *organic) goals(ctx context.Context) (map[int64]bool, error) {
	goal := o.campaign.Goal
	var refunds bool
	err := o.reader().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM events WHERE name IN ($1, $2))`,
		campaign.OrderRefunded, campaign.OrderCancelled).Scan(&refunds)
	if err != nil {
		return nil, err
	}
	properties := `''`
	if refunds || len(goal.Where) > 0 {
		properties = `properties`
	}
	rows, err := o.reader().QueryContext(ctx, `SELECT customer_id, occurred_at, `+properties+` FROM events WHERE name = $1 AND occurred_at > $2 AND occurred_at <= $3`,
		goal.Event, campaign.Micros(o.from), campaign.Micros(o.until))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []goalEvent
	for rows.Next() {
		g, data := goalEvent{}, sql.RawBytes{}
		var at int64
		if err := rows.Scan(&g.customer, &at, &data); err != nil {
			return nil, err
		}
		if !o.anyway(g.customer, at) {
			continue
		}
		g.at = campaign.FromMicros(at)
		if len(data) > 0 {
			if err := json.Unmarshal(data, &g.properties); err != nil {
				return nil, err
			}
		}
		if audience.Match(goal.Where, g.properties, g.at) {
			found = append(found, g)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return o.kept(ctx, found, refunds)
}

// anyway tells whether a moment lies in the goal's time of a span without mail.
// What brought the entry about in its very instant is no goal: the anchor itself, or
// the order that makes a customer a member of a segment.
func (o *organic) anyway(customer, at int64) bool {
	_, change := o.campaign.Trigger.(campaign.SegmentChange)
	cause := o.campaign.Trigger.Delay().IsZero() && (change || slices.Contains(o.campaign.Trigger.AnchorNames(), o.campaign.Goal.Event))
	for _, i := range o.by.of(customer) {
		if !o.mailed[i] && o.covers(i, at) && !(cause && at == o.by.spans[i].Entered) {
			return true
		}
	}
	return false
}

// kept are the customers of goal events that were not taken back.
func (o *organic) kept(ctx context.Context, found []goalEvent, refunds bool) (map[int64]bool, error) {
	customers := map[int64]bool{}
	var back map[string]undone
	if refunds {
		var err error
		if back, err = o.takenBack(ctx, found, o.until); err != nil {
			return nil, fmt.Errorf("refunds: %w", err)
		}
	}
	for _, g := range found {
		value, worth := g.properties[o.campaign.Goal.Value].(float64)
		if b := back[orderOf(g.properties)]; !b.whole && !(worth && b.amount > 0 && b.amount >= value) {
			customers[g.customer] = true
		}
	}
	return customers, nil
}

// TodayValues tells for which attributes, of those named, a value stands in for
// the one at the moment of entering: an import's first values hold from the
// beginning of time, whenever they were true.
func (s *Store) TodayValues(ctx context.Context, names []string, spans []campaign.Span) ([]campaign.TodayValue, error) {
	by := newBySpan(spans)
	var out []campaign.TodayValue
	for _, name := range names {
		v := campaign.TodayValue{Attribute: name}
		first := int64(0)
		rows, err := s.reader().QueryContext(ctx, `SELECT customer_id, max(CASE WHEN at <= 0 THEN 1 ELSE 0 END), coalesce(min(CASE WHEN at > 0 THEN at END), 0)
			FROM attribute_facts WHERE name = $1 GROUP BY customer_id`, name)
		_, err = collect(rows, err, func(rows *sql.Rows) (struct{}, error) {
			var customer, vouched, since int64
			err := rows.Scan(&customer, &vouched, &since)
			if since > 0 && (first == 0 || since < first) {
				first = since
			}
			before := func(i int) bool { return since == 0 || since > spans[i].Entered }
			if vouched == 1 && slices.ContainsFunc(by.of(customer), before) {
				v.Customers++
			}
			return struct{}{}, err
		})
		if err != nil {
			return nil, fmt.Errorf("find the history of attribute %s: %w", name, err)
		}
		if first > 0 {
			v.Since = campaign.FromMicros(first)
		}
		if v.Customers > 0 {
			out = append(out, v)
		}
	}
	return out, nil
}

// HistorySpan is when the first and the last event happened that the store has;
// ok is false without any.
func (s *Store) HistorySpan(ctx context.Context) (first, last time.Time, ok bool, err error) {
	// A step along the index for each name of events, not for each event.
	var from, to sql.NullInt64
	err = s.reader().QueryRowContext(ctx, `WITH RECURSIVE n (name) AS (SELECT min(name) FROM events
			UNION ALL SELECT (SELECT min(e.name) FROM events e WHERE e.name > n.name) FROM n WHERE n.name IS NOT NULL)
		SELECT min((SELECT min(e.occurred_at) FROM events e WHERE e.name = n.name)), max((SELECT max(e.occurred_at) FROM events e WHERE e.name = n.name))
		FROM n WHERE n.name IS NOT NULL`).Scan(&from, &to)
	if err != nil || !from.Valid {
		return first, last, false, err
	}
	return campaign.FromMicros(from.Int64), campaign.FromMicros(to.Int64), true, nil
}
