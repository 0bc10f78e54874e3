package schema

// brandKey is the name of a value of the brand; groups make dotted names of it.
const brandKey = `^[^.]*[^.\s][^.]*$`

// workspaceFile is tidings.yaml.
func workspaceFile() (*node, error) {
	attributes := mapOf("Attributes", `\S`, declared())
	attributes.PropertyNames = &node{Not: words(computedNames()...)}
	n := object("Workspace",
		key("name", text(), "The shop's name."),
		key("zone", zoneName().or("UTC").like("Asia/Manila"), "The shop's time zone."),
		key("locales", unique(listOf(either(locale().like("en", "pt-BR"), sized(mapOf("Locale", localePattern, object("Locale",
			must("fallback", locale().like("pt"), "What its customers read where it has no text; the first of the list comes last anyway."),
		)), 1)))).or([]string{"en"}),
			"The languages that the shop writes in; who reads none of them gets the first."),
		key("currency", (&node{Type: "string", Pattern: `^[A-Z]{3}$`}).like("EUR"), "The currency that amounts are summed in."),
		key("rates", (&node{Type: "string", Pattern: `\S`, Not: &node{Pattern: `^/|(^|/)\.\.?(/|$)`}}).like("rates.csv"), "A CSV file with the columns date, currency and rate: what one unit is worth in the shop's currency."),
		key("brand", mapOf("Brand", brandKey, either(text(), mapOf("Brand group", brandKey, either(text(), mapOf("Brand group", brandKey, text()))))), "What templates read as brand.NAME; every marketing mail must show its address."),
		key("senders", mapOf("Senders", namePattern, sender()), "Whom mails come from; campaigns and steps name one by its key."),
		key("topics", mapOf("Topics", namePattern, emptied(topic())), "What customers can switch off, one by one."),
		key("defaults", emptied(object("Defaults",
			key("from", name().like("hello"), "Who writes: a key of senders."),
			key("holdout", share().or("0%"), "The share of each campaign's customers who are sent nothing, for comparison."),
			key("goal", goal(), "What campaigns are for."),
			key("utm", utm(), "What is added to the links to brand.site."),
		)), "What a campaign takes when it says nothing else."),
		key("attributes", attributes, "The attributes that the shop tells; once there are some, any other name is an error."),
		key("tiers", listOf(object("Tier",
			must("name", name().like("gold"), "The tier's name: what the attribute tier is."),
			key("when", condition(inSegment), "Who is in it, unless an earlier tier holds; the last tier may go without.")),
		), "Steps of loyalty; the first that holds is the customer's attribute tier."),
		key("rfm", emptied(rfm()), "How customers are scored from 1 to 5 by their last order, their number of orders and what they spent."),
		key("quiet_hours", hours(), "No marketing mail goes in these hours of the customer's own day."),
		key("cap", caps(), "The most marketing mails that a customer gets within a time, of all campaigns together."),
		key("allow_ignore_cap", oneOrMore(name().like("back-in-stock")), "The campaigns that may have when_capped: ignore."),
		key("providers", providers(), "How fast the mail server is given mails."),
	).together("rates", "currency")
	return document(n, "The workspace: who writes, in which languages, and what customers can say no to.")
}

func locale() *node { return &node{Type: "string", Pattern: localePattern} }

func unique(n *node) *node {
	n.UniqueItems = true
	return n
}

func sender() *node {
	address := (&node{Type: "string", Pattern: `^\s*([^<>]*<[^\s<>@,]+@[^\s<>@,]+>|[^\s<>@,]+@[^\s<>@,]+)\s*$`}).
		like("Kape & Co <hello@mail.kape.example>")
	return object("Sender",
		must("from", address, "The address that mails come from, with a name or without."),
		key("reply_to", address, "The address that gets the answers; by default from."))
}

func topic() *node {
	return object("Topic",
		key("name", localized().like("Offers"), "What customers read, for all or by locale."),
		key("opt_in", words("single", "double").or("single"), "Whether a subscription counts at once, or once the address has confirmed it."),
		key("when", condition(inSegment), "Mails under the topic go only to whom this holds for, asked right before each."))
}

func declared() *node {
	n := object("Attribute",
		must("type", words("text", "number", "bool", "date", "list"), "What kind of value it is."),
		key("in", listOf(text()), "The only values that it has."),
		key("pii", yes().or(false), "It tells who a person is."))
	n.AllOf = []*node{{
		If:   &node{Properties: properties{{name: "type", value: words("bool", "date")}}},
		Then: &node{Not: &node{Required: []string{"in"}}},
	}}
	return n
}

// rfm is the scores' limits: four cut points make five scores.
func rfm() *node {
	four := func(of *node) *node { return &node{Type: "array", Items: of, MinItems: 4, MaxItems: 4} }
	return object("RFM",
		key("within", span().or("365d"), "Only customers who ordered in this last time are scored."),
		key("recency", four(fixed()).like([]string{"30d", "60d", "120d", "240d"}), "The longest time since the last order for a 5, 4, 3 and 2; by default fifths."),
		key("frequency", four(plain()).like([]int{2, 3, 5, 8}), "The fewest orders for a 2, 3, 4 and 5; by default fifths."),
		key("monetary", four(amount()).like([]int{50, 100, 200, 400}), "The least total for a 2, 3, 4 and 5; by default fifths."))
}
