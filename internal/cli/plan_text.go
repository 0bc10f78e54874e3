package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// printPlan says what the next tick would do, for a person.
func printPlan(rt *runtime, cat *campaign.Catalog, out planOutput) {
	rt.printf("the next tick, at %s\n", out.At.Format(time.RFC3339))
	for _, c := range cat.Campaigns {
		p, ok := out.Campaigns[c.Name]
		if !ok {
			continue
		}
		rt.printf("\n%s  %s\n", c.Name, p.Status)
		for _, l := range planLines(c, p) {
			rt.printf("  %-7s %s\n", l.head, l.text)
		}
	}
	if len(out.Campaigns) == 0 {
		rt.printf("there is no campaign\n")
	}
}

// said is one line of an answer: a word and what there is to say.
type said struct{ head, text string }

func planLines(c *campaign.Campaign, p campaignPlan) []said {
	if p.Error != "" {
		return []said{{"FAILED", "it decides nothing: " + p.Error}}
	}
	lines := []said{{"enter", entering(p.Entered, p.HeldOut, p.Sample)}}
	switch {
	case p.IfActive != nil:
		lines[0].text = "nobody: it is a draft"
		lines = append(lines, said{"", "active for the last 24 h it would have let enter " + entering(p.IfActive.Entered, p.IfActive.HeldOut, p.IfActive.Sample) +
			reasons(" · held", p.IfActive.Held)})
	case p.Paused != nil:
		lines[0].text = "nobody: " + p.Paused.String()
	case p.Status == string(campaign.Paused):
		lines[0].text = "nobody: it is paused"
	}
	if p.Fuse != nil {
		lines = append(lines, said{"held", fmt.Sprintf("by the fuse: %s would enter%s; more than %s%s", thousands(p.Fuse.Entries), who(p.HeldSample[campaign.HeldFuse], p.Fuse.Entries), thousands(p.Fuse.Allowed), usual(c, p.Fuse.Usual))},
			said{"", "let them go with `" + p.Fuse.Release + "`, or say `expect: { entries: { at_most: " + fmt.Sprint(p.Fuse.Entries) + " } }` in the file"})
	} else if len(p.Held) > 0 {
		lines = append(lines, said{"held", heldBack(p)})
	}
	if len(p.Exits) > 0 {
		lines = append(lines, said{"end", listed(p.Exits)})
	}
	mails := thousands(p.Messages) + " at once"
	if total, most := busiest(p.MailsPerHour); len(p.MailsPerHour) > 0 {
		mails += " · next 24 h " + thousands(total)
		if most.Messages > 0 {
			mails += fmt.Sprintf(" (busiest hour %s, %s)", most.Hour.Format("15:04"), thousands(most.Messages))
		}
	}
	mails += gatedWord(p)
	lines = append(lines, said{"mails", mails})
	if p.Pace != nil {
		lines = append(lines, said{"pace", p.Pace.String()})
	}
	return append(lines, gateLines(p.Waits, p.WouldDrop)...)
}

// listed is counts by reason without a title.
func listed(by map[string]int) string { return strings.TrimPrefix(reasons("", by), ": ") }

// entering says how many, of them how many held out, and who for example.
func entering(n, heldOut int, sample []string) string {
	out := thousands(n) + who(sample, n)
	if heldOut > 0 {
		out += fmt.Sprintf(", %s of them held out", thousands(heldOut))
	}
	return out
}

// who names the first of n customers.
func who(sample []string, n int) string {
	if len(sample) == 0 {
		return ""
	}
	out := strings.Join(sample, ", ")
	if n > len(sample) {
		out += ", …"
	}
	return " (" + out + ")"
}

// heldBack lists who does not enter by reason, the most first, each with examples.
func heldBack(p campaignPlan) string {
	keys := sortedKeys(p.Held)
	slices.SortStableFunc(keys, func(a, b string) int { return p.Held[b] - p.Held[a] })
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = k + " " + thousands(p.Held[k]) + who(p.HeldSample[k], p.Held[k])
	}
	return strings.Join(parts, " · ")
}

func usual(c *campaign.Campaign, usual float64) string {
	switch {
	case c.Expect > 0:
		return ", which the file expects"
	case usual > 0:
		return fmt.Sprintf(" (5 × its usual %.0f, at least 500)", usual)
	}
	return ", the most for a campaign's first ticks"
}

// busiest is the sum of the hours, and the busiest of them.
func busiest(hours []hourPlan) (total int, most hourPlan) {
	for _, h := range hours {
		total += h.Messages
		if h.Messages > most.Messages {
			most = h
		}
	}
	return total, most
}
