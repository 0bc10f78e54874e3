package campaign_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidings/internal/campaign"
)

func weekday(d time.Weekday) *campaign.DayName { return &d }

func TestParseDayRule(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]campaign.DayRule{
		"1":          {OfMonth: 1},
		"31":         {OfMonth: 31},
		"last":       {Last: true},
		"tue":        {Weekday: weekday(time.Tuesday)},
		"first tue":  {Weekday: weekday(time.Tuesday), Nth: 1},
		"second sun": {Weekday: weekday(time.Sunday), Nth: 2},
		"third mon":  {Weekday: weekday(time.Monday), Nth: 3},
		"fourth fri": {Weekday: weekday(time.Friday), Nth: 4},
		"last sat":   {Weekday: weekday(time.Saturday), Last: true},
	} {
		got, err := campaign.ParseDayRule(text)
		if err != nil || got.Nth != want.Nth || got.OfMonth != want.OfMonth || got.Last != want.Last ||
			(got.Weekday == nil) != (want.Weekday == nil) || got.Weekday != nil && *got.Weekday != *want.Weekday {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "32", "-1", "fifth tue", "first", "first  tue", " tue", "tue first", "first 1", "Last"} {
		if got, err := campaign.ParseDayRule(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		}
	}
}

// walls lists a schedule's moments in (from, to] of UTC as it writes them.
func walls(t testing.TB, s campaign.Schedule, z, from, to string) []string {
	t.Helper()
	os, err := s.Occurrences(at(t, from), at(t, to), zone(t, z))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, o := range os {
		if !o.At.Equal(o.Local.In(zone(t, z))) {
			t.Errorf("%s is not the instant of %s", o.At, o.Local)
		}
		out = append(out, o.Local.String())
	}
	return out
}

func TestOccurrences(t *testing.T) {
	t.Parallel()
	monthly := func(r campaign.DayRule) campaign.Schedule {
		return campaign.Schedule{Every: campaign.EveryMonth, Day: r, Clock: 540}
	}
	weekly := campaign.Schedule{Every: campaign.EveryWeek, Day: campaign.DayRule{Weekday: weekday(time.Tuesday)}, Clock: 540}
	once := local(t, "2026-12-01 09:00")
	for _, c := range []struct {
		name           string
		schedule       campaign.Schedule
		zone, from, to string
		want           string
	}{
		{"once", campaign.Schedule{At: &once}, "Asia/Manila", "2026-12-01T00:59:59Z", "2026-12-01T01:00:00Z", "2026-12-01T09:00"},
		{"once, from itself", campaign.Schedule{At: &once}, "Asia/Manila", "2026-12-01T01:00:00Z", "2026-12-09T00:00:00Z", ""},
		{"once, not yet", campaign.Schedule{At: &once}, "Asia/Manila", "2026-11-01T00:00:00Z", "2026-12-01T00:59:59Z", ""},
		{"day", campaign.Schedule{Every: campaign.EveryDay, Clock: 540}, "UTC", "2026-11-01T09:00:00Z", "2026-11-03T09:00:00Z",
			"2026-11-02T09:00 2026-11-03T09:00"},
		{"day, far east", campaign.Schedule{Every: campaign.EveryDay, Clock: 30}, "Pacific/Kiritimati", "2026-10-31T10:29:59Z", "2026-10-31T10:30:00Z",
			"2026-11-01T00:30"},
		{"day, far west", campaign.Schedule{Every: campaign.EveryDay, Clock: 1410}, "Etc/GMT+12", "2026-11-02T11:29:59Z", "2026-11-02T11:30:00Z",
			"2026-11-01T23:30"},
		{"midnight that is not", campaign.Schedule{Every: campaign.EveryDay}, "America/Santiago", "2026-09-05T12:00:00Z", "2026-09-07T12:00:00Z",
			"2026-09-06T00:00 2026-09-07T00:00"},
		{"day that never was", campaign.Schedule{Every: campaign.EveryDay, Clock: 540}, "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-31T00:00:00Z",
			"2011-12-29T09:00 2011-12-30T09:00 2011-12-31T09:00"},
		{"week", weekly, "Europe/Athens", "2026-11-01T00:00:00Z", "2026-11-17T07:00:00Z", "2026-11-03T09:00 2026-11-10T09:00 2026-11-17T09:00"},
		{"1 of month", monthly(campaign.DayRule{OfMonth: 1}), "UTC", "2026-11-01T09:00:00Z", "2027-02-28T00:00:00Z",
			"2026-12-01T09:00 2027-01-01T09:00 2027-02-01T09:00"},
		{"31 of month", monthly(campaign.DayRule{OfMonth: 31}), "UTC", "2027-12-31T09:00:00Z", "2028-05-01T00:00:00Z",
			"2028-01-31T09:00 2028-02-29T09:00 2028-03-31T09:00 2028-04-30T09:00"},
		{"29 of month", monthly(campaign.DayRule{OfMonth: 29}), "UTC", "2027-02-01T00:00:00Z", "2027-04-01T00:00:00Z",
			"2027-02-28T09:00 2027-03-29T09:00"},
		{"last of month", monthly(campaign.DayRule{Last: true}), "UTC", "2027-01-01T00:00:00Z", "2027-03-31T09:00:00Z",
			"2027-01-31T09:00 2027-02-28T09:00 2027-03-31T09:00"},
		{"first tue", monthly(campaign.DayRule{Weekday: weekday(time.Tuesday), Nth: 1}), "UTC", "2026-11-01T00:00:00Z", "2027-01-31T00:00:00Z",
			"2026-11-03T09:00 2026-12-01T09:00 2027-01-05T09:00"},
		{"second tue", monthly(campaign.DayRule{Weekday: weekday(time.Tuesday), Nth: 2}), "UTC", "2026-11-01T00:00:00Z", "2026-12-31T00:00:00Z",
			"2026-11-10T09:00 2026-12-08T09:00"},
		{"fourth sat", monthly(campaign.DayRule{Weekday: weekday(time.Saturday), Nth: 4}), "UTC", "2026-08-01T00:00:00Z", "2026-08-31T00:00:00Z",
			"2026-08-22T09:00"},
		{"last sat", monthly(campaign.DayRule{Weekday: weekday(time.Saturday), Last: true}), "UTC", "2026-08-01T00:00:00Z", "2026-09-30T00:00:00Z",
			"2026-08-29T09:00 2026-09-26T09:00"},
		{"cron", campaign.Schedule{Cron: "30 9 1,15 * *"}, "Asia/Yerevan", "2026-11-01T05:30:00Z", "2026-12-01T05:30:00Z",
			"2026-11-15T09:30 2026-12-01T09:30"},
		{"cron, day of month or week", campaign.Schedule{Cron: "0 9 13 * fri"}, "UTC", "2026-11-01T00:00:00Z", "2026-11-16T00:00:00Z",
			"2026-11-06T09:00 2026-11-13T09:00"},
		{"cron, midnight that is not", campaign.Schedule{Cron: "0 0 * * *"}, "Africa/Cairo", "2026-04-22T12:00:00Z", "2026-04-24T22:00:00Z",
			"2026-04-23T00:00 2026-04-24T00:00 2026-04-25T00:00"},
		{"cron, gap", campaign.Schedule{Cron: "30 2 * * *"}, "America/New_York", "2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z",
			"2026-03-08T02:30 2026-03-09T02:30"},
		{"cron, shown twice", campaign.Schedule{Cron: "30 1 * * *"}, "America/New_York", "2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z",
			"2026-11-01T01:30 2026-11-02T01:30"},
		{"cron, day that never was", campaign.Schedule{Cron: "0 9 * * *"}, "Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z",
			"2011-12-30T09:00"},
		{"cron, no such day", campaign.Schedule{Cron: "0 9 30 2 *"}, "UTC", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", ""},
		{"nothing between", campaign.Schedule{Every: campaign.EveryDay, Clock: 540}, "UTC", "2026-11-01T09:00:00Z", "2026-11-01T09:00:00Z", ""},
		{"backwards", campaign.Schedule{Every: campaign.EveryDay, Clock: 540}, "UTC", "2026-11-05T00:00:00Z", "2026-11-01T00:00:00Z", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(walls(t, c.schedule, c.zone, c.from, c.to), " "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Casey's clocks went back three hours: its midnight was shown twice, and the
// first is the one that counts.
func TestOccurrencesWhileClocksWentBackFar(t *testing.T) {
	t.Parallel()
	got := walls(t, campaign.Schedule{Cron: "0 * * * *"}, "Antarctica/Casey", "2010-03-04T11:59:59Z", "2010-03-04T15:30:00Z")
	if want := "2010-03-04T23:00 2010-03-05T00:00 2010-03-05T01:00"; strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func drawSchedule(t *rapid.T, around time.Time) campaign.Schedule {
	s := campaign.Schedule{Clock: campaign.TimeOfDay(rapid.IntRange(0, 1439).Draw(t, "clock"))}
	day := time.Weekday(rapid.IntRange(0, 6).Draw(t, "weekday"))
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0:
		l := campaign.LocalOf(around.Add(time.Duration(rapid.IntRange(-50, 50).Draw(t, "hours"))*time.Hour), time.UTC)
		return campaign.Schedule{At: &l}
	case 1:
		return campaign.Schedule{Cron: rapid.SampledFrom([]string{
			"*/20 * * * *", "0 * * * *", "30 2 * * *", "0 0 * * *", "15 1,23 * * mon-fri", "0 9 1 * *", "59 23 31 12 *", "0 0 30 2 *",
		}).Draw(t, "cron")}
	case 2:
		s.Every = campaign.EveryDay
	case 3:
		s.Every, s.Day = campaign.EveryWeek, campaign.DayRule{Weekday: &day}
	case 4:
		s.Every, s.Day = campaign.EveryMonth, campaign.DayRule{OfMonth: rapid.IntRange(1, 31).Draw(t, "day")}
	case 5:
		s.Every, s.Day = campaign.EveryMonth, campaign.DayRule{Last: true}
	case 6:
		s.Every, s.Day = campaign.EveryMonth, campaign.DayRule{Weekday: &day, Nth: rapid.IntRange(1, 4).Draw(t, "nth")}
	case 7:
		s.Every, s.Day = campaign.EveryMonth, campaign.DayRule{Weekday: &day, Last: true}
	}
	return s
}

// However a stretch of time is cut into ticks, the same occurrences come out,
// in order and each once.
func TestOccurrencesAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		z := drawZone(t)
		a := momentNear(t, z, "from")
		s := drawSchedule(t, a)
		b := a.Add(time.Duration(rapid.IntRange(0, 60*3600).Draw(t, "first part")) * time.Second)
		c := b.Add(time.Duration(rapid.IntRange(0, 40*86400).Draw(t, "second part")) * time.Second)
		list := func(from, to time.Time) []campaign.Occurrence {
			os, err := s.Occurrences(from, to, z)
			if err != nil {
				t.Fatal(err)
			}
			return os
		}
		whole := list(a, c)
		if parts := slices.Concat(list(a, b), list(b, c)); !slices.Equal(whole, parts) {
			t.Fatalf("(%s, %s] in %s: %v, but cut at %s: %v", a, c, z, whole, b, parts)
		}
		seen := map[campaign.LocalTime]bool{}
		for i, o := range whole {
			if !o.At.After(a) || o.At.After(c) || i > 0 && o.At.Before(whole[i-1].At) || seen[o.Local] {
				t.Fatalf("(%s, %s] in %s: %v", a, c, z, whole)
			}
			seen[o.Local] = true
		}
	})
}

// What a repeated schedule says is one local moment a day, a week or a month,
// whatever the clocks do.
func TestOccurrencesDropNone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		z := drawZone(t)
		from := momentNear(t, z, "from")
		s := drawSchedule(t, from)
		days := rapid.IntRange(70, 400).Draw(t, "days")
		os, err := s.Occurrences(from, from.AddDate(0, 0, days), z)
		if err != nil {
			t.Fatal(err)
		}
		within := func(low, high int) {
			if len(os) < low || len(os) > high {
				t.Fatalf("%+v has %d moments in %d days of %s: %v", s, len(os), days, z, os)
			}
		}
		switch s.Every {
		case campaign.EveryDay:
			within(days-1, days+1)
		case campaign.EveryWeek:
			within(days/7-1, days/7+2)
		case campaign.EveryMonth:
			within(days/31-1, days/28+2)
			for i := 1; i < len(os); i++ {
				if os[i].Local.Month != os[i-1].Local.Month%12+1 {
					t.Fatalf("%+v leaves out a month: %v", s, os)
				}
			}
		}
	})
}

func TestMaxOccurrences(t *testing.T) {
	t.Parallel()
	minutely := campaign.Schedule{Cron: "* * * * *"}
	from := at(t, "2026-01-01T00:00:00Z")
	all, err := minutely.Occurrences(from, from.Add(campaign.MaxOccurrences*time.Minute), time.UTC)
	if err != nil || len(all) != campaign.MaxOccurrences {
		t.Fatalf("got %d, %v", len(all), err)
	}
	_, err = minutely.Occurrences(from, from.Add((campaign.MaxOccurrences+1)*time.Minute), time.UTC)
	if err == nil || !strings.Contains(err.Error(), "more than 100000 moments") {
		t.Errorf("got %v", err)
	}
}

var crons = []string{
	"0 9 * * *", "*/5 0-6 1,15 jan-mar mon", "? * * * ?", "0 0 30 2 *", "", " ", "* * * *", "* * * * * *", "@daily", " @daily", "@every 1s",
	"TZ=", "CRON_TZ=UTC", "CRON_TZ=UTC 0 9 * * *", "TZ=UTC 0 9 * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
	"*/0 * * * *", "5-1 * * * *", "1-2-3 * * * *", "1/2/3 * * * *", "-1 * * * *", ",,,, * * * *", "99999999999999999999 * * * *",
}

func TestParseCron(t *testing.T) {
	t.Parallel()
	for i, s := range crons {
		spec, err := campaign.ParseCron(s)
		if good := i < 4; good != (err == nil) || good != (spec != nil) {
			t.Errorf("%q: got %v, %v", s, spec, err)
		}
		if err != nil && !strings.Contains(err.Error(), "five fields") {
			t.Errorf("%q: %v", s, err)
		}
	}
	if _, err := (campaign.Schedule{Cron: "@daily"}).Occurrences(time.Unix(0, 0), time.Unix(1, 0), time.UTC); err == nil {
		t.Error("a schedule with a bad cron has occurrences")
	}
}

func FuzzParseCron(f *testing.F) {
	for _, s := range crons {
		f.Add(s)
	}
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		spec, err := campaign.ParseCron(s)
		if err != nil {
			return
		}
		if next := spec.Next(from); !next.IsZero() && (!next.After(from) || next.Second() != 0) {
			t.Fatalf("%q comes after %s at %s", s, from, next)
		}
		if _, err := (campaign.Schedule{Cron: s}).Occurrences(from, from.AddDate(0, 0, 2), time.UTC); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzParseDayRule(f *testing.F) {
	for _, s := range []string{"1", "31", "last", "tue", "first tue", "last sat", " tue", "+5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := campaign.ParseDayRule(s)
		if err != nil {
			return
		}
		os, err := (campaign.Schedule{Every: campaign.EveryMonth, Day: r}).Occurrences(time.Unix(0, 0), time.Unix(365*86400, 0), time.UTC)
		if err != nil || len(os) < 11 || len(os) > 13 {
			t.Fatalf("%q comes %d times in a year, %v", s, len(os), err)
		}
	})
}
