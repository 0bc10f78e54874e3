package audience

import "strings"

// Unreachable is an SQL expression: why no mail of a topic may go to a customer as of
// a moment; empty when it may. customer, email and hash are the customer's columns.
//
// There must be an address, no suppression that the customer hasn't taken back by
// subscribing anew, and consent: the last word about the topic or all of them ('*')
// or, while there is none, asked: that the customer asked for this very mail. A
// transactional message (an empty topic) needs no consent and heeds only suppressions
// of all mail. Only an unsubscribe is lifted by a subscription that comes after it; an
// import's consent, which holds from the beginning of time, lifts nothing.
func Unreachable(customer, email, hash, topic, asOf, asked string) string {
	return strings.NewReplacer("{customer}", customer, "{email}", email, "{hash}", hash, "{topic}", topic, "{as_of}", asOf,
		"{resubscribed}", Resubscribed(customer, topic, asOf), "{consented}", Consented(customer, topic, asOf, asked)).Replace(`CASE
		WHEN {email} IS NULL OR {email} = '' THEN 'no_address'
		WHEN EXISTS (SELECT 1 FROM suppressions s WHERE s.email_hash = {hash} AND s.at <= {as_of}
			AND (s.topic = '*' OR {topic} <> '' AND (s.topic = '@marketing' OR s.topic = {topic}))
			AND NOT {resubscribed}) THEN 'suppressed'
		WHEN {topic} <> '' AND NOT {consented} THEN 'no_consent'
		ELSE '' END`)
}

// Consented is an SQL expression: the customer's last word about a topic, or about all
// of them, as of a moment; unsaid while there is none. The arguments may name any
// table but word.
func Consented(customer, topic, asOf, unsaid string) string {
	return `coalesce((SELECT word.given FROM consents word WHERE word.customer_id = ` + customer + `
		AND (word.topic = ` + topic + ` OR word.topic = '*') AND word.at <= ` + asOf + ` ORDER BY word.at DESC, word.id DESC LIMIT 1), ` + unsaid + `)`
}

// Resubscribed is an SQL condition on a suppression s: the customer has said yes
// to the topic ('*': to any) after it, as of a moment. What follows from another address
// is not said.
func Resubscribed(customer, topic, asOf string) string {
	return `(s.reason = 'unsubscribed' AND EXISTS (SELECT 1 FROM consents word WHERE word.customer_id = ` + customer + `
		AND word.given AND NOT word.follows AND word.at > s.at AND word.at <= ` + asOf + ` AND (word.topic = '*' OR word.topic = ` + topic + ` OR ` + topic + ` = '*')))`
}

// mailable is the condition that mail of a topic may go to the customer of row x as
// of x.as_of: the rule by which a candidate is let in.
func (b *builder) mailable(topic string, asked bool) string {
	unsaid := sqlFalse
	if asked {
		unsaid = sqlTrue
	}
	return "(" + Unreachable("x.customer_id", "x.email", "x.email_hash", b.text(topic), "x.as_of", unsaid) + " = '')"
}
