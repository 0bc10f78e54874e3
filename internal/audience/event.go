package audience

import (
	"fmt"
	"math"
	"slices"

	"tidings/internal/campaign"
)

// eventMatch looks at a customer's events as they were known at the moment.
func (b *builder) eventMatch(m campaign.EventMatch) (string, error) {
	conds, err := b.eventsOf(m)
	if err != nil {
		return "", err
	}
	g, err := b.gather(m, conds)
	if err != nil {
		return "", err
	}
	if b.inSets() {
		return b.inSet(g, conds), nil
	}
	from := " FROM events e" + g.lines + " WHERE " + and("e.customer_id = x.customer_id", conds)
	if g.columns == "" {
		return answer(g.none, "EXISTS (SELECT 1"+from+")"), nil
	}
	return sure("(SELECT " + g.holds + " FROM (SELECT " + g.columns + from + ") g)"), nil
}

// eventsOf are the conditions on the events e of one customer that m looks at.
func (b *builder) eventsOf(m campaign.EventMatch) (string, error) {
	if !storable(m.Event) {
		return sqlFalse, nil
	}
	window, err := b.window(m)
	if err != nil {
		return "", err
	}
	// In this order they are tried on each event where all are read: of what ever
	// happened most is known, and little lies in a window.
	conds := slices.Concat([]string{"e.name = " + b.text(m.Event)}, window, b.happenedBy("e"))
	if len(m.Where) > 0 {
		conds = append(conds, b.properties("e.properties", m.Where))
	}
	if m.Followed != nil {
		conds = append(conds, b.followed(m.Event, *m.Followed))
	}
	return and(conds...), nil
}

// happenedBy are the conditions that the event had happened and was known at the
// moment of looking.
func (b *builder) happenedBy(alias string) []string {
	return []string{alias + ".occurred_at <= " + b.now(), alias + ".known_at <= " + b.now()}
}

func (b *builder) window(m campaign.EventMatch) ([]string, error) {
	var conds []string
	w := m.Window
	if !w.Within.IsZero() {
		conds = append(conds, "e.occurred_at > "+b.ago(w.Within))
	}
	if !w.Before.IsZero() {
		conds = append(conds, "e.occurred_at < "+b.ago(w.Before))
	}
	if !w.From.IsZero() {
		conds = append(conds, "e.occurred_at >= "+b.int(campaign.Micros(w.From)))
	}
	if !w.Until.IsZero() {
		conds = append(conds, "e.occurred_at <= "+b.int(campaign.Micros(w.Until)))
	}
	switch w.Since {
	case campaign.SinceEver:
	case campaign.SinceDate:
		conds = append(conds, "e.occurred_at >= "+b.int(campaign.Micros(w.Date)))
	case campaign.SinceAnchor, campaign.SinceEntry:
		conds = append(conds, b.sincePass(m.Event, w.Since)...)
	default:
		return nil, fmt.Errorf("compile condition: a window cannot begin at %q; write anchor, entry or a date", w.Since)
	}
	return conds, nil
}

// sincePass begins at the pass's anchor or entry. Without a pass there is neither.
func (b *builder) sincePass(event string, since campaign.Since) []string {
	own := b.anyAnchor || slices.Contains(b.anchors, event)
	switch {
	case b.whole != nil:
		return []string{sqlFalse}
	case since == campaign.SinceAnchor && !own:
		return []string{"e.occurred_at >= x.anchor_at"}
	case since == campaign.SinceAnchor:
		return []string{"e.occurred_at > x.anchor_at"}
	case own:
		// An entry without delay is in the anchor's own instant.
		return []string{"e.occurred_at >= x.entered_at", "e.occurred_at > x.anchor_at"}
	}
	return []string{"e.occurred_at >= x.entered_at"}
}

// gathering is what an event condition asks of the events found, together.
type gathering struct {
	// columns are worked out over them, as g, and holds is a condition on g;
	// without columns any event makes the condition hold, or fail with none.
	columns, holds string
	lines          string // more of FROM: the lines that one event is about, what was given back of it
	none           bool   // whether it holds when no event is found
}

// gather puts together what m asks of the events that hold conds.
func (b *builder) gather(m campaign.EventMatch, conds string) (gathering, error) {
	switch {
	case m.Aggregate != nil:
		return b.aggregate(m.Event, *m.Aggregate, conds)
	case m.Distinct != nil:
		return b.distinct(*m.Distinct), nil
	case m.First != nil:
		return b.recency("min", *m.First), nil
	case m.Last != nil:
		return b.recency("max", *m.Last), nil
	}
	count := m.Count
	if count == nil {
		count = campaign.AtLeastOnce()
	}
	if some, none := onceOrNever(*count); some || none {
		return gathering{none: none}, nil
	}
	return b.counted("count(*)", *count), nil
}

// counted tests a number of things, 0 when there are none.
func (b *builder) counted(count string, t campaign.Test) gathering {
	s := subject{number: "g.n", present: sqlTrue, numeric: b.float}
	return gathering{columns: count + " AS n", holds: b.test(s, t), none: holdsNumber(t, 0)}
}

func (b *builder) float(f float64) string { return b.param(f, "::float8") }

// holdsNumber tells whether a number passes a numeric test.
func holdsNumber(t campaign.Test, n float64) bool {
	negative, t := positive(t)
	return matchValue(n, t, looking{}) != negative
}

// onceOrNever tells whether a test on a count asks no more than whether there
// is any event, which needs no counting.
func onceOrNever(t campaign.Test) (once, never bool) {
	if len(t.Values) != 1 || t.Values[0].Kind != campaign.Number {
		return false, false
	}
	n := t.Values[0].Number
	switch t.Op {
	case campaign.OpAtLeast:
		return n == 1, false
	case campaign.OpAbove:
		return n == 0, false
	case campaign.OpAtMost, campaign.OpIs:
		return false, n == 0
	case campaign.OpBelow:
		return false, n == 1
	}
	return false, false
}

// aggregate adds up, or otherwise gathers, a property over the events, exactly,
// in millionths. The sum of none is 0; the rest satisfy nothing without a value.
func (b *builder) aggregate(event string, a campaign.Aggregate, conds string) (gathering, error) {
	g := gathering{}
	value := "NULL"
	if place, lines, ok := b.place("e.properties", a.Property); ok {
		var err error
		if value, g.lines, err = b.summand(event, a.Property, place, lines, conds); err != nil {
			return g, err
		}
	}
	if b.engine == Postgres {
		value = "(" + value + ")::float8"
	}
	s := subject{present: "g.n > 0", numeric: b.float}
	switch a.Func {
	case campaign.Sum:
		s.number, s.present = "g.v", sqlTrue
		g.columns = "COALESCE(sum(" + value + "), 0) AS v, 1 AS n"
	case campaign.Min, campaign.Max:
		s.number = "g.v"
		g.columns = string(a.Func) + "(" + value + ") AS v, count(" + value + ") AS n"
	case campaign.Avg:
		// Sums are whole and so is what they are compared with: nothing is divided.
		s.number = "g.v"
		s.numeric = func(f float64) string {
			// No value is that far out, and the product must not overflow.
			return b.float(max(-1e22, min(f, 1e22))) + " * g.n"
		}
		g.columns = "sum(" + value + ") AS v, count(" + value + ") AS n"
	default:
		return g, fmt.Errorf("compile condition: there is no aggregate %q; write sum, avg, min or max", a.Func)
	}
	test := a.Test
	test.Values = slices.Clone(test.Values)
	for i, v := range test.Values {
		if v.Kind == campaign.Number {
			test.Values[i].Number = math.Floor(v.Number*1e6 + 0.5)
		}
	}
	g.holds = "(g.n > 0 AND " + b.test(s, test) + ")"
	g.none = a.Func == campaign.Sum && holdsNumber(test, 0)
	return g, nil
}

// distinct counts the values of a property, each by its own type.
func (b *builder) distinct(d campaign.Distinct) gathering {
	lines, key, ok := b.keys("e.properties", d.Property)
	if !ok {
		return b.counted("count(NULL)", d.Test)
	}
	g := b.counted("count(DISTINCT "+key+")", d.Test)
	g.lines = lines
	return g
}

// recency tests when the first or last such event was; without one it is false.
func (b *builder) recency(which string, t campaign.RecencyTest) gathering {
	conds := []string{"g.at IS NOT NULL"}
	if !t.Within.IsZero() {
		conds = append(conds, "g.at >= "+b.ago(t.Within))
	}
	if !t.Before.IsZero() {
		conds = append(conds, "g.at < "+b.ago(t.Before))
	}
	return gathering{columns: which + "(+e.occurred_at) AS at", holds: sure("(" + and(conds...) + ")")}
}

// firstAt is when the earliest event happened that makes m hold, null when none
// does. It is for conditions that ask for no more than one event: see plain.
func (b *builder) firstAt(m campaign.EventMatch) (string, error) {
	conds, err := b.eventsOf(m)
	return "(SELECT min(+e.occurred_at) FROM events e WHERE " + and("e.customer_id = x.customer_id", conds) + ")", err
}

// plain tells whether c holds as soon as one event has happened, and from then on.
func plain(c campaign.Condition) (campaign.EventMatch, bool) {
	m, ok := c.(campaign.EventMatch)
	if !ok || m.Aggregate != nil || m.Distinct != nil || m.First != nil || m.Last != nil || m.Followed != nil || !m.Window.Before.IsZero() || !m.Window.Within.IsZero() {
		return m, false
	}
	if m.Count == nil {
		return m, true
	}
	once, _ := onceOrNever(*m.Count)
	return m, once
}
