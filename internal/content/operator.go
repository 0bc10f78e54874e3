package content

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// operators are all operators of the language, as written.
func operators() []string {
	return []string{
		"is", "is_not", "in", "not_in", "at_least", "at_most", "above", "below", "between",
		"contains", "starts_with", "exists", "has", "before", "after", "within", "within_next",
	}
}

// numeric are those that a count or a sum can be tested with.
func numeric() []string {
	return []string{"is", "is_not", "in", "not_in", "at_least", "at_most", "above", "below", "between"}
}

// test reads the one operator among a map's keys, and its operands. With only
// numeric operators known, the operands are numbers.
func (s *source) test(f fields, what string, known []string) campaign.Test {
	found := f.among(known)
	switch {
	case len(found) > 1:
		hint := "write two conditions under all:"
		if contains(found, "at_least") && contains(found, "at_most") {
			hint = "write between: [from, to]"
		}
		s.errorf(f.keys[found[1]], hint, "%s has two operators, %s and %s", what, found[0], found[1])
		return campaign.Test{}
	case len(found) == 0:
		if !f.odd {
			s.errorf(f.node, "add one of "+strings.Join(known, ", "), "%s needs an operator", what)
		}
		return campaign.Test{}
	}
	op := campaign.Op(found[0])
	return s.operands(f.values[found[0]], op, what+" "+found[0], len(known) == len(numeric()))
}

func (s *source) operands(n *yaml.Node, op campaign.Op, what string, numbers bool) campaign.Test {
	t := campaign.Test{Op: op}
	one := s.value
	if numbers {
		one = s.number
	}
	keep := func(v campaign.Value, ok bool) {
		if ok {
			t.Values = append(t.Values, v)
		}
	}
	switch op {
	case campaign.OpIs, campaign.OpIsNot, campaign.OpHas:
		if n.Kind == yaml.SequenceNode {
			s.errorf(n, "use in: or not_in: for any of several", "%s takes one value, not a list", what)
			break
		}
		keep(one(n, what))
	case campaign.OpIn, campaign.OpNotIn:
		items, _ := s.list(n, what)
		for _, item := range items {
			keep(one(item, what))
		}
	case campaign.OpAtLeast, campaign.OpAtMost, campaign.OpAbove, campaign.OpBelow:
		keep(s.number(n, what))
	case campaign.OpBetween:
		t.Values = s.between(n, what, numbers)
	case campaign.OpContains, campaign.OpStartsWith:
		if v, ok := s.word(n, what); ok {
			s.hidden(n, what, true)
			keep(campaign.TextValue(v), true)
		}
	case campaign.OpExists:
		if b, ok := s.boolean(n, what); ok {
			keep(campaign.Value{Kind: campaign.Bool, Text: n.Value, Bool: b}, true)
		}
	case campaign.OpWithin, campaign.OpWithinNext:
		t.Length = s.back(n, what)
	default:
		s.dateOperand(n, what, &t)
	}
	return t
}

// number reads an operand that must be one.
func (s *source) number(n *yaml.Node, what string) (campaign.Value, bool) {
	v, ok := s.word(n, what)
	if !ok {
		return campaign.Value{}, false
	}
	f, ok := number(v)
	if !ok {
		hint := "write it like 50 or 12.5"
		if amount, _, found := strings.Cut(v, " "); found && plainNumber.MatchString(amount) {
			hint = "write " + amount + "; amounts are in the workspace's currency"
		} else if _, date := campaign.ParseMoment(v, nil); date {
			hint = "use before or after for dates"
		} else if _, err := campaign.ParseDuration(v); err == nil {
			hint = "use within or before for durations"
		}
		s.errorf(n, hint, "%s needs a number, not %q", what, shortened(v))
		return campaign.Value{}, false
	}
	return campaign.Value{Kind: campaign.Number, Text: v, Number: f}, true
}

// between reads [from, to], both numbers or both dates.
func (s *source) between(n *yaml.Node, what string, numbers bool) []campaign.Value {
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
		s.errorf(n, "write [10, 20]", "%s takes a list of two, from and to", what)
		return nil
	}
	from, to := n.Content[0], n.Content[1]
	if a, ok := date(from); ok && !numbers {
		b, ok := date(to)
		if !ok {
			s.errorf(to, "write two dates or two numbers", "%s begins with a date and ends with %s", what, kindOf(to))
			return nil
		}
		if b.Time.Before(a.Time) {
			s.errorf(to, "write the earlier date first", "%s ends before it begins", what)
		}
		return []campaign.Value{a, b}
	}
	a, okA := s.number(from, what)
	b, okB := s.number(to, what)
	if okA && okB && b.Number < a.Number {
		s.errorf(to, "write the smaller number first", "%s ends before it begins", what)
	}
	return []campaign.Value{a, b}
}

// date reads a moment in UTC, as attributes and properties without a zone are
// read: a bare date means the same on both sides.
func date(n *yaml.Node) (campaign.Value, bool) {
	if n.Kind != yaml.ScalarNode {
		return campaign.Value{}, false
	}
	t, ok := campaign.ParseMoment(n.Value, nil)
	return campaign.Value{Kind: campaign.Time, Text: n.Value, Time: t}, ok
}

// dateOperand reads what before and after compare with: a date or now; for
// before also a duration, that long ago.
func (s *source) dateOperand(n *yaml.Node, what string, t *campaign.Test) {
	v, ok := s.word(n, what)
	if !ok {
		return
	}
	if v == "now" {
		t.Now = true
		return
	}
	if d, ok := date(n); ok {
		t.Values = []campaign.Value{d}
		return
	}
	length, err := campaign.ParseDuration(v)
	switch {
	case err != nil:
		hint := "write a date such as 2026-12-01, or now"
		if t.Op == campaign.OpBefore {
			hint = "write a date such as 2026-12-01, now, or a duration such as 30d"
		}
		s.errorf(n, hint, "%s needs a date, not %q", what, shortened(v))
	case t.Op == campaign.OpAfter:
		s.errorf(n, "write within: "+v+" for a date at most "+v+" ago", "%s needs a date, not a duration", what)
	default:
		t.Length = length
	}
}
