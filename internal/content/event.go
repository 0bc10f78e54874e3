package content

import (
	"time"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// timeWords are the ways to say which events a condition looks at; asked are what
// it can ask of those found.
var (
	timeWords = [...]string{"within", "before", "between", "since"}
	asked     = [...]string{"count", "sum", "avg", "min", "max", "distinct", "first", "last"}
)

// event reads a condition on a customer's events.
func (s *source) event(n *yaml.Node, in scope) campaign.Condition {
	known := append([]string{"event", "where", "followed_by", "not_followed_by"}, timeWords[:]...)
	f, _ := s.mapping(n, "an event condition", append(known, asked[:]...)...)
	c := campaign.EventMatch{Event: s.customerEvent(f.values["event"], "event")}
	if v, ok := f.values["where"]; ok {
		c.Where = s.where(v, room{in: in, events: []string{c.Event}})
	}
	s.window(f, &c.Window, in)
	s.sequence(f, &c, in)
	s.aggregate(f, &c)
	if len(f.among(append([]string{"first", "last"}, timeWords[:]...))) == 0 && !f.odd && !aboutAnchor(c.Where) {
		s.observe(untimedEvent, in, c.Event, f.keys["event"])
	}
	return c
}

// aboutAnchor tells whether tests compare with the pass's own anchor: an event that
// is about the very order or product needs no time word to be meant.
func aboutAnchor(where []campaign.Property) bool {
	for _, p := range where {
		if p.Test.Op == campaign.OpSameAs || aboutAnchor(p.Each) {
			return true
		}
	}
	return false
}

// customerEvent reads the name of an event that customers have. A fact of the
// catalogue belongs to nobody, so a condition, a goal or an anchor made of it
// could never hold.
func (s *source) customerEvent(n *yaml.Node, what string) string {
	v := s.eventName(n, what)
	if contains(campaign.CatalogueEvents(), v) {
		s.errorf(n, "to tell those who wait for the product, use trigger: { back_in_stock: {} } or { price_drop: {} }", "%s: %s is about a product and no customer", what, v)
	}
	return v
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

// window reads which events are looked at, by their time.
func (s *source) window(f fields, w *campaign.Window, in scope) {
	found := f.among(timeWords[:])
	if len(found) > 1 {
		s.errorf(f.keys[found[1]], "keep one of them", "an event condition has both %s and %s", found[0], found[1])
	}
	if len(found) == 0 {
		return
	}
	v := f.values[found[0]]
	switch found[0] {
	case "within":
		w.Within = s.back(v, "within")
	case "before":
		w.Before = s.earlier(v)
	case "between":
		w.From, w.Until = s.span(v)
	case "since":
		s.since(v, w, in)
	}
}

// earlier reads how long ago events must lie.
func (s *source) earlier(n *yaml.Node) campaign.Duration {
	if v, ok := s.word(n, "before"); ok {
		if _, date := campaign.ParseMoment(v, nil); date {
			s.errorf(n, "write a duration such as 90d, or between: [2020-01-01, "+v+"]", "before: %q is a date, not how long ago", v)
			return campaign.Duration{}
		}
	}
	return s.back(n, "before")
}

// span reads two moments, both included; a bare date at the end is that whole day.
func (s *source) span(n *yaml.Node) (from, until time.Time) {
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
		s.errorf(n, "write [2026-11-01, 2026-11-30]", "between takes a list of two dates, from and to")
		return from, until
	}
	a, b := n.Content[0], n.Content[1]
	from, until = s.moment(a, "between", s.zone), s.moment(b, "between", s.zone)
	if from.IsZero() || until.IsZero() {
		if _, ok := campaign.ParseMoment(a.Value, s.zone); ok && from.IsZero() {
			s.errorf(a, "write a later date", "between: nothing happened as early as %s", a.Value)
		}
		return from, until
	}
	if len(b.Value) == len(time.DateOnly) {
		local := until.In(s.zone)
		until = campaign.Moment(time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, s.zone).Add(-time.Microsecond))
	}
	if until.Before(from) {
		s.errorf(b, "write the earlier date first", "between ends before it begins")
	}
	return from, until
}

// since reads anchor, entry or a date.
func (s *source) since(n *yaml.Node, w *campaign.Window, in scope) {
	v, ok := s.word(n, "since")
	switch {
	case !ok:
	case v == string(campaign.SinceAnchor), v == string(campaign.SinceEntry):
		w.Since = campaign.Since(v)
		s.observe(sincePass, in, v, n)
	default:
		t, ok := campaign.ParseMoment(v, s.zone)
		if !ok {
			s.errorf(n, "write anchor, entry or a date such as 2026-12-01", "since: %q is not a moment", shortened(v))
			return
		}
		w.Since, w.Date = campaign.SinceDate, t
	}
}

// sequence reads what must follow an event, or must not.
func (s *source) sequence(f fields, c *campaign.EventMatch, in scope) {
	found := f.among([]string{"followed_by", "not_followed_by"})
	if len(found) > 1 {
		s.errorf(f.keys[found[1]], "keep one of them, or write two conditions under all:", "an event condition has both %s and %s", found[0], found[1])
	}
	if len(found) == 0 {
		return
	}
	m, ok := s.mapping(f.values[found[0]], found[0], "event", "where", "within")
	if !ok {
		return
	}
	out := &campaign.Sequence{Not: found[0] == "not_followed_by"}
	if v, ok := m.values["event"]; ok {
		out.Event = s.customerEvent(v, "event")
	} else if !m.odd {
		s.errorf(m.node, "write { event: Order Completed, within: 7d }", "%s does not name its event", found[0])
	}
	if v, ok := m.values["where"]; ok {
		out.Where = s.where(v, room{in: in, events: []string{out.Event}})
	}
	if v, ok := m.values["within"]; ok {
		out.Within = s.back(v, "within")
	}
	c.Followed = out
}

// aggregate reads what is asked of the events found.
func (s *source) aggregate(f fields, c *campaign.EventMatch) {
	found := f.among(asked[:])
	if len(found) > 1 {
		s.errorf(f.keys[found[1]], "keep one of them, or write two conditions under all:", "an event condition has both %s and %s", found[0], found[1])
	}
	if len(found) == 0 {
		return
	}
	v := f.values[found[0]]
	switch what := found[0]; what {
	case "count":
		if t, ok := s.tally(v, "count"); ok {
			c.Count = &t
		}
	case "distinct":
		if path, t, ok := s.ofProperty(v, what, "{ of: product_id, at_least: 2 }"); ok {
			c.Distinct = &campaign.Distinct{Property: path, Test: t}
			s.use(use{events: []string{c.Event}, name: path}, v, v)
		}
	case "first":
		c.First = s.recency(v, what)
	case "last":
		c.Last = s.recency(v, what)
	default:
		if path, t, ok := s.ofProperty(v, what, "{ of: total, at_least: 200 }"); ok {
			c.Aggregate = &campaign.Aggregate{Func: campaign.AggregateFunc(what), Property: path, Test: t}
			s.use(use{events: []string{c.Event}, name: path, claim: claim{kind: campaign.Number, cannot: "be added up or compared", instead: "name a property that holds numbers, such as total"}}, v, v)
		}
	}
}

// tally reads the test of a number of things.
func (s *source) tally(n *yaml.Node, what string) (campaign.Test, bool) {
	f, ok := s.operation(n, what, numeric())
	if !ok {
		return campaign.Test{}, false
	}
	return s.test(f, amount(what, false)), true
}

// ofProperty reads { of: PROPERTY, operator: number }.
func (s *source) ofProperty(n *yaml.Node, what, example string) (path string, t campaign.Test, ok bool) {
	f, ok := s.mapping(n, what, append([]string{"of"}, numeric()...)...)
	if !ok {
		return "", t, false
	}
	if v, ok := f.values["of"]; ok {
		path, _ = s.word(v, "of")
	} else {
		s.errorf(n, "write "+example, "%s does not say of which property", what)
	}
	return path, s.test(f, amount(what, what != "distinct" && campaign.IsMoney(path))), true
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
