package store

import "tidings/internal/audience"

// Suppressions name a topic, or one of these.
const (
	allMail      = "*"          // the address is bad
	allMarketing = "@marketing" // all but transactional mail: unsubscribed, or complained
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

// resubscribed is audience.Resubscribed.
func resubscribed(customer, topic, asOf string) string {
	return audience.Resubscribed(customer, topic, asOf)
}

// reachable is an SQL expression: why no mail of topic may go to customer c as of a
// moment; empty when it may.
func reachable(topic, asOf string) string { return reachableFor(topic, asOf, "FALSE") }

// reachableFor is reachable for a mail that the customer has asked for where asked
// holds.
func reachableFor(topic, asOf, asked string) string {
	return audience.Unreachable("c.id", "c.email", "c.email_hash", topic, asOf, asked)
}
