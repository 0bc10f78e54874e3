package audience

import (
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// looking is what a test may need besides the value: the moment, and the
// properties of the pass's own anchor.
type looking struct {
	asOf   time.Time
	anchor map[string]any
}

// Match tells whether object (as encoding/json decodes one) passes every test
// as of a moment: what conditions on properties mean in SQL, in Go. There is no
// anchor, so that nothing is the same as a property of it.
func Match(ps []campaign.Property, object map[string]any, asOf time.Time) bool {
	return MatchPass(ps, object, nil, asOf)
}

// MatchPass is Match for a pass whose anchor has the properties given.
func MatchPass(ps []campaign.Property, object, anchor map[string]any, asOf time.Time) bool {
	return matchAll(ps, object, looking{asOf, anchor})
}

func matchAll(ps []campaign.Property, object map[string]any, l looking) bool {
	for _, p := range ps {
		negative, test := positive(p.Test)
		if len(p.Each) > 0 {
			negative = false
		}
		if matchProperty(p, test, object, l) == negative {
			return false
		}
	}
	return true
}

func matchProperty(p campaign.Property, t campaign.Test, object map[string]any, l looking) bool {
	keys, ok := keysOf(p.Path)
	if !ok {
		return false
	}
	if len(p.Each) > 0 {
		return slices.ContainsFunc(unwrap(dig(object, keys)), func(v any) bool {
			line, ok := v.(map[string]any)
			return ok && matchAll(p.Each, line, l)
		})
	}
	if len(keys) == 1 {
		return matchValue(object[keys[0]], t, l)
	}
	list := t.Op == campaign.OpHas || t.Op == campaign.OpHasAny
	return slices.ContainsFunc(dig(object, keys), func(v any) bool {
		return matchValue(v, t, l) || list && matchAny(v, t.Values)
	})
}

// dig follows keys into nested objects and the lists of them on the way, one deep.
func dig(object map[string]any, keys []string) []any {
	found := []any{object}
	for _, key := range keys {
		var next []any
		for _, v := range unwrap(found) {
			if object, ok := v.(map[string]any); ok {
				if v, ok := object[key]; ok {
					next = append(next, v)
				}
			}
		}
		found = next
	}
	return found
}

// unwrap puts the elements of lists in their place.
func unwrap(values []any) []any {
	var out []any
	for _, v := range values {
		if list, ok := v.([]any); ok {
			out = append(out, list...)
		} else {
			out = append(out, v)
		}
	}
	return out
}

// sameAs tells whether v, or an element of the list that it is, equals something
// at a path of the anchor.
func sameAs(v any, path string, anchor map[string]any) bool {
	keys, ok := keysOf(path)
	if !ok {
		return false
	}
	others := unwrap(dig(anchor, keys))
	return slices.ContainsFunc(unwrap([]any{v}), func(one any) bool {
		switch one.(type) {
		case string, float64, bool:
			return slices.Contains(others, one)
		}
		return false
	})
}

func matchValue(v any, t campaign.Test, l looking) bool {
	first := func(op string, i int) bool { return i < len(t.Values) && matchOne(v, op, t.Values[i]) }
	switch t.Op {
	case campaign.OpExists:
		return v != nil
	case campaign.OpIs, campaign.OpIn:
		return matchAny(v, t.Values)
	case campaign.OpHas, campaign.OpHasAny:
		list, _ := v.([]any)
		for _, one := range list {
			if matchAny(one, t.Values) {
				return true
			}
		}
		return false
	case campaign.OpSameAs:
		return sameAs(v, t.Trigger, l.anchor)
	case campaign.OpMatches:
		text, ok := v.(string)
		if !ok || len(t.Values) == 0 {
			return false
		}
		p := knownPattern(t.Values[0].Text)
		return p != nil && p.Match(text)
	case campaign.OpAnniversaryWithin:
		text, _ := v.(string)
		return anniversaryIn(text, t.Length, l.asOf)
	case campaign.OpAtLeast:
		return first(">=", 0)
	case campaign.OpAtMost:
		return first("<=", 0)
	case campaign.OpAbove:
		return first(">", 0)
	case campaign.OpBelow:
		return first("<", 0)
	case campaign.OpBetween:
		return first(">=", 0) && first("<=", 1)
	case campaign.OpContains, campaign.OpStartsWith:
		text, ok := v.(string)
		if !ok || len(t.Values) == 0 || !storable(t.Values[0].Text) {
			return false
		}
		if t.Op == campaign.OpContains {
			return strings.Contains(text, t.Values[0].Text)
		}
		return strings.HasPrefix(text, t.Values[0].Text)
	}
	return matchMoment(v, t, l.asOf)
}

func matchAny(v any, values []campaign.Value) bool {
	for _, one := range values {
		if matchOne(v, "=", one) {
			return true
		}
	}
	return false
}

func matchOne(v any, op string, want campaign.Value) bool {
	switch want.Kind {
	case campaign.Number:
		have, ok := v.(float64)
		return ok && finite(want.Number) && ordered(op, have, want.Number)
	case campaign.Bool:
		have, ok := v.(bool)
		return ok && op == "=" && have == want.Bool
	case campaign.Time:
		text, _ := v.(string)
		have, ok := textMoment(text)
		return ok && ordered(op, campaign.Micros(have), campaign.Micros(want.Time))
	}
	have, ok := v.(string)
	return ok && storable(want.Text) && ordered(op, have, want.Text)
}

func ordered[T int64 | float64 | string](op string, a, b T) bool {
	switch op {
	case "=":
		return a == b
	case ">=":
		return a >= b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a < b
}

func matchMoment(v any, t campaign.Test, asOf time.Time) bool {
	text, _ := v.(string)
	at, ok := textMoment(text)
	if !ok {
		return false
	}
	var want time.Time
	switch {
	case t.Op == campaign.OpWithin:
		return !at.Before(t.Length.Before(asOf)) && !at.After(asOf)
	case t.Op == campaign.OpWithinNext:
		return !at.Before(asOf) && !at.After(t.Length.After(asOf))
	case t.Now:
		want = asOf
	case len(t.Values) > 0 && t.Values[0].Kind == campaign.Time:
		want = t.Values[0].Time
	case len(t.Values) == 0 && t.Op == campaign.OpBefore:
		want = t.Length.Before(asOf)
	default:
		return false
	}
	return t.Op == campaign.OpBefore && at.Before(want) || t.Op == campaign.OpAfter && at.After(want)
}
