package content

import (
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// reached tells, where the file alone can, when passes come to a mail.
type reached map[*campaign.Step]*arrival

// arrival are the moments, one for each day of the week on which passes can begin. They
// are sure where nothing that can put a mail off lies before a wait that counts from it.
type arrival struct {
	at   []time.Time
	sure bool
}

// clockwork follows the passes of a campaign that begins at a time of day by the
// customers' own clocks to each mail whose hour is then certain.
func (w *workspaceFiles) clockwork(c *campaign.Campaign) reached {
	if !clocked(c) {
		return nil
	}
	out := reached{}
	for _, at := range begins(c.Trigger) {
		w.follow(c, c.Steps, course{at: at, sure: true}, out)
	}
	return out
}

// begins are the moments at which passes can begin, in a week without clock changes.
func begins(t campaign.Trigger) []time.Time {
	var clock campaign.TimeOfDay
	var after campaign.Duration
	days := []int{0, 1, 2, 3, 4, 5, 6}
	only := func(d time.Weekday) { days = []int{(int(d) + 6) % 7} }
	switch t := t.(type) {
	case campaign.OnDate:
		// Before and After are whole days as a rule; what is less than one moves the hour.
		clock, after = t.At, t.After
		if t.Before.Months != 0 || t.Before.Fixed%(24*time.Hour) != 0 {
			return nil
		}
	case campaign.Schedule:
		clock, after = t.Clock, t.After
		switch {
		case t.At != nil:
			clock = t.At.Clock
			only(time.Date(t.At.Year, t.At.Month, t.At.Day, 0, 0, 0, 0, time.UTC).Weekday())
		case t.Day.Weekday != nil:
			only(time.Weekday(*t.Day.Weekday))
		}
	}
	if after.Months != 0 {
		return nil
	}
	var out []time.Time
	for _, d := range days {
		out = append(out, monday.AddDate(0, 0, d).Add(time.Duration(clock)*time.Minute+after.Fixed))
	}
	return out
}

// course is how far a pass has come.
type course struct {
	at   time.Time
	sent bool // since its hour was last sure
	sure bool
}

// follow notes when a pass that is at the first of steps comes to each mail, as far as
// that is to be foreseen.
func (w *workspaceFiles) follow(c *campaign.Campaign, steps []campaign.Step, is course, out reached) {
	for i := range steps {
		s := &steps[i]
		switch {
		case s.Wait != nil && s.When == nil && s.Wait.Until != nil:
			is = course{at: s.Wait.Until.NextClock(is.at, time.UTC), sure: true}
		case s.Wait != nil && s.When == nil && s.Wait.For == nil && s.Wait.Length.Months == 0:
			is.at, is.sure = is.at.Add(s.Wait.Length.Fixed), is.sure && !is.sent
		case s.Branch != nil:
			for a := range s.Branch {
				w.follow(c, s.Branch[a].Steps, is, out)
			}
			return
		case s.Send != nil:
			if out[s] == nil {
				out[s] = &arrival{sure: true}
			}
			out[s].at, out[s].sure = append(out[s].at, is.at), out[s].sure && is.sure
			due, gate := campaign.Opening(is.at, time.UTC, time.UTC, w.quiet(c), windowOf(c, s.Send), s.Send.SendAt, is.at)
			if gate != "" && s.When != nil {
				return // skipped, it does not wait
			}
			if !due.IsZero() && !due.After(expiresOf(c, s.Send).After(is.at)) {
				is.at = due
			}
			is.sent = true
		default:
			return
		}
	}
}

// expiresOf is how long a mail lasts.
func expiresOf(c *campaign.Campaign, send *campaign.Send) campaign.Duration {
	if !send.Expires.IsZero() {
		return send.Expires
	}
	return c.Expires
}

// inVain warns of a mail that expires at the hour at which its pass comes to it, on
// each day or on some, and tells whether it did.
func (w *workspaceFiles) inVain(f *campaignFile, n *stepNote, moments []time.Time) bool {
	send := n.step.Send
	expires := expiresOf(f.campaign, send)
	if expires.IsZero() {
		return false
	}
	lost, example, till, gate := 0, time.Time{}, time.Time{}, ""
	for _, at := range moments {
		due, g := campaign.Opening(at, time.UTC, time.UTC, w.quiet(f.campaign), windowOf(f.campaign, send), send.SendAt, at)
		if due.IsZero() || !due.After(expires.After(at)) {
			continue
		}
		if lost++; gate == "" {
			example, till, gate = at, due, g
		}
	}
	if lost == 0 {
		return false
	}
	what := "this mail always expires"
	if lost < len(moments) {
		what = "this mail expires when its pass comes to it on a " + example.Format("Monday")
	}
	day := ""
	if lost < len(moments) || till.Sub(example) >= 24*time.Hour {
		day = "Mon "
	}
	f.warnf(expiresAt(f, n, gate), "write a longer expires, or have the pass come to it at another hour",
		"%s: its pass comes to it at %s, it waits for %s until %s, and it lasts %s", what, example.Format("15:04"), gateNames[gate], till.Format(day+"15:04"), expires)
	return true
}

// expiresAt is where to point at for a mail that is over too soon.
func expiresAt(f *campaignFile, n *stepNote, gate string) *yaml.Node {
	switch {
	case n.fields.has("expires"):
		return n.fields.values["expires"]
	case f.top.has("expires"):
		return f.top.values["expires"]
	case gate == campaign.GateSendAt:
		return n.fields.values["send_at"]
	case n.fields.has("send_window"):
		return n.fields.values["send_window"]
	case f.top.has("send_window"):
		return f.top.values["send_window"]
	}
	return n.fields.node
}

// outrun warns of a letter to so many that the rates let only a part of it out before
// it expires.
func (w *workspaceFiles) outrun(f *campaignFile, moments reached) {
	c := f.campaign
	if _, ok := c.Trigger.(campaign.Schedule); !ok || c.Expect == 0 {
		return
	}
	for _, n := range f.stepNotes {
		if n.step.Send == nil || n.step.When != nil || !slices.ContainsFunc(c.Steps, func(s campaign.Step) bool { return s.Send == n.step.Send }) {
			continue
		}
		var at []time.Time
		if a := moments[n.step]; a != nil {
			at = a.at
		}
		w.outrunBy(f, n, at)
		return // what is behind the first goes by its acceptance
	}
}

func (w *workspaceFiles) outrunBy(f *campaignFile, n *stepNote, moments []time.Time) {
	c := f.campaign
	expires := expiresOf(c, n.step.Send)
	if expires.IsZero() || expires.Months != 0 {
		return
	}
	provider := w.workspace.workspace.Providers[campaign.DefaultProvider]
	open := w.openMinutes(c, n.step.Send, expires.Fixed, moments)
	least, by := c.Expect, ""
	narrower := func(room int, name, limit string) {
		if room < least {
			least, by = room, name+" ("+limit+")"
		}
	}
	if !c.Rate.IsZero() && !c.Transactional {
		narrower(roomFor(c.Rate, open, expires.Fixed), "the campaign's rate", c.Rate.String())
	}
	if !provider.Rate.IsZero() {
		narrower(roomFor(provider.Rate, open, expires.Fixed), "the mail server's rate", provider.Rate.String())
	}
	if days := daysIn(open, expires.Fixed); provider.Daily > 0 && !c.Transactional {
		narrower(days*provider.Daily, "the mail server's quota", fmt.Sprintf("%d a day", provider.Daily))
	}
	if by != "" {
		f.warnf(expiresAt(f, n, ""), "write a longer expires, a higher rate, or fewer under expect",
			"of the %d that expect allows, %s lets at most %d go before they expire after %s", c.Expect, by, least, expires)
	}
}

// openMinutes are, for each moment at which passes come to a mail, the minutes of its
// life in which it may go; none where no moment is known.
func (w *workspaceFiles) openMinutes(c *campaign.Campaign, send *campaign.Send, lasts time.Duration, moments []time.Time) [][]time.Time {
	var out [][]time.Time
	for _, at := range moments {
		var open []time.Time
		for t := at; !t.After(at.Add(lasts)); t = t.Add(time.Minute) {
			if due, _ := campaign.Opening(t, time.UTC, time.UTC, w.quiet(c), windowOf(c, send), send.SendAt, at); due.Equal(t) {
				open = append(open, t)
			}
		}
		out = append(out, open)
	}
	return out
}

// roomFor is the most that a pace lets out in the minutes in which mails may go, by the
// clocks of one zone; where these are not known, while they last.
func roomFor(pace campaign.Pace, open [][]time.Time, lasts time.Duration) int {
	if len(open) == 0 {
		return pace.Max * int(1+lasts/pace.Per)
	}
	most := 0
	for _, minutes := range open {
		// The first are let out at once, the others as time goes by.
		if n := len(minutes); n > 0 {
			most = max(most, pace.Max+int(float64(pace.Max)*float64(time.Duration(n-1)*time.Minute)/float64(pace.Per)))
		}
	}
	return most
}

// daysIn is in how many calendar days mails may go at most.
func daysIn(open [][]time.Time, lasts time.Duration) int {
	if len(open) == 0 {
		return 2 + int(lasts/(24*time.Hour))
	}
	most := 0
	for _, minutes := range open {
		days := map[int]bool{}
		for _, t := range minutes {
			days[t.YearDay()] = true
		}
		most = max(most, len(days))
	}
	return most
}
