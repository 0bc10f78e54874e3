package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/content"
)

// deed is one thing that a campaign did to a customer.
type deed struct {
	at   time.Time
	who  string
	step string // of a mail, else empty
	exit string // how a pass ended
	id   int64  // of the message
}

// judge compares what a test expects with what the campaign did: every mail, and
// those ends of passes that the test names. It returns what differs, in words.
func (o *observed) judge(one content.Case, zone *time.Location) []string {
	deeds := o.deeds()
	out := []string{}
	say := func(at time.Time, who, format string, args ...any) {
		out = append(out, fmt.Sprintf("%s  %s  %s", at.In(zone).Format("2006-01-02 15:04"), who, fmt.Sprintf(format, args...)))
	}
	for _, e := range one.Expect {
		i := slices.IndexFunc(deeds, func(d deed) bool { return o.meets(d, e) })
		if i < 0 {
			say(e.At, e.Who, "expected %s; %s", expected(e), o.instead(deeds, e, zone))
			continue
		}
		if e.Send != "" {
			for _, wrong := range o.wrong(deeds[i], e) {
				say(e.At, e.Who, "%s %s", e.Send, wrong)
			}
		}
		deeds = slices.Delete(deeds, i, i+1)
	}
	for _, d := range deeds {
		if d.step != "" {
			say(d.at, d.who, "unexpected mail %s: %s", d.step, o.mails[d.id].Subject)
		}
	}
	for _, m := range o.Messages {
		if m.State == campaign.Failed {
			say(m.Done, o.names[m.Customer], "%s was not sent: %s: %s", m.Step, m.Reason, m.Detail)
		}
	}
	return out
}

// deeds are the mails sent and the passes ended, in time.
func (o *observed) deeds() []deed {
	var out []deed
	for _, m := range o.Messages {
		if m.State == campaign.Accepted {
			out = append(out, deed{at: m.Done, who: o.names[m.Customer], step: m.Step, id: m.ID})
		}
	}
	for _, p := range o.Passes {
		exit := p.Reason
		switch p.State {
		case campaign.PassFinished:
			exit = content.Finished
		case campaign.PassHeldOut:
			exit = string(campaign.PassHeldOut)
		case campaign.PassRunning:
			continue
		}
		out = append(out, deed{at: p.Ended, who: o.names[p.Customer], exit: exit})
	}
	slices.SortStableFunc(out, func(a, b deed) int { return a.at.Compare(b.at) })
	return out
}

// meets tells whether a deed is the one expected: tests name minutes.
func (o *observed) meets(d deed, e content.Expectation) bool {
	if d.who != e.Who || !d.at.Truncate(time.Minute).Equal(e.At.Truncate(time.Minute)) {
		return false
	}
	if e.Send != "" {
		return d.step != "" && (d.step == e.Send || o.steps[d.step] == e.Send)
	}
	return d.exit == e.Exit
}

func (o *observed) wrong(d deed, e content.Expectation) []string {
	mail := o.mails[d.id]
	var out []string
	if e.SubjectHas != "" && !strings.Contains(mail.Subject, e.SubjectHas) {
		out = append(out, fmt.Sprintf("has the subject %q, without %q", mail.Subject, e.SubjectHas))
	}
	if e.SubjectIs != "" && mail.Subject != e.SubjectIs {
		out = append(out, fmt.Sprintf("has the subject %q, not %q", mail.Subject, e.SubjectIs))
	}
	text := strings.Join(strings.Fields(mail.Text), " ")
	if e.TextHas != "" && !strings.Contains(text, e.TextHas) {
		out = append(out, fmt.Sprintf("has no %q in its text", e.TextHas))
	}
	if e.TextHasNot != "" && strings.Contains(text, e.TextHasNot) {
		out = append(out, fmt.Sprintf("has %q in its text", e.TextHasNot))
	}
	return out
}

func expected(e content.Expectation) string {
	if e.Send != "" {
		return "mail " + e.Send
	}
	return "exit " + e.Exit
}

// instead says what there was in place of what was expected.
func (o *observed) instead(deeds []deed, e content.Expectation, zone *time.Location) string {
	local := func(t time.Time) string { return t.In(zone).Format("2006-01-02 15:04") }
	for _, d := range deeds {
		switch {
		case d.who != e.Who:
		case e.Send != "" && d.step != "" && (d.step == e.Send || o.steps[d.step] == e.Send):
			return "it was sent at " + local(d.at)
		case e.Exit != "" && d.exit == e.Exit:
			return "it ended so at " + local(d.at)
		}
	}
	for _, m := range o.Messages {
		if o.names[m.Customer] == e.Who && e.Send != "" && (m.Step == e.Send || o.steps[m.Step] == e.Send) && m.State != campaign.Accepted {
			return fmt.Sprintf("it was %s: %s", m.State, m.Reason)
		}
	}
	for _, p := range o.Passes {
		if o.names[p.Customer] != e.Who {
			continue
		}
		if p.State == campaign.PassFinished {
			return "it finished at " + local(p.Ended)
		}
		if p.Reason != "" {
			return fmt.Sprintf("the pass ended at %s: %s", local(p.Ended), p.Reason)
		}
		return fmt.Sprintf("%s entered at %s", e.Who, local(p.Entered))
	}
	return e.Who + " did not enter" + reasons("; held back", o.held)
}
