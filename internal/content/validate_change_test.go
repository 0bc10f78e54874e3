package content

import "testing"

// A change that nothing leads to is told of where it is waited for.
func TestChangesThatNothingLeadsTo(t *testing.T) {
	t.Parallel()
	const head = "topic: offers\nsteps: [ { send: cart-reminder, subject: Hello } ]\n"
	_, problems := Load(workspace(t, map[string]string{
		"segments/slipping.yaml": "match: { any: [ { attribute: stage, is: at_risk }, { event: Booked, where: { checkin: { within_next: 7d } } } ] }\n",
		"segments/within.yaml":   "match: { all: [ { attribute: country, is: PH }, { segment: slipping } ] }\n",
		"segments/quiet.yaml":    "match: { not: { event: Order Completed, within: 90d } }\n",
		"campaigns/a.yaml":       head + "trigger: { segment: { entered: within } }\n",
		"campaigns/b.yaml":       head + "trigger: { segment: { entered: quiet } }\n",
		"campaigns/c.yaml":       head + "audience: slipping\ntrigger: { event: { name: Booked } }\n",
	}))
	const want = "warning: campaigns/a.yaml:3:1: each tick reads the history of all customers: segment within changes as time passes with stage, by each customer's own usual gap between orders, which no index leads to; fine among some ten thousand customers; else wait for an event, as inactivity and replenishment do\n"
	if got := listing(problems); got != want {
		t.Errorf("said:\n%s\nwant:\n%s", got, want)
	}
}
