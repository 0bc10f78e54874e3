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
		return b.apart(func() (string, error) { return b.conditions(c, "OR", sqlFalse) })
	case campaign.Not:
		part, err := b.apart(func() (string, error) { return b.condition(c.Of) })
		return "NOT " + part, err
	case campaign.InSegment:
		return b.segment(c.Segment)
	case campaign.Attribute:
		if computed, ok := b.cat.Workspace.ComputedAttribute(c.Name); ok {
			return b.computed(computed, c.Test)
		}
		return b.attribute(c), nil
	case campaign.TriggerProperty:
		if b.whole != nil { // no pass, no anchor
			return b.property(b.nothing(), c.Property), nil
		}
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
// attribute's removal. A dotted name that no fact has leads into the object that
// is named first.
func (b *builder) attribute(a campaign.Attribute) string {
	negative, test := positive(a.Test)
	if !storable(a.Name) {
		return answer(negative, sqlFalse)
	}
	found := b.fact(a.Name, func(alias string) string { return b.test(b.factSubject(alias), test) })
	if object, path, dotted := strings.Cut(a.Name, "."); dotted {
		inside := b.fact(object, func(alias string) string {
			return b.property(b.factDocument(alias, "object"), campaign.Property{Path: path, Test: test})
		})
		named := "EXISTS (SELECT 1 FROM attribute_facts f WHERE f.customer_id = x.customer_id AND f.name = " + b.text(a.Name) + " AND f.at <= " + b.now() + ")"
		found = "(CASE WHEN " + named + " THEN " + found + " ELSE " + inside + " END)"
	}
	return answer(negative, found)
}

// fact is a condition on the customer's latest fact of that name, false without one.
func (b *builder) fact(name string, test func(alias string) string) string {
	if b.engine == Postgres && b.inSets() {
		alias, ok := b.whole.facts[name]
		if !ok {
			// In this order the facts of a name lie in their index.
			alias = b.join("SELECT DISTINCT ON (f.customer_id) f.* FROM attribute_facts f WHERE f.name = " + b.text(name) + " AND f.at <= " + b.now() +
				" ORDER BY f.customer_id DESC, f.at DESC, f.id DESC")
			b.whole.facts[name] = alias
		}
		return sure("(" + alias + ".customer_id IS NOT NULL AND " + test(alias) + ")")
	}
	return sure("(SELECT " + test("f") + " FROM attribute_facts f WHERE f.customer_id = x.customer_id AND f.name = " +
		b.text(name) + " AND f.at <= " + b.now() + " ORDER BY f.at DESC, f.id DESC LIMIT 1)")
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

// property is a test on a JSON object. A list on the way (`products.category`) is
// looked through: some element must pass. The negative operators deny that any
// does. Below the top a single value counts as a list of one to has and has_any,
// as one line of a list tells what the others tell by lists.
func (b *builder) property(object string, p campaign.Property) string {
	if len(p.Each) > 0 {
		return b.someObject(object, p)
	}
	negative, test := positive(p.Test)
	at, lines, ok := b.place(object, p.Path)
	if !ok {
		return answer(negative, sqlFalse)
	}
	s := b.jsonSubject(at)
	if lines == "" {
		return answer(negative, b.test(s, test))
	}
	holds := b.test(s, test)
	if test.Op == campaign.OpHas || test.Op == campaign.OpHasAny {
		holds = "(" + holds + " OR " + sure(b.equalsAny(s, test.Values)) + ")"
	}
	return answer(negative, "EXISTS (SELECT 1 FROM "+lines[len(", "):]+" WHERE "+holds+")")
}

// someObject holds when one object of the list passes every test.
func (b *builder) someObject(object string, p campaign.Property) string {
	keys, ok := keysOf(p.Path)
	if !ok {
		return sqlFalse
	}
	r := b.through(object, keys)
	isObject := "jsonb_typeof(" + r.object + ") = 'object'"
	if b.engine == SQLite {
		isObject = r.object + " IS NOT NULL"
	}
	return "EXISTS (SELECT 1 FROM " + r.from + " WHERE " + and(isObject, b.properties(r.object, p.Each)) + ")"
}

// nothing is an object that is not there.
func (b *builder) nothing() string {
	if b.engine == Postgres {
		return "NULL::jsonb"
	}
	return "NULL"
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
	conds := []string{"n.customer_id = x.customer_id", "p.name = " + b.text(c.Campaign), "n.entered_at <= " + b.now()}
	switch c.Is {
	case campaign.IsRunning:
		conds = append(conds, "n.state <> 'held_out'", "(n.ended_at IS NULL OR n.ended_at > "+b.now()+")")
	case campaign.IsHeldOut:
		conds = append(conds, "n.state = 'held_out'")
	case campaign.IsEntered:
	default:
		return "", fmt.Errorf("compile condition: a pass is not %q; write running, entered or held_out", c.Is)
	}
	if !c.Within.IsZero() {
		conds = append(conds, "n.entered_at > "+b.ago(c.Within))
	}
	return "EXISTS (SELECT 1 FROM enrollments n JOIN campaigns p ON p.id = n.campaign_id WHERE " + strings.Join(conds, " AND ") + ")", nil
}
