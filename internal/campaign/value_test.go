package campaign_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidings/internal/campaign"
)

func TestParseMoment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, zone, want string }{
		{"2026-12-01", "", "2026-12-01T00:00:00Z"},
		{"2026-12-01", "Asia/Manila", "2026-11-30T16:00:00Z"},
		{"2026-12-01 09:00", "", "2026-12-01T09:00:00Z"},
		{"2026-12-01 09:00", "Asia/Manila", "2026-12-01T01:00:00Z"},
		{"2026-12-01 09:00:30", "Europe/Athens", "2026-12-01T07:00:30Z"},
		{"2026-12-01T09:00:30", "Europe/Athens", "2026-12-01T07:00:30Z"},
		{"2026-12-01T09:00:30Z", "Asia/Manila", "2026-12-01T09:00:30Z"}, // its own zone wins
		{"2026-12-01T09:00:30+02:00", "Asia/Manila", "2026-12-01T07:00:30Z"},
		{"2026-12-01T09:00:30.123456789Z", "", "2026-12-01T09:00:30.123456Z"},
		{"2024-02-29", "", "2024-02-29T00:00:00Z"},
	} {
		var z *time.Location
		if c.zone != "" {
			z = zone(t, c.zone)
		}
		got, ok := campaign.ParseMoment(c.text, z)
		if !ok || !got.Equal(at(t, c.want)) || got.Location() != time.UTC {
			t.Errorf("%s in %s: got %s, %t, want %s", c.text, c.zone, got, ok, c.want)
		}
	}
	for _, text := range []string{
		"", "2026", "05-12", "2026-13-01", "2026-02-29", "2026-12-1", "01.12.2026", "2026/12/01", "2026-12-01 25:00", "2026-12-01 09:00 ",
		" 2026-12-01", "2026-12-01T09:00:30+2", "20261201T0900", "yesterday!", "1764579600000",
	} {
		if got, ok := campaign.ParseMoment(text, nil); ok {
			t.Errorf("%q: got %s, want none", text, got)
		}
	}
}

func FuzzParseMoment(f *testing.F) {
	for _, s := range []string{"2026-12-01", "2026-12-01 09:00", "2026-12-01T09:00:30.5+14:00", "0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := campaign.ParseMoment(s, nil)
		if !ok {
			return
		}
		if got.Location() != time.UTC || got.Nanosecond()%1000 != 0 {
			t.Fatalf("%q is %v, which SQL does not store", s, got)
		}
		if back := campaign.FromMicros(campaign.Micros(got)); !back.Equal(got) {
			t.Fatalf("%q is %v, stored as %v", s, got, back)
		}
		if got.Year() < 1 || got.Year() > 9999 {
			return // an offset took it out of the years that have four digits
		}
		if again, ok := campaign.ParseMoment(got.Format(time.RFC3339Nano), nil); !ok || !again.Equal(got) {
			t.Fatalf("%q is %v, which reads as %v, %t", s, got, again, ok)
		}
	})
}

func TestMoment(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// Before and after 1970, to the nanosecond.
		given := time.Unix(rapid.Int64Range(-60_000_000_000, 60_000_000_000).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		m := campaign.Moment(given)
		if m.Location() != time.UTC || m.After(given) || given.Sub(m) >= time.Microsecond {
			t.Fatalf("%s becomes %s", given, m)
		}
		if back := campaign.FromMicros(campaign.Micros(given)); back != m {
			t.Fatalf("%s is stored as %s", m, back)
		}
	})
}

func TestValues(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]string{0: "0", 1: "1", 12.5: "12.5", -3: "-3", 1e21: "1000000000000000000000"} {
		if got := campaign.NumberValue(f); got.Kind != campaign.Number || got.Number != f || got.Text != want {
			t.Errorf("%v: %+v", f, got)
		}
	}
	if got := campaign.TextValue("0123"); got != (campaign.Value{Kind: campaign.Text, Text: "0123"}) {
		t.Errorf("%+v", got)
	}
}
