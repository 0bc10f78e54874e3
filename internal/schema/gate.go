package schema

// hours is a part of the day; window has days too, and may be whole days.
func hours() *node {
	return object("Hours",
		must("from", clock().like("21:00"), "When it begins."),
		must("to", clock().like("08:00"), "When it ends; earlier than from is the next day."))
}

func window() *node {
	n := object("Window",
		key("days", unique(listOf(words("mon", "tue", "wed", "thu", "fri", "sat", "sun"))).like([]string{"mon", "tue"}),
			"The days on which it begins; by default every day."),
		key("from", clock().like("08:00"), "When it opens."),
		key("to", clock().like("21:00"), "When it closes; earlier than from is the next day."),
	).together("from", "to").together("to", "from")
	n.AllOf = append(n.AllOf, &node{AnyOf: having([]string{"days", "from"})})
	return n
}

// limit is a number within a time, calendar months included; pace is one whose time
// is the same at all times.
func limit() *node { return ref("limit") }
func pace() *node  { return ref("pace") }

// caps are one or several.
func caps() *node {
	return oneOrMore(either(limit(), object("Cap", must("max", limit(), "The most mails within a time."))))
}

func capped() *node { return words("wait", "drop", "ignore") }

func fresh() *node {
	return either(words("off"), object("Fresh",
		must("event", eventName(), "The event that must have been heard of lately."),
		key("gap", fixed(), "How long it may not be heard of; by default 10 times as long as usual.")))
}

// providers are the servers that mail is handed to: so far, the one of SMTP_URL.
func providers() *node {
	return object("Providers", key("default", object("Provider",
		key("rate", pace().like("14 per 1s"), "The most mails within a time, in all."),
		key("daily", whole().like(50000), "The most mails on a day of the shop's time zone."),
		key("domains", mapOf("Domains", `^[^\s@*.]+(\.[^\s@*.]+)+$`, pace()).like(map[string]string{"gmail.com": "20 per 1s"}),
			"The most mails within a time to the addresses of a domain."),
	), "The server that SMTP_URL names."))
}
