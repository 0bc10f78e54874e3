package cli

import (
	"fmt"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// verdict is an explanation's decision as a person reads it.
func verdict(x campaign.Explanation) string {
	switch x.Decision {
	case campaign.Enters:
		return "ENTERS: " + x.Detail
	case campaign.Entered:
		return "ENTERED " + x.Detail
	case campaign.NotYet:
		return "NOT YET: " + x.Detail
	}
	out := "NO. First blocker: " + x.Blocker
	if x.Detail != "" {
		out += ": " + x.Detail
	}
	return out
}

// printExplanations is a line for each campaign.
func printExplanations(rt *runtime, xs []campaign.Explanation) {
	width := 0
	for _, x := range xs {
		width = max(width, len([]rune(x.Campaign)))
	}
	for _, x := range xs {
		rt.printf("%-*s  %s\n", width, x.Campaign, verdict(x))
	}
	if len(xs) == 0 {
		rt.printf("there is no campaign\n")
	}
}

// printExplanation is one campaign's, with every check.
func printExplanation(rt *runtime, x campaign.Explanation) {
	rt.printf("%s\n", verdict(x))
	width := 0
	for _, c := range x.Checks {
		width = max(width, len(c.Check))
	}
	for _, c := range x.Checks {
		rt.printf("  %s %-*s  %s\n", mark(c.OK), width, c.Check, c.Detail)
		if c.Tree != nil {
			printTree(rt, *c.Tree, strings.Repeat(" ", width+6))
		}
	}
	if x.Change != "" {
		rt.printf("What would change it: %s\n", x.Change)
	}
	if len(x.Passes) > 0 {
		rt.printf("Passes:\n")
	}
	for _, p := range x.Passes {
		rt.printf("  %s\n", story(p))
	}
}

// printTree shows what a condition found, its parts below it. The root's own
// words stand on the line of its check.
func printTree(rt *runtime, j campaign.Judged, indent string) {
	if len(j.Parts) == 0 {
		if j.Found != "" {
			rt.printf("%sfound %s\n", indent, j.Found)
		}
		return
	}
	for _, p := range j.Parts {
		found := ""
		if p.Found != "" {
			found = ": " + p.Found
		}
		rt.printf("%s%s %s%s\n", indent, mark(p.Holds), p.Condition, found)
		if len(p.Parts) > 0 {
			printTree(rt, p, indent+"  ")
		}
	}
}

func mark(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}

// story is a pass on one line, with its mails.
func story(p campaign.PassStory) string {
	out := shortTime(p.Entered) + " " + strings.ReplaceAll(string(p.State), "_", " ")
	if p.Reason != "" {
		out += " (" + p.Reason + ")"
	}
	if p.Ended != nil && !p.Ended.Equal(p.Entered) {
		out += " " + shortTime(*p.Ended)
	}
	if p.Step != "" {
		out += " at " + p.Step
	}
	for _, m := range p.Mails {
		out += fmt.Sprintf(" · %s %s", m.Step, m.State)
		switch {
		case m.Reason != "" && m.Said != "":
			out += " (" + m.Reason + ": " + m.Said + ")"
		case m.Reason+m.Said != "":
			out += " (" + m.Reason + m.Said + ")"
		}
		if m.Done != nil {
			out += " " + shortTime(*m.Done)
		}
	}
	return out
}

func shortTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
