package store_test

import (
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/worker"
)

// A provider that has refused us for a while still has had its mails of the hour: the
// rate counts them, and the tries too.
func TestStopKeepsTheRate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const most = 10
		d := newRated(t, s, campaign.Provider{Rate: campaign.Pace{Max: most, Per: time.Hour}})
		d.makeDue(due{"letter", 100, d.now.Add(-time.Hour), time.Second, []string{"kape.example"}})
		var at []time.Time
		for begin := d.now; d.now.Sub(begin) <= 130*time.Minute; d.now = d.now.Add(time.Minute) {
			d.relay()
			d.answer(d.fly(), func(flight) campaign.Result {
				if at = append(at, d.now); len(at) == most {
					return refused
				}
				return accepted
			})
		}
		for i := most; i < len(at); i++ {
			if within := at[i].Sub(at[i-most]); within < time.Hour {
				t.Errorf("%d mails within %s, the last at %s", most+1, within, at[i].Format(time.TimeOnly))
			}
		}
		if len(at) != 3*most {
			t.Errorf("%d mails in two hours, from their begin to their end", len(at))
		}
		is(t, s, nil, `SELECT key FROM throttles`)
	})
}

// A person's word that a mail has arrived says nothing of whom the server takes mail
// from now.
func TestWordIsNoWelcome(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newSenders(t, s)
		d.makeDue(due{"bill", 1, d.now.Add(-time.Hour), time.Second, []string{"kape.example"}})
		d.relay()
		in := d.fly()[0]
		if !d.commit(worker.Batch{Handoffs: []worker.Handoff{{Claim: campaign.Claim{ID: in.id, Token: 7}}}})[campaign.Claim{ID: in.id, Token: 7}] {
			t.Fatal("hand-over refused")
		}
		d.answer([]flight{in}, func(flight) campaign.Result { return campaign.Result{Verdict: campaign.WasUncertain} })
		says := func(string) campaign.Result { return unwelcome }
		d.now = d.now.Add(time.Minute)
		d.makeDue(due{"letter", 1, d.now.Add(-time.Hour), time.Second, []string{"kape.example"}})
		d.serveAll(says)
		d.now = d.now.Add(time.Second)
		if acted, err := s.Act(t.Context(), store.ActAccept, store.Chosen{IDs: []int64{in.id}}, "ann", d.now); err != nil || len(acted.Done) != 1 {
			t.Fatalf("%+v, %v", acted, err)
		}
		d.now = d.now.Add(time.Second)
		d.makeDue(due{"slow", 1, d.now.Add(-time.Hour), time.Second, []string{"kape.example"}})
		d.serveAll(says)
		is(t, s, []string{"provider:default", "sender:hello", "sender:news"}, `SELECT key FROM throttles WHERE stopped ORDER BY key`)
	})
}
