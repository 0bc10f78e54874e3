package content

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// operators are all operators of the language, as written.
func operators() []string {
	return []string{
		"is", "is_not", "in", "not_in", "at_least", "at_most", "above", "below", "between",
		"contains", "starts_with", "matches", "exists", "has", "has_any",
		"before", "after", "within", "within_next", "anniversary_within", "same_as",
	}
}

// numeric are those that a count or a sum can be tested with.
func numeric() []string {
	return []string{"is", "is_not", "in", "not_in", "at_least", "at_most", "above", "below", "between"}
}

// operatorFor are words of other tools for what the language has under a name of
// its own.
func operatorFor(word string) string {
	return map[string]string{
		"exactly": "is", "equals": "is", "equal": "is", "equal_to": "is", "eq": "is",
		"not_equal": "is_not", "not_equals": "is_not", "ne": "is_not", "isnt": "is_not",
		"more_than": "above", "greater_than": "above", "over": "above", "gt": "above",
		"less_than": "below", "fewer_than": "below", "under": "below", "lt": "below",
		"gte": "at_least", "lte": "at_most", "minimum": "at_least", "maximum": "at_most",
		"one_of": "in", "any_of": "in", "none_of": "not_in", "includes": "has",
		"begins_with": "starts_with", "ends_with": "matches", "regex": "matches", "regexp": "matches", "like": "contains",
		"older_than": "before", "within_last": "within", "in_the_last": "within", "in_the_next": "within_next",
		"anniversary": "anniversary_within", "is_set": "exists",
	}[word]
}

// operand is what an operator tests, as far as reading its operands needs to know.
type operand struct {
	what    string   // names it in messages
	known   []string // the operators that it can be tested with
	in      scope
	numbers bool // every operand is a number
	money   bool // 50 EUR is a number
	days    bool // 7d is a number of days
}

// amount is something numeric of which only sums of money have a currency.
func amount(what string, money bool) operand {
	return operand{what: what, known: numeric(), numbers: true, money: money}
}

// test reads the one operator among a map's keys, and its operands.
func (s *source) test(f fields, o operand) campaign.Test {
	found := f.among(o.known)
	switch {
	case len(found) > 1:
		hint := "write two conditions under all:"
		if contains(found, "at_least") && contains(found, "at_most") {
			hint = "write between: [from, to]"
		}
		s.errorf(f.keys[found[1]], hint, "%s has two operators, %s and %s", o.what, found[0], found[1])
		return campaign.Test{}
	case len(found) == 0:
		if !f.odd {
			s.errorf(f.node, "add one of "+strings.Join(o.known, ", "), "%s needs an operator", o.what)
		}
		return campaign.Test{}
	}
	o.what += " " + found[0]
	return s.operands(f.values[found[0]], campaign.Op(found[0]), o)
}

// operandOf is the value of the one operator among f's keys, or f itself.
func (s *source) operandOf(f fields) *yaml.Node {
	if found := f.among(operators()); len(found) > 0 {
		return f.values[found[0]]
	}
	return f.node
}

func (s *source) operands(n *yaml.Node, op campaign.Op, o operand) campaign.Test {
	t := campaign.Test{Op: op}
	one := s.valueOf
	if o.numbers {
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
			s.errorf(n, severalHint(op), "%s takes one value, not a list", o.what)
			break
		}
		keep(one(n, o))
	case campaign.OpIn, campaign.OpNotIn, campaign.OpHasAny:
		items, _ := s.list(n, o.what)
		for _, item := range items {
			keep(one(item, o))
		}
	case campaign.OpAtLeast, campaign.OpAtMost, campaign.OpAbove, campaign.OpBelow:
		keep(s.number(n, o))
	case campaign.OpBetween:
		t.Values = s.between(n, o)
	case campaign.OpContains, campaign.OpStartsWith, campaign.OpMatches:
		if v, ok := s.word(n, o.what); ok {
			s.hidden(n, o.what, true)
			if op == campaign.OpMatches {
				s.pattern(n, v, o.what)
			}
			keep(campaign.TextValue(v), true)
		}
	case campaign.OpExists:
		if b, ok := s.boolean(n, o.what); ok {
			keep(campaign.Value{Kind: campaign.Bool, Text: n.Value, Bool: b}, true)
		}
	case campaign.OpWithin, campaign.OpWithinNext:
		t.Length = s.back(n, o.what)
	case campaign.OpAnniversaryWithin:
		t.Length, _ = s.anyDuration(n, o.what) // 0: today
	case campaign.OpSameAs:
		t.Trigger = s.sameAs(n, o)
	default:
		s.dateOperand(n, o.what, &t)
	}
	return t
}

func severalHint(op campaign.Op) string {
	if op == campaign.OpHas {
		return "use has_any: for any of several"
	}
	return "use in: or not_in: for any of several"
}

// pattern checks a regular expression.
func (s *source) pattern(n *yaml.Node, v, what string) {
	if err := campaign.CheckPattern(v); err != nil {
		message, hint := splitHint(err)
		s.errorf(n, hint, "%s: %s", what, message)
	}
}

// sameAs reads trigger.PATH.
func (s *source) sameAs(n *yaml.Node, o operand) string {
	v, ok := s.word(n, o.what)
	if !ok {
		return ""
	}
	path, found := strings.CutPrefix(v, "trigger.")
	if !found || strings.TrimSpace(path) == "" {
		s.errorf(n, "write trigger.order_id", "%s: %q names no property of the trigger", o.what, shortened(v))
		return ""
	}
	s.observe(sameAsked, o.in, path, n)
	return path
}

// amountOfMoney is an amount with its currency.
var amountOfMoney = regexp.MustCompile(`^(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?) ([A-Z]{3})$`)

// money reads an amount with a currency, which can only be the workspace's: any
// other would be another limit tomorrow, at tomorrow's rate.
func (s *source) money(n *yaml.Node, v string, o operand) (value campaign.Value, is, ok bool) {
	m := amountOfMoney.FindStringSubmatch(v)
	if m == nil || !o.money {
		return campaign.Value{}, false, false
	}
	f, ok := number(m[1])
	value = campaign.Value{Kind: campaign.Number, Text: m[1], Number: f}
	if s.terms == nil || !s.terms.currencyKnown || m[2] == s.terms.workspace.Currency {
		return value, true, ok
	}
	ws := s.terms.workspace
	switch _, rated := ws.Rates[m[2]]; {
	case ws.Currency == "":
		s.errorf(n, "write "+m[1]+", or add currency: "+m[2]+" to "+workspaceFile, "%s: %q has a currency, but the workspace has none", o.what, v)
	case !rated:
		s.errorf(n, "write the amount in "+ws.Currency+", and give "+workspaceFile+" rates for "+m[2],
			"%s: %q is not in %s, the workspace's currency, and there is no rate for %s", o.what, v, ws.Currency, m[2])
	default:
		s.errorf(n, "write the amount in "+ws.Currency, "%s: %q is not in %s, the workspace's currency", o.what, v, ws.Currency)
	}
	return value, true, false
}

// number reads an operand that must be one.
func (s *source) number(n *yaml.Node, o operand) (campaign.Value, bool) {
	v, ok := s.word(n, o.what)
	if !ok {
		return campaign.Value{}, false
	}
	if value, is, ok := s.money(n, v, o); is {
		return value, ok
	}
	if f, ok := number(v); ok {
		return campaign.Value{Kind: campaign.Number, Text: v, Number: f}, true
	}
	if value, is, ok := s.days(n, v, o); is {
		return value, ok
	}
	hint := "write it like 50 or 12.5"
	if m := amountOfMoney.FindStringSubmatch(v); m != nil {
		hint = "write " + m[1] + "; only amounts of money have a currency"
	} else if _, date := campaign.ParseMoment(v, nil); date {
		hint = "use before or after for dates"
	} else if _, err := campaign.ParseDuration(v); err == nil {
		hint = "use within or before for durations"
	}
	s.errorf(n, hint, "%s needs a number, not %q", o.what, shortened(v))
	return campaign.Value{}, false
}

// days reads a duration as the number of days that it is.
func (s *source) days(n *yaml.Node, v string, o operand) (value campaign.Value, is, ok bool) {
	d, err := campaign.ParseDuration(v)
	if !o.days || err != nil {
		return campaign.Value{}, false, false
	}
	d, ok = s.fixed(n, o.what)
	return campaign.NumberValue(d.Fixed.Hours() / 24), true, ok
}

// between reads [from, to], both numbers or both dates.
func (s *source) between(n *yaml.Node, o operand) []campaign.Value {
	what := o.what
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
		s.errorf(n, "write [10, 20]", "%s takes a list of two, from and to", what)
		return nil
	}
	from, to := n.Content[0], n.Content[1]
	if a, ok := date(from); ok && !o.numbers {
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
	a, okA := s.number(from, o)
	b, okB := s.number(to, o)
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
