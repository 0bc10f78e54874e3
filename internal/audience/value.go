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
	// keys are rows of what the value, or each element of the list that it is,
	// stands for among values of all types; nil where nothing is compared so.
	keys func() rows
}

// rows are places in a JSON document that FROM goes through: the value of each
// row, as key where two are compared, and the object that it is.
type rows struct{ from, value, key, object string }

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

// path is SQLite's form of the keys.
func (b *builder) path(keys []string) string { return b.text("$" + quoted(keys)) }

// maxKeys is how long a path may be; nothing is found at a longer one.
const maxKeys = 16

// keysOf are the keys of a dotted path.
func keysOf(path string) ([]string, bool) {
	keys := strings.Split(path, ".")
	return keys, storable(path) && len(keys) <= maxKeys
}

// through goes over the values at a path of keys below object, of which there are
// several where a list is on the way or at the end.
func (b *builder) through(object string, keys []string) rows {
	if b.engine == Postgres {
		// Lax paths look into lists by themselves, one deep.
		return b.queried("jsonb_path_query(" + object + ", " + b.param("$"+quoted(keys)+"[*]", "::text::jsonpath") + ")")
	}
	var from []string
	r := rows{object: object}
	for _, key := range keys {
		p := b.path([]string{key})
		value := r.object + " -> " + p
		alias := b.alias("l")
		from = append(from, "json_each(CASE json_type("+r.object+", "+p+") WHEN 'array' THEN "+value+" ELSE '[' || ("+value+") || ']' END) "+alias)
		r = b.listed(alias)
	}
	r.from = strings.Join(from, ", ")
	return r
}

// listed are the rows of json_each, known as alias.
func (b *builder) listed(alias string) rows {
	return rows{
		value:  alias + ".value",
		key:    liteKey(alias+".type", alias+".value"),
		object: "(CASE WHEN " + alias + ".type = 'object' THEN " + alias + ".value END)",
	}
}

func liteKey(kind, value string) string {
	return "CASE " + kind + " WHEN 'text' THEN 't' || " + value + " WHEN 'integer' THEN " + value + " WHEN 'real' THEN " + value + " WHEN 'true' THEN 'b1' WHEN 'false' THEN 'b0' END"
}

// queried are the rows of a function that gives documents.
func (b *builder) queried(function string) rows {
	alias := b.alias("l")
	v := alias + ".v"
	return rows{
		from: function + " " + alias + "(v)", value: v, object: v,
		key: "CASE WHEN jsonb_typeof(" + v + ") IN ('string', 'number', 'boolean') THEN " + v + " END",
	}
}

// place is where a property's value is: below object or, for a dotted path, below
// each of the lines that are to be added to FROM. ok is false where nothing can be.
func (b *builder) place(object, path string) (at doc, lines string, ok bool) {
	keys, ok := keysOf(path)
	if len(keys) == 1 || !ok {
		return doc{object, keys}, "", ok
	}
	last := len(keys) - 1
	r := b.through(object, keys[:last])
	return doc{r.object, keys[last:]}, ", " + r.from, true
}

// keys are lines to add to FROM, one for each value that a property has, and the
// value as it is told apart from others.
func (b *builder) keys(object, path string) (lines, key string, ok bool) {
	keys, ok := keysOf(path)
	if !ok {
		return "", "", false
	}
	r := b.through(object, keys)
	return ", " + r.from, r.key, true
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
		s := b.liteSubject(kind, value, func(test func(subject) string) string {
			return "EXISTS (SELECT 1 FROM json_each(" + d.expr + ", " + p + ") el WHERE " + kind + " = 'array' AND " +
				test(b.liteSubject("el.type", "el.value", nil)) + ")"
		})
		s.keys = func() rows { return b.through(d.expr, d.path) }
		return s
	}
	v := b.at(d)
	s := b.pgSubject(v, func(test func(subject) string) string {
		return "EXISTS (SELECT 1 FROM jsonb_array_elements(CASE WHEN jsonb_typeof" + v + " = 'array' THEN " + v + " END) el WHERE " +
			test(b.pgSubject("(el.value)", nil)) + ")"
	})
	s.keys = func() rows { return b.queried("jsonb_path_query(" + v + ", '$[*]')") }
	return s
}

func (b *builder) liteSubject(kind, value string, element func(func(subject) string) string) subject {
	s := subject{
		text:    "CASE WHEN " + kind + " = 'text' THEN " + value + " END",
		number:  "CASE WHEN " + kind + " IN ('integer', 'real') THEN " + value + " END",
		boolean: "CASE WHEN " + kind + " IN ('true', 'false') THEN " + kind + " END",
		present: kind + " <> 'null'",
		numeric: b.float,
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

// factSubject is an attribute fact, a row known as alias, as a subject.
func (b *builder) factSubject(alias string) subject {
	when := func(kinds, column string) string {
		return "CASE WHEN " + alias + ".kind IN (" + kinds + ") THEN " + alias + "." + column + " END"
	}
	return subject{
		// A text that reads as a date is still one, as it is in a property.
		text:    when("'text', 'time'", "text"),
		number:  when("'number'", "num"),
		boolean: when("'bool'", "text"),
		moment:  func() string { return when("'time'", "moment") },
		present: alias + ".kind <> 'null'",
		numeric: b.float,
		element: func(test func(subject) string) string {
			list := b.factDocument(alias, "list")
			if b.engine == SQLite {
				return "EXISTS (SELECT 1 FROM json_each(COALESCE(" + list + ", '[]')) el WHERE " + test(b.liteSubject("el.type", "el.value", nil)) + ")"
			}
			return "EXISTS (SELECT 1 FROM jsonb_array_elements(" + list + ") el WHERE " + test(b.pgSubject("(el.value)", nil)) + ")"
		},
		keys: func() rows { return b.factKeys(alias) },
	}
}

// factDocument is the JSON of a fact of the kind, null for another. A text with an
// escaped NUL is no jsonb; it holds nothing on either engine.
func (b *builder) factDocument(alias, kind string) string {
	find, cast := "instr", ""
	if b.engine == Postgres {
		find, cast = "strpos", "::jsonb"
	}
	return fmt.Sprintf(`(CASE WHEN %[1]s.kind = '%[2]s' AND %[3]s(%[1]s.text, '\u0000') = 0 THEN %[1]s.text%[4]s END)`, alias, kind, find, cast)
}

func (b *builder) factKeys(alias string) rows {
	if b.engine == Postgres {
		return b.queried("jsonb_path_query(CASE WHEN " + alias + ".kind IN ('text', 'time') THEN to_jsonb(" + alias + ".text) WHEN " + alias + ".kind = 'number' THEN to_jsonb(" + alias +
			".num) WHEN " + alias + ".kind = 'bool' THEN to_jsonb(" + alias + ".text = 'true') ELSE " + b.factDocument(alias, "list") + " END, '$[*]')")
	}
	el, one := b.alias("l"), b.alias("l")
	kind := "CASE " + alias + ".kind WHEN 'text' THEN 'text' WHEN 'time' THEN 'text' WHEN 'number' THEN 'real' WHEN 'bool' THEN " + alias + ".text END"
	value := "CASE " + alias + ".kind WHEN 'number' THEN " + alias + ".num ELSE " + alias + ".text END"
	return rows{
		from: "(SELECT " + liteKey(kind, value) + " AS k UNION ALL SELECT " + b.listed(el).key + " FROM json_each(COALESCE(" + b.factDocument(alias, "list") + ", '[]')) " + el + ") " + one,
		key:  one + ".k",
	}
}

// id is an identifier in a property (an order's, a cart's): a text, or a number in
// its plain form, as 7 for 7.0, which is what the same number is as an identifier in
// Go; null when there is none.
func (b *builder) id(expr, key string) string {
	if b.engine == SQLite {
		path := b.path([]string{key})
		return "NULLIF(CASE json_type(" + expr + ", " + path + ") WHEN 'text' THEN json_extract(" + expr + ", " + path +
			") WHEN 'integer' THEN " + expr + " -> " + path + " WHEN 'real' THEN printf('%.15g', json_extract(" + expr + ", " + path + ")) END, '')"
	}
	v := b.at(doc{expr, []string{key}})
	return "NULLIF(CASE jsonb_typeof" + v + " WHEN 'string' THEN " + v + " #>> '{}' WHEN 'number' THEN trim_scale(" + v + "::numeric)::text END, '')"
}

// millionths is an amount of money in whole millionths, as a float that is
// exact up to nine billion: added up in any order, on either engine, it gives
// the same sum. Null when there is no number, or one beyond 10^15.
func (b *builder) millionths(d doc) string {
	if b.engine == SQLite {
		s := b.jsonSubject(d)
		// Without a subquery: SQLite takes only so many in one statement.
		return "(CASE WHEN abs(" + s.number + ") < 1e15 THEN floor((" + s.number + ") * 1e6 + 0.5) END)"
	}
	// Nor here, where one would keep a sum from being worked out in parallel.
	v := b.at(d)
	return "(CASE WHEN jsonb_typeof" + v + " = 'number' THEN CASE WHEN abs(" + v + "::numeric) < 1e15 THEN floor(round(" + v + "::numeric, 15)::float8 * 1e6 + 0.5) END END)"
}
