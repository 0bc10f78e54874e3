package audience

// mailable is the condition that mail of a topic (of none: transactional mail) may
// go to the customer of row x as of x.as_of. It is the rule by which a candidate is
// let in: there is an address, no suppression that the customer hasn't taken back
// by subscribing anew, and consent, which asking is while nothing else was said.
func (b *builder) mailable(topic string, asked bool) string {
	topics := "('*', " + b.text(topic) + ")"
	barred := "z.topic = '*'"
	if topic != "" {
		barred = "z.topic IN ('*', '@marketing', " + b.text(topic) + ")"
	}
	said := and("k.customer_id = x.customer_id", "k.topic IN "+topics, "k.at <= x.as_of")
	back := and("z.reason = 'unsubscribed'", "EXISTS (SELECT 1 FROM consents k WHERE "+and(said, "k.given", "k.at > z.at")+")")
	may := and("COALESCE(x.email, '') <> ''",
		"NOT EXISTS (SELECT 1 FROM suppressions z WHERE "+and("z.email_hash = x.email_hash", "z.at <= x.as_of", barred, "NOT ("+back+")")+")")
	if topic == "" {
		return "(" + may + ")"
	}
	unsaid := sqlFalse
	if asked {
		unsaid = sqlTrue
	}
	return "(" + and(may, "COALESCE((SELECT k.given FROM consents k WHERE "+said+" ORDER BY k.at DESC, k.id DESC LIMIT 1), "+unsaid+")") + ")"
}
