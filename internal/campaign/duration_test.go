package campaign_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidings/internal/campaign"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]campaign.Duration{
		"0":      {},
		"0s":     {},
		"0mo":    {},
		"45s":    {Fixed: 45 * time.Second},
		"30m":    {Fixed: 30 * time.Minute},
		"1h":     {Fixed: time.Hour},
		"7d":     campaign.Days(7),
		"8w":     campaign.Days(56),
		"12mo":   {Months: 12},
		"1200mo": {Months: 1200},
		"36600d": campaign.Days(36600),
	} {
		if got, err := campaign.ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "7", "d", "mo", "-7d", "+7d", "-0m", "1.5h", "7 d", " 7d", "7d ", "7D", "1y", "1h30m", "7dd", "٣d",
		"1201mo", "36601d", "99999999999999999999d", "9223372036854775807w", "0x7d",
	} {
		got, err := campaign.ParseDuration(text)
		if err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		} else if !strings.Contains(err.Error(), `"`+text+`"`) {
			t.Errorf("%q: error %q does not quote what was written", text, err)
		}
	}
}

func TestDurationPrintsWhatItReads(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0d": "0", "60s": "1m", "90s": "90s", "90m": "90m", "24h": "1d", "36h": "36h", "7d": "1w", "10d": "10d", "12mo": "12mo",
	} {
		if d, err := campaign.ParseDuration(text); err != nil || d.String() != want {
			t.Errorf("%s: got %s, %v, want %s", text, d, err, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := campaign.Of(time.Duration(rapid.Int64Range(0, 3_000_000_000).Draw(t, "seconds")) * time.Second)
		if rapid.Bool().Draw(t, "months") {
			d = campaign.Duration{Months: rapid.IntRange(1, 1200).Draw(t, "n")}
		}
		again, err := campaign.ParseDuration(d.String())
		if err != nil || again != d {
			t.Fatalf("%+v prints as %s, which reads as %+v, %v", d, d, again, err)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"0", "30m", "12mo", "-1d", "99999999999999999999w", "1h30m"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := campaign.ParseDuration(s)
		if err != nil {
			return
		}
		if d.Fixed < 0 || d.Months < 0 {
			t.Fatalf("%q reads as %+v", s, d)
		}
		if again, err := campaign.ParseDuration(d.String()); err != nil || again != d {
			t.Fatalf("%q prints as %s, which reads as %+v, %v", s, d, again, err)
		}
	})
}

func TestDurationInCalendarMonths(t *testing.T) {
	t.Parallel()
	months := func(n int) campaign.Duration { return campaign.Duration{Months: n} }
	for _, c := range []struct {
		from  string
		d     campaign.Duration
		after string
	}{
		{"2026-01-31T10:00:00Z", months(1), "2026-02-28T10:00:00Z"},
		{"2024-01-31T10:00:00Z", months(1), "2024-02-29T10:00:00Z"},
		{"2024-02-29T10:00:00Z", months(12), "2025-02-28T10:00:00Z"},
		{"2026-08-31T10:00:00Z", months(3), "2026-11-30T10:00:00Z"},
		{"2026-11-30T23:59:59.123456Z", months(3), "2027-02-28T23:59:59.123456Z"},
		{"2026-12-15T00:00:00Z", months(1), "2027-01-15T00:00:00Z"},
		{"2026-03-31T10:00:00Z", months(-1), "2026-02-28T10:00:00Z"},
		{"2026-01-31T10:00:00Z", months(-2), "2025-11-30T10:00:00Z"},
		{"2026-01-31T10:00:00Z", campaign.Duration{Months: 1, Fixed: 24 * time.Hour}, "2026-03-01T10:00:00Z"},
		// Half past midnight of 1 March in Athens is still February in UTC, where months are counted.
		{"2026-03-01T00:30:00+02:00", months(1), "2026-03-28T22:30:00Z"},
	} {
		from, after := at(t, c.from), at(t, c.after)
		if got := c.d.After(from); !got.Equal(after) {
			t.Errorf("%s after %s: got %s, want %s", c.d, c.from, got, c.after)
		}
		back := campaign.Duration{Months: -c.d.Months, Fixed: -c.d.Fixed}
		if got := back.Before(from); !got.Equal(after) {
			t.Errorf("%s before %s: got %s, want %s", back, c.from, got, c.after)
		}
	}
}

func TestDurationGoesForward(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := time.Unix(rapid.Int64Range(0, 4_000_000_000).Draw(t, "a"), 0).UTC()
		b := a.Add(time.Duration(rapid.Int64Range(0, 100*86400).Draw(t, "later")) * time.Second)
		d := campaign.Duration{
			Months: rapid.IntRange(0, 40).Draw(t, "months"),
			Fixed:  time.Duration(rapid.Int64Range(0, 100*86400).Draw(t, "seconds")) * time.Second,
		}
		if d.Months == 0 && d.After(b).Sub(d.After(a)) != b.Sub(a) {
			t.Fatalf("%v stretches %s … %s", d, a, b)
		}
		if got := d.After(a); got.Before(a) || d.Before(a).After(a) {
			t.Fatalf("%v after %s is %s", d, a, got)
		}
		whole := campaign.Duration{Months: d.Months}
		shifted := whole.After(a)
		if months := (shifted.Year()-a.Year())*12 + int(shifted.Month()) - int(a.Month()); months != d.Months {
			t.Fatalf("%s is %d months after %s, want %d", shifted, months, a, d.Months)
		}
		if last := shifted.AddDate(0, 0, 1).Month() != shifted.Month(); shifted.Day() != a.Day() && (!last || shifted.Day() > a.Day()) {
			t.Fatalf("%v after %s is %s", whole, a, shifted)
		}
	})
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	got, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
