package audience

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// eventMatch looks at a customer's events as they were known at the moment.
func (b *builder) eventMatch(m campaign.EventMatch) (string, error) {
	from, err := b.eventsOf(m)
	if err != nil {
		return "", err
	}
	switch {
	case m.Aggregate != nil:
		return b.sum(m.Aggregate, from)
	case m.First != nil:
		return b.recency("min", m.First, from), nil
	case m.Last != nil:
		return b.recency("max", m.Last, from), nil
	}
	count := m.Count
	if count == nil {
		count = campaign.AtLeastOnce()
	}
	switch some, none := onceOrNever(*count); {
	case some:
		return "EXISTS (SELECT 1" + from + ")", nil
	case none:
		return "NOT EXISTS (SELECT 1" + from + ")", nil
	}
	total := "(SELECT count(*)" + from + ")"
	return b.test(subject{number: total, present: sqlTrue, numeric: func(f float64) string { return b.param(f, "::float8") }}, *count), nil
}

// eventsOf is FROM and WHERE of the events that m looks at, as e.
func (b *builder) eventsOf(m campaign.EventMatch) (string, error) {
	if !storable(m.Event) {
		return " FROM events e WHERE " + sqlFalse, nil
	}
	conds := []string{"e.customer_id = x.customer_id", "e.name = " + b.text(m.Event), "e.occurred_at <= x.as_of", "e.known_at <= x.as_of"}
	if !m.Window.Within.IsZero() {
		conds = append(conds, "e.occurred_at > "+b.before("x.as_of", m.Window.Within))
	}
	switch m.Window.Since {
	case campaign.SinceEver:
	case campaign.SinceAnchor:
		if slices.Contains(b.anchors, m.Event) {
			conds = append(conds, "e.occurred_at > x.anchor_at")
		} else {
			conds = append(conds, "e.occurred_at >= x.anchor_at")
		}
	case campaign.SinceEntry:
		conds = append(conds, "e.occurred_at >= x.entered_at")
		if slices.Contains(b.anchors, m.Event) {
			// An entry without delay is in the anchor's own instant.
			conds = append(conds, "e.occurred_at > x.anchor_at")
		}
	case campaign.SinceDate:
		conds = append(conds, "e.occurred_at >= "+b.int(campaign.Micros(m.Window.Date)))
	default:
		return "", fmt.Errorf("compile condition: a window cannot begin at %q; write anchor, entry or a date", m.Window.Since)
	}
	if len(m.Where) > 0 {
		conds = append(conds, b.properties("e.properties", m.Where))
	}
	return " FROM events e WHERE " + strings.Join(conds, " AND "), nil
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

// sum adds a property up over events of the workspace's currency, exactly, in
// millionths; the sum of none is 0.
func (b *builder) sum(s *campaign.Aggregate, from string) (string, error) {
	test := s.Test
	test.Values = slices.Clone(test.Values)
	for i, v := range test.Values {
		if v.Kind == campaign.Number {
			test.Values[i].Number = math.Floor(v.Number*1e6 + 0.5)
		}
	}
	amount := "NULL"
	if storable(s.Property) {
		amount = b.millionths(doc{"e.properties", strings.Split(s.Property, ".")})
	}
	if own := b.cat.Workspace.Currency; own != "" && storable(own) {
		currency := doc{"e.properties", []string{"currency"}}
		kind := b.kind(currency)
		from += " AND (" + kind + " IS NULL OR " + kind + " = 'null' OR " + sure("("+b.jsonSubject(currency).text+") = "+b.text(own)) + ")"
	}
	zero := "0"
	if b.engine == Postgres {
		zero = "0::float8"
		if amount == "NULL" {
			amount = "NULL::float8"
		}
	}
	total := "(SELECT COALESCE(sum(" + amount + "), " + zero + ")" + from + ")"
	return b.test(subject{number: total, present: sqlTrue, numeric: func(f float64) string { return b.param(f, "::float8") }}, test), nil
}

// recency tests when the first or last such event was; without one it is false.
func (b *builder) recency(which string, t *campaign.RecencyTest, from string) string {
	at := "(SELECT " + which + "(+e.occurred_at)" + from + ")"
	conds := []string{at + " IS NOT NULL"}
	if !t.Within.IsZero() {
		conds = append(conds, at+" >= "+b.before("x.as_of", t.Within))
	}
	if !t.Before.IsZero() {
		conds = append(conds, at+" < "+b.before("x.as_of", t.Before))
	}
	return sure("(" + strings.Join(conds, " AND ") + ")")
}

// firstAt is when the earliest event happened that makes m hold, null when none
// does. It is for conditions that ask for no more than one event: see plain.
func (b *builder) firstAt(m campaign.EventMatch) (string, error) {
	from, err := b.eventsOf(m)
	return "(SELECT min(+e.occurred_at)" + from + ")", err
}

// plain tells whether c holds as soon as one event has happened.
func plain(c campaign.Condition) (campaign.EventMatch, bool) {
	m, ok := c.(campaign.EventMatch)
	if !ok || m.Aggregate != nil || m.First != nil || m.Last != nil {
		return m, false
	}
	if m.Count == nil {
		return m, true
	}
	once, _ := onceOrNever(*m.Count)
	return m, once
}
