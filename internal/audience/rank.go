package audience

import (
	"context"
	"database/sql"

	"tidings/internal/campaign"
)

// What ranks customers against each other is as of the start of the day in the
// workspace's zone: working it out takes the whole population, so it is worked
// out once for a day, and kept in the tables ranks and ranked by whoever may
// write (see Rank). What is not kept is worked out in the statement, with the
// same answers.

// Execer is a Querier that may write.
type Execer interface {
	Querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// ranking is something that ranks customers: the RFM scores, or a segment with a
// limit.
type ranking struct {
	limited  *campaign.Segment
	byPasses bool // it depends on passes
}

// rankings are those that conditions stand on, each after what it stands on
// itself.
func (e *Evaluator) rankings(conds []campaign.Condition) []ranking {
	f := rankFinder{e: e, seen: map[string]bool{}}
	for _, c := range conds {
		f.walk(c)
	}
	return f.found
}

type rankFinder struct {
	e     *Evaluator
	seen  map[string]bool
	found []ranking
}

func (f *rankFinder) first(what string) bool {
	first := !f.seen[what]
	f.seen[what] = true
	return first
}

func (f *rankFinder) walk(c campaign.Condition) {
	campaign.Walk(c, func(c campaign.Condition) {
		switch c := c.(type) {
		case campaign.Attribute:
			f.attribute(c.Name)
		case campaign.InSegment:
			s, ok := f.e.cat.Segments[c.Segment]
			if !ok || !f.first("segment "+c.Segment) {
				return
			}
			f.walk(s.Match)
			if s.Limit != nil {
				f.attribute(s.Limit.By)
				f.found = append(f.found, ranking{s, f.e.byPasses(campaign.All{s.Match, campaign.Attribute{Name: s.Limit.By}}, map[string]bool{})})
			}
		}
	})
}

// byPasses tells whether a condition looks at passes, by a segment or the tiers too.
func (e *Evaluator) byPasses(c campaign.Condition, seen map[string]bool) (found bool) {
	campaign.Walk(c, func(c campaign.Condition) {
		switch c := c.(type) {
		case campaign.CampaignState:
			found = true
		case campaign.InSegment:
			if s, ok := e.cat.Segments[c.Segment]; ok && !seen[s.Name] {
				seen[s.Name] = true
				found = found || e.byPasses(s.Match, seen)
			}
		case campaign.Attribute:
			if c.Name == "tier" && !seen["tiers of tidings.yaml"] {
				seen["tiers of tidings.yaml"] = true
				for _, t := range e.cat.Workspace.Tiers {
					found = found || e.byPasses(t.When, seen)
				}
			}
		}
	})
	return found
}

func (f *rankFinder) attribute(name string) {
	c, ok := f.e.cat.Workspace.ComputedAttribute(name)
	switch {
	case !ok:
	case c.Daily && f.first("rfm"):
		f.found = append(f.found, ranking{})
	case name == "tier" && f.first("tier"):
		for _, t := range f.e.cat.Workspace.Tiers {
			f.walk(t.When)
		}
	}
}
