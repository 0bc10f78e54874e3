package cli

import (
	"fmt"
	"math"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// printBacktest says what a campaign would have done, for a person.
func printBacktest(rt *runtime, c *campaign.Campaign, out backtestOutput) {
	mails := thousands(out.Messages)
	if out.MessagesAtLeast != out.MessagesAtMost {
		mails = fmt.Sprintf("at most %s, at least %s (what people do with a mail cannot be known)", thousands(out.MessagesAtMost), thousands(out.MessagesAtLeast))
	}
	rt.printf("entered %s%s · mails %s%s\n", thousands(out.Entered), heldOutOf(out.HeldOut), mails, reasons(" · not sent", out.Cancelled))
	rt.printf("%s\n", out.chart())
	if out.goal != nil && out.OrganicOf > 0 {
		rt.printf("%s anyway within %s, no mail at all: %.1f %%   ← the number to beat\n",
			goalWord(out.goal), out.goal.Within, 100*float64(out.Organic)/float64(out.OrganicOf))
	}
	if held := sum(out.Held); held > 0 {
		rt.printf("held %s: %s\n", thousands(held), listed(out.Held))
	}
	if gates := out.gateText(); gates != "" {
		rt.printf("%s\n", gates)
	}
	for _, o := range out.Overlap {
		rt.printf("at the same time in %s: %s\n", o.Campaign, count(o.Customers, "customer"))
	}
	if len(out.NotCompared) > 0 {
		rt.printf("not compared for lack of time: %s\n", strings.Join(out.NotCompared, ", "))
	}
	if out.Holdout != nil {
		rt.printf("%s\n", out.Holdout)
	}
	if out.Fuse != nil {
		rt.printf("the fuse would have held %s, from %s on: up to %s entries in one, more than it allows\n",
			count(out.Fuse.Hours, "hour"), out.Fuse.First.Format("2006-01-02 15:04"), thousands(out.Fuse.Most))
	}
	for _, v := range out.TodayValues {
		since := " has no history"
		if v.Since != nil {
			since += " before " + v.Since.In(out.zone).Format(time.DateOnly)
		}
		rt.printf("'%s'%s: the imported value used for %s\n", v.Attribute, since, people(v.Customers))
	}
	if c.ActiveFrom.After(out.From) {
		rt.printf("active_from %s lies after --from: nobody enters before it\n", c.ActiveFrom.In(out.zone).Format("2006-01-02 15:04"))
	}
}

// gateText says what gates would have done to the mails, where they would have done
// anything.
func (o backtestOutput) gateText() string {
	var parts []string
	for _, gate := range campaign.Most(o.WouldHold) {
		one := gateWord(gate) + " " + thousands(o.WouldHold[gate])
		if gate == campaign.GateCap {
			one += waitsFor(campaign.Waits{By: o.CapTakenBy})
		}
		parts = append(parts, one)
	}
	if len(o.WouldDrop) > 0 {
		parts = append(parts, "never sent: "+listed(o.WouldDrop))
	}
	if len(parts) == 0 {
		return ""
	}
	out := "would wait, by estimate: " + strings.Join(parts, " · ")
	if o.GatedHour != nil {
		out += fmt.Sprintf(" · busiest hour then %s %s", o.GatedHour.At.Format("2 Jan 15:04"), thousands(o.GatedHour.Messages))
	}
	return out
}

func heldOutOf(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s held out)", thousands(n))
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return thousands(n) + " people"
}

func sum(by map[string]int) (n int) {
	for _, v := range by {
		n += v
	}
	return n
}

// goalWord is what a person does who reaches the goal.
func goalWord(g *campaign.Goal) string {
	if g.Event == campaign.OrderCompleted {
		return "bought"
	}
	return "'" + g.Event + "'"
}

// chart is the mails over the time, or where there are none, the entries.
func (o backtestOutput) chart() string {
	days := make([]campaign.DayTally, len(o.Days))
	for i, d := range o.Days {
		days[i] = campaign.DayTally{Date: d.Date, Tally: campaign.Tally{Entered: d.Entered, Messages: d.Messages}}
	}
	what, of := "mails", func(t campaign.Tally) int { return t.Messages }
	if o.BusiestDay == nil {
		what, of = "entries", func(t campaign.Tally) int { return t.Entered }
	}
	line, unit := timeChart(days, of)
	out := line + "   " + what + " by the " + unit
	if o.BusiestDay != nil {
		day, err := time.Parse(time.DateOnly, o.BusiestDay.Date)
		if err == nil {
			out += fmt.Sprintf(" · busiest day %s %s", day.Format("2 Jan 2006"), thousands(o.BusiestDay.Messages))
		}
		out += fmt.Sprintf(", hour %s %s", o.BusiestHour.At.Format("2 Jan 15:04"), thousands(o.BusiestHour.Messages))
	}
	return out
}

// String says when the holdout shows anything.
func (h *holdoutOutlook) String() string {
	out := fmt.Sprintf("holdout %s = %s a month", percent(h.Share), approximately(h.PerMonth))
	for i, m := range h.Months {
		if i == 0 && m.Share == h.Share {
			out += ": a lift of 3 points is visible after " + months(m.Months)
		} else {
			out += fmt.Sprintf("; at %s after %s", percent(m.Share), months(m.Months))
		}
	}
	return out
}

func percent(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }

func approximately(n float64) string {
	if n < 10 {
		return fmt.Sprintf("%.1f", n)
	}
	return thousands(int(math.Round(n)))
}

func months(n float64) string {
	switch {
	case n < 1:
		return "less than a month"
	case n > 120:
		return "more than ten years"
	}
	return fmt.Sprintf("~%s", count(int(math.Round(n)), "month"))
}
