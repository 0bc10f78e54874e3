package audience

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// Explain judges cond for one pass, and each condition below it by itself, with
// the values found as of p.AsOf. c is the campaign whose pass it is, nil for a
// plain customer.
func (e *Evaluator) Explain(ctx context.Context, q Querier, c *campaign.Campaign, cond campaign.Condition, p PassAt) (campaign.Judged, error) {
	x := &explaining{Evaluator: e, ctx: ctx, q: q, campaign: c, pass: p}
	x.pass.ID = 1
	j, err := x.judge(cond)
	if err != nil {
		return j, fmt.Errorf("explain %q: %w", campaign.Describe(cond), err)
	}
	return j, nil
}

// Cancelled is what cancelled the occurrence p of c's trigger as of p.AsOf: the
// event's name and moment; name is empty when nothing did, or nothing that is an
// event of its own.
func (e *Evaluator) Cancelled(ctx context.Context, q Querier, c *campaign.Campaign, p PassAt) (name string, at time.Time, err error) {
	b := e.builder(c)
	from := b.cancels(c.Trigger)
	if from == "" {
		return "", at, nil
	}
	query, err := b.passTable([]PassAt{p})
	if err != nil {
		return "", at, err
	}
	order := " ORDER BY k.occurred_at, k.id LIMIT 1)"
	var found sql.NullString
	var us sql.NullInt64
	x := &explaining{Evaluator: e, ctx: ctx, q: q}
	if err := x.row(b, query+"SELECT (SELECT k.name"+from+order+", (SELECT k.occurred_at"+from+order+" FROM x", &found, &us); err != nil {
		return "", at, fmt.Errorf("find what cancelled: %w", err)
	}
	return found.String, campaign.FromMicros(us.Int64), nil
}

// LatestAnchor is the last event of a customer that can be an anchor of c's
// trigger, as known at asOf, with its name, and of a cart what was in it then; ok is
// false when there is none, as for a trigger whose anchors are no events of the
// customer.
func (e *Evaluator) LatestAnchor(ctx context.Context, q Querier, c *campaign.Campaign, customer int64, asOf time.Time) (p PassAt, name string, ok bool, err error) {
	names := c.Trigger.AnchorNames()
	if len(names) == 0 {
		return p, "", false, nil
	}
	b := e.builder(c)
	now := b.int(campaign.Micros(asOf))
	p = PassAt{ID: 1, Customer: customer, AsOf: asOf}
	var us int64
	var properties []byte
	x := &explaining{Evaluator: e, ctx: ctx, q: q}
	err = x.row(b, "SELECT e.name, e.occurred_at, e.properties FROM events e WHERE "+
		and("e.customer_id = "+b.int(customer), "e.name IN "+b.names(names), "e.occurred_at <= "+now, "e.known_at <= "+now)+
		" ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1", &name, &us, &properties)
	if err != nil {
		return p, "", false, fmt.Errorf("find the latest anchor: %w", err)
	}
	p.Anchor, p.Trigger = campaign.FromMicros(us), json.RawMessage(properties)
	if _, about := c.Trigger.(campaign.AbandonedCart); about && name != "" {
		carts, err := e.Carts(ctx, q, []PassAt{p})
		if err != nil {
			return p, "", false, fmt.Errorf("read the cart: %w", err)
		}
		if p.Trigger, err = json.Marshal(withCart(object(properties), carts[p.ID])); err != nil {
			return p, "", false, fmt.Errorf("encode the cart: %w", err)
		}
	}
	return p, name, name != "", nil
}

// explaining is one customer's explanation under way.
type explaining struct {
	*Evaluator
	ctx      context.Context
	q        Querier
	campaign *campaign.Campaign
	pass     PassAt
}

func (x *explaining) judge(cond campaign.Condition) (campaign.Judged, error) {
	j := campaign.Judged{Condition: campaign.Describe(cond)}
	held, err := x.Holds(x.ctx, x.q, x.campaign, cond, []PassAt{x.pass})
	if err != nil {
		return j, err
	}
	j.Holds = held[1]
	parts := x.parts(cond)
	for _, part := range parts {
		one, err := x.judge(part)
		if err != nil {
			return j, err
		}
		j.Parts = append(j.Parts, one)
	}
	if len(parts) == 0 {
		j.Found, err = x.found(cond)
	}
	return j, err
}

// parts are the conditions that cond is made of.
func (x *explaining) parts(cond campaign.Condition) []campaign.Condition {
	switch c := cond.(type) {
	case campaign.All:
		return c
	case campaign.Any:
		return c
	case campaign.Not:
		return []campaign.Condition{c.Of}
	case campaign.InSegment:
		if s, ok := x.cat.Segments[c.Segment]; ok && s.Match != nil {
			return []campaign.Condition{s.Match}
		}
	}
	return nil
}

// row reads the one row of a statement.
func (x *explaining) row(b *builder, query string, dest ...any) error {
	rows, err := b.query(x.ctx, x.q, query)
	return each(rows, err, func(rows *sql.Rows) error { return rows.Scan(dest...) })
}
