package schema

import "tidings/internal/campaign"

// testFile is a file of tests beside a campaign: campaigns/NAME.test.yaml.
func testFile() (*node, error) {
	n := object("Tests",
		key("customers", mapOf("Customers", `\S`, subject()), "Who takes part, by a name of the file's own: attributes known from the beginning of time, consent and held_out."),
		must("tests", listOf(testCase()), "What must hold, one by one."),
	)
	return document(n, "Tests of the campaign of the same name: what happens, and every mail that follows.")
}

// subject is a customer. Its keys are attributes, so that any may stand there; what
// is worked out from history can be nothing but 0.
func subject() *node {
	n := &node{Type: []string{"object", "null"}, Properties: properties{
		key("consent", either(name(), &node{Type: "array", Items: name()}), "The topics that consent is on record for; all of them without it."),
		key("held_out", yes(), "Puts the customer into the campaign's holdout."),
	}}
	for _, computed := range computedNames() {
		n.Properties = append(n.Properties, property{name: computed, value: &node{Const: 0}})
	}
	return n
}

func testCase() *node {
	n := object("Test",
		must("name", text(), "What must hold."),
		key("events", &node{Type: "array", Items: happening()}, "What happens, in any order."),
		must("expect", &node{Type: "array", Items: expectation()}, "Everything that is sent; a mail that is not listed is a failure. Ends of passes may be left out."),
		key("until", moment(), "Where the clock stops; without it, when nothing is left to do."),
	)
	some := func(list string) *node {
		return &node{Properties: properties{{name: list, value: &node{Type: "array", MinItems: 1}}}, Required: []string{list}}
	}
	n.AllOf = append(n.AllOf, &node{AnyOf: []*node{some("events"), some("expect"), {Required: []string{"until"}}}})
	return n
}

// happening is an event, whose other keys are its properties, or a change of
// attributes. A fact of the catalogue is nobody's.
func happening() *node {
	computed := &node{Type: "object"}
	for _, name := range computedNames() {
		computed.Properties = append(computed.Properties, property{name: name, value: &node{Not: &node{}}})
	}
	var catalogue []any
	for _, name := range campaign.CatalogueEvents() {
		catalogue = append(catalogue, name)
	}
	nobodys := &node{Properties: properties{{name: "event", value: &node{Enum: catalogue}}}, Required: []string{"event"}}
	return &node{
		Type: "object", Required: []string{"at"},
		Properties: properties{
			key("at", moment(), "When it happens."),
			key("who", text(), "Whose it is: a name of customers."),
			key("event", eventName(), "What happens; the event's properties stand beside it."),
			key("set", &node{Type: "object"}, "Attributes that change."),
		},
		AllOf: []*node{
			{If: nobodys, Else: &node{Required: []string{"who"}}},
			{If: &node{Required: []string{"event"}}, Else: &node{Properties: properties{{name: "set", value: computed}}, Required: []string{"set"}}},
		},
	}
}

func expectation() *node {
	n := object("Expectation",
		must("at", moment(), "When, to the minute."),
		must("who", text(), "Whose it is: a name of customers."),
		key("send", text(), "A mail that is sent: its step or its template."),
		key("exit", text().like("finished", "exit_on", "trigger_cancelled", "held_out"), "A pass that ends, by its reason."),
		key("subject_has", text(), "A text that stands in the subject."),
		key("subject_is", text(), "The whole subject."),
		key("text_has", text(), "A text that stands in the mail's text part."),
		key("text_has_not", text(), "A text that does not stand there."),
	)
	n.exactlyOne("send", "exit")
	for _, about := range []string{"subject_has", "subject_is", "text_has", "text_has_not"} {
		n.together(about, "send")
	}
	return n
}
