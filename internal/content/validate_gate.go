package content

import (
	"time"

	"tidings/internal/campaign"
)

// gates checks what a campaign's mails wait for: whether they may have it, and
// whether they can ever go.
func (w *workspaceFiles) gates(f *campaignFile) {
	c := f.campaign
	if c.Transactional {
		for _, n := range f.stepNotes {
			for _, key := range n.fields.among([]string{"send_window", "when_capped"}) {
				w.ps.errorf(f.file, placeOf(n.fields.keys[key]), "take it out, or transactional: true", "a transactional campaign has no %s, nor have its steps", key)
			}
		}
	}
	w.ignoresCap(f, f.top, c.WhenCapped)
	if f.top.has("send_window") {
		w.shut(f, f.top, c.SendWindow)
	}
	roaming, moments := !clocked(c), w.clockwork(c)
	for _, n := range f.stepNotes {
		if wait := n.step.Wait; wait != nil && wait.Until == nil {
			roaming = true
		}
		send := n.step.Send
		if send == nil {
			continue
		}
		w.ignoresCap(f, n.fields, send.WhenCapped)
		open := true
		if n.fields.has("send_window") {
			open = w.shut(f, n.fields, send.SendWindow)
		}
		if !open || !w.sendAt(f, n) {
			continue
		}
		is := moments[n.step]
		if told := is != nil && w.inVain(f, n, is.at); !told && roaming && (is == nil || !is.sure) {
			w.outlives(f, n)
		}
	}
	w.outrun(f, moments)
	if !c.Transactional {
		w.crowded(f)
	}
}

// idleIgnores warns of campaigns that may ignore the cap and do not.
func (w *workspaceFiles) idleIgnores() {
	ignores := map[string]bool{}
	for _, f := range w.campaigns {
		c := f.campaign
		ignores[c.Name] = c.WhenCapped == campaign.CappedIgnore && f.top.has("when_capped") || f.top.odd || f.top.node == nil
		for _, n := range f.stepNotes {
			ignores[c.Name] = ignores[c.Name] || n.fields.odd || n.step.Send != nil && n.step.Send.WhenCapped == campaign.CappedIgnore
		}
	}
	for name, at := range w.workspace.ignoreAt {
		if does, known := ignores[name]; known && !does {
			w.ps.warnf(workspaceFile, at, "take it out, or write when_capped: ignore in campaigns/"+name+".yaml", "allow_ignore_cap: campaign %q does not ignore the cap", name)
		}
	}
}

// clocked tells whether passes reach a campaign's first steps at a time of day that
// the file says, by the clocks that quiet hours go by as well.
func clocked(c *campaign.Campaign) bool {
	switch t := c.Trigger.(type) {
	case campaign.Schedule:
		return t.Cron == "" && c.Zone == "customer"
	case campaign.OnDate:
		return c.Zone == "customer"
	}
	return false
}

// ignoresCap checks that a campaign that takes no notice of the cap is allowed to.
func (w *workspaceFiles) ignoresCap(f *campaignFile, m fields, when campaign.WhenCapped) {
	ws := w.workspace
	if f.campaign.Transactional || !m.has("when_capped") || when != campaign.CappedIgnore || !ws.known || contains(ws.workspace.AllowIgnoreCap, f.campaign.Name) {
		return
	}
	f.errorf(m.values["when_capped"], "write wait or drop, or allow_ignore_cap: ["+f.campaign.Name+"] in "+workspaceFile,
		"the campaign is not among those that may ignore the cap")
}

// shut warns of a window in which no mail may ever go, and tells whether there is
// time left.
func (w *workspaceFiles) shut(f *campaignFile, m fields, window *campaign.Hours) bool {
	quiet := w.quiet(f.campaign)
	if window == nil || quiet == nil {
		return window != nil
	}
	if due, _ := campaign.Opening(monday, time.UTC, time.UTC, quiet, window, nil, monday); !due.IsZero() {
		return true
	}
	f.warnf(m.values["send_window"], "move it out of them, or no mail ever goes", "send_window (%s) lies within the quiet hours (%s)", window, quiet)
	return false
}

// sendAt warns of a time of day at which the mail may not go, and tells whether there
// was nothing to say.
func (w *workspaceFiles) sendAt(f *campaignFile, n *stepNote) bool {
	clock := n.step.Send.SendAt
	if clock == nil {
		return true
	}
	quiet, window := w.quiet(f.campaign), windowOf(f.campaign, n.step.Send)
	inside, at := window == nil, monday.Add(time.Duration(*clock)*time.Minute)
	for d := range 7 {
		inside = inside || window.Holds(at.AddDate(0, 0, d), time.UTC)
	}
	switch {
	case !inside:
		f.warnf(n.fields.values["send_at"], "write a time inside of it; until it opens the mail waits", "send_at: %s is outside of the send_window (%s)", clock, window)
	case quiet != nil && quiet.Holds(at, time.UTC):
		f.warnf(n.fields.values["send_at"], "write a time outside of them; until they end the mail waits", "send_at: %s is in the quiet hours (%s)", clock, quiet)
	default:
		return true
	}
	return false
}

// quiet are the hours in which the campaign's mails wait; none for transactional ones.
func (w *workspaceFiles) quiet(c *campaign.Campaign) *campaign.Hours {
	if c.Transactional {
		return nil
	}
	return w.workspace.workspace.QuietHours
}

// windowOf is the window that a mail waits for.
func windowOf(c *campaign.Campaign, send *campaign.Send) *campaign.Hours {
	if send.SendWindow != nil {
		return send.SendWindow
	}
	return c.SendWindow
}

// outlives warns of a mail that may be over before it may go.
func (w *workspaceFiles) outlives(f *campaignFile, n *stepNote) {
	send := n.step.Send
	expires := expiresOf(f.campaign, send)
	wait, gate := longestWait(w.quiet(f.campaign), windowOf(f.campaign, send), send.SendAt)
	if expires.IsZero() || expires.Fixed > wait {
		return
	}
	f.warnf(expiresAt(f, n, gate), "write a longer expires; such mails are cancelled", "a mail expires after %s, and can wait %s for %s", expires, campaign.Of(wait), gateNames[gate])
}

var gateNames = map[string]string{
	campaign.GateSendAt: "send_at", campaign.GateSendWindow: "its send_window", campaign.GateQuiet: "the end of the quiet hours",
}

// monday is the start of a week without clock changes.
var monday = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// longestWait is the longest that a mail can wait for its hours, by full minutes, and
// what it then waits for.
func longestWait(quiet, window *campaign.Hours, sendAt *campaign.TimeOfDay) (time.Duration, string) {
	// The wait is longest for who comes just too late: as quiet hours begin, as the
	// window closes, a moment after send_at.
	var late []time.Duration
	if quiet != nil {
		late = append(late, time.Duration(quiet.From)*time.Minute)
	}
	if window != nil {
		late = append(late, time.Duration(window.To)*time.Minute)
	}
	if sendAt != nil {
		late = append(late, time.Duration(*sendAt)*time.Minute+time.Second)
	}
	var longest time.Duration
	gate := ""
	for d := range 7 {
		for _, l := range late {
			at := monday.AddDate(0, 0, d).Add(l)
			due, g := campaign.Opening(at, time.UTC, time.UTC, quiet, window, sendAt, at)
			if wait := due.Sub(at); !due.IsZero() && wait > longest {
				longest, gate = wait, g
			}
		}
	}
	return (longest + time.Minute - 1).Truncate(time.Minute), gate
}

// crowded warns of a mail that the cap never lets out behind the campaign's own
// earlier ones: it is dropped each time, or expires before there is room.
func (w *workspaceFiles) crowded(f *campaignFile) {
	notes := map[*campaign.Step]*stepNote{}
	for _, n := range f.stepNotes {
		notes[n.step] = n
	}
	w.crowdedIn(f, f.campaign.Steps, notes)
}

// crowdedIn looks at the mails of one list of steps that follow each other for
// certain.
func (w *workspaceFiles) crowdedIn(f *campaignFile, steps []campaign.Step, notes map[*campaign.Step]*stepNote) {
	c := f.campaign
	type mail struct {
		note *stepNote
		at   time.Duration // since the first of the list
	}
	var before []mail
	var now time.Duration
	for i := range steps {
		s := &steps[i]
		switch {
		case s.Branch != nil || s.Wait != nil && s.Wait.Length.IsZero():
			// How long it takes, or what is sent on the way, nobody knows.
			before, now = nil, 0
		case s.Wait != nil:
			now += s.Wait.Length.Fixed
		}
		for a := range s.Branch {
			w.crowdedIn(f, s.Branch[a].Steps, notes)
		}
		n := notes[s]
		if s.Send == nil || n == nil {
			continue
		}
		when, expires := s.Send.WhenCapped, expiresOf(c, s.Send)
		if when == "" {
			when = c.WhenCapped
		}
		// The hours can put the mail off, and so into the next slot.
		var room time.Duration
		if when == campaign.CappedDrop {
			room, _ = longestWait(w.quiet(c), windowOf(c, s.Send), s.Send.SendAt)
		} else {
			room = expires.Fixed
		}
		for _, limit := range w.workspace.workspace.Caps {
			k := len(before) - limit.Max
			if when == campaign.CappedIgnore || k < 0 || limit.Per.Months != 0 || now+room-before[k].at >= limit.Per.Fixed {
				continue
			}
			what := "is always dropped"
			if when == campaign.CappedWait {
				what = "always expires"
			}
			w.ps.warnf(f.file, n.at, "wait longer before it, or take one of them out",
				"behind the mail on %s this one %s: the cap is %s", before[k].note.at, what, limit)
			break
		}
		if s.When == nil {
			before = append(before, mail{n, now})
		}
	}
}
