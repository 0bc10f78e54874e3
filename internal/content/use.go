package content

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// use is a place where an attribute or a property of an event is tested, for
// their types to be compared once all files are read.
type use struct {
	attribute bool
	name      string   // of the attribute, or the property's path
	events    []string // whose property it is
	anchor    bool     // a property of the campaign's own anchor
	told      bool     // it cannot be a computed attribute
	claim     claim
	test      campaign.Test // empty where nothing is compared
	nameAt    place
	at        place   // of the operand
	each      []place // of a list's operands
}

// claim is what a test takes for granted of the values that it looks at. The zero
// claim takes nothing for granted.
type claim struct {
	kind    campaign.Kind // of the value, or of a list's elements
	list    bool
	objects bool // a list of objects
	// date: a text that is a date too.
	date bool
	// order: values that have one, numbers or dates.
	order bool
	// cannot is what values of another kind cannot do; instead is what to write for
	// them, where that is no other operator.
	cannot, instead string
}

func (s *source) use(u use, name, operand *yaml.Node) {
	if u.name == "" || name == nil {
		return
	}
	u.nameAt, u.at = placeOf(name), placeOf(operand)
	if operand.Kind == yaml.SequenceNode {
		for _, n := range operand.Content {
			u.each = append(u.each, placeOf(n))
		}
	}
	s.uses = append(s.uses, u)
}

// place is where the i-th operand stands.
func (u use) place(i int) place {
	if i < len(u.each) && len(u.each) == len(u.test.Values) {
		return u.each[i]
	}
	return u.at
}

// monthDay is a date without its year, as birthdays are.
var monthDay = regexp.MustCompile(`^(--)?(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`)

func isDateText(s string) bool {
	_, ok := campaign.ParseMoment(s, nil)
	return ok || monthDay.MatchString(s)
}

// claimOf is what an operator and its operands take for granted.
func claimOf(t campaign.Test) claim {
	switch t.Op {
	case campaign.OpIs, campaign.OpIsNot, campaign.OpIn, campaign.OpNotIn:
		return claimOfValues(t.Values)
	case campaign.OpHas, campaign.OpHasAny:
		c := claimOfValues(t.Values)
		c.list, c.date, c.cannot = true, false, "be asked which values it has"
		return c
	case campaign.OpAtLeast, campaign.OpAtMost, campaign.OpAbove, campaign.OpBelow:
		return claim{kind: campaign.Number, cannot: "be compared with a number"}
	case campaign.OpBetween:
		if len(t.Values) == 2 && t.Values[0].Kind == campaign.Time {
			return claim{kind: campaign.Time, cannot: "be compared with a date"}
		}
		return claim{kind: campaign.Number, cannot: "be compared with a number"}
	case campaign.OpContains:
		return claim{kind: campaign.Text, cannot: "contain a text"}
	case campaign.OpStartsWith:
		return claim{kind: campaign.Text, cannot: "start with a text"}
	case campaign.OpMatches:
		return claim{kind: campaign.Text, cannot: "match a pattern"}
	case campaign.OpBefore, campaign.OpAfter:
		return claim{kind: campaign.Time, cannot: "be compared with a date"}
	case campaign.OpWithin, campaign.OpWithinNext, campaign.OpAnniversaryWithin:
		return claim{kind: campaign.Time, cannot: "lie within a time"}
	}
	return claim{}
}

// claimOfValues is what comparing with values takes for granted: nothing when they
// are of several kinds.
func claimOfValues(values []campaign.Value) claim {
	c := claim{date: true}
	for i, v := range values {
		if i > 0 && v.Kind != c.kind {
			return claim{}
		}
		c.kind = v.Kind
		c.date = c.date && v.Kind == campaign.Text && isDateText(v.Text)
	}
	c.cannot = "be compared with " + article(c.kind)
	return c
}

// article names a kind in a sentence.
func article(k campaign.Kind) string {
	switch k {
	case campaign.Bool:
		return "true or false"
	case campaign.Time:
		return "a date"
	case campaign.DaysKind:
		return "a number of days"
	case codeKind:
		return "a text"
	}
	return "a " + string(k)
}

// attributeOperand is what the operators of an attribute condition test.
func (s *source) attributeOperand(name string, in scope) operand {
	o := operand{what: strings.TrimSpace("attribute " + name), known: operators(), in: in, money: isMoneyAttribute(name)}
	ws := &campaign.Workspace{}
	if s.terms != nil {
		ws = s.terms.workspace
	}
	c, _ := ws.ComputedAttribute(name)
	o.days = c.Kind == campaign.DaysKind
	return o
}

// isMoneyAttribute tells whether an attribute is an amount in the workspace's
// currency.
func isMoneyAttribute(name string) bool {
	return campaign.IsMoney(name) || name == "orders.average"
}
