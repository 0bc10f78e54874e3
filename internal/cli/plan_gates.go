package cli

import (
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// gated writes what the gates would do, its moments by the workspace's clocks.
func (p *campaignPlan) gated(w campaign.WouldHold, zone *time.Location) {
	p.WouldHold, p.WouldDrop, p.Waits = w.Gates(), map[string]int{}, []campaign.Waits{}
	for reason, n := range w.Drops {
		p.WouldDrop[reason] = n
	}
	for _, one := range w.Waits {
		one.Until, one.Last = one.Until.In(zone), one.Last.In(zone)
		p.Waits = append(p.Waits, one)
	}
}

// gatedPerHour are the hours before a moment in which mails go that gates let go then.
func gatedPerHour(g campaign.Gated, before time.Time, zone *time.Location) []hourPlan {
	out := []hourPlan{}
	for _, h := range sortedKeys(g.Hours) {
		if at := time.Unix(h, 0).In(zone); at.Before(before) {
			out = append(out, hourPlan{at, g.Hours[h]})
		}
	}
	return out
}

// gatedWord says what gates make of the next hours, where they change them.
func gatedWord(p campaignPlan) string {
	if slices.Equal(p.GatedPerHour, p.MailsPerHour) {
		return ""
	}
	total, most := busiest(p.GatedPerHour)
	out := "; with gates ~" + thousands(total)
	if most.Messages > 0 {
		out += " (busiest hour " + most.Hour.Format("15:04") + ", " + thousands(most.Messages) + ")"
	}
	return out
}

// gateLines say which mails wait, for what and until when.
func gateLines(waits []campaign.Waits, drops map[string]int) []said {
	var lines []said
	for _, w := range waits {
		lines = append(lines, said{"", gateWord(w.Gate) + " " + thousands(w.Mails) + waitsFor(w) + " until " + between(w.Until, w.Last)})
	}
	if len(drops) > 0 {
		lines = append(lines, said{"", "never sent: " + listed(drops)})
	}
	if len(lines) > 0 {
		lines[0].head = "wait"
	}
	return lines
}

// gateWord is a gate's name as people say it.
func gateWord(gate string) string { return campaign.GateWord(gate) }

// waitsFor names who took the places of a cap, which feed is quiet and the like.
func waitsFor(w campaign.Waits) string {
	if len(w.By) == 0 {
		return ""
	}
	names := campaign.Most(w.By)
	if len(names) == 1 {
		return " (" + names[0] + ")"
	}
	for i, name := range names {
		names[i] = name + " " + thousands(w.By[name])
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// between is one moment, or the first and the last of several, to the minute.
func between(first, last time.Time) string {
	out := first.Format("2006-01-02 15:04")
	switch {
	case last.Truncate(time.Minute).Equal(first.Truncate(time.Minute)):
		return out
	case last.Format(time.DateOnly) == first.Format(time.DateOnly):
		return out + " … " + last.Format("15:04")
	}
	return out + " … " + last.Format("2006-01-02 15:04")
}
