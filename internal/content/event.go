package content

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// event reads a condition on a customer's events.
func (s *source) event(n *yaml.Node, in scope) campaign.Condition {
	f, _ := s.mapping(n, "an event condition", "event", "within", "since", "where", "count", "sum", "first", "last")
	c := campaign.EventMatch{Event: s.eventName(f.values["event"], "event")}
	if v, ok := f.values["where"]; ok {
		c.Where = s.where(v)
	}
	s.window(f, &c.Window, in)
	s.aggregate(f, &c)
	if len(f.among([]string{"within", "since", "first", "last"})) == 0 && !f.odd {
		s.observe(untimedEvent, in, c.Event, f.keys["event"])
	}
	return c
}

// eventName reads an event's name.
func (s *source) eventName(n *yaml.Node, what string) string {
	v, ok := s.word(n, what)
	if ok {
		s.hidden(n, what, true)
		s.refer(eventRef, v, n)
	}
	return v
}

// window reads within or since.
func (s *source) window(f fields, w *campaign.Window, in scope) {
	within, since := f.values["within"], f.values["since"]
	if within != nil && since != nil {
		s.errorf(f.keys["since"], "keep one of them", "an event condition has both within and since")
	}
	if within != nil {
		w.Within = s.back(within, "within")
	}
	if since == nil {
		return
	}
	v, ok := s.word(since, "since")
	switch {
	case !ok:
	case v == string(campaign.SinceAnchor), v == string(campaign.SinceEntry):
		w.Since = campaign.Since(v)
		s.observe(sincePass, in, v, since)
	default:
		t, ok := campaign.ParseMoment(v, s.zone)
		if !ok {
			s.errorf(since, "write anchor, entry or a date such as 2026-12-01", "since: %q is not a moment", shortened(v))
			return
		}
		w.Since, w.Date = campaign.SinceDate, t
	}
}

// aggregate reads what is asked of the events found: one of count, sum, first
// and last.
func (s *source) aggregate(f fields, c *campaign.EventMatch) {
	found := f.among([]string{"count", "sum", "first", "last"})
	if len(found) > 1 {
		s.errorf(f.keys[found[1]], "keep one of them, or write two conditions under all:", "an event condition has both %s and %s", found[0], found[1])
	}
	if len(found) == 0 {
		return
	}
	v := f.values[found[0]]
	switch found[0] {
	case "count":
		if g, ok := s.operation(v, "count", numeric()); ok {
			t := s.test(g, "count", numeric())
			c.Count = &t
		}
	case "sum":
		c.Aggregate = s.sum(v)
	case "first":
		c.First = s.recency(v, "first")
	case "last":
		c.Last = s.recency(v, "last")
	}
}

func (s *source) sum(n *yaml.Node) *campaign.Aggregate {
	f, ok := s.mapping(n, "sum", append([]string{"of"}, numeric()...)...)
	if !ok {
		return nil
	}
	out := &campaign.Aggregate{Func: campaign.Sum}
	if v, ok := f.values["of"]; ok {
		out.Property, _ = s.word(v, "of")
	} else {
		s.errorf(n, "write { of: total, at_least: 200 }", "sum does not say of which property")
	}
	out.Test = s.test(f, "sum", numeric())
	return out
}

func (s *source) recency(n *yaml.Node, what string) *campaign.RecencyTest {
	f, ok := s.mapping(n, what, "within", "before")
	if !ok {
		return nil
	}
	out := &campaign.RecencyTest{}
	if v, ok := f.values["within"]; ok {
		out.Within = s.back(v, "within")
	}
	if v, ok := f.values["before"]; ok {
		out.Before = s.back(v, "before")
	}
	if len(f.values) == 0 && !f.odd {
		s.errorf(n, "write { within: 30d } or { before: 30d }", "%s does not say how long ago", what)
	}
	return out
}

// where reads tests of properties, all of which must hold. A bare value is what
// the property must be.
func (s *source) where(n *yaml.Node) []campaign.Property {
	f, ok := s.entries(n, "where")
	if !ok {
		return nil
	}
	var out []campaign.Property
	for _, path := range sorted(f.values) {
		v := f.values[path]
		what := "property " + path
		if strings.TrimSpace(path) == "" {
			s.errorf(f.keys[path], "", "a property has a name")
			continue
		}
		switch {
		case v.Kind == yaml.SequenceNode:
			s.errorf(v, "write "+path+": { in: […] }", "%s is compared with a list", what)
		case v.Kind == yaml.MappingNode:
			if g, ok := s.operation(v, what, operators()); ok {
				out = append(out, campaign.Property{Path: path, Test: s.test(g, what, operators())})
			}
		default:
			if value, ok := s.value(v, what); ok {
				out = append(out, campaign.Property{Path: path, Test: campaign.Test{Op: campaign.OpIs, Values: []campaign.Value{value}}})
			}
		}
	}
	return out
}

// operation reads the map { operator: operand }.
func (s *source) operation(n *yaml.Node, what string, known []string) (fields, bool) {
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		s.errorf(n, "write { at_least: "+shortened(n.Value)+" }", "%s needs an operator", what)
		return fields{}, false
	}
	return s.mapping(n, what, known...)
}
