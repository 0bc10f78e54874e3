package schema

// Scalars of the language. YAML makes numbers and booleans of what looks like
// one, so where any text may stand they may too.
func scalars() map[string]*node {
	label := &node{Type: []string{"string", "number"}, Pattern: `\S`}
	return map[string]*node{
		"text":           {Type: []string{"string", "number", "boolean"}, Pattern: `\S`},
		"name":           {Type: []string{"string", "integer"}, Pattern: namePattern},
		"span":           {Type: "string", Pattern: `^0*[1-9][0-9]*(s|m|h|d|w|mo)$`, Examples: []any{"30m", "7d", "12mo"}},
		"fixed":          {Type: "string", Pattern: `^0*[1-9][0-9]*(s|m|h|d|w)$`, Examples: []any{"30m", "3d", "8w"}},
		"limit":          {Type: "string", Pattern: `^0*[1-9][0-9]* per 0*[1-9][0-9]*(s|m|h|d|w|mo)$`, Examples: []any{"1 per 16h", "4 per 7d"}},
		"pace":           {Type: "string", Pattern: `^0*[1-9][0-9]* per 0*[1-9][0-9]*(s|m|h|d|w)$`, Examples: []any{"14 per 1s", "5000 per 1h"}},
		"delay":          zero(`^(0|[0-9]+(s|m|h|d|w))$`).like("1h", "7d"),
		"days":           zero(`^(0|[0-9]+(d|w))$`).like("3d"),
		"share":          {Type: "string", Pattern: `^(100(\.0+)?|(0|[1-9][0-9]?)(\.[0-9]+)?)%$`, Examples: []any{"10%"}},
		"clock":          {Type: "string", Pattern: `^` + clockPattern + `$`, Examples: []any{"09:00"}},
		"moment":         {Type: "string", Pattern: momentPattern, Examples: []any{"2026-12-01", "2026-12-01 09:00"}},
		"zone":           {Type: "string", Pattern: `^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`, Not: &node{Const: "Local"}, Examples: []any{"Asia/Manila"}},
		"amount":         either(plain(), &node{Type: "string", Pattern: `^-?(0|[1-9][0-9]*)(\.[0-9]+)? [A-Z]{3}$`}).like(50, "50 EUR"),
		"quantity":       either(amount(), fixed()).like(50, "50 EUR", "7d"),
		"localized":      either(text(), filled(mapOf("A text for each locale", localePattern, text()), 1)),
		"event-name":     either(words(eventNames()...), label),
		"attribute-name": either(words(attributeNames()...), label),
	}
}

const (
	namePattern   = `^[a-z0-9][a-z0-9-]*$`
	localePattern = `^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`
	clockPattern  = `([01][0-9]|2[0-3]):[0-5][0-9]`
	datePattern   = `[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])`
	dayPattern    = `(mon|tue|wed|thu|fri|sat|sun)`
	secondPattern = `:[0-5][0-9](\.[0-9]+)?`
	momentPattern = `^` + datePattern + `( ` + clockPattern + `(` + secondPattern + `)?|T` + clockPattern + secondPattern + `(Z|[+-][0-9]{2}:[0-9]{2})?)?$`
)

// text is what people read, or a name of the shop's own; also any one value.
func text() *node { return ref("text") }

// name is what something else is found by.
func name() *node { return ref("name") }

// localized is a text, or one for each locale.
func localized() *node { return ref("localized") }

// span is a length of time that is not nothing, calendar months included.
func span() *node { return ref("span") }

// fixed is a length of time that is not nothing and the same at all times.
func fixed() *node { return ref("fixed") }

// delay is fixed, or 0 for none; days is one of whole days.
func delay() *node { return ref("delay") }
func days() *node  { return ref("days") }

// share is a part of the whole; positiveShare leaves out 0%.
func share() *node { return ref("share") }

func positiveShare() *node {
	n := share()
	n.Not = &node{Pattern: `^0(\.0+)?%$`}
	return n
}

// clock is a time of day; moment a date, or a date with a time.
func clock() *node  { return ref("clock") }
func moment() *node { return ref("moment") }

// localMoment is a date with a time, whose zone the campaign says.
func localMoment() *node {
	return (&node{Type: "string", Pattern: `^` + datePattern + ` ` + clockPattern + `$`}).like("2026-12-01 09:00")
}

// zoneName is a name of the time zone database. Whether there is such a zone is
// for check: the names change.
func zoneName() *node { return ref("zone") }

// amount is a number, with its currency or without; quantity is what numbers are
// compared with: an amount, or for numbers of days a length of time.
func amount() *node   { return ref("amount") }
func quantity() *node { return ref("quantity") }

// eventName and attributeName offer those that every shop has; any other may be
// written.
func eventName() *node     { return ref("event-name") }
func attributeName() *node { return ref("attribute-name") }

// yes is true or false, plain a number, whole a whole number from 1 on,
// up to more than any count of a shop.
func yes() *node   { return &node{Type: "boolean"} }
func plain() *node { return &node{Type: "number"} }
func whole() *node { return &node{Type: "integer", Minimum: number(1), Maximum: number(1e9)} }

// zero is a text of the pattern, or the number 0.
func zero(pattern string) *node {
	return &node{Type: []string{"string", "integer"}, Pattern: pattern, Minimum: number(0), Maximum: number(0)}
}
