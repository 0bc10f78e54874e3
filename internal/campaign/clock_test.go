package campaign_test

import (
	"testing"
	"time"
	_ "time/tzdata" // the same zones wherever the tests run

	"pgregory.net/rapid"

	"tidings/internal/campaign"
)

// oddZones are zones whose clocks do what code forgets: gaps at midnight, half
// hours, days that were skipped, offsets far from UTC, changes against the
// season, changes back by three hours.
var oddZones = []string{
	"UTC", "Europe/Berlin", "Europe/Dublin", "Europe/Moscow", "America/New_York", "America/St_Johns",
	"America/Santiago", "America/Sao_Paulo", "America/Asuncion", "America/Havana", "America/Scoresbysund", "America/Nuuk",
	"Africa/Cairo", "Africa/Casablanca", "Africa/Monrovia", "Asia/Beirut", "Asia/Gaza", "Asia/Tehran", "Asia/Amman",
	"Asia/Kathmandu", "Asia/Manila", "Asia/Jerusalem", "Asia/Pyongyang", "Australia/Lord_Howe", "Australia/Eucla",
	"Antarctica/Casey", "Antarctica/Troll", "Pacific/Apia", "Pacific/Kwajalein", "Pacific/Kiritimati", "Pacific/Chatham",
	"Pacific/Marquesas", "Pacific/Norfolk", "Etc/GMT+12", "Etc/GMT-14",
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func local(t testing.TB, s string) campaign.LocalTime {
	t.Helper()
	l, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	return campaign.LocalOf(l, time.UTC)
}

func TestParseTimeOfDay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]campaign.TimeOfDay{"00:00": 0, "09:00": 540, "23:59": 1439} {
		if got, err := campaign.ParseTimeOfDay(text); err != nil || got != want {
			t.Errorf("%s: got %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "9:00", "24:00", "09:60", "09:0", "0900", "09:00:00", "9am", " 9:00", "09.00", "-9:00"} {
		if got, err := campaign.ParseTimeOfDay(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
}

func TestParseDayName(t *testing.T) {
	t.Parallel()
	for i, text := range []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} {
		if got, err := campaign.ParseDayName(text); err != nil || got != time.Weekday(i) {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "Tue", "tuesday", "tu"} {
		if _, err := campaign.ParseDayName(text); err == nil {
			t.Errorf("%q is taken for a day", text)
		}
	}
}

func TestLocalTimeString(t *testing.T) {
	t.Parallel()
	l := campaign.LocalTime{Year: 2026, Month: time.December, Day: 1, Clock: 9*60 + 5}
	if got := l.String(); got != "2026-12-01T09:05" {
		t.Error(got)
	}
	cut := at(t, "2026-12-01T08:05:59.999999Z")
	if got := campaign.LocalOf(cut, zone(t, "Europe/Berlin")); got != l {
		t.Error(got)
	}
}

func TestLocalTimeIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, wall, want string }{
		{"Europe/Berlin", "2026-07-01 09:00", "2026-07-01T07:00:00Z"},
		{"Europe/Berlin", "2026-03-29 01:59", "2026-03-29T00:59:00Z"},
		{"Europe/Berlin", "2026-03-29 02:00", "2026-03-29T01:00:00Z"}, // the gap
		{"Europe/Berlin", "2026-03-29 02:59", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-03-29 03:00", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-10-25 02:00", "2026-10-25T00:00:00Z"}, // shown twice
		{"Europe/Berlin", "2026-10-25 02:59", "2026-10-25T00:59:00Z"},
		{"Europe/Berlin", "2026-10-25 03:00", "2026-10-25T02:00:00Z"},
		{"America/New_York", "2026-03-08 02:30", "2026-03-08T07:00:00Z"},
		{"America/New_York", "2026-11-01 01:30", "2026-11-01T05:30:00Z"},
		{"America/Santiago", "2026-09-06 00:00", "2026-09-06T04:00:00Z"}, // no midnight
		{"America/Santiago", "2026-09-06 00:59", "2026-09-06T04:00:00Z"},
		{"America/Santiago", "2026-09-06 01:00", "2026-09-06T04:00:00Z"},
		{"America/Santiago", "2026-04-04 23:30", "2026-04-05T02:30:00Z"}, // shown twice
		{"Africa/Cairo", "2026-04-24 00:00", "2026-04-23T22:00:00Z"},     // no midnight
		{"Africa/Cairo", "2026-10-29 23:15", "2026-10-29T20:15:00Z"},     // shown twice
		{"Africa/Cairo", "2026-10-30 00:00", "2026-10-29T22:00:00Z"},
		{"Australia/Lord_Howe", "2026-10-04 02:00", "2026-10-03T15:30:00Z"}, // half an hour
		{"Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03T15:30:00Z"},
		{"Australia/Lord_Howe", "2026-10-04 02:30", "2026-10-03T15:30:00Z"},
		{"Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04T14:45:00Z"},
		{"Pacific/Apia", "2011-12-29 23:59", "2011-12-30T09:59:00Z"},
		{"Pacific/Apia", "2011-12-30 00:00", "2011-12-30T10:00:00Z"}, // a day that never was
		{"Pacific/Apia", "2011-12-30 12:00", "2011-12-30T10:00:00Z"},
		{"Pacific/Apia", "2011-12-31 00:00", "2011-12-30T10:00:00Z"},
		{"Pacific/Kwajalein", "1993-08-21 12:00", "1993-08-21T12:00:00Z"}, // another
		{"Asia/Kathmandu", "2026-06-01 09:00", "2026-06-01T03:15:00Z"},
		{"Etc/GMT-14", "2026-06-01 00:30", "2026-05-31T10:30:00Z"},
		{"Etc/GMT+12", "2026-06-01 23:30", "2026-06-02T11:30:00Z"},
	} {
		if got := local(t, c.wall).In(zone(t, c.zone)); !got.Equal(at(t, c.want)) || got.Location() != time.UTC {
			t.Errorf("%s in %s: got %s, want %s", c.wall, c.zone, got.Format(time.RFC3339), c.want)
		}
	}
}

// firstReading is the earliest instant at which zone's clocks show l or more,
// found by going through the zone's periods one by one.
func firstReading(l campaign.LocalTime, zone *time.Location) time.Time {
	wall := time.Date(l.Year, l.Month, l.Day, 0, int(l.Clock), 0, 0, time.UTC)
	for t := wall.Add(-40 * time.Hour); ; {
		begin, end := t.In(zone).ZoneBounds()
		_, offset := t.In(zone).Zone()
		shown := wall.Add(-time.Duration(offset) * time.Second)
		if !begin.IsZero() && shown.Before(begin) {
			shown = begin
		}
		if end.IsZero() || shown.Before(end) {
			return shown.UTC()
		}
		t = end
	}
}

// changes are the instants at which zone's clocks were or will be changed.
func changes(zone *time.Location) []time.Time {
	var out []time.Time
	for t := time.Date(1975, 1, 1, 0, 0, 0, 0, time.UTC); ; {
		_, end := t.In(zone).ZoneBounds()
		if end.IsZero() || end.Year() > 2037 {
			return out
		}
		out = append(out, end.UTC())
		t = end
	}
}

func TestLocalTimeInAroundEveryChange(t *testing.T) {
	t.Parallel()
	for _, name := range oddZones {
		z := zone(t, name)
		for _, change := range changes(z) {
			for _, from := range []time.Duration{-26 * time.Hour, -4 * time.Hour, -time.Hour, 0, time.Hour, 4 * time.Hour, 26 * time.Hour} {
				for minute := -61; minute <= 61; minute += 7 {
					l := campaign.LocalOf(change.Add(from+time.Duration(minute)*time.Minute), time.FixedZone("", offsetAt(change.Add(-1), z)))
					if got, want := l.In(z), firstReading(l, z); !got.Equal(want) {
						t.Fatalf("%s in %s: got %s, want %s", l, name, got, want)
					}
				}
			}
		}
	}
}

func offsetAt(t time.Time, zone *time.Location) int {
	_, offset := t.In(zone).Zone()
	return offset
}

func TestLocalTimeKeepsOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		z := drawZone(t)
		a := momentNear(t, z, "a")
		b := a.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "minutes")) * time.Minute)
		first, second := campaign.LocalOf(a, time.UTC), campaign.LocalOf(b, time.UTC)
		if first.In(z).After(second.In(z)) {
			t.Fatalf("%s is %s but %s is %s", first, first.In(z), second, second.In(z))
		}
	})
}

// drawZone draws one of the odd zones.
func drawZone(t *rapid.T) *time.Location {
	z, err := time.LoadLocation(rapid.SampledFrom(oddZones).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// momentNear draws an instant, mostly one close to a change of z's clocks.
func momentNear(t *rapid.T, z *time.Location, label string) time.Time {
	around := time.Unix(rapid.Int64Range(200_000_000, 2_100_000_000).Draw(t, label), 0)
	if cs := changes(z); len(cs) > 0 && rapid.IntRange(0, 3).Draw(t, label+" near a change") > 0 {
		around = rapid.SampledFrom(cs).Draw(t, label+" change")
		around = around.Add(time.Duration(rapid.IntRange(-30*3600, 30*3600).Draw(t, label+" seconds")) * time.Second)
	}
	return around.UTC()
}

func TestNextClock(t *testing.T) {
	t.Parallel()
	daily := func(clock campaign.TimeOfDay) campaign.UntilTime {
		return campaign.UntilTime{AnyDay: true, Clock: clock}
	}
	tuesday := campaign.UntilTime{Day: time.Tuesday, Clock: 540}
	for _, c := range []struct {
		until             campaign.UntilTime
		zone, after, want string
	}{
		{daily(540), "Asia/Manila", "2026-11-02T00:59:59Z", "2026-11-02T01:00:00Z"},
		{daily(540), "Asia/Manila", "2026-11-02T01:00:00Z", "2026-11-02T01:00:00Z"}, // at t itself
		{daily(540), "Asia/Manila", "2026-11-02T01:00:00.000001Z", "2026-11-03T01:00:00Z"},
		{tuesday, "UTC", "2026-11-03T09:00:00Z", "2026-11-03T09:00:00Z"}, // a Tuesday
		{tuesday, "UTC", "2026-11-03T09:00:01Z", "2026-11-10T09:00:00Z"},
		{tuesday, "UTC", "2026-11-04T00:00:00Z", "2026-11-10T09:00:00Z"},
		{tuesday, "Pacific/Kiritimati", "2026-11-02T10:30:00Z", "2026-11-02T19:00:00Z"}, // Tuesday there already
		{daily(150), "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},   // 02:30 in the gap
		{daily(150), "Europe/Berlin", "2026-10-25T00:45:00Z", "2026-10-26T01:30:00Z"},   // 02:30 was shown already
		{daily(0), "America/Santiago", "2026-09-06T04:00:00Z", "2026-09-06T04:00:00Z"},
		{daily(0), "America/Santiago", "2026-09-06T04:00:01Z", "2026-09-07T03:00:00Z"},
		{daily(540), "Pacific/Apia", "2011-12-29T19:00:01Z", "2011-12-30T10:00:00Z"}, // of the day that never was
		{daily(540), "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"},
		{daily(540), "Pacific/Apia", "2011-12-30T10:00:01Z", "2011-12-30T19:00:00Z"},
		{campaign.UntilTime{Day: time.Friday, Clock: 540}, "Pacific/Apia", "2011-12-24T00:00:00Z", "2011-12-30T10:00:00Z"},
	} {
		if got := c.until.NextClock(at(t, c.after), zone(t, c.zone)); !got.Equal(at(t, c.want)) {
			t.Errorf("%+v after %s in %s: got %s, want %s", c.until, c.after, c.zone, got.Format(time.RFC3339Nano), c.want)
		}
	}
}

// A wait until a time of day ends where the schedule of the same time has its
// next occurrence.
func TestNextClockIsNextOccurrence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		z := drawZone(t)
		after := momentNear(t, z, "after")
		u := campaign.UntilTime{AnyDay: rapid.Bool().Draw(t, "any day"), Clock: campaign.TimeOfDay(rapid.IntRange(0, 1439).Draw(t, "clock"))}
		s := campaign.Schedule{Every: campaign.EveryDay, Clock: u.Clock}
		if !u.AnyDay {
			u.Day = time.Weekday(rapid.IntRange(0, 6).Draw(t, "day"))
			s.Every, s.Day = campaign.EveryWeek, campaign.DayRule{Weekday: &u.Day}
		}
		got := u.NextClock(after, z)
		os, err := s.Occurrences(after.Add(-1), after.AddDate(0, 0, 9), z)
		if err != nil || len(os) == 0 || !got.Equal(os[0].At) {
			t.Fatalf("%+v after %s in %s: got %s, want the first of %v, %v", u, after, z, got, os, err)
		}
	})
}
