package store_test

import (
	"fmt"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// sent hands over one mail to ana and returns its message.
func (d *desk) sentOne() campaign.Outgoing {
	d.t.Helper()
	d.track("ana", "Go", "")
	o := d.one(d.work(time.Minute))
	d.send(o)
	return o
}

func (d *desk) returned(message int64, r campaign.Returned, want campaign.Outcome) {
	d.t.Helper()
	got, err := d.Returned(d.t.Context(), message, r, d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	if got != want {
		d.t.Errorf("%+v led to %+v, want %+v", r, got, want)
	}
}

const returnedCampaign = "status: active\ntransactional: true\nre_entry: always\noverlap: both\ntrigger: { event: { name: Go } }\nsteps: [ { send: one }, { wait: 1h }, { send: two } ]\n"

func TestReturned(t *testing.T) {
	t.Parallel()
	type step struct {
		r    campaign.Returned
		want campaign.Outcome
	}
	fresh, known, dead := campaign.Outcome{Found: true, New: true}, campaign.Outcome{Found: true}, campaign.Outcome{Found: true, New: true, Suppressed: true}
	bounce := func(class string) campaign.Returned {
		return campaign.Returned{Event: campaign.EmailBounced, UID: "a", Signed: true, Class: class, Reason: "unknown_user", Status: "5.1.1"}
	}
	unsigned := bounce(campaign.BounceHard)
	unsigned.Signed, unsigned.Address = false, "ANA@kape.example"
	foreign := unsigned
	foreign.Address = "eva@kape.example"
	another := bounce(campaign.BounceHard)
	another.Address, another.Final = "eva@kape.example", "eva@kape.example"
	rewritten := another
	rewritten.Final = "ANA@kape.example"
	complaint := campaign.Returned{Event: campaign.EmailComplained, UID: "c", Signed: true, Feedback: "abuse"}
	for name, c := range map[string]struct {
		steps      []step
		suppressed []string
		events     []string
		pass       string
	}{
		"hard":        {[]step{{bounce("hard"), dead}, {bounce("hard"), known}}, []string{"* bad_address"}, []string{"Email Bounced hard"}, "cancelled"},
		"of a friend": {[]step{{another, fresh}}, nil, []string{"Email Bounced soft"}, "running"},
		"rewritten":   {[]step{{rewritten, dead}}, []string{"* bad_address"}, []string{"Email Bounced hard"}, "cancelled"},
		"soft":        {[]step{{bounce("soft"), fresh}}, nil, []string{"Email Bounced soft"}, "running"},
		"policy":      {[]step{{bounce("policy"), fresh}}, nil, []string{"Email Bounced policy"}, "running"},
		"complaint":   {[]step{{complaint, dead}, {complaint, known}}, []string{"@marketing complained"}, []string{"Email Complained "}, "running"},
		"a reply":     {[]step{{campaign.Returned{Event: campaign.EmailReplied, UID: "r", Signed: true}, fresh}}, nil, []string{"Email Replied "}, "running"},
		"not signed":  {[]step{{unsigned, fresh}}, nil, []string{"Email Bounced unverified"}, "running"},
		"of another":  {[]step{{foreign, campaign.Outcome{}}}, nil, nil, "running"},
		"of a nobody": {nil, nil, nil, "running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := newDesk(t, s, map[string]string{"series": returnedCampaign})
				d.join("ana")
				o := d.sentOne()
				for _, step := range c.steps {
					d.returned(o.ID, step.r, step.want)
				}
				d.returned(o.ID+1000, bounce("hard"), campaign.Outcome{})
				is(t, s, c.suppressed, `SELECT topic || ' ' || reason FROM suppressions`)
				is(t, s, c.events, `SELECT name || ' ' || coalesce(properties ->> 'type', '') FROM events WHERE name IN ('Email Bounced', 'Email Complained', 'Email Replied')`)
				is(t, s, []string{c.pass}, `SELECT CASE WHEN state = 'running' THEN 'running' ELSE 'cancelled' END FROM enrollments`)
			})
		})
	}
}

// Soft bounces that come back days after their mails were accepted count like those
// said at once: the acceptance that came to nothing does not wipe the slate.
func TestReturnedSoftly(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"series": "status: active\ntransactional: true\nre_entry: always\noverlap: both\ntrigger: { event: { name: Go } }\nsteps: [ { send: one } ]\n"})
		d.join("ana")
		for i := range 4 {
			o := d.sentOne()
			r := campaign.Returned{Event: campaign.EmailBounced, UID: fmt.Sprint("b", i), Signed: true, Class: campaign.BounceSoft,
				Reason: campaign.ReasonMailboxFull, Counts: campaign.ReasonMailboxFull}
			d.returned(o.ID, r, campaign.Outcome{Found: true, New: true, Suppressed: i == 3})
			d.now = d.now.Add(6 * day)
		}
		is(t, s, []string{"mailbox_full"}, `SELECT reason FROM suppressions`)
	})
}

// What bounces had been handed over after all.
func TestReturnedSettles(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(twoSteps), "ana")
		if !d.handoff(out[0]) {
			t.Fatal("hand-over refused")
		}
		d.result(out[0], campaign.WasUncertain)
		d.returned(out[0].ID, campaign.Returned{Event: campaign.EmailBounced, UID: "b", Signed: true, Class: campaign.BounceSoft}, campaign.Outcome{Found: true, New: true})
		d.messages("ana one accepted evidence")
	})
}

// Refusals for reasons of policy stop the campaign, and no address.
func TestRefusedForPolicy(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo(sendOne)})
		d.join("ana")
		o := d.sentOne()
		paused := func(want bool) {
			t.Helper()
			d.now = d.now.Add(time.Minute)
			d.relay()
			is(t, s, []string{fmt.Sprint(want)}, `SELECT CASE WHEN EXISTS (SELECT 1 FROM audit WHERE who = 'breaker') THEN 'true' ELSE 'false' END`)
		}
		d.now = d.now.Add(time.Second)
		ends(t, s, 1, d.now, 94, 5)
		exec(t, s, `UPDATE messages SET reason = 'policy' WHERE reason = 'bad_address'`)
		paused(false) // 5 of 100
		d.returned(o.ID, campaign.Returned{Event: campaign.EmailBounced, UID: "p", Signed: true, Class: campaign.BouncePolicy}, campaign.Outcome{Found: true, New: true})
		paused(true)
		is(t, s, nil, `SELECT reason FROM suppressions`)
	})
}
