package store_test

import (
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// An address that refuses again and again is given up; one mail that it takes in
// between wipes the slate.
func TestSoftBounces(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	full := func(r *campaign.Result) {
		r.Reason, r.Reply = campaign.ReasonMailboxFull, campaign.Reply{Code: 552, Enhanced: "5.2.2", Text: "full"}
	}
	rejected := func(r *campaign.Result) { r.Reason, r.Reply = campaign.ReasonRejected, campaign.Reply{Code: 554} }
	taken := func(r *campaign.Result) {}
	for name, c := range map[string]struct {
		answers []func(*campaign.Result) // one a week
		want    []string
	}{
		"full for two weeks":              {[]func(*campaign.Result){full, full, full}, nil},
		"full for three weeks":            {[]func(*campaign.Result){full, full, full, full}, []string{"mailbox_full"}},
		"full, but once it was not":       {[]func(*campaign.Result){full, full, taken, full, full}, nil},
		"full three weeks after that":     {[]func(*campaign.Result){full, taken, full, full, full, full}, []string{"mailbox_full"}},
		"rejected three times":            {[]func(*campaign.Result){rejected, rejected, rejected}, []string{"rejected"}},
		"rejected twice, full in between": {[]func(*campaign.Result){rejected, full, rejected}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := newDesk(t, s, map[string]string{"series": "status: active\ntransactional: true\nre_entry: always\noverlap: both\ntrigger: { event: { name: Go } }\nsteps: [ { send: one } ]\n"})
				d.join("ana")
				for _, answer := range c.answers {
					d.track("ana", "Go", "")
					o := d.one(d.work(time.Minute))
					if !d.handoff(o) {
						t.Fatal("hand-over refused")
					}
					v, r := campaign.WasFailed, campaign.Result{}
					if answer(&r); r.Reason == "" {
						v = campaign.WasAccepted
					}
					d.result(o, v, answer)
					d.now = d.now.Add(7 * day)
				}
				is(t, s, c.want, `SELECT reason FROM suppressions`)
			})
		})
	}
}

// A mailbox that is full for now is asked again with the same mail, each day of
// which counts once.
func TestSoftBounceOfRetries(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana")
		full := func(r *campaign.Result) { r.Reason, r.RetryIn = campaign.ReasonMailboxFull, time.Hour }
		d.result(out[0], campaign.WasRetry, full)
		d.result(d.one(d.work(time.Hour)), campaign.WasRetry, full)
		d.messages("ana one pending mailbox_full")
		is(t, s, []string{"1"}, `SELECT count(*) FROM soft_bounces`)
		is(t, s, nil, `SELECT reason FROM suppressions`)
	})
}
