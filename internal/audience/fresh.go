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
// for whose customer there are moments in w at which the pass may end or a wait of
// it be over: the trigger's cancel, exit_on, a wait's condition may have become
// true. Such are what happened, or became known, in (w.From, w.To], what was
// committed since w.Cursor, and what lapses or comes near with time (`not: {
// within: 7d }`).
func (e *Evaluator) FreshPasses(ctx context.Context, q Querier, c *campaign.Campaign, campaignID int64, w Window) ([]int64, error) {
	watched := e.watchPasses(c)
	b := e.builder(c)
	id := b.int(campaignID)
	running := "FROM enrollments n WHERE n.campaign_id = " + id + " AND n.state = 'running'"
	found := map[int64]bool{}
	note := func(query string) error {
		rows, err := b.query(ctx, q, query)
		return each(rows, err, func(rows *sql.Rows) error {
			var id int64
			defer func() { found[id] = true }()
			return rows.Scan(&id)
		})
	}
	if e.turnsForAll(watched, w) {
		if err := note("SELECT n.id " + running); err != nil {
			return nil, fmt.Errorf("list running passes of %s: %w", c.Name, err)
		}
		return slices.Sorted(maps.Keys(found)), nil
	}
	parts, err := b.parts(watched, scope{}, scope{"(SELECT n.customer_id AS id " + running + ")"}, stretch{from: w.From, to: w.To, cursor: w.Cursor})
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(parts, maxParts) {
		// PostgreSQL is given the customers as a value, worked out once: as a subquery
		// it would, while it knows nothing of tables just filled, look for them again
		// for every pass.
		customers := "SELECT u.customer_id FROM (" + strings.Join(some, " UNION ALL ") + ") u"
		among := " AND n.customer_id IN (" + customers + ")"
		if e.engine == Postgres {
			among = " AND n.customer_id = ANY (ARRAY(" + customers + " GROUP BY u.customer_id))"
		}
		if err := note("SELECT n.id " + running + among); err != nil {
			return nil, fmt.Errorf("find fresh passes of %s: %w", c.Name, err)
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// turnsForAll tells whether something may change in w for any pass: who is ranked
// against others at a day's start, who is overdue or has a date in its own anchor
// at a moment that no index leads to.
func (e *Evaluator) turnsForAll(watched *watch, w Window) bool {
	return len(watched.overdue) > 0 || len(watched.anchor) > 0 ||
		watched.daily && len(dayStarts(e.cat.Workspace.Zone, w.From, w.To)) > 0
}

// watchPasses is what can end a pass of c or a wait in it.
func (e *Evaluator) watchPasses(c *campaign.Campaign) *watch {
	conds := slices.Concat(c.ExitOn, waits(c.Steps))
	if t, ok := c.Trigger.(campaign.SegmentChange); ok {
		conds = append(conds, campaign.InSegment{Segment: t.Segment})
	}
	w := e.watch(conds...)
	for _, name := range cancelNames(c.Trigger) {
		w.events(name)
	}
	return w
}

// waits are the conditions that steps wait for.
func waits(steps []campaign.Step) []campaign.Condition {
	var out []campaign.Condition
	for _, s := range steps {
		if s.Wait != nil && s.Wait.For != nil {
			out = append(out, s.Wait.For)
		}
		for _, arm := range s.Branch {
			out = append(out, waits(arm.Steps)...)
		}
	}
	return out
}
