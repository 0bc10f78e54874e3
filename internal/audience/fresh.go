package audience

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// FreshPasses are the running enrollments of a campaign (campaignID is its row)
// whose customer has facts, new in w, that could end the pass or a wait of it:
// events that cancel the trigger or stand in exit_on or in a wait's condition,
// and attributes that stand there. New are facts that happened or became known
// in (w.From, w.To] and events committed since w.Cursor. What merely lapses with
// time (`not: { within: 7d }`) is no fact; waits have their own deadline.
func (e *Evaluator) FreshPasses(ctx context.Context, q Querier, c *campaign.Campaign, campaignID int64, w Window) ([]int64, error) {
	f := facts{events: map[string]bool{}, attributes: map[string]bool{}}
	e.mentioned(c, &f)
	b := e.builder(c)
	from, to := b.int(campaign.Micros(w.From)), b.int(campaign.Micros(w.To))
	var parts []string
	if len(f.events) > 0 {
		names := b.names(slices.Sorted(maps.Keys(f.events)))
		parts = append(parts,
			"SELECT k.customer_id FROM events k WHERE "+and("k.name IN "+names, "k.occurred_at > "+from, "k.occurred_at <= "+to, "k.known_at <= "+to),
			"SELECT k.customer_id FROM events k WHERE "+and("k.name IN "+names, "k.known_at > k.occurred_at", "k.known_at > "+from, "k.known_at <= "+to, "k.occurred_at <= "+from))
		if w.Cursor != "" {
			fresh, name, err := b.fresh("k", w.Cursor)
			if err != nil {
				return nil, err
			}
			parts = append(parts, "SELECT k.customer_id FROM events k WHERE "+and(fresh, name+" IN "+names, "k.occurred_at <= "+to))
		}
	}
	id := b.int(campaignID)
	if len(f.attributes) > 0 {
		parts = append(parts, "SELECT a.customer_id FROM enrollments r JOIN attribute_facts a ON a.customer_id = r.customer_id WHERE "+
			and("r.campaign_id = "+id, "r.state = 'running'", "a.name IN "+b.names(slices.Sorted(maps.Keys(f.attributes))), "a.at > "+from, "a.at <= "+to))
	}
	if len(parts) == 0 {
		return nil, nil
	}
	// PostgreSQL is given the customers as a value, worked out once: as a subquery
	// it would, while it knows nothing of tables just filled, look for them again
	// for every pass.
	among := "n.customer_id IN (" + strings.Join(parts, " UNION ALL ") + ")"
	if e.engine == Postgres {
		among = "n.customer_id = ANY (ARRAY(" + strings.Join(parts, " UNION ") + "))"
	}
	query := "SELECT n.id FROM enrollments n WHERE " + and("n.campaign_id = "+id, "n.state = 'running'", among) + " ORDER BY n.id"
	var out []int64
	rows, err := b.query(ctx, q, query)
	if err := each(rows, err, func(rows *sql.Rows) error {
		var id int64
		defer func() { out = append(out, id) }()
		return rows.Scan(&id)
	}); err != nil {
		return nil, fmt.Errorf("find fresh passes of %s: %w", c.Name, err)
	}
	return out, nil
}

// facts are the names of what conditions look at.
type facts struct{ events, attributes map[string]bool }

// mentioned collects what can end a pass of c or a wait in it.
func (e *Evaluator) mentioned(c *campaign.Campaign, f *facts) {
	switch t := c.Trigger.(type) {
	case campaign.PastPurchase:
		f.events[campaign.OrderCancelled], f.events[campaign.OrderRefunded] = true, true
	case campaign.AbandonedCart:
		for _, name := range []string{campaign.OrderCompleted, campaign.ProductRemoved, campaign.CartViewed, campaign.CheckoutStarted} {
			f.events[name] = true
		}
	case campaign.Inactivity:
		for _, name := range t.Of {
			f.events[name] = true
		}
	}
	seen := map[string]bool{}
	for _, cond := range c.ExitOn {
		e.collect(cond, f, seen)
	}
	e.collectWaits(c.Steps, f, seen)
}

func (e *Evaluator) collectWaits(steps []campaign.Step, f *facts, seen map[string]bool) {
	for _, s := range steps {
		if s.Wait != nil {
			e.collect(s.Wait.For, f, seen)
		}
		for _, arm := range s.Branch {
			e.collectWaits(arm.Steps, f, seen)
		}
	}
}

// collect notes the names in cond, those of its segments included.
func (e *Evaluator) collect(cond campaign.Condition, f *facts, seen map[string]bool) {
	campaign.Walk(cond, func(c campaign.Condition) {
		switch c := c.(type) {
		case campaign.EventMatch:
			f.events[c.Event] = true
		case campaign.Attribute:
			f.attributes[c.Name] = true
		case campaign.InSegment:
			if s, ok := e.cat.Segments[c.Segment]; ok && !seen[c.Segment] {
				seen[c.Segment] = true
				e.collect(s.Match, f, seen)
			}
		}
	})
}
