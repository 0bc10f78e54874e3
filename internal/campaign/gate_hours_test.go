package campaign_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidings/internal/campaign"
)

func hours(from, to string, days ...time.Weekday) campaign.Hours {
	h := campaign.Hours{}
	h.From, _ = campaign.ParseTimeOfDay(from)
	h.To, _ = campaign.ParseTimeOfDay(to)
	for _, d := range days {
		h.Days[d] = true
	}
	return h
}

func TestHoursString(t *testing.T) {
	t.Parallel()
	for want, h := range map[string]campaign.Hours{
		"21:00 to 08:00":               hours("21:00", "08:00"),
		"08:00 to 21:00":               hours("08:00", "21:00", 0, 1, 2, 3, 4, 5, 6),
		"mon, sat, sun 09:05 to 17:30": hours("09:05", "17:30", time.Sunday, time.Monday, time.Saturday),
	} {
		if got := h.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestHours(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, zone string
		hours      campaign.Hours
		at         string
		next       string // as at where they hold
		end        string
	}{
		{"inside", "Asia/Manila", hours("08:00", "21:00"), "2026-11-02T10:00:00Z", "2026-11-02T10:00:00Z", "2026-11-02T13:00:00Z"},
		{"from is inside", "Asia/Manila", hours("08:00", "21:00"), "2026-11-02T00:00:00Z", "2026-11-02T00:00:00Z", "2026-11-02T13:00:00Z"},
		{"to is not", "Asia/Manila", hours("08:00", "21:00"), "2026-11-02T13:00:00Z", "2026-11-03T00:00:00Z", ""},
		{"a microsecond before to is", "Asia/Manila", hours("08:00", "21:00"), "2026-11-02T12:59:59.999999Z", "2026-11-02T12:59:59.999999Z", "2026-11-02T13:00:00Z"},
		{"over midnight, before it", "Asia/Manila", hours("21:00", "08:00"), "2026-11-02T14:00:00Z", "2026-11-02T14:00:00Z", "2026-11-03T00:00:00Z"},
		{"over midnight, after it", "Asia/Manila", hours("21:00", "08:00"), "2026-11-02T20:00:00Z", "2026-11-02T20:00:00Z", "2026-11-03T00:00:00Z"},
		{"from as to is 24 hours", "Asia/Manila", hours("09:00", "09:00"), "2026-11-02T03:00:00Z", "2026-11-02T03:00:00Z", "2026-11-03T01:00:00Z"},
		{"the day on which they begin", "UTC", hours("21:00", "08:00", time.Friday), "2026-11-07T07:00:00Z", "2026-11-07T07:00:00Z", "2026-11-07T08:00:00Z"},
		{"not the day on which they end", "UTC", hours("21:00", "08:00", time.Friday), "2026-11-06T07:00:00Z", "2026-11-06T21:00:00Z", ""},
		{"a day that is not one of them", "UTC", hours("09:00", "17:00", time.Monday), "2026-11-02T17:00:00Z", "2026-11-09T09:00:00Z", ""},
		{"begins in a gap", "Europe/Athens", hours("03:30", "05:00"), "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", ""},
		{"ends in a gap", "Europe/Athens", hours("02:00", "03:30"), "2026-03-29T00:30:00Z", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		{"skipped whole", "Europe/Athens", hours("03:10", "03:50"), "2026-03-29T00:30:00Z", "2026-03-30T00:10:00Z", ""},
		{"the one day of the week is skipped", "Europe/Athens", hours("03:10", "03:50", time.Sunday), "2026-03-29T00:30:00Z", "2026-04-05T00:10:00Z", ""},
		{"begins where clocks go back: the first time", "Europe/Athens", hours("03:30", "05:00"), "2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z"},
		{"still inside as it is shown again", "Europe/Athens", hours("03:30", "05:00"), "2026-10-25T01:10:00Z", "2026-10-25T01:10:00Z", "2026-10-25T03:00:00Z"},
		{"ends where clocks go back: the first time", "Europe/Athens", hours("02:00", "03:30"), "2026-10-25T01:10:00Z", "2026-10-26T00:00:00Z", ""},
		{"and again in the week after", "Europe/Athens", hours("03:10", "03:50", time.Sunday), "2026-03-22T02:00:00Z", "2026-04-05T00:10:00Z", ""},
		{"clocks go back over midnight", "America/St_Johns", hours("00:00", "06:00"), "2010-11-07T03:00:00Z", "2010-11-07T03:00:00Z", "2010-11-07T09:30:00Z"},
		{"a date that is skipped", "Pacific/Apia", hours("21:00", "08:00"), "2011-12-30T09:30:00Z", "2011-12-30T09:30:00Z", "2011-12-30T10:00:00Z"},
		{"after a date that is skipped", "Pacific/Apia", hours("21:00", "08:00"), "2011-12-30T12:00:00Z", "2011-12-30T12:00:00Z", "2011-12-30T18:00:00Z"},
		{"a midnight that is skipped", "America/Santiago", hours("00:00", "06:00"), "2026-09-06T03:59:00Z", "2026-09-06T04:00:00Z", ""},
		{"the day before, shown again past midnight", "America/Santiago", hours("23:30", "00:30"), "2026-04-05T03:10:00Z", "2026-04-05T03:10:00Z", "2026-04-05T04:30:00Z"},
		{"half an hour forward", "Australia/Lord_Howe", hours("02:15", "04:00"), "2026-10-03T15:29:00Z", "2026-10-03T15:30:00Z", ""},
	} {
		z := zone(t, c.zone)
		when := at(t, c.at)
		if got, want := c.hours.Next(when, z), at(t, c.next); !got.Equal(want) {
			t.Errorf("%s: next %s, want %s", c.name, got.UTC(), want)
		}
		if got, want := c.hours.Holds(when, z), c.next == c.at; got != want {
			t.Errorf("%s: holds %t", c.name, got)
		}
		end := c.hours.End(when, z)
		if c.end == "" && !end.IsZero() || c.end != "" && !end.Equal(at(t, c.end)) {
			t.Errorf("%s: ends %s, want %s", c.name, end.UTC(), c.end)
		}
	}
}

func TestOpening(t *testing.T) {
	t.Parallel()
	quiet, night := hours("21:00", "08:00"), hours("22:00", "07:00")
	work := hours("09:00", "17:00", time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday)
	always := hours("00:00", "00:00")
	nine, six, ten := campaign.TimeOfDay(9*60), campaign.TimeOfDay(6*60), campaign.TimeOfDay(22*60)
	for _, c := range []struct {
		name          string
		quiet, window *campaign.Hours
		sendAt        *campaign.TimeOfDay
		at, from      string
		due, gate     string
	}{
		{name: "nothing asked for", at: "2026-11-02T23:00:00Z", due: "2026-11-02T23:00:00Z"},
		{name: "by day", quiet: &quiet, window: &work, at: "2026-11-02T10:00:00Z", due: "2026-11-02T10:00:00Z"},
		{name: "at night", quiet: &quiet, at: "2026-11-02T23:00:00Z", due: "2026-11-03T08:00:00Z", gate: campaign.GateQuiet},
		{name: "at the weekend", window: &work, at: "2026-11-07T10:00:00Z", due: "2026-11-09T09:00:00Z", gate: campaign.GateSendWindow},
		{name: "the window opens later than the night ends", quiet: &quiet, window: &work, at: "2026-11-02T23:00:00Z", due: "2026-11-03T09:00:00Z", gate: campaign.GateSendWindow},
		{name: "send_at to come", sendAt: &nine, at: "2026-11-02T10:00:00Z", from: "2026-11-02T10:00:00Z", due: "2026-11-03T09:00:00Z", gate: campaign.GateSendAt},
		{name: "send_at on the minute", sendAt: &nine, at: "2026-11-02T09:00:00Z", from: "2026-11-02T09:00:00Z", due: "2026-11-02T09:00:00Z"},
		{name: "send_at has come since the pass reached the step", sendAt: &nine, at: "2026-11-03T11:00:00Z", from: "2026-11-02T10:00:00Z", due: "2026-11-03T11:00:00Z"},
		{name: "send_at at night", quiet: &quiet, sendAt: &six, at: "2026-11-02T05:00:00Z", from: "2026-11-02T05:00:00Z", due: "2026-11-02T08:00:00Z", gate: campaign.GateQuiet},
		{name: "send_at past the window", window: &work, sendAt: &ten, at: "2026-11-06T10:00:00Z", from: "2026-11-06T10:00:00Z", due: "2026-11-09T09:00:00Z", gate: campaign.GateSendWindow},
		{name: "a window at night only", quiet: &quiet, window: &night, at: "2026-11-02T23:00:00Z", gate: campaign.GateSendWindow},
		{name: "always quiet", quiet: &always, at: "2026-11-02T23:00:00Z", gate: campaign.GateQuiet},
	} {
		from := c.from
		if from == "" {
			from = c.at
		}
		due, gate := campaign.Opening(at(t, c.at), time.UTC, time.UTC, c.quiet, c.window, c.sendAt, at(t, from))
		want := time.Time{}
		if c.due != "" {
			want = at(t, c.due)
		}
		if !due.Equal(want) || gate != c.gate {
			t.Errorf("%s: %s %q, want %s %q", c.name, due, gate, c.due, c.gate)
		}
	}
}

// TestOpeningInTwoZones: the night is the customer's, the office hours those of the
// campaign's own zone.
func TestOpeningInTwoZones(t *testing.T) {
	t.Parallel()
	quiet, work := hours("21:00", "08:00"), hours("09:00", "17:00")
	manila, athens := zone(t, "Asia/Manila"), zone(t, "Europe/Athens")
	// 10:00 in Athens is 16:00 in Manila; from 15:00 on it is night there, up to 02:00.
	for when, want := range map[string]string{"2026-11-02T08:00:00Z": "2026-11-02T08:00:00Z", "2026-11-02T14:00:00Z": "2026-11-03T07:00:00Z"} {
		if due, _ := campaign.Opening(at(t, when), manila, athens, &quiet, &work, nil, at(t, when)); !due.Equal(at(t, want)) {
			t.Errorf("%s opens at %s, want %s", when, due, want)
		}
	}
	late := hours("16:00", "17:00")
	// The window opens at 22:00 and closes at 23:00 in Manila: never outside of the night.
	if due, gate := campaign.Opening(at(t, "2026-11-02T08:00:00Z"), manila, athens, &quiet, &late, nil, at(t, "2026-11-02T08:00:00Z")); !due.IsZero() || gate != campaign.GateSendWindow {
		t.Errorf("opens at %s, %s", due, gate)
	}
}

// minutes is a time line of zone in steps of a minute, with the highest reading that
// its clocks have shown up to each: what the rules of hours come down to. A gap makes
// the reading jump, and while the clocks show a time again it stands still.
type minutes struct {
	start time.Time
	zone  *time.Location
	wall  []time.Time // readings as if they were UTC
}

func minutesOf(start time.Time, n int, zone *time.Location) minutes {
	m := minutes{start, zone, make([]time.Time, n)}
	var high time.Time
	for i := range m.wall {
		l := start.Add(time.Duration(i) * time.Minute).In(zone)
		if w := time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC); w.After(high) {
			high = w
		}
		m.wall[i] = high
	}
	return m
}

// holds is Hours.Holds by the reading alone.
func (m minutes) holds(h campaign.Hours, i int) bool {
	w := m.wall[i]
	for back := range 2 {
		d := time.Date(w.Year(), w.Month(), w.Day()-back, 0, 0, 0, 0, time.UTC)
		if h.Days != [7]bool{} && !h.Days[d.Weekday()] {
			continue
		}
		begin, end := d.Add(time.Duration(h.From)*time.Minute), d.Add(time.Duration(h.To)*time.Minute)
		if h.To <= h.From {
			end = end.AddDate(0, 0, 1)
		}
		if !w.Before(begin) && w.Before(end) {
			return true
		}
	}
	return false
}

// reached is the first minute from i on by which the clocks have shown sendAt since.
func (m minutes) reached(sendAt campaign.TimeOfDay, i int) int {
	edge := func(j int) time.Time {
		w := m.wall[j]
		e := time.Date(w.Year(), w.Month(), w.Day(), int(sendAt)/60, int(sendAt)%60, 0, 0, time.UTC)
		if e.After(w) {
			e = e.AddDate(0, 0, -1)
		}
		return e // the last such reading at or before the minute's
	}
	for j := i; j < len(m.wall); j++ {
		// A minute is the first to have shown it where the one before had not.
		if j > 0 && edge(j).After(m.wall[j-1]) {
			return j
		}
	}
	return -1
}

// TestOpeningMinuteByMinute compares Holds, Next and Opening with a walk through
// every minute of three weeks around each clock change.
func TestOpeningMinuteByMinute(t *testing.T) {
	t.Parallel()
	lines := map[string]minutes{}
	var names []string
	for name, changes := range map[string][]string{
		"Europe/Athens":       {"2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"},
		"America/New_York":    {"2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"},
		"Australia/Lord_Howe": {"2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"},
		"America/Santiago":    {"2026-04-05T03:00:00Z", "2026-09-06T04:00:00Z"},
		"Asia/Manila":         {"2026-06-01T00:00:00Z"},
	} {
		z := zone(t, name)
		for i, change := range changes {
			c := at(t, change)
			if _, off := c.Add(-time.Second).In(z).Zone(); name != "Asia/Manila" {
				if _, now := c.In(z).Zone(); now == off {
					t.Fatalf("%s: the clocks do not change at %s", name, change)
				}
			}
			key := fmt.Sprintf("%s %d", name, i)
			lines[key] = minutesOf(c.Add(-4*24*time.Hour), 21*24*60, z)
			names = append(names, key)
		}
	}
	clock := rapid.Custom(func(t *rapid.T) campaign.TimeOfDay {
		if rapid.Bool().Draw(t, "near a change") {
			return campaign.TimeOfDay((rapid.IntRange(-90, 4*60).Draw(t, "minute") + 24*60) % (24 * 60))
		}
		return campaign.TimeOfDay(rapid.IntRange(0, 24*60-1).Draw(t, "minute"))
	})
	some := rapid.Custom(func(t *rapid.T) *campaign.Hours {
		if rapid.Bool().Draw(t, "none") {
			return nil
		}
		h := campaign.Hours{From: clock.Draw(t, "from"), To: clock.Draw(t, "to")}
		if rapid.Bool().Draw(t, "some days") {
			for d := range h.Days {
				h.Days[d] = rapid.Bool().Draw(t, "day")
			}
		}
		return &h
	})
	rapid.Check(t, func(t *rapid.T) {
		m := lines[rapid.SampledFrom(names).Draw(t, "line")]
		quiet, window := some.Draw(t, "quiet"), some.Draw(t, "window")
		var sendAt *campaign.TimeOfDay
		if rapid.Bool().Draw(t, "send_at") {
			c := clock.Draw(t, "clock")
			sendAt = &c
		}
		// From the day before the change to the day after it; the walk goes on for two
		// weeks more.
		start := rapid.IntRange(3*24*60, 5*24*60).Draw(t, "minute")
		from := start - rapid.IntRange(0, 36*60).Draw(t, "since")
		moment := func(i int) time.Time { return m.start.Add(time.Duration(i) * time.Minute) }

		for _, h := range []*campaign.Hours{quiet, window} {
			if h == nil {
				continue
			}
			if got := h.Holds(moment(start), m.zone); got != m.holds(*h, start) {
				t.Fatalf("%s holds %s: %t", h, moment(start).In(m.zone), got)
			}
			i := start
			for i < len(m.wall) && !m.holds(*h, i) {
				i++
			}
			if got := h.Next(moment(start), m.zone); i < len(m.wall) && !got.Equal(moment(i)) {
				t.Fatalf("%s next at or after %s: %s, want %s", h, moment(start).In(m.zone), got.In(m.zone), moment(i).In(m.zone))
			}
		}

		i := start
		if sendAt != nil {
			i = max(i, m.reached(*sendAt, from))
		}
		for i < len(m.wall) && (window != nil && !m.holds(*window, i) || quiet != nil && m.holds(*quiet, i)) {
			i++
		}
		due, gate := campaign.Opening(moment(start), m.zone, m.zone, quiet, window, sendAt, moment(from))
		switch {
		case i == len(m.wall):
			if !due.IsZero() && due.Before(moment(i)) {
				t.Fatalf("opens at %s, never by the walk", due.In(m.zone))
			}
		case !due.Equal(moment(i)):
			t.Fatalf("from %s on opens at %s, want %s", moment(start).In(m.zone), due.In(m.zone), moment(i).In(m.zone))
		}
		if (gate == "") != due.Equal(moment(start)) {
			t.Fatalf("gate %q, due %s", gate, due)
		}
		switch gate {
		case campaign.GateQuiet:
			if j := i - 1; i < len(m.wall) && !m.holds(*quiet, j) {
				t.Fatalf("it was not quiet just before %s", due.In(m.zone))
			}
		case campaign.GateSendWindow:
			if j := i - 1; i < len(m.wall) && m.holds(*window, j) {
				t.Fatalf("the window was open just before %s", due.In(m.zone))
			}
		}
	})
}
