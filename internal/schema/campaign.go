package schema

// campaignFile is a file of campaigns/.
func campaignFile() (*node, error) {
	n := object("Campaign",
		key("name", text(), "A label for people; the file's name is what everything else calls the campaign by."),
		key("was", oneOrMore(name()), "Earlier names of the file, so that history goes on."),
		key("status", words("draft", "active", "paused").or("draft"), "A draft is checked and never sends; a paused campaign decides and sends nothing."),
		key("topic", name().like("offers"), "What the customer agreed to and can switch off: a key of topics in tidings.yaml."),
		key("transactional", yes().or(false), "Instead of topic, for mails that a customer must get, such as a receipt."),
		must("trigger", trigger(), "What starts the campaign for a customer."),
		key("audience", either(name(), condition(inEntry)), "Who may enter, asked on entry and again before each mail: a segment's name or a condition."),
		key("enter_when", condition(inEntry), "Who may enter, asked on entry only."),
		key("exit_on", oneOrMore(condition(inEntry)), "Ends the pass, added to what cancels the trigger; events count from the anchor on."),
		key("re_entry", either(words("never", "always"), fixed()).like("7d"), "The least time between two entries of one customer; the default is the trigger's."),
		key("overlap", words("first", "newest", "both"), "A new anchor while a pass runs: ignore it, end the old pass, or run both; the default is the trigger's."),
		key("goal", goal(), "What the campaign is for; by default that of defaults in tidings.yaml."),
		key("holdout", share(), "These customers enter, are counted and are sent nothing; by default that of defaults in tidings.yaml."),
		key("zone", either(words("customer", "workspace"), zoneName()).or("customer"), "Where the times of day in this file are."),
		key("max_lateness", fixed(), "Who is found later than this after the entry was due does not enter; the default is the trigger's."),
		key("expires", fixed(), "A mail not sent so long after its step was reached is cancelled; the default is the trigger's."),
		key("expect", object("What is expected", must("entries", object("Entries",
			must("at_most", whole().like(2000), "The most entries that one evaluation may bring."),
		), "How many customers enter at once.")), "More entries than this at once are held for a person to look at."),
		key("active_from", moment(), "Nobody enters before."),
		key("active_until", moment(), "Nobody enters from then on; passes that run go on to their end."),
		key("priority", (&node{Type: "integer", Minimum: number(1), Maximum: number(100)}).or(50), "Whose mail goes first where the cap leaves room for one: the higher number's."),
		key("when_capped", capped(), "A mail over the cap waits for room, is dropped, or goes all the same; by default it waits, and that of a schedule is dropped."),
		key("send_window", window(), "Mails go inside of it, and wait for it outside."),
		key("fresh", fresh(), "Mails wait while this event has not been heard of for too long; by default Order Completed for carts, checkouts, visits and inactivity."),
		key("rate", pace().like("5000 per 1h"), "The most mails of the campaign within a time."),
		key("on_uncertain", words("resend", "hold").or("resend"), "What to do with a mail of which nobody knows whether the server took it."),
		key("from", name().like("hello"), "Who writes: a key of senders in tidings.yaml; by default that of defaults."),
		key("reply_to", name().like("care"), "Who gets the answers: a key of senders in tidings.yaml."),
		key("utm", utm(), "What is added to the links to brand.site; by default that of defaults, else nothing."),
		must("steps", steps(0), "What happens, from the first step to the last."),
	)
	n.AllOf = []*node{
		{
			If: &node{
				Properties: properties{{name: "transactional", value: &node{Const: true}}}, Required: []string{"transactional"},
			},
			Then: &node{Not: &node{AnyOf: having([]string{"topic", "holdout", "priority", "when_capped", "send_window", "fresh", "rate"})}},
			Else: &node{Required: []string{"topic"}},
		},
		{
			If: &node{
				Properties: properties{{name: "trigger", value: &node{Type: "object", Required: []string{"schedule"}}}}, Required: []string{"trigger"},
			},
			Then: &node{Required: []string{"expect"}},
		},
	}
	return document(n, "A campaign: what starts it, for whom, and what is then sent.")
}

func goal() *node {
	return object("Goal",
		must("event", eventName(), "The event that the campaign is for."),
		key("where", where(outside), "Only events whose properties pass all of these."),
		must("within", fixed(), "How long after a mail, or after the entry, the event still counts."),
		key("value", text().like("total"), "The property that holds the amount of money; without it only the number of events is reported."))
}

// segmentFile is a file of segments/.
func segmentFile() (*node, error) {
	n := object("Segment",
		key("name", text(), "A label for people; the file's name is what everything else calls the segment by."),
		must("match", condition(inSegment), "Who is in the segment: asked anew at each look."),
		key("limit", object("Limit",
			must("first", whole().like(500), "How many customers at most."),
			must("by", attributeName().like("orders.total"), "The attribute that they are put in order by."),
			key("order", words("highest", "lowest").or("highest"), "Which end comes first."),
		), "Keeps the first of those who match, by an order, as of the day's start."))
	return document(n, "A segment: a name for customers who meet a condition.")
}
