package schema

// event is a condition on a customer's events.
func event(in scope) *node {
	since := moment()
	about := "From this date on."
	if in.inPass() {
		since = either(words("anchor", "entry"), moment())
		about = "From the event that started the pass on, from the entry on, or from a date on."
	}
	n := object("Event", append([]property{
		must("event", eventName(), "The customer's events of this name are looked at; without anything else, there must be one."),
		key("within", span(), "Only events of this last time count."),
		key("before", span(), "Only events longer ago than this count."),
		key("between", listOfN(moment(), 2),
			"Only events between two dates count, both days included."),
		key("since", since, about),
		key("where", where(in), "Only events whose properties pass all of these count."),
		key("count", countTest().like(map[string]int{"at_least": 3}), "How many events there are; one at least by default."),
		key("distinct", ref("distinct"), "How many different values a property has."),
		key("first", ref("when"), "When the first of the events happened."),
		key("last", ref("when"), "When the last of the events happened."),
		key("followed_by", ref("sequence-"+string(in)), "Only events that another one follows count."),
		key("not_followed_by", ref("sequence-"+string(in)), "Only events that no other one follows count."),
	}, sums()...)...)
	n.atMostOne("within", "before", "between", "since")
	n.atMostOne("count", "sum", "avg", "min", "max", "distinct", "first", "last")
	n.atMostOne("followed_by", "not_followed_by")
	if in == inStep {
		timed := having([]string{"within", "before", "between", "since", "first", "last"})
		n.AllOf = append(n.AllOf, &node{AnyOf: append(timed, aboutAnchor())})
	}
	return n
}

// aboutAnchor is an event condition whose where compares with the pass's own
// anchor: it needs no time word to be meant.
func aboutAnchor() *node {
	same := &node{Type: "object", Required: []string{"same_as"}}
	some := func(inner *node) *node {
		return &node{Type: "object", Not: &node{PatternProperties: map[string]*node{`\S`: {Not: inner}}}}
	}
	return &node{Properties: properties{{name: "where", value: some(either(same, some(same)))}}, Required: []string{"where"}}
}

// sums are what can be made of a property's numbers.
func sums() []property {
	var out []property
	for _, f := range []struct{ name, about string }{
		{"sum", "The sum of a property; of no events it is 0."},
		{"avg", "The average of a property."},
		{"min", "The least value of a property."},
		{"max", "The largest value of a property."},
	} {
		out = append(out, key(f.name, ref("measured"), f.about))
	}
	return out
}

// countTest is a test of how many there are.
func countTest() *node { return ref("count") }

// measured is a property and a test of what is made of it.
func measured(operand *node) *node {
	of := must("of", text().like("total", "products.price"), "The property; a dot goes into an object or through a list.")
	return sized(object("Measure", append([]property{of}, numericKeys(operand)...)...), 2).like(map[string]any{"of": "total", "at_least": 100})
}

func recency() *node {
	return filled(object("When",
		key("within", span(), "It was at most this long ago."),
		key("before", span(), "It was longer ago than this."),
	), 1).like(map[string]string{"within": "30d"})
}

func sequence(in scope) *node {
	return object("What follows",
		must("event", eventName(), "The event that follows."),
		key("where", where(in), "Only such events whose properties pass all of these."),
		key("within", span(), "At most this long after; by default ever."))
}
