package audience

import (
	"math"
	"strconv"

	"tidings/internal/campaign"
)

// plainNumber writes f without an exponent, exactly.
func plainNumber(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// test is the SQL of an operator on s. It is never null. The negative operators
// are the negation of the positive ones, so that a missing value, and one of
// another type, satisfies them.
func (b *builder) test(s subject, t campaign.Test) string {
	switch t.Op {
	case campaign.OpIs, campaign.OpIn:
		return sure(b.equalsAny(s, t.Values))
	case campaign.OpIsNot, campaign.OpNotIn:
		return "NOT " + sure(b.equalsAny(s, t.Values))
	case campaign.OpAtLeast:
		return sure(b.compare(s, ">=", t.Values, 0))
	case campaign.OpAtMost:
		return sure(b.compare(s, "<=", t.Values, 0))
	case campaign.OpAbove:
		return sure(b.compare(s, ">", t.Values, 0))
	case campaign.OpBelow:
		return sure(b.compare(s, "<", t.Values, 0))
	case campaign.OpBetween:
		return sure("(" + b.compare(s, ">=", t.Values, 0) + " AND " + b.compare(s, "<=", t.Values, 1) + ")")
	case campaign.OpContains, campaign.OpStartsWith:
		return sure(b.search(s, t))
	case campaign.OpExists:
		if len(t.Values) > 0 && !t.Values[0].Bool {
			return "NOT " + sure(s.present)
		}
		return sure(s.present)
	case campaign.OpMatches:
		return sure(b.matches(s, t))
	case campaign.OpSameAs:
		return b.sameAs(s, t.Trigger)
	case campaign.OpAnniversaryWithin:
		return b.anniversary(s, t.Length)
	case campaign.OpHas, campaign.OpHasAny:
		if s.element == nil || len(t.Values) == 0 {
			return sqlFalse
		}
		return sure(s.element(func(one subject) string { return sure(b.equalsAny(one, t.Values)) }))
	}
	return sure(b.testMoment(s, t))
}

// manyValues is from how many operands on a list goes in as one parameter.
const manyValues = 100

// equalsAny holds when the value is one of values, each by its own type.
func (b *builder) equalsAny(s subject, values []campaign.Value) string {
	var parts []string
	var texts []string
	for _, v := range values {
		if v.Kind == campaign.Text && len(values) >= manyValues {
			if storable(v.Text) {
				texts = append(texts, v.Text)
			}
			continue
		}
		parts = append(parts, b.compareOne(s, "=", v))
	}
	if len(texts) > 0 {
		list, err := b.json(texts)
		switch {
		case err != nil: // texts always encode
		case b.engine == SQLite:
			parts = append(parts, sure("("+s.text+") IN (SELECT value FROM json_each("+list+"))"))
		default:
			parts = append(parts, sure("("+s.text+") IN (SELECT value FROM jsonb_array_elements_text("+list+"))"))
		}
	}
	for i := range parts {
		parts[i] = sure(parts[i])
	}
	return join(parts, "OR", sqlFalse)
}

func (b *builder) compare(s subject, op string, values []campaign.Value, i int) string {
	if i >= len(values) {
		return sqlFalse
	}
	return b.compareOne(s, op, values[i])
}

// compareOne compares with one operand of its own type. Texts compare by their
// bytes whatever the database's collation.
func (b *builder) compareOne(s subject, op string, v campaign.Value) string {
	switch v.Kind {
	case campaign.Number:
		if s.number == "" || !finite(v.Number) {
			return sqlFalse
		}
		return "(" + s.number + ") " + op + " " + s.numeric(v.Number)
	case campaign.Time:
		if s.moment == nil {
			return sqlFalse
		}
		return "(" + s.moment() + ") " + op + " " + b.int(campaign.Micros(v.Time))
	case campaign.Bool:
		if s.boolean == "" || op != "=" {
			return sqlFalse
		}
		return "(" + s.boolean + ") = " + b.text(strconv.FormatBool(v.Bool))
	}
	if s.text == "" || !storable(v.Text) {
		return sqlFalse
	}
	if op != "=" && b.engine == Postgres {
		return "(" + s.text + `) COLLATE "C" ` + op + " " + b.text(v.Text)
	}
	return "(" + s.text + ") " + op + " " + b.text(v.Text)
}

func (b *builder) search(s subject, t campaign.Test) string {
	if len(t.Values) == 0 || s.text == "" || !storable(t.Values[0].Text) {
		return sqlFalse
	}
	needle := b.text(t.Values[0].Text)
	find := "strpos"
	if b.engine == SQLite {
		find = "instr"
	}
	if t.Op == campaign.OpStartsWith {
		return "substr(" + s.text + ", 1, length(" + needle + ")) = " + needle
	}
	return find + "(" + s.text + ", " + needle + ") > 0"
}

// testMoment is a test of a date against a date or the moment of looking.
func (b *builder) testMoment(s subject, t campaign.Test) string {
	if s.moment == nil {
		return sqlFalse
	}
	now := b.now()
	switch t.Op {
	case campaign.OpBefore, campaign.OpAfter:
		op := "<"
		if t.Op == campaign.OpAfter {
			op = ">"
		}
		switch {
		case t.Now:
			return s.moment() + " " + op + " " + now
		case len(t.Values) > 0 && t.Values[0].Kind == campaign.Time:
			return s.moment() + " " + op + " " + b.int(campaign.Micros(t.Values[0].Time))
		case len(t.Values) == 0 && t.Op == campaign.OpBefore:
			return s.moment() + " < " + b.ago(t.Length)
		}
	case campaign.OpWithin:
		return s.moment() + " BETWEEN " + b.ago(t.Length) + " AND " + now
	case campaign.OpWithinNext:
		return s.moment() + " BETWEEN " + now + " AND " + b.ahead(t.Length)
	}
	return sqlFalse
}

// sameAs holds when the value equals one that the pass's own anchor has at a path.
func (b *builder) sameAs(s subject, path string) string {
	keys, ok := keysOf(path)
	if !ok || s.keys == nil || b.whole != nil {
		return sqlFalse
	}
	own, other := s.keys(), b.through("x.anchor", keys)
	return "EXISTS (SELECT 1 FROM " + own.from + ", " + other.from + " WHERE " + own.key + " = " + other.key + ")"
}
