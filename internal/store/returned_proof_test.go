package store_test

import (
	"testing"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// What comes back while the hand-over is still under way is not forgotten when it
// turns out to be uncertain: the mail has gone out, and does not go out again. Only
// proof says so.
func TestReturnedDuringHandoff(t *testing.T) {
	t.Parallel()
	const settled, open = "ana one accepted evidence", "ana one uncertain"
	for name, c := range map[string]struct {
		r    campaign.Returned
		want string
	}{
		"bounce":               {campaign.Returned{Event: campaign.EmailBounced, Signed: true, Class: campaign.BounceSoft}, settled},
		"complaint":            {campaign.Returned{Event: campaign.EmailComplained, Signed: true}, settled},
		"reply":                {campaign.Returned{Event: campaign.EmailReplied, Proven: true}, settled},
		"bounce, no proof":     {campaign.Returned{Event: campaign.EmailBounced, Class: campaign.BounceHard}, open},
		"complaint, no proof":  {campaign.Returned{Event: campaign.EmailComplained}, open},
		"reply without tokens": {campaign.Returned{Event: campaign.EmailReplied}, open},
	} {
		c.r.UID, c.r.Address = "r", "ana@kape.example"
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d, out := begin(t, s, onGo(twoSteps), "ana")
				if !d.handoff(out[0]) {
					t.Fatal("hand-over refused")
				}
				if got, err := d.Returned(t.Context(), out[0].ID, c.r, d.now); err != nil || !got.New {
					t.Fatal(got, err)
				}
				d.result(out[0], campaign.WasUncertain)
				d.sweep(0)
				d.messages(c.want)
			})
		})
	}
}

// A reply that holds a token of the mail settles it at once, another one never.
func TestReplySettles(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana")
		if !d.handoff(out[0]) {
			t.Fatal("hand-over refused")
		}
		d.result(out[0], campaign.WasUncertain)
		r := campaign.Returned{Event: campaign.EmailReplied, UID: "r", Address: "ana@kape.example"}
		d.returned(out[0].ID, r, campaign.Outcome{Found: true, New: true})
		d.messages("ana one uncertain")
		r.UID, r.Proven = "s", true
		d.returned(out[0].ID, r, campaign.Outcome{Found: true, New: true})
		d.messages("ana one accepted evidence")
		is(t, s, []string{"unverified", ""}, `SELECT coalesce(properties ->> 'type', '') FROM events WHERE name = 'Email Replied' ORDER BY id`)
	})
}
