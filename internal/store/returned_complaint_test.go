package store_test

import (
	"fmt"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// Anybody can write a complaint: without proof it is kept, and pauses no campaign.
func TestComplaintsWithoutProof(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo(sendOne)})
		d.join("ana")
		d.sentOne()
		d.now = d.now.Add(time.Second)
		ends(t, s, 1, d.now, 1000, 0)
		complain := func(signed bool, want campaign.Outcome) {
			t.Helper()
			for i := range 2 {
				r := campaign.Returned{Event: campaign.EmailComplained, UID: fmt.Sprint(signed, i), Signed: signed, Address: "ana@kape.example"}
				var id int64
				if err := store.RawDB(s).QueryRow(`SELECT max(id) - $1 FROM messages`, i).Scan(&id); err != nil {
					t.Fatal(err)
				}
				d.returned(id, r, want)
			}
			d.now = d.now.Add(time.Minute)
			d.relay()
		}
		complain(false, campaign.Outcome{Found: true, New: true})
		is(t, s, nil, `SELECT who FROM audit`)
		is(t, s, nil, `SELECT reason FROM suppressions`)
		complain(true, campaign.Outcome{Found: true, New: true, Suppressed: true})
		is(t, s, []string{"breaker"}, `SELECT who FROM audit`)
	})
}

// A bounce that nobody has proven does not undo that the mail was taken.
func TestSoftBounceUnverified(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"series": returnedOne})
		d.join("ana")
		for i := range 3 {
			o := d.sentOne()
			d.returned(o.ID, campaign.Returned{Event: campaign.EmailBounced, UID: fmt.Sprint("b", i), Signed: true, Class: campaign.BounceSoft,
				Reason: campaign.ReasonMailboxFull, Counts: campaign.ReasonMailboxFull}, campaign.Outcome{Found: true, New: true})
			d.now = d.now.Add(6 * 24 * time.Hour)
		}
		taken := d.sentOne()
		d.returned(taken.ID, campaign.Returned{Event: campaign.EmailBounced, UID: "forged", Class: campaign.BounceHard, Address: "ana@kape.example"}, campaign.Outcome{Found: true, New: true})
		d.now = d.now.Add(24 * time.Hour)
		o := d.sentOne()
		d.returned(o.ID, campaign.Returned{Event: campaign.EmailBounced, UID: "last", Signed: true, Class: campaign.BounceSoft,
			Reason: campaign.ReasonMailboxFull, Counts: campaign.ReasonMailboxFull}, campaign.Outcome{Found: true, New: true})
		is(t, s, nil, `SELECT reason FROM suppressions`)
	})
}

const returnedOne = "status: active\ntransactional: true\nre_entry: always\noverlap: both\ntrigger: { event: { name: Go } }\nsteps: [ { send: one } ]\n"

// Who calls a mail spam gets no more marketing, whatever they subscribe to later, and
// still what they must get.
func TestComplaintLeavesTransactional(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{
			"series": onGo(twoSteps),
			"bill":   "status: active\ntransactional: true\nre_entry: always\noverlap: both\ntrigger: { event: { name: Pay } }\nsteps: [ { send: one }, { wait: 1h }, { send: two } ]\n",
		})
		d.join("ana")
		o := d.sentOne()
		d.track("ana", "Pay", "")
		d.send(d.one(d.work(time.Minute)))
		if err := s.Unsubscribe(t.Context(), o.ID, true, campaign.Hit{At: d.now}); err != nil {
			t.Fatal(err)
		}
		d.now = d.now.Add(time.Minute)
		d.returned(o.ID, campaign.Returned{Event: campaign.EmailComplained, UID: "c", Signed: true}, campaign.Outcome{Found: true, New: true, Suppressed: true})
		is(t, s, []string{"@marketing complained"}, `SELECT topic || ' ' || reason FROM suppressions WHERE topic = '@marketing'`)
		is(t, s, []string{"bill"}, `SELECT k.name FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id WHERE e.state = 'running'`)
		d.now = d.now.Add(time.Minute)
		d.track("ana", "Subscribed", "")
		d.track("ana", "Go", "")
		d.send(d.one(d.work(2 * time.Hour)))
		is(t, s, []string{"bill one", "bill two", "series one"}, `SELECT k.name || ' ' || m.step FROM messages m JOIN campaigns k ON k.id = m.campaign_id WHERE m.state = 'accepted' ORDER BY 1`)
	})
}
