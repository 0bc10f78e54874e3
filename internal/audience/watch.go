package audience

import (
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// kindOfSource is a kind of facts that truths depend on.
type kindOfSource int

const (
	ofEvents     kindOfSource = iota // events by name, seen from when they happened
	ofEventDates                     // dates in the properties of events by name
	ofFacts                          // facts about an attribute, seen from when they hold
	ofFactDates                      // dates that such facts state
	ofNested                         // dates within the objects that such facts state
	ofPasses                         // passes through a campaign, seen from their entry and end
	ofConsents                       // what was said about a topic
	ofCustomers                      // customers, seen from when they came into being
)

// source is one thing that a condition looks at, and the moments around each of
// its facts at which the condition's truth may change.
type source struct {
	kind  kindOfSource
	name  string // of the event, the attribute, the campaign or the topic
	path  string // of the dates within
	edges []edge
	// anniversaries are the lengths of the tests `anniversary_within` on its dates.
	anniversaries []campaign.Duration
}

func (s *source) has(e edge) bool { return slices.Contains(s.edges, e) }

// watch is all that a condition looks at. It may name more than matters, never
// less.
type watch struct {
	cat     *campaign.Catalog
	sources []*source
	// daily: people are ranked against each other, as of each day's start.
	daily bool
	// overdue: it looks at how long a customer's usual gap between orders has
	// passed: after gaps times the gap and a fixed time since the last order.
	overdue []overdue
	anchor  []campaign.Property // tests on the pass's own anchor that time changes
	wanted  turn                // the turns that matter
	denied  bool                // what is looked at stands under a denial
	seen    map[visit]bool      // against a circle
}

// turn is in which way a truth may change.
type turn int

const (
	either turn = iota
	comes       // it becomes true
	goes        // it becomes false
)

func (t turn) opposite() turn {
	switch t {
	case comes:
		return goes
	case goes:
		return comes
	}
	return either
}

// visit is a segment that was looked at, denied or not.
type visit struct {
	segment string
	denied  bool
}

// matters tells whether a part of the condition that may turn so can make all of
// it turn as is wanted.
func (w *watch) matters(t turn) bool {
	if w.denied {
		t = t.opposite()
	}
	return w.wanted == either || t == either || t == w.wanted
}

// overdue is the moment gaps × (the customer's usual gap) + fixed after the last
// order.
type overdue struct {
	gaps  float64
	fixed campaign.Duration
}

// watch collects what conds look at.
func (e *Evaluator) watch(conds ...campaign.Condition) *watch { return e.watchTurns(either, conds...) }

// watchTurns is watch for the moments at which a truth may turn in one way. What
// else may happen at other moments is not in it: just before each moment the truth
// is to be judged anew.
func (e *Evaluator) watchTurns(wanted turn, conds ...campaign.Condition) *watch {
	w := &watch{cat: e.cat, wanted: wanted, seen: map[visit]bool{}}
	for _, c := range conds {
		w.condition(c)
	}
	return w
}

// on adds edges to a source.
func (w *watch) on(kind kindOfSource, name, path string, edges ...edge) *source {
	i := slices.IndexFunc(w.sources, func(s *source) bool { return s.kind == kind && s.name == name && s.path == path })
	if i < 0 {
		i = len(w.sources)
		w.sources = append(w.sources, &source{kind: kind, name: name, path: path})
	}
	s := w.sources[i]
	for _, e := range edges {
		if !s.has(e) {
			s.edges = append(s.edges, e)
		}
	}
	return s
}

// events adds events by name, with further edges beside their own moment.
func (w *watch) events(name string, edges ...edge) {
	w.on(ofEvents, name, "", append([]edge{atOnce}, edges...)...)
}

func (w *watch) condition(c campaign.Condition) {
	switch c := c.(type) {
	case campaign.All:
		for _, part := range c {
			w.condition(part)
		}
	case campaign.Any:
		for _, part := range c {
			w.condition(part)
		}
	case campaign.Not:
		w.denied = !w.denied
		w.condition(c.Of)
		w.denied = !w.denied
	case campaign.EventMatch:
		w.eventMatch(c)
	case campaign.Attribute:
		w.attribute(c.Name, c.Test)
	case campaign.TriggerProperty:
		w.anchor = append(w.anchor, timed([]campaign.Property{c.Property})...)
	case campaign.CampaignState:
		s := w.on(ofPasses, c.Campaign, "", atOnce)
		if !c.Within.IsZero() && !s.has(edge{by: c.Within}) {
			s.edges = append(s.edges, edge{by: c.Within})
		}
	case campaign.InSegment:
		w.segment(c.Segment)
	}
}

// apart watches what turns as it will.
func (w *watch) apart(c campaign.Condition) {
	outer := w.wanted
	w.wanted = either
	w.condition(c)
	w.wanted = outer
}

// segment adds what membership depends on. One that keeps the first of its
// members is judged as of the day's start, and changes at no other moment.
func (w *watch) segment(name string) {
	s, ok := w.cat.Segments[name]
	if !ok || w.seen[visit{name, w.denied}] {
		return
	}
	w.seen[visit{name, w.denied}] = true
	if s.Limit != nil {
		w.daily = true
		return
	}
	w.condition(s.Match)
}

func (w *watch) eventMatch(m campaign.EventMatch) {
	var edges []edge
	one := oneMore(m)
	if w.matters(one) {
		edges = append(edges, atOnce)
	}
	if !m.Window.Within.IsZero() && w.matters(one.opposite()) {
		edges = append(edges, edge{by: m.Window.Within})
	}
	if !m.Window.Before.IsZero() && w.matters(one) {
		edges = append(edges, edge{by: m.Window.Before, past: true})
	}
	for _, r := range []*campaign.RecencyTest{m.First, m.Last} {
		if r == nil {
			continue
		}
		for _, d := range []campaign.Duration{r.Within, r.Before} {
			if !d.IsZero() {
				edges = append(edges, edge{by: d, past: true})
			}
		}
	}
	if f := m.Followed; f != nil {
		w.events(f.Event)
		w.where(f.Event, f.Where)
		if f.Not && !f.Within.IsZero() {
			edges = append(edges, edge{by: f.Within}, edge{by: f.Within, past: true})
		}
	}
	if len(edges) > 0 {
		w.on(ofEvents, m.Event, "", edges...)
	}
	w.where(m.Event, m.Where)
	if m.Event == campaign.OrderCompleted {
		w.takenBack()
	}
}

// oneMore is how the truth of m can turn when there is one more such event: one
// that asks for so many at least can only become true, one that asks for so many at
// most only false.
func oneMore(m campaign.EventMatch) turn {
	if m.Aggregate != nil || m.Distinct != nil || m.First != nil || m.Last != nil || m.Followed != nil {
		return either
	}
	if m.Count == nil {
		return comes
	}
	if len(m.Count.Values) != 1 {
		return either
	}
	switch m.Count.Op {
	case campaign.OpAtLeast, campaign.OpAbove:
		return comes
	case campaign.OpAtMost, campaign.OpBelow:
		return goes
	}
	return either
}

// takenBack adds what makes an order smaller, or none at all.
func (w *watch) takenBack() {
	w.events(campaign.OrderRefunded)
	w.events(campaign.OrderCancelled)
}

// where adds the dates in an event's properties that are compared with the moment
// of looking.
func (w *watch) where(event string, ps []campaign.Property) {
	for _, p := range timed(ps) {
		w.dates(w.on(ofEventDates, event, p.Path), p.Test)
	}
}

// timed are the tests on dates whose answers time changes, those within `the same
// product` with the whole path.
func timed(ps []campaign.Property) []campaign.Property {
	var out []campaign.Property
	for _, p := range ps {
		for _, inner := range timed(p.Each) {
			inner.Path = p.Path + "." + inner.Path
			out = append(out, inner)
		}
		if len(p.Each) == 0 && p.Test.MovesWithTime() {
			out = append(out, campaign.Property{Path: p.Path, Test: p.Test})
		}
	}
	return out
}

// dates adds the edges of a test to a source of dates.
func (w *watch) dates(s *source, t campaign.Test) {
	for _, e := range edgesOf(t) {
		if !s.has(e) {
			s.edges = append(s.edges, e)
		}
	}
	if t.Op == campaign.OpAnniversaryWithin && !slices.Contains(s.anniversaries, t.Length) {
		s.anniversaries = append(s.anniversaries, t.Length)
	}
}

// attribute adds an attribute's facts and, where it is compared with the moment of
// looking, the dates that they state. `address.city` is an attribute of that very
// name or lies within the object `address`.
func (w *watch) attribute(name string, t campaign.Test) {
	if c, ok := w.cat.Workspace.ComputedAttribute(name); ok {
		w.computed(c, t)
		return
	}
	compared := t.MovesWithTime()
	w.on(ofFacts, name, "", atOnce)
	if compared {
		w.dates(w.on(ofFactDates, name, ""), t)
	}
	for i := range name {
		if name[i] != '.' {
			continue
		}
		w.on(ofFacts, name[:i], "", atOnce)
		if compared {
			w.dates(w.on(ofNested, name[:i], name[i+1:]), t)
		}
	}
}

// orders adds orders with what takes them back.
func (w *watch) orders(edges ...edge) {
	w.events(campaign.OrderCompleted, edges...)
	w.takenBack()
}

// computed adds what a computed attribute is worked out from.
func (w *watch) computed(c campaign.Computed, t campaign.Test) {
	switch name := c.Name; {
	case c.Daily:
		w.daily = true
	case name == "tier":
		for _, tier := range w.cat.Workspace.Tiers {
			w.apart(tier.When)
		}
	case strings.HasPrefix(name, "consent."):
		w.on(ofConsents, strings.TrimPrefix(name, "consent."), "", atOnce)
	case strings.HasPrefix(name, "mail."):
		w.events(campaign.EmailSent, edgesOf(t)...)
		w.events(campaign.EmailClicked, edgesOf(t)...)
	case name == "orders.overdue_by":
		w.orders()
		for _, v := range t.Values {
			w.overdue = append(w.overdue, overdue{gaps: 1, fixed: days(v.Number)}, overdue{gaps: 1})
		}
	case name == "stage":
		w.stage()
	default: // orders.… and favourite.…
		w.orders(edgesOf(t)...)
	}
}

// days is a number of days as a length of time.
func days(n float64) campaign.Duration {
	return campaign.Of(time.Duration(n * float64(24*time.Hour)))
}
