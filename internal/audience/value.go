package audience

import (
	"fmt"
	"strings"
)

// subject is what a test looks at, once per type: each is an SQL expression
// that is null unless the value is of that type, so that a test of another
// type comes out unknown, which is no.
type subject struct {
	text, number, boolean string // boolean as 'true' or 'false'
	moment                func() string
	present               string
	// numeric is how a number is passed to be compared exactly: the JSON numbers
	// of PostgreSQL are decimals, those of attributes are binary.
	numeric func(float64) string
	// element is a condition on one element of the list that the value is, held
	// by some element; nil where there can be no list.
	element func(test func(subject) string) string
}

// doc is a place in a JSON document: an expression and the keys below it.
type doc struct {
	expr string
	path []string
}

// at is the value at d: PostgreSQL only.
func (b *builder) at(d doc) string {
	s := d.expr
	for _, key := range d.path {
		s += " -> " + b.text(key)
	}
	return "(" + s + ")"
}

// path is SQLite's form of the keys, each quoted.
func (b *builder) path(keys []string) string {
	var s strings.Builder
	s.WriteByte('$')
	for _, key := range keys {
		s.WriteString(`."`)
		for _, r := range key {
			switch {
			case r == '"' || r == '\\':
				s.WriteByte('\\')
				s.WriteRune(r)
			case r < ' ':
				fmt.Fprintf(&s, `\u%04x`, r)
			default:
				s.WriteRune(r)
			}
		}
		s.WriteByte('"')
	}
	return b.text(s.String())
}

// kind is the JSON type at d, null when there is nothing.
func (b *builder) kind(d doc) string {
	if b.engine == SQLite {
		return "json_type(" + d.expr + ", " + b.path(d.path) + ")"
	}
	return "jsonb_typeof" + b.at(d)
}

// jsonSubject is the value at d as a subject.
func (b *builder) jsonSubject(d doc) subject {
	if b.engine == SQLite {
		p := b.path(d.path)
		kind, value := "json_type("+d.expr+", "+p+")", "json_extract("+d.expr+", "+p+")"
		return b.liteSubject(kind, value, func(test func(subject) string) string {
			return "EXISTS (SELECT 1 FROM json_each(" + d.expr + ", " + p + ") el WHERE " + kind + " = 'array' AND " +
				test(b.liteSubject("el.type", "el.value", nil)) + ")"
		})
	}
	v := b.at(d)
	return b.pgSubject(v, func(test func(subject) string) string {
		return "EXISTS (SELECT 1 FROM jsonb_array_elements(CASE WHEN jsonb_typeof" + v + " = 'array' THEN " + v + " END) el WHERE " +
			test(b.pgSubject("(el.value)", nil)) + ")"
	})
}

func (b *builder) liteSubject(kind, value string, element func(func(subject) string) string) subject {
	s := subject{
		text:    "CASE WHEN " + kind + " = 'text' THEN " + value + " END",
		number:  "CASE WHEN " + kind + " IN ('integer', 'real') THEN " + value + " END",
		boolean: "CASE WHEN " + kind + " IN ('true', 'false') THEN " + kind + " END",
		present: kind + " <> 'null'",
		numeric: func(f float64) string { return b.param(f, "") },
		element: element,
	}
	s.moment = func() string { return b.textMomentSQL(s.text) }
	return s
}

func (b *builder) pgSubject(v string, element func(func(subject) string) string) subject {
	s := subject{
		text:    "CASE WHEN jsonb_typeof" + v + " = 'string' THEN " + v + " #>> '{}' END",
		number:  "CASE WHEN jsonb_typeof" + v + " = 'number' THEN " + v + "::numeric END",
		boolean: "CASE WHEN jsonb_typeof" + v + " = 'boolean' THEN " + v + " #>> '{}' END",
		present: "jsonb_typeof" + v + " <> 'null'",
		numeric: func(f float64) string { return b.text(plainNumber(f)) + "::numeric" },
		element: element,
	}
	s.moment = func() string { return b.textMomentSQL(s.text) }
	return s
}

// factSubject is an attribute fact f as a subject.
func (b *builder) factSubject() subject {
	return subject{
		// A text that reads as a date is still one, as it is in a property.
		text:    "CASE WHEN f.kind IN ('text', 'time') THEN f.text END",
		number:  "CASE WHEN f.kind = 'number' THEN f.num END",
		boolean: "CASE WHEN f.kind = 'bool' THEN f.text END",
		moment:  func() string { return "CASE WHEN f.kind = 'time' THEN f.moment END" },
		present: "f.kind <> 'null'",
		numeric: func(f float64) string { return b.param(f, "::float8") },
		element: func(test func(subject) string) string {
			// A list with an escaped NUL is no jsonb; it holds nothing on either engine.
			if b.engine == SQLite {
				return `EXISTS (SELECT 1 FROM json_each(CASE WHEN f.kind = 'list' AND instr(f.text, '\u0000') = 0 THEN f.text ELSE '[]' END) el WHERE ` +
					test(b.liteSubject("el.type", "el.value", nil)) + ")"
			}
			return `EXISTS (SELECT 1 FROM jsonb_array_elements(CASE WHEN f.kind = 'list' AND strpos(f.text, '\u0000') = 0 THEN f.text::jsonb END) el WHERE ` +
				test(b.pgSubject("(el.value)", nil)) + ")"
		},
	}
}

// id is an identifier in a property (an order's, a cart's): a text, or a number
// as it was written; null when there is none.
func (b *builder) id(expr, key string) string {
	if b.engine == SQLite {
		path := b.path([]string{key})
		return "NULLIF(CASE json_type(" + expr + ", " + path + ") WHEN 'text' THEN json_extract(" + expr + ", " + path +
			") WHEN 'integer' THEN " + expr + " -> " + path + " WHEN 'real' THEN " + expr + " -> " + path + " END, '')"
	}
	v := b.at(doc{expr, []string{key}})
	return "NULLIF(CASE WHEN jsonb_typeof" + v + " IN ('string', 'number') THEN " + v + " #>> '{}' END, '')"
}

// millionths is an amount of money in whole millionths, as a float that is
// exact up to nine billion: added up in any order, on either engine, it gives
// the same sum. Null when there is no number, or one beyond 10^15.
func (b *builder) millionths(d doc) string {
	s := b.jsonSubject(d)
	if b.engine == SQLite {
		return "(SELECT CASE WHEN abs(n) < 1e15 THEN floor(n * 1e6 + 0.5) END FROM (SELECT " + s.number + " AS n) amount)"
	}
	return "(SELECT CASE WHEN abs(n) < 1e15 THEN floor(round(n, 15)::float8 * 1e6 + 0.5) END FROM (SELECT " + s.number + " AS n) amount)"
}
