package audience_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// The oracle answers what the evaluator answers, as slowly and plainly as it
// can: by going through the whole history for each question.

// seen is the history as it was known at t, in order, each uid once.
func (w world) seen(customer int64, t time.Time, names ...string) []numbered {
	var out []numbered
	uids := map[string]bool{}
	for i, f := range w.facts {
		if uids[f.uid] {
			continue
		}
		uids[f.uid] = true
		if f.customer == customer && slices.Contains(names, f.name) && !f.at.After(t) && !f.known.After(t) {
			out = append(out, numbered{f, i})
		}
	}
	slices.SortStableFunc(out, func(a, b numbered) int { return a.at.Compare(b.at) })
	return out
}

type numbered struct {
	fact
	n int
}

// view is what a condition is judged for.
type view struct {
	customer              int64
	asOf, anchor, entered time.Time
	trigger               map[string]any
	own                   []string // names that the anchor can have
	segments              map[string]campaign.Condition
}

func (w world) holds(c campaign.Condition, v view) bool {
	switch c := c.(type) {
	case nil:
		return true
	case campaign.All:
		return !slices.ContainsFunc(c, func(p campaign.Condition) bool { return !w.holds(p, v) })
	case campaign.Any:
		return slices.ContainsFunc(c, func(p campaign.Condition) bool { return w.holds(p, v) })
	case campaign.Not:
		return !w.holds(c.Of, v)
	case campaign.InSegment:
		return w.holds(v.segments[c.Segment], v)
	case campaign.Attribute:
		return passes(w.latest(v.customer, c.Name, v.asOf), c.Test, v.asOf)
	case campaign.TriggerProperty:
		return propertyPasses(v.trigger, c.Property, v.asOf)
	case campaign.CampaignState:
		for _, p := range w.passes {
			if p.customer != v.customer || p.campaign != c.Campaign || p.entered.After(v.asOf) ||
				!c.Within.IsZero() && !p.entered.After(c.Within.Before(v.asOf)) {
				continue
			}
			running := p.state != "held_out" && (p.ended.IsZero() || p.ended.After(v.asOf))
			if c.Is == campaign.IsEntered || c.Is == campaign.IsRunning && running || c.Is == campaign.IsHeldOut && p.state == "held_out" {
				return true
			}
		}
		return false
	case campaign.EventMatch:
		return w.matches(c, v)
	}
	panic("unknown condition")
}

func (w world) latest(customer int64, name string, t time.Time) any {
	var best *attribute
	for i, a := range w.attributes {
		if a.customer == customer && a.name == name && !a.at.After(t) && (best == nil || !a.at.Before(best.at)) {
			best = &w.attributes[i]
		}
	}
	switch {
	case best == nil || best.kind == "null":
		return nil
	case best.kind == "number":
		return best.num
	case best.kind == "bool":
		return best.text == "true"
	case best.kind == "list":
		var list []any
		json.Unmarshal([]byte(best.text), &list)
		return list
	}
	return best.text
}

func (w world) matches(m campaign.EventMatch, v view) bool {
	var found []numbered
	for _, f := range w.seen(v.customer, v.asOf, m.Event) {
		own := slices.Contains(v.own, m.Event) && !f.at.After(v.anchor)
		out := !m.Window.Within.IsZero() && !f.at.After(m.Window.Within.Before(v.asOf))
		switch m.Window.Since {
		case campaign.SinceAnchor:
			out = out || own || v.anchor.IsZero() || f.at.Before(v.anchor)
		case campaign.SinceEntry:
			out = out || own || v.entered.IsZero() || f.at.Before(v.entered)
		case campaign.SinceDate:
			out = out || f.at.Before(m.Window.Date)
		}
		for _, p := range m.Where {
			out = out || !propertyPasses(f.props, p, v.asOf)
		}
		if !out {
			found = append(found, f)
		}
	}
	recent := func(t time.Time, r campaign.RecencyTest) bool {
		return (r.Within.IsZero() || !t.Before(r.Within.Before(v.asOf))) && (r.Before.IsZero() || t.Before(r.Before.Before(v.asOf)))
	}
	switch {
	case m.Aggregate != nil:
		cents := 0.0
		for _, f := range found {
			cur, has := f.props["currency"]
			n, ok := f.props[m.Aggregate.Property].(float64)
			if ok && (!has || cur == nil || cur == "EUR") {
				cents += math.Round(n * 100)
			}
		}
		return passes(cents/100, m.Aggregate.Test, v.asOf)
	case m.First != nil:
		return len(found) > 0 && recent(found[0].at, *m.First)
	case m.Last != nil:
		return len(found) > 0 && recent(found[len(found)-1].at, *m.Last)
	case m.Count == nil:
		return len(found) > 0
	}
	return passes(float64(len(found)), *m.Count, v.asOf)
}

func propertyPasses(object map[string]any, p campaign.Property, asOf time.Time) bool {
	values := []any{object}
	for i, key := range strings.Split(p.Path, ".") {
		var next []any
		for _, v := range values {
			if o, ok := v.(map[string]any); ok && o[key] != nil {
				next = append(next, o[key])
			}
		}
		if i == 0 && len(next) == 1 && strings.Contains(p.Path, ".") {
			if list, ok := next[0].([]any); ok {
				next = list
			}
		}
		values = next
	}
	some := func(t campaign.Test) bool {
		return slices.ContainsFunc(values, func(v any) bool { return passes(v, t, asOf) })
	}
	switch t := p.Test; t.Op {
	case campaign.OpIsNot:
		return !some(test(campaign.OpIs, t.Values...))
	case campaign.OpNotIn:
		return !some(test(campaign.OpIn, t.Values...))
	case campaign.OpExists:
		return some(test(campaign.OpExists, boolean(true))) == t.Values[0].Bool
	}
	return some(p.Test)
}

// passes is an operator on a value as Go has it; nil is none.
func passes(v any, t campaign.Test, asOf time.Time) bool {
	cmp := func(i int) (int, bool) {
		want := t.Values[i]
		switch v := v.(type) {
		case float64:
			return int(sign(v - want.Number)), want.Kind == campaign.Number
		case string:
			if want.Kind == campaign.Time {
				at, ok := campaign.ParseMoment(v, nil)
				return at.Compare(want.Time), ok
			}
			return strings.Compare(v, want.Text), want.Kind == campaign.Text
		}
		return 0, false
	}
	equal := func() bool {
		for i, want := range t.Values {
			if b, ok := v.(bool); ok && want.Kind == campaign.Bool && b == want.Bool {
				return true
			}
			if d, ok := cmp(i); ok && d == 0 {
				return true
			}
		}
		return false
	}
	s, _ := v.(string)
	at, dated := campaign.ParseMoment(s, nil)
	switch t.Op {
	case campaign.OpExists:
		return (v != nil) == t.Values[0].Bool
	case campaign.OpIs, campaign.OpIn:
		return equal()
	case campaign.OpIsNot, campaign.OpNotIn:
		return !equal()
	case campaign.OpHas:
		list, _ := v.([]any)
		return slices.ContainsFunc(list, func(one any) bool { return passes(one, test(campaign.OpIs, t.Values...), asOf) })
	case campaign.OpContains:
		return s != "" && strings.Contains(s, t.Values[0].Text)
	case campaign.OpStartsWith:
		return s != "" && strings.HasPrefix(s, t.Values[0].Text)
	case campaign.OpWithin:
		return dated && !at.Before(t.Length.Before(asOf)) && !at.After(asOf)
	case campaign.OpWithinNext:
		return dated && !at.After(t.Length.After(asOf)) && !at.Before(asOf)
	case campaign.OpBefore, campaign.OpAfter:
		want := t.Length.Before(asOf)
		if len(t.Values) > 0 {
			want = t.Values[0].Time
		}
		return dated && at.Compare(want) == map[campaign.Op]int{campaign.OpBefore: -1, campaign.OpAfter: 1}[t.Op]
	case campaign.OpBetween:
		low, ok := cmp(0)
		high, ok2 := cmp(1)
		return ok && ok2 && low >= 0 && high <= 0
	}
	d, ok := cmp(0)
	return ok && (t.Op == campaign.OpAtLeast && d >= 0 || t.Op == campaign.OpAtMost && d <= 0 || t.Op == campaign.OpAbove && d > 0 || t.Op == campaign.OpBelow && d < 0)
}

func sign(f float64) float64 {
	switch {
	case f > 0:
		return 1
	case f < 0:
		return -1
	}
	return 0
}
