package campaign_test

import (
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
)

func TestParseCap(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]campaign.Cap{
		"1 per 16h":          {Max: 1, Per: campaign.Of(16 * time.Hour)},
		"4 per 7d":           {Max: 4, Per: campaign.Days(7)},
		"12 per 3mo":         {Max: 12, Per: campaign.Duration{Months: 3}},
		"1000000000 per 30m": {Max: 1e9, Per: campaign.Of(30 * time.Minute)},
	} {
		if got, err := campaign.ParseCap(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, want)
		}
		if got := want.String(); got != text {
			t.Errorf("%s prints as %s", text, got)
		}
	}
	for text, says := range map[string]string{
		"":                            "write 4 per 7d",
		"4":                           "write 4 per 7d",
		"per 7d":                      "write 4 per 7d",
		"4/7d":                        "write 4 per 7d",
		"4 per  7d":                   "not a duration",
		"4  per 7d":                   "write 4 per 7d",
		"four per 7d":                 "write 4 per 7d",
		"4.5 per 7d":                  "write 4 per 7d",
		"-4 per 7d":                   "write 4 per 7d",
		"+4 per 7d":                   "write 4 per 7d",
		"4 per week":                  `"week" is not a duration`,
		"4 per":                       "write 4 per 7d",
		"4 per 0":                     "no time at all",
		"4 per 0d":                    "no time at all",
		"0 per 7d":                    "no mail out ever",
		"1000000001 per 1d":           "more than 1000000000",
		"99999999999999999999 per 1d": "write 4 per 7d",
	} {
		got, err := campaign.ParseCap(text)
		if err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		} else if !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %q does not say %q", text, err, says)
		}
	}
}

func TestParsePace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]campaign.Pace{
		"14 per 1s":   {Max: 14, Per: time.Second},
		"5000 per 1h": {Max: 5000, Per: time.Hour},
		"1 per 31d":   {Max: 1, Per: 31 * 24 * time.Hour},
	} {
		if got, err := campaign.ParsePace(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, want)
		}
		if got := want.String(); got != text {
			t.Errorf("%s prints as %s", text, got)
		}
	}
	if got := (campaign.Pace{}).String(); got != "" {
		t.Errorf("no limit prints as %q", got)
	}
	for text, says := range map[string]string{
		"14":         "write 14 per 1s",
		"0 per 1s":   "no mail out ever",
		"14 per 0s":  "no time at all",
		"14 per 1mo": "longer than 31 days",
		"14 per 32d": "longer than 31 days",
	} {
		got, err := campaign.ParsePace(text)
		if err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		} else if !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %q does not say %q", text, err, says)
		}
	}
}
