package campaign_test

import (
	"testing"
	"time"

	"tidings/internal/campaign"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]time.Duration{
		-1: 5 * time.Minute, 0: 5 * time.Minute, 1: 5 * time.Minute, 2: 15 * time.Minute, 3: time.Hour, 4: 4 * time.Hour, 5: 4 * time.Hour, 1000: 4 * time.Hour,
	} {
		if got := campaign.Backoff(n); got != want {
			t.Errorf("after %d failures: %s, want %s", n, got, want)
		}
	}
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	for s, want := range map[campaign.State]bool{
		campaign.Pending: false, campaign.Queued: false, campaign.Claimed: false, campaign.Handoff: false, campaign.Uncertain: false,
		campaign.Accepted: true, campaign.Failed: true, campaign.Cancelled: true,
	} {
		if s.Terminal() != want {
			t.Errorf("%s: %t", s, !want)
		}
	}
}

func TestLane(t *testing.T) {
	t.Parallel()
	if got := (&campaign.Campaign{Transactional: true}).Lane(); got != campaign.LaneTransactional {
		t.Error(got)
	}
	if got := (&campaign.Campaign{Topic: "offers"}).Lane(); got != campaign.LaneBulk {
		t.Error(got)
	}
}
