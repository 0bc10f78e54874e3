package content

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// stepNote is where a step stands in its file; step points into the campaign.
type stepNote struct {
	step     *campaign.Step
	at       place // of the step
	value    place // of its verb's value, or of its id when that is written
	explicit bool  // the id is written
	subject  bool  // a send has its own subject, as far as one can tell
	fields   fields
}

// verbs are the keys that say what a step does.
var verbs = [...]string{"send", "wait", "branch", "exit"}

// maxBranches is how many branches may stand within each other.
const maxBranches = 3

// readSteps reads a list of steps that stands within level branches.
func (f *campaignFile) readSteps(n *yaml.Node, level int) []campaign.Step {
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 && level > 0 {
		return nil // an arm in which nothing happens
	}
	items, ok := f.list(n, "steps")
	if !ok {
		return nil
	}
	steps := make([]campaign.Step, len(items))
	for i, item := range items {
		f.readStep(item, &steps[i], level)
	}
	for i := range steps[:len(steps)-1] {
		if steps[i].Exit != "" && steps[i].When == nil {
			f.warnf(items[i+1], "give the exit a when, or take these steps out", "nothing behind an exit is reached")
			break
		}
	}
	return steps
}

func (f *campaignFile) readStep(n *yaml.Node, step *campaign.Step, level int) {
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		f.errorf(n, "write send: TEMPLATE, wait: 2d, branch: […] or exit: reason", "a step is a verb and its value, not %s", kindOf(n))
		return
	}
	verb, ok := f.verb(n, "a step", verbs[:])
	if !ok {
		return
	}
	known := []string{verb, "id", "when"}
	if verb == "send" {
		known = append(known, "subject", "preheader", "from", "reply_to", "topic", "expires", "send_at", "send_window", "when_capped", "with")
	}
	m, _ := f.mapping(n, "a "+verb+" step", known...)
	v := m.values[verb]
	note := &stepNote{step: step, at: placeOf(n), value: placeOf(v), subject: m.has("subject") || m.odd, fields: m}
	f.stepNotes = append(f.stepNotes, note)
	if id, ok := m.values["id"]; ok {
		step.ID = f.name(id, "id")
		note.explicit, note.value = step.ID != "", placeOf(id)
	}
	if when, ok := m.values["when"]; ok {
		step.When = f.condition(when, inStep)
	}
	switch verb {
	case "send":
		step.Send = f.send(m)
	case "wait":
		step.Wait = f.wait(v)
	case "branch":
		step.Branch = f.branch(v, level+1)
	case "exit":
		step.Exit = f.exit(v)
	}
}

func (f *campaignFile) send(m fields) *campaign.Send {
	out := &campaign.Send{}
	out.Template, _ = f.word(m.values["send"], "send")
	f.refer(templateRef, out.Template, m.values["send"])
	if v, ok := m.values["subject"]; ok {
		out.Subject = f.localized(v, "subject", f.locales)
	}
	if v, ok := m.values["preheader"]; ok {
		out.Preheader = f.localized(v, "preheader", f.locales)
	}
	out.From = f.named(m, "from", senderRef)
	out.ReplyTo = f.named(m, "reply_to", senderRef)
	out.Topic = f.named(m, "topic", topicRef)
	if v, ok := m.values["expires"]; ok {
		out.Expires = f.length(v, "expires")
	}
	f.sendGates(m, out)
	if v, ok := m.values["with"]; ok {
		out.With = f.with(v)
	}
	return out
}

// named reads a key that names something else.
func (s *source) named(m fields, key string, kind refKind) string {
	v, ok := m.values[key]
	if !ok {
		return ""
	}
	name, _ := s.word(v, key)
	s.refer(kind, name, v)
	return name
}

// wait reads a duration, { until: … } or { for: …, at_most: … }.
func (f *campaignFile) wait(n *yaml.Node) *campaign.Wait {
	out := &campaign.Wait{}
	if n.Kind != yaml.MappingNode || f.braces(n) {
		if n.Kind != yaml.MappingNode {
			out.Length = f.length(n, "wait")
		}
		return out
	}
	m, _ := f.mapping(n, "wait", "until", "for", "at_most")
	until, cond, most := m.values["until"], m.values["for"], m.values["at_most"]
	switch {
	case until != nil && (cond != nil || most != nil):
		other := m.among([]string{"for", "at_most"})[0]
		f.errorf(m.keys[other], "keep one of them", "a wait has both until and %s", other)
	case until != nil:
		out.Until = f.until(until)
	case cond != nil:
		out.For = f.condition(cond, inWait)
		if most != nil {
			out.AtMost = f.length(most, "at_most")
		} else if !m.odd {
			f.errorf(n, "add at_most: 7d", "a wait for a condition does not say how long at most")
		}
	case !m.odd:
		f.errorf(n, "write wait: 2d, { until: 09:00 } or { for: …, at_most: 7d }", "a wait does not say for what")
	}
	return out
}

// until reads 09:00 or tue 09:00.
func (f *campaignFile) until(n *yaml.Node) *campaign.UntilTime {
	v, ok := f.word(n, "until")
	if !ok {
		return nil
	}
	out := &campaign.UntilTime{AnyDay: true}
	clock := v
	if day, rest, found := strings.Cut(v, " "); found {
		d, err := campaign.ParseDayName(day)
		if err != nil {
			message, hint := splitHint(err)
			f.errorf(n, hint, "until: %s", message)
			return nil
		}
		out.AnyDay, out.Day, clock = false, d, rest
	}
	c, err := campaign.ParseTimeOfDay(clock)
	if err != nil {
		f.errorf(n, "write 09:00 or tue 09:00", "until: %q is not a time of day", shortened(clock))
		return nil
	}
	out.Clock = c
	return out
}

// exit reads a reason of the campaign's own.
func (f *campaignFile) exit(n *yaml.Node) string {
	reason := f.name(n, "exit")
	own := []string{campaign.ExitSuperseded, campaign.ExitAudience, campaign.ExitUnsubscribed, campaign.ExitErased}
	if contains(own, reason) {
		f.errorf(n, "take another word", "exit: %q is a reason that reports already use for something else", reason)
	}
	return reason
}
