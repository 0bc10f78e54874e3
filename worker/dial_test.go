package worker_test

import (
	"testing"
	"time"

	"tidings/internal/campaign"
)

// A server that cannot be reached, or wants nothing from us, costs the message no
// attempt; one that answers to the message does.
func TestDialCostsNoAttempt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		err     error
		verdict campaign.Verdict
		attempt int
		in      time.Duration
		reason  string
	}{
		{"refused", smtp(campaign.StageDial, 0, ""), campaign.WasRelease, 0, time.Minute, "connection"},
		{"busy", smtp(campaign.StageDial, 421, "4.3.2"), campaign.WasRelease, 0, time.Minute, "throttled"},
		{"wrong password", smtp(campaign.StageDial, 535, "5.7.8"), campaign.WasRelease, 0, time.Minute, "refused_sender"},
		{"turned away at MAIL", smtp(campaign.StageMail, 550, "5.7.1"), campaign.WasRelease, 0, time.Minute, "refused_sender"},
		{"not a reply at all", errDown, campaign.WasRelease, 0, time.Minute, "connection"},
		{"later", smtp(campaign.StageMail, 451, "4.3.0"), campaign.WasRetry, 1, campaign.Backoff(1), "temporary"},
	} {
		b := newBench(t, 1)
		b.onGet = func(int) error { return c.err }
		if err := b.worker(1).Slice(t.Context(), 1); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		m := b.rows[1]
		if m.state != campaign.Pending || m.attempt != c.attempt || m.reason != c.reason || m.result.Verdict != c.verdict || m.result.RetryIn != c.in {
			t.Errorf("%s: attempt %d, %+v", c.name, m.attempt, m.result)
		}
	}
}
