package store

import "strings"

// Suppressions name a topic, or one of these.
const (
	allMail      = "*"          // the address is bad, or complained
	allMarketing = "@marketing" // unsubscribed from everything but transactional mail
)

// unsubscribed is the one reason that the customer can take back, by
// subscribing anew.
const unsubscribed = "unsubscribed"

// suppressAgain ends an INSERT of suppressions: a customer who had come back and
// leaves once more has left from then on.
const suppressAgain = ` ON CONFLICT (email_hash, topic) DO UPDATE SET at = excluded.at
	WHERE suppressions.reason = '` + unsubscribed + `' AND excluded.reason = '` + unsubscribed + `' AND excluded.at > suppressions.at`

// suppressedTopic is the suppressions' word for a consent's topic.
func suppressedTopic(topic string) string {
	if topic == everyTopic {
		return allMarketing
	}
	return topic
}

// resubscribed is an SQL condition on a suppression s: customer has subscribed
// to topic ('*': to any) after it, as of a moment. Only an unsubscribe is lifted so; an import's
// consent, which holds from the beginning of time, lifts nothing.
func resubscribed(customer, topic, asOf string) string {
	return `(s.reason = '` + unsubscribed + `' AND EXISTS (SELECT 1 FROM consents k WHERE k.customer_id = ` + customer + `
		AND k.given AND k.at > s.at AND k.at <= ` + asOf + ` AND (k.topic = '` + everyTopic + `' OR k.topic = ` + topic + ` OR ` + topic + ` = '` + everyTopic + `')))`
}

// reachable is an SQL expression: why no mail of topic may go to customer c as
// of a moment; empty when it may. A transactional message (an empty topic) needs
// no consent and heeds only suppressions of all mail.
func reachable(topic, asOf string) string { return reachableFor(topic, asOf, "FALSE") }

// reachableFor is reachable for a mail that the customer has asked for where asked
// holds: that is consent for it, while nothing is on record about the topic.
func reachableFor(topic, asOf, asked string) string {
	return strings.NewReplacer("{topic}", topic, "{as_of}", asOf, "{asked}", asked).Replace(`CASE
		WHEN c.email IS NULL OR c.email = '' THEN 'no_address'
		WHEN EXISTS (SELECT 1 FROM suppressions s WHERE s.email_hash = c.email_hash AND s.at <= {as_of}
			AND (s.topic = '` + allMail + `' OR {topic} <> '' AND (s.topic = '` + allMarketing + `' OR s.topic = {topic}))
			AND NOT ` + resubscribed("c.id", "{topic}", "{as_of}") + `) THEN 'suppressed'
		WHEN {topic} <> '' AND NOT coalesce((SELECT k.given FROM consents k WHERE k.customer_id = c.id
			AND (k.topic = {topic} OR k.topic = '*') AND k.at <= {as_of} ORDER BY k.at DESC, k.id DESC LIMIT 1), {asked}) THEN 'no_consent'
		ELSE '' END`)
}
