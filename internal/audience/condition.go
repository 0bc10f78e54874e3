package audience

import (
	"fmt"
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// condition is the SQL of c over a relation x (customer_id, as_of, anchor_at,
// entered_at, anchor): one boolean, never null. nil holds for all.
func (b *builder) condition(c campaign.Condition) (string, error) {
	switch c := c.(type) {
	case nil:
		return sqlTrue, nil
	case campaign.All:
		return b.conditions(c, "AND", sqlTrue)
	case campaign.Any:
		return b.conditions(c, "OR", sqlFalse)
	case campaign.Not:
		part, err := b.condition(c.Of)
		return "NOT " + part, err
	case campaign.InSegment:
		return b.segment(c.Segment)
	case campaign.Attribute:
		if computed, ok := b.cat.Workspace.ComputedAttribute(c.Name); ok {
			return b.computed(computed, c.Test)
		}
		return b.attribute(c), nil
	case campaign.TriggerProperty:
		return b.property("x.anchor", c.Property), nil
	case campaign.CampaignState:
		return b.campaignState(c)
	case campaign.EventMatch:
		return b.eventMatch(c)
	case campaign.Sample:
		return b.sample(c)
	}
	return "", fmt.Errorf("compile condition: %T is not a condition of the language", c)
}

func (b *builder) conditions(cs []campaign.Condition, op, none string) (string, error) {
	parts := make([]string, len(cs))
	for i, c := range cs {
		part, err := b.condition(c)
		if err != nil {
			return "", err
		}
		parts[i] = part
	}
	return join(parts, op, none), nil
}

func (b *builder) segment(name string) (string, error) {
	s, ok := b.cat.Segments[name]
	if !ok {
		return "", fmt.Errorf("compile condition: there is no segment %q; add segments/%s.yaml", name, name)
	}
	if slices.Contains(b.within, name) {
		return "", fmt.Errorf("compile condition: segment %q contains itself (%s)", name, strings.Join(b.within, " → "))
	}
	if s.Limit != nil {
		return b.limited(s)
	}
	b.within = append(b.within, name)
	defer func() { b.within = b.within[:len(b.within)-1] }()
	return b.condition(s.Match)
}

// attribute looks at the latest fact known by then. A fact of kind null is the
// attribute's removal.
func (b *builder) attribute(a campaign.Attribute) string {
	negative, positive := positive(a.Test)
	if !storable(a.Name) {
		return answer(negative, sqlFalse)
	}
	found := sure("(SELECT " + b.test(b.factSubject(), positive) + " FROM attribute_facts f WHERE f.customer_id = x.customer_id AND f.name = " +
		b.text(a.Name) + " AND f.at <= x.as_of ORDER BY f.at DESC, f.id DESC LIMIT 1)")
	return answer(negative, found)
}

// positive turns an operator that a missing value satisfies into its opposite.
func positive(t campaign.Test) (negative bool, opposite campaign.Test) {
	switch t.Op {
	case campaign.OpIsNot:
		t.Op = campaign.OpIs
	case campaign.OpNotIn:
		t.Op = campaign.OpIn
	case campaign.OpExists:
		if len(t.Values) == 0 || t.Values[0].Bool {
			return false, t
		}
		t.Values = nil
	default:
		return false, t
	}
	return true, t
}

func answer(negative bool, cond string) string {
	if negative {
		return "NOT " + cond
	}
	return cond
}

// property is a test on a JSON object. A list of objects on the way
// (`products.category`) is looked through: some element must pass. The negative
// operators deny that any does.
func (b *builder) property(object string, p campaign.Property) string {
	negative, test := positive(p.Test)
	if !storable(p.Path) {
		return answer(negative, sqlFalse)
	}
	path := strings.Split(p.Path, ".")
	plain := b.test(b.jsonSubject(doc{object, path}), test)
	if len(path) == 1 {
		return answer(negative, plain)
	}
	list := doc{object, path[:1]}
	var some string
	if b.engine == SQLite {
		some = "EXISTS (SELECT 1 FROM json_each(" + object + ", " + b.path(list.path) + ") line WHERE line.type = 'object' AND " +
			b.test(b.jsonSubject(doc{"(CASE WHEN line.type = 'object' THEN line.value END)", path[1:]}), test) + ")"
	} else {
		some = "EXISTS (SELECT 1 FROM jsonb_array_elements(" + b.at(list) + ") line WHERE " +
			b.test(b.jsonSubject(doc{"line.value", path[1:]}), test) + ")"
	}
	return answer(negative, "(CASE WHEN "+b.kind(list)+" = 'array' THEN "+some+" ELSE "+plain+" END)")
}

// properties are tests on one object that all hold.
func (b *builder) properties(object string, ps []campaign.Property) string {
	parts := make([]string, len(ps))
	for i, p := range ps {
		parts[i] = b.property(object, p)
	}
	return join(parts, "AND", sqlTrue)
}

// campaignState looks for a pass as it was at the moment.
func (b *builder) campaignState(c campaign.CampaignState) (string, error) {
	if !storable(c.Campaign) {
		return sqlFalse, nil
	}
	conds := []string{"n.customer_id = x.customer_id", "p.name = " + b.text(c.Campaign), "n.entered_at <= x.as_of"}
	switch c.Is {
	case campaign.IsRunning:
		conds = append(conds, "n.state <> 'held_out'", "(n.ended_at IS NULL OR n.ended_at > x.as_of)")
	case campaign.IsHeldOut:
		conds = append(conds, "n.state = 'held_out'")
	case campaign.IsEntered:
	default:
		return "", fmt.Errorf("compile condition: a pass is not %q; write running, entered or held_out", c.Is)
	}
	if !c.Within.IsZero() {
		conds = append(conds, "n.entered_at > "+b.before("x.as_of", c.Within))
	}
	return "EXISTS (SELECT 1 FROM enrollments n JOIN campaigns p ON p.id = n.campaign_id WHERE " + strings.Join(conds, " AND ") + ")", nil
}
