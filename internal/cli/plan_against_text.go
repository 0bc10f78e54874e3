package cli

import (
	"fmt"
	"strings"
	"time"

	"tidings/internal/campaign"
)

func (c *planCmd) printComparison(rt *runtime, out comparison) error {
	switch {
	case rt.json:
		return rt.printJSON(out)
	case c.Format == "markdown":
		rt.printf("%s", markdown(out))
	default:
		rt.printf("%s", plainComparison(out))
	}
	return nil
}

// merge is the last word.
func merge(out comparison) string {
	word := "OK to merge"
	if !out.OK {
		word = "NOT OK to merge"
	}
	failed := ""
	if n := out.failing(); n > 0 {
		failed = count(n, "mail") + " will fail, "
	}
	if len(out.Failed) > 0 {
		failed += strings.Join(out.Failed, ", ") + " cannot be evaluated, "
	}
	return fmt.Sprintf("%s: %s%s, %s", word, failed, count(len(out.Errors), "error"), count(len(out.Warnings), "warning"))
}

// title is what happened to a campaign's file.
func (one campaignComparison) title() string {
	switch one.Change {
	case "renamed":
		return strings.Join(append([]string{"renamed, was " + one.Was}, one.Differences...), "; ")
	case "added", "removed":
		return one.Change
	case "same":
		return "the same file, another effect"
	}
	return strings.Join(one.Differences, "; ")
}

// effects are the lines of a campaign's effect on people.
func (one campaignComparison) effects() []said {
	if one.Error != "" {
		return []said{{"FAILED", "it decides nothing: " + one.Error}}
	}
	if one.ErrorBefore != "" {
		return []said{{"enter", "next tick " + thousands(one.Enter)}, {"", "whom it changes is not known: the other version fails: " + one.ErrorBefore}}
	}
	lines := []said{{"enter", fmt.Sprintf("next tick %s → %s", thousands(one.EnterBefore), thousands(one.Enter))}}
	if one.Newly > 0 {
		lines = append(lines, said{"", "newly " + thousands(one.Newly) + who(one.NewlySample, one.Newly)})
	}
	if one.NoLonger > 0 {
		lines = append(lines, said{"", "no longer " + thousands(one.NoLonger) + who(one.NoLongerSample, one.NoLonger)})
	}
	if one.Lapsed > 0 {
		lines = append(lines, said{"", "NOT entering: " + thousands(one.Lapsed) + " lapsed before activation"})
	}
	if len(one.Held) > 0 {
		lines = append(lines, said{"held", listed(one.Held)})
	}
	if f := one.InFlight; f != nil {
		lines = append(lines, said{"passes", flying(*f)})
	}
	mails := fmt.Sprintf("next 24 h %s → %s", thousands(one.MailsBefore), thousands(one.Mails))
	if one.BusiestHour != nil {
		mails += fmt.Sprintf(" (busiest hour %s, %s)", one.BusiestHour.Hour.Format("15:04"), thousands(one.BusiestHour.Messages))
	}
	lines = append(append(lines, said{"mails", mails}), gateLines(one.Waits, one.WouldDrop)...)
	return append(lines, one.mailLines()...)
}

// flying says what becomes of the passes that are under way.
func flying(f campaign.InFlight) string {
	parts := []string{thousands(f.Total) + " under way"}
	for _, p := range []struct {
		n    int
		text string
	}{{f.Take, "come to a new step"}, {f.Past, "are past what is new"}, {f.Moved, "go on to the next step as theirs is gone"}, {f.End, "end"}} {
		if p.n > 0 {
			parts = append(parts, thousands(p.n)+" "+p.text)
		}
	}
	return strings.Join(parts, " · ")
}

func plainComparison(out comparison) string {
	var b strings.Builder
	for _, p := range out.Errors {
		fmt.Fprintf(&b, "%s\n", p)
	}
	for _, name := range sortedKeys(out.Campaigns) {
		one := out.Campaigns[name]
		fmt.Fprintf(&b, "campaigns/%s.yaml  %s\n", name, one.title())
		for _, l := range one.effects() {
			fmt.Fprintf(&b, "  %-7s %s\n", l.head, l.text)
		}
	}
	if len(out.Templates) > 0 {
		fmt.Fprintf(&b, "templates changed: %s\n", strings.Join(out.Templates, ", "))
	}
	if out.OK && len(out.Campaigns) == 0 {
		fmt.Fprintf(&b, "nothing changes for anybody\n")
	}
	for _, p := range out.Warnings {
		fmt.Fprintf(&b, "%s (warning)\n", p)
	}
	fmt.Fprintf(&b, "%s\n", merge(out))
	return b.String()
}

// markdown is for a pull request: a table of effects, the details folded away.
func markdown(out comparison) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", merge(out))
	if !out.At.IsZero() {
		fmt.Fprintf(&b, "What changes for people, against `%s`, by the next tick at %s.\n\n", out.Against, out.At.Format(time.RFC3339))
	}
	for _, p := range out.Errors {
		fmt.Fprintf(&b, "- :x: %s\n", cell(p.String()))
	}
	if len(out.Campaigns) > 0 {
		b.WriteString("| Campaign | Change | Enter | Newly | No longer | Under way | Mails 24 h |\n|---|---|---|---|---|---|---|\n")
		for _, name := range sortedKeys(out.Campaigns) {
			one := out.Campaigns[name]
			flying := "0"
			if one.InFlight != nil {
				flying = thousands(one.InFlight.Total)
			}
			fmt.Fprintf(&b, "| %s | %s | %s → %s | %s | %s | %s | %s → %s |\n", cell(name), cell(one.title()), thousands(one.EnterBefore), thousands(one.Enter),
				thousands(one.Newly), thousands(one.NoLonger), flying, thousands(one.MailsBefore), thousands(one.Mails))
		}
		b.WriteString("\n<details><summary>Details</summary>\n\n")
		for _, name := range sortedKeys(out.Campaigns) {
			fmt.Fprintf(&b, "**%s**\n\n", cell(name))
			for _, l := range out.Campaigns[name].effects() {
				fmt.Fprintf(&b, "- %s\n", cell(strings.TrimSpace(l.head+" "+l.text)))
			}
			b.WriteString("\n")
		}
		b.WriteString("</details>\n")
	} else if out.OK {
		b.WriteString("Nothing changes for anybody.\n")
	}
	if len(out.Templates) > 0 {
		fmt.Fprintf(&b, "\nTemplates changed: %s\n", cell(strings.Join(out.Templates, ", ")))
	}
	for _, p := range out.Warnings {
		fmt.Fprintf(&b, "\n- :warning: %s", cell(p.String()))
	}
	if len(out.Warnings) > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// cell keeps a text of the workspace, or a customer's id, from being markup.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "*", `\*`, "_", `\_`, "`", "'", "@", "@\u200b").Replace(s)
}
