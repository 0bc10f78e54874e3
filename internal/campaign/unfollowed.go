package campaign

import "strings"

// Unfollowed names what of a segment changes as time passes at moments that no
// index leads to, so that a trigger on the segment reads everybody's history at
// each tick; "" where nothing does. Such are what hangs on each customer's own usual
// gap between orders, and dates inside of events' properties and of attributes that
// are objects, compared with the moment of looking. A segment with a limit changes
// as a day begins and no sooner, whatever its conditions are.
func (c *Catalog) Unfollowed(segment string) string {
	u := unfollowed{cat: c, seen: map[string]bool{}}
	u.segment(segment)
	return u.found
}

type unfollowed struct {
	cat   *Catalog
	seen  map[string]bool // against a circle
	found string
}

func (u *unfollowed) note(what string) {
	if u.found == "" {
		u.found = what
	}
}

func (u *unfollowed) segment(name string) {
	s, ok := u.cat.Segments[name]
	if !ok || s.Limit != nil || u.seen["segment "+name] {
		return
	}
	u.seen["segment "+name] = true
	u.condition(s.Match)
}

func (u *unfollowed) condition(c Condition) {
	Walk(c, func(c Condition) {
		switch c := c.(type) {
		case InSegment:
			u.segment(c.Segment)
		case Attribute:
			u.attribute(c)
		case EventMatch:
			u.properties(c.Event, c.Where)
			if c.Followed != nil {
				u.properties(c.Followed.Event, c.Followed.Where)
			}
		}
	})
}

func (u *unfollowed) attribute(a Attribute) {
	_, computed := u.cat.Workspace.ComputedAttribute(a.Name)
	switch object, _, dotted := strings.Cut(a.Name, "."); {
	case a.Name == "stage" || a.Name == "orders.overdue_by":
		u.note(a.Name + ", by each customer's own usual gap between orders")
	case a.Name == "tier" && !u.seen["tier"]:
		u.seen["tier"] = true
		for _, t := range u.cat.Workspace.Tiers {
			u.condition(t.When)
		}
	case !computed && dotted && a.Test.MovesWithTime():
		u.note(a.Name + ", a date inside of the attribute " + object)
	}
}

func (u *unfollowed) properties(event string, ps []Property) {
	for _, p := range ps {
		if len(p.Each) == 0 && p.Test.MovesWithTime() {
			u.note(p.Path + ", a date inside of " + event)
		}
		for _, inner := range p.Each {
			inner.Path = p.Path + "." + inner.Path
			u.properties(event, []Property{inner})
		}
	}
}

// MovesWithTime tells whether the test compares a date with the moment of looking,
// so that its answer changes though no fact does.
func (t Test) MovesWithTime() bool {
	switch t.Op {
	case OpWithin, OpWithinNext, OpAnniversaryWithin:
		return true
	case OpBefore:
		return t.Now || len(t.Values) == 0
	case OpAfter:
		return t.Now
	}
	return false
}
