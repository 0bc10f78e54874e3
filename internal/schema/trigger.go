package schema

// trigger is what starts a campaign: one key, its options below it.
func trigger() *node {
	after := func(about string) property { return key("after", delay().or(0), about) }
	filter := func(about string) property { return key("where", where(outside), about) }
	n := sized(object("Trigger",
		key("past_purchase", emptied(object("An order",
			after("How long after the order the customer enters."),
			key("which", either(words("any", "first"), object("The nth", must("nth", whole(), "Which of the customer's orders, counted from 1."))).or("any"),
				"Any order, the customer's first, or the nth."),
			filter("Only orders whose properties pass all of these."))),
			"An order; its refund or cancellation cancels."),
		key("abandoned_cart", emptied(object("A cart left behind",
			after("How long nothing must happen to the cart."),
			filter("Only carts that pass all of these: value, count and products are the cart's as it is then."),
			key("out_of_stock", words("drop", "cancel", "keep").or("drop"), "A product out of stock by the time of a mail is left out of it, cancels it, or is shown all the same."))),
			"The last change of a cart; an order, a later change or its emptying cancels."),
		key("abandoned_checkout", emptied(object("A checkout left behind",
			after("How long nothing must happen after the checkout was begun."),
			filter("Only checkouts whose properties pass all of these."))),
			"The last checkout begun; an order, a change of the cart or a later checkout cancels."),
		key("abandoned_browse", emptied(object("Looked and left",
			after("How long nothing must happen after the last view."),
			key("views", countTest().like(map[string]int{"at_least": 2}), "How often the product, or its category, was viewed; at_least: 1 by default."),
			key("same", words("product", "category").or("product"), "What is counted together: views of one product or of one category."),
			filter("Only views whose properties pass all of these."))),
			"The last product viewed; a later view, a change of the cart, a checkout or an order cancels."),
		key("inactivity", object("Silence",
			must("after", fixed(), "How long the customer must be silent."),
			key("of", oneOrMore(eventName()).or([]string{"Order Completed"}), "The events of which none came."),
			filter("Only events whose properties pass all of these begin the silence.")),
			"The last of some events; any later one cancels."),
		key("event", object("Any event",
			must("name", eventName(), "The event's name."),
			after("How long after the event the customer enters."),
			filter("Only events whose properties pass all of these.")),
			"Any event; nothing cancels."),
		key("replenishment", replenishment(),
			"An order, due when what was bought should have run out; the next order of it cancels."),
		key("back_in_stock", emptied(onProduct("A product is back", after("How long after the product is back the customer enters."))),
			"A product is back in stock, for each customer who waits for it; buying it cancels."),
		key("price_drop", emptied(onProduct("A price falls", after("How long after the price fell the customer enters."),
			key("by", positiveShare().or("10%"), "The least fall of the price."))),
			"The price of a product falls, for each customer who waits for it; buying it cancels."),
		key("date", onDate(), "A day that an attribute names, such as a birthday."),
		key("segment", object("A segment changes",
			key("entered", name().like("vip"), "The segment that the customer comes into."),
			key("left", name().like("vip"), "The segment that the customer leaves."),
			after("How long after it the customer enters.")).exactlyOne("entered", "left"),
			"The customer enters or leaves a segment; the opposite cancels."),
		key("schedule", schedule(), "A date, or a day that comes again and again, for every customer of the audience."),
	), 1)
	return n
}

func replenishment() *node {
	return object("Used up",
		key("of", lines(outside).like(map[string]string{"category": "coffee"}), "Which lines of the order count: tests on a line of products; all by default."),
		key("gap", either(words("product", "customer"), fixed()).or("product"),
			"Whose usual time between two purchases counts: the product's over all customers, the customer's own, or a time given."),
		must("fallback", fixed(), "The time for one piece where too few orders tell the usual one."),
		key("before", delay().or(0), "How long before it runs out the customer enters."),
		key("where", where(outside), "Only orders whose properties pass all of these."))
}

// onProduct is refused where it says that nobody waits.
func onProduct(title string, more ...property) *node {
	n := object(title, append([]property{
		key("asked", delay().or("180d"), "Customers who asked for it at most this long before wait for it; 0 for none."),
		key("viewed", delay().or(0), "Customers who viewed it at most this long before wait for it too; 0 for none."),
		key("per_unit", whole(), "How many customers are told for each piece in stock, first come first served; all by default."),
		key("where", where(outside), "Only facts of the catalogue whose properties pass all of these."),
	}, more...)...)
	nobody := &node{Properties: properties{{name: "asked", value: words("0")}}, Required: []string{"asked"}, Not: &node{Required: []string{"viewed"}}}
	nobody.Properties[0].value.Enum = append(nobody.Properties[0].value.Enum, 0)
	n.AllOf = append(n.AllOf, &node{Not: nobody})
	return n
}

func onDate() *node {
	told := text().like("birthday")
	// Texts name no day, and nobody knows the days of what is computed beforehand.
	told.Not = words(append(toldTexts(), computedNames()...)...)
	return object("A day",
		must("attribute", told, "The attribute that names the day: 1990-05-12, or 05-12 for every year."),
		key("yearly", yes().or(false), "Its day and month count, every year."),
		key("before", days(), "So many days before the day."),
		key("after", days(), "So many days after the day."),
		key("at", clock().or("09:00"), "The time of day, in the campaign's zone."),
	).atMostOne("before", "after")
}

// schedule has three forms, told apart by their keys.
func schedule() *node {
	after := key("after", delay().or(0), "How long after the moment the customer enters.")
	at := must("at", clock(), "The time of day, in the campaign's zone.")
	monthDay := either(
		&node{Type: "integer", Minimum: number(1), Maximum: number(31)},
		&node{Type: "string", Pattern: `^(([1-9]|[12][0-9]|3[01])|last|(first|second|third|fourth|last) ` + dayPattern + `)$`},
	).like(1, "last", "first tue", "last fri")
	return either(
		object("Once", must("at", localMoment(), "The date and time, in the campaign's zone."), after),
		object("Every day", must("every", words("day"), "How often."), at, after),
		object("Every week", must("every", words("week"), "How often."),
			must("day", words("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "The day of the week."), at, after),
		object("Every month", must("every", words("month"), "How often."),
			must("day", monthDay, "The day of the month, its last day, or its nth weekday."), at, after),
		object("By a cron expression",
			must("cron", (&node{Type: "string", Pattern: `^[^\s@=]+( +[^\s@=]+){4}$`}).like("0 9 1 * *"), "Minute, hour, day, month and weekday."), after),
	)
}
