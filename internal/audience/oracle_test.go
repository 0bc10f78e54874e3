package audience_test

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
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
		return w.attributePasses(c, v)
	case campaign.Sample:
		ref := w.customers[v.customer-1].external
		if ref == "" {
			ref = fmt.Sprint("#", v.customer)
		}
		return campaign.Draw("sample", c.Seed, ref) < float64(c.Share)
	case campaign.TriggerProperty:
		return passesIn(v.trigger, c.Property, v)
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
	case best.kind == "list" || best.kind == "object":
		var list any
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
		out = out || !m.Window.Before.IsZero() && !f.at.Before(m.Window.Before.Before(v.asOf))
		out = out || !m.Window.From.IsZero() && f.at.Before(m.Window.From) || !m.Window.Until.IsZero() && f.at.After(m.Window.Until)
		switch m.Window.Since {
		case campaign.SinceAnchor:
			out = out || own || v.anchor.IsZero() || f.at.Before(v.anchor)
		case campaign.SinceEntry:
			out = out || own || v.entered.IsZero() || f.at.Before(v.entered)
		case campaign.SinceDate:
			out = out || f.at.Before(m.Window.Date)
		}
		for _, p := range m.Where {
			out = out || !passesIn(f.props, p, v)
		}
		if !out && (m.Followed == nil || w.follows(f, m.Event, *m.Followed, v)) {
			found = append(found, f)
		}
	}
	recent := func(t time.Time, r campaign.RecencyTest) bool {
		return (r.Within.IsZero() || !t.Before(r.Within.Before(v.asOf))) && (r.Before.IsZero() || t.Before(r.Before.Before(v.asOf)))
	}
	switch {
	case m.Aggregate != nil:
		return w.gathers(*m.Aggregate, found, v)
	case m.Distinct != nil:
		different := map[any]bool{}
		for _, f := range found {
			for _, one := range scalars(reach(f.props, m.Distinct.Property)) {
				different[one] = true
			}
		}
		return passes(float64(len(different)), m.Distinct.Test, v)
	case m.First != nil:
		return len(found) > 0 && recent(found[0].at, *m.First)
	case m.Last != nil:
		return len(found) > 0 && recent(found[len(found)-1].at, *m.Last)
	case m.Count == nil:
		return len(found) > 0
	}
	return passes(float64(len(found)), *m.Count, v)
}

// attributePasses looks into an object where no fact has the whole name.
func (w world) attributePasses(c campaign.Attribute, v view) bool {
	name, rest, dotted := strings.Cut(c.Name, ".")
	ever := slices.ContainsFunc(w.attributes, func(a attribute) bool { return a.customer == v.customer && a.name == c.Name && !a.at.After(v.asOf) })
	if ever || !dotted {
		return passes(w.latest(v.customer, c.Name, v.asOf), c.Test, v)
	}
	object, _ := w.latest(v.customer, name, v.asOf).(map[string]any)
	return passesIn(object, campaign.Property{Path: rest, Test: c.Test}, v)
}

// follows tells whether the sequence keeps f.
func (w world) follows(f numbered, name string, s campaign.Sequence, v view) bool {
	if s.Not && !s.Within.IsZero() && s.Within.After(f.at).After(v.asOf) {
		return false
	}
	for _, later := range w.seen(v.customer, v.asOf, s.Event) {
		if later.at.Before(f.at) || s.Event == name && later.at.Equal(f.at) || !s.Within.IsZero() && later.at.After(s.Within.After(f.at)) {
			continue
		}
		if !slices.ContainsFunc(s.Where, func(p campaign.Property) bool { return !passesIn(later.props, p, v) }) {
			return !s.Not
		}
	}
	return s.Not
}

// gathers adds up in tenths, of which all numbers here are whole ones.
func (w world) gathers(a campaign.Aggregate, found []numbered, v view) bool {
	var tenths []float64
	for _, f := range found {
		back := 0.0
		if campaign.IsMoney(a.Property) && f.name == campaign.OrderCompleted {
			var whole bool
			if back, whole = w.inEuro().back(f, v.asOf); whole {
				continue
			}
			if a.Property != "total" {
				back = 0
			}
		}
		if cur, has := f.props["currency"]; campaign.IsMoney(a.Property) && has && cur != nil && cur != "EUR" {
			continue
		}
		for _, one := range reach(f.props, a.Property) {
			if n, ok := one.(float64); ok {
				tenths = append(tenths, math.Round(n*10)-math.Round(back/1e5))
			}
		}
	}
	sum := 0.0
	for _, n := range tenths {
		sum += n
	}
	switch n := float64(len(tenths)); {
	case a.Func == campaign.Sum:
		return passes(sum/10, a.Test, v)
	case n == 0:
		return false
	case a.Func == campaign.Avg:
		return passes(sum/n/10, a.Test, v)
	case a.Func == campaign.Min:
		return passes(slices.Min(tenths)/10, a.Test, v)
	}
	return passes(slices.Max(tenths)/10, a.Test, v)
}

// reach lists what is at a path, through the lists of objects on the way.
func reach(object any, path string) []any {
	key, rest, more := strings.Cut(path, ".")
	o, ok := object.(map[string]any)
	if !ok || o[key] == nil {
		return nil
	}
	if !more {
		return []any{o[key]}
	}
	list, ok := o[key].([]any)
	if !ok {
		return reach(o[key], rest)
	}
	var out []any
	for _, one := range list {
		out = append(out, reach(one, rest)...)
	}
	return out
}

// scalars are values that can be compared, those of lists included.
func scalars(values []any) []any {
	var out []any
	for _, v := range values {
		switch v := v.(type) {
		case string, float64, bool:
			out = append(out, v)
		case []any:
			for _, one := range v {
				switch one.(type) {
				case string, float64, bool:
					out = append(out, one)
				}
			}
		}
	}
	return out
}

func passesIn(object map[string]any, p campaign.Property, v view) bool {
	values := reach(object, p.Path)
	if len(p.Each) > 0 {
		return slices.ContainsFunc(values, func(list any) bool {
			lines, ok := list.([]any)
			if !ok {
				lines = []any{list}
			}
			return slices.ContainsFunc(lines, func(line any) bool {
				o, ok := line.(map[string]any)
				return ok && !slices.ContainsFunc(p.Each, func(q campaign.Property) bool { return !passesIn(o, q, v) })
			})
		})
	}
	some := func(t campaign.Test) bool {
		return slices.ContainsFunc(values, func(one any) bool {
			_, list := one.([]any)
			if (t.Op == campaign.OpHas || t.Op == campaign.OpHasAny) && !list && strings.Contains(p.Path, ".") {
				return passes(one, test(campaign.OpIn, t.Values...), v)
			}
			return passes(one, t, v)
		})
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

// propertyPasses is passesIn where there is no pass.
func propertyPasses(object map[string]any, p campaign.Property, asOf time.Time) bool {
	return passesIn(object, p, view{asOf: asOf})
}

// comesRound goes through the days from today on.
func comesRound(s string, d campaign.Duration, asOf time.Time) bool {
	at, ok := campaign.ParseMoment(s, nil)
	if !ok && len(s) == 5 {
		at, ok = campaign.ParseMoment("2024-"+s, nil)
	}
	if !ok {
		return false
	}
	for day := asOf.Truncate(24 * time.Hour); !day.After(d.After(asOf)); day = day.AddDate(0, 0, 1) {
		if day.Month() == at.Month() && day.Day() == at.Day() ||
			at.Month() == 2 && at.Day() == 29 && day.Month() == 2 && day.Day() == 28 && day.AddDate(0, 0, 1).Month() == 3 {
			return true
		}
	}
	return false
}

// passes is an operator on a value as Go has it; nil is none.
func passes(v any, t campaign.Test, l view) bool {
	asOf := l.asOf
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
	case campaign.OpHas, campaign.OpHasAny:
		list, _ := v.([]any)
		return slices.ContainsFunc(list, func(one any) bool { return passes(one, test(campaign.OpIs, t.Values...), l) })
	case campaign.OpMatches:
		_, is := v.(string)
		return is && regexp.MustCompile(t.Values[0].Text).MatchString(s)
	case campaign.OpAnniversaryWithin:
		return comesRound(s, t.Length, asOf)
	case campaign.OpSameAs:
		theirs := scalars(reach(l.trigger, t.Trigger))
		return slices.ContainsFunc(scalars([]any{v}), func(one any) bool { return slices.Contains(theirs, one) })
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
