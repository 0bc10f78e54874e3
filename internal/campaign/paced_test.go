package campaign_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
)

// batch are n mails that are due at a moment.
func batch(n int, at time.Time, lasts time.Duration, domain string) []campaign.Departure {
	out := make([]campaign.Departure, n)
	for i := range out {
		out[i] = campaign.Departure{Customer: int64(i), At: campaign.Micros(at), Domain: domain}
		if lasts > 0 {
			out[i].Expires = campaign.Micros(at.Add(lasts))
		}
	}
	return out
}

// leaves tells a campaign's last mail, its mails by the hour, what they waited for and
// how many were over before their turn.
type leaves struct {
	Last    string
	Hours   map[int64]int
	Limits  []campaign.PaceLimit
	Expired map[string]int
}

func TestPacesPlay(t *testing.T) {
	t.Parallel()
	nine := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	hour := func(h int) int64 { return nine.Add(time.Duration(h) * time.Hour).Unix() }
	letter, cart, receipt := &campaign.Campaign{Name: "letter"}, &campaign.Campaign{Name: "cart"}, &campaign.Campaign{Name: "receipt", Transactional: true}
	slow := &campaign.Campaign{Name: "slow", Rate: campaign.Pace{Max: 10, Per: time.Hour}}
	provider := func(max int, per time.Duration) campaign.Provider {
		return campaign.Provider{Rate: campaign.Pace{Max: max, Per: per}}
	}
	rate := func(by, limit string, mails int) campaign.PaceLimit {
		return campaign.PaceLimit{Gate: "rate", By: by, Limit: limit, Mails: mails}
	}
	for _, test := range []struct {
		name  string
		paces campaign.Paces
		mails map[*campaign.Campaign][]campaign.Departure
		want  map[string]leaves
	}{
		{"as fast as the mail server takes them", campaign.Paces{Provider: provider(100, time.Hour)},
			map[*campaign.Campaign][]campaign.Departure{letter: batch(250, nine, 0, "")},
			map[string]leaves{"letter": {"11:00", map[int64]int{hour(0): 100, hour(1): 100, hour(2): 50}, []campaign.PaceLimit{rate("default", "100 per 1h", 150)}, map[string]int{}}}},
		{"what went before counts", campaign.Paces{Provider: provider(100, time.Hour), Spent: []campaign.Spent{{Gate: "rate", By: "default", At: campaign.Micros(nine.Add(-30 * time.Minute)), N: 60}}},
			map[*campaign.Campaign][]campaign.Departure{letter: batch(50, nine, 0, "")},
			map[string]leaves{"letter": {"09:30", map[int64]int{hour(0): 50}, []campaign.PaceLimit{rate("default", "100 per 1h", 10)}, map[string]int{}}}},
		{"campaigns in turn", campaign.Paces{Provider: provider(10, time.Hour)},
			map[*campaign.Campaign][]campaign.Departure{letter: batch(15, nine, 0, ""), cart: batch(5, nine, 0, "")},
			map[string]leaves{
				"cart":   {"09:00", map[int64]int{hour(0): 5}, nil, map[string]int{}},
				"letter": {"10:00", map[int64]int{hour(0): 5, hour(1): 10}, []campaign.PaceLimit{rate("default", "10 per 1h", 10)}, map[string]int{}}}},
		{"transactional mail first", campaign.Paces{Provider: campaign.Provider{Rate: campaign.Pace{Max: 10, Per: time.Hour}, Daily: 3}},
			map[*campaign.Campaign][]campaign.Departure{letter: batch(2, nine, 0, ""), receipt: batch(10, nine, 0, "")},
			map[string]leaves{
				"receipt": {"09:00", map[int64]int{hour(0): 10}, nil, map[string]int{}},
				"letter":  {"00:00", map[int64]int{hour(15): 2}, []campaign.PaceLimit{{Gate: "daily_quota", By: "default", Limit: "3 a day", Mails: 2}}, map[string]int{}}}},
		{"a campaign's own rate, and what expires before its turn", campaign.Paces{},
			map[*campaign.Campaign][]campaign.Departure{slow: batch(35, nine, 90*time.Minute, "")},
			map[string]leaves{"slow": {"10:00", map[int64]int{hour(0): 10, hour(1): 10}, []campaign.PaceLimit{rate("slow", "10 per 1h", 10)}, map[string]int{"rate": 15}}}},
		{"a domain holds up nobody else", campaign.Paces{Provider: campaign.Provider{Domains: map[string]campaign.Pace{"gmail.com": {Max: 5, Per: time.Hour}}}},
			map[*campaign.Campaign][]campaign.Departure{letter: append(batch(8, nine, 0, "gmail.com"), batch(20, nine, 0, "")...)},
			map[string]leaves{"letter": {"10:00", map[int64]int{hour(0): 25, hour(1): 3}, []campaign.PaceLimit{rate("gmail.com", "5 per 1h", 3)}, map[string]int{}}}},
		{"the quota begins again with the day", campaign.Paces{Provider: campaign.Provider{Daily: 10}, Spent: []campaign.Spent{{Gate: "daily_quota", By: "default", At: campaign.Micros(nine.Add(-9 * time.Hour)), N: 8}}},
			map[*campaign.Campaign][]campaign.Departure{letter: batch(15, nine, 0, "")},
			map[string]leaves{"letter": {"00:00", map[int64]int{hour(0): 2, hour(15): 10, hour(39): 3},
				[]campaign.PaceLimit{{Gate: "daily_quota", By: "default", Limit: "10 a day", Mails: 13}}, map[string]int{}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.paces.Zone = time.UTC
			got := map[string]leaves{}
			for c, p := range test.paces.Play(test.mails) {
				got[c.Name] = leaves{campaign.FromMicros(p.Last).Format("15:04"), p.Hours, p.Limits, p.Expired}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
