package audience

import (
	"strings"
	"time"

	"tidings/internal/campaign"
)

// Match tells whether object (as encoding/json decodes one) passes every test
// as of a moment: what conditions on properties mean in SQL, in Go.
func Match(ps []campaign.Property, object map[string]any, asOf time.Time) bool {
	for _, p := range ps {
		negative, test := positive(p.Test)
		if matchProperty(p.Path, test, object, asOf) == negative {
			return false
		}
	}
	return true
}

func matchProperty(path string, t campaign.Test, object map[string]any, asOf time.Time) bool {
	if !storable(path) {
		return false
	}
	keys := strings.Split(path, ".")
	if list, ok := object[keys[0]].([]any); ok && len(keys) > 1 {
		for _, line := range list {
			if line, ok := line.(map[string]any); ok && matchValue(dig(line, keys[1:]), t, asOf) {
				return true
			}
		}
		return false
	}
	return matchValue(dig(object, keys), t, asOf)
}

// dig follows keys into nested objects; nil when there is nothing.
func dig(object map[string]any, keys []string) any {
	var v any = object
	for _, key := range keys {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[key]
	}
	return v
}

func matchValue(v any, t campaign.Test, asOf time.Time) bool {
	first := func(op string, i int) bool { return i < len(t.Values) && matchOne(v, op, t.Values[i]) }
	switch t.Op {
	case campaign.OpExists:
		return v != nil
	case campaign.OpIs, campaign.OpIn:
		return matchAny(v, t.Values)
	case campaign.OpHas:
		list, _ := v.([]any)
		for _, one := range list {
			if matchAny(one, t.Values) {
				return true
			}
		}
		return false
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
	return matchMoment(v, t, asOf)
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
