package schema

import (
	"strconv"

	"tidings/internal/campaign"
)

// maxBranches is how many branches may stand within each other.
const maxBranches = 3

// steps points to a list of steps within level branches.
func steps(level int) *node { return ref("steps-" + strconv.Itoa(level)) }

// list is the steps within level branches. A campaign has at least one; an arm
// may have none.
func list(level int) *node {
	n := &node{Title: "Steps", Type: "array", Items: step(level)}
	if level == 0 {
		n.MinItems = 1
	}
	return n
}

// step is one verb, its options beside it.
func step(level int) *node {
	verbs := []*node{
		send(),
		object("Wait", append([]property{must("wait", wait(), "How long the pass stands still, counted from the end of the step before.")}, common()...)...),
	}
	if level < maxBranches {
		verbs = append(verbs, object("Branch", append([]property{
			must("branch", listOf(arm(level+1)), "Arms, of which the first that holds is taken."),
		}, common()...)...))
	}
	verbs = append(verbs, object("Exit", append([]property{must("exit", reason(), "Ends the pass, with a reason that the report shows.")}, common()...)...))
	return &node{Title: "Step", Type: "object", AnyOf: verbs}
}

// common are the keys that every step may have.
func common() []property {
	return []property{
		key("when", condition(inStep), "Where this does not hold, the step is skipped and the pass goes on."),
		key("id", name().like("first-reminder"), "The step's name in reports; by default that of its template, or its place."),
	}
}

func send() *node {
	return object("Send", append([]property{
		must("send", text().like("cart-reminder"), "The template to mail: a file of templates/, without its ending."),
		key("subject", localized().like("Your basket is waiting"), "The subject, for all or by locale; by default the template's own."),
		key("preheader", localized(), "The line that mail programs show beside the subject; by default the template's own."),
		key("from", name(), "Who writes: a key of senders; by default the campaign's."),
		key("reply_to", name(), "Who gets the answers: a key of senders."),
		key("topic", name(), "What the customer can switch off: a key of topics; by default the campaign's."),
		key("expires", fixed(), "A mail not sent so long after its step was reached is cancelled."),
		key("send_at", clock(), "The mail goes at the next such time of day, in the campaign's zone."),
		key("send_window", window(), "The mail goes inside of it, and waits for it outside; by default the campaign's."),
		key("with", with(), "Values for the template, which reads them as with.NAME."),
		key("when_capped", capped(), "Over the cap the mail waits for room, is dropped, or goes all the same; by default as the campaign says."),
	}, common()...)...)
}

func wait() *node {
	until := (&node{Type: "string", Pattern: `^(` + dayPattern + ` )?` + clockPattern + `$`}).like("09:00", "tue 09:00")
	return either(
		fixed(),
		object("Until a time of day", must("until", until, "The next such time, in the campaign's zone.")),
		object("For something to happen",
			must("for", condition(inEntry), "The pass goes on once this holds; events count from the entry on."),
			must("at_most", fixed(), "The pass goes on after this time in any case.")),
	).like("2d")
}

func arm(level int) *node {
	return object("Arm",
		must("name", name().like("bought"), "The arm's name in reports."),
		key("when", condition(inStep), "The arm is taken when this holds."),
		key("share", positiveShare(), "The arm is taken by this share, drawn; a pass keeps its arm."),
		must("steps", steps(level), "What happens in the arm; [] for nothing."),
	).atMostOne("when", "share")
}

// reason is a name, but none of those that reports use for an end of their own.
func reason() *node {
	n := name().like("bought")
	n.Not = words(campaign.ExitSuperseded, campaign.ExitAudience, campaign.ExitUnsubscribed, campaign.ExitErased)
	return n
}

// with is what a step gives its template.
func with() *node {
	one := either(text(), plain(), yes())
	return mapOf("With", `^[a-z][a-z0-9_]*$`, either(localized(), plain(), yes(), listOf(one)))
}

// utm is what links carry for the shop's analytics.
func utm() *node {
	return either(words("off"), object("UTM",
		key("source", text().or("tidings"), "utm_source."),
		key("medium", text().or("email"), "utm_medium."),
		key("campaign", text(), "utm_campaign; by default the campaign's name."),
		key("term", text(), "utm_term."),
		key("content", text(), "utm_content.")))
}
