package store_test

import (
	"slices"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

const doubleTopics = "topics: { offers: { opt_in: double }, news: {} }"

// A yes without proof to a topic of double opt-in counts once the reader of the
// address has pressed the button.
func TestDoubleOptIn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{
			"a": began("A", sendOne), "hello": began("Subscribed", sendOne),
		}, doubleTopics)
		ctx := t.Context()
		may := func(topic, why string) {
			t.Helper()
			if got, err := store.WhyUnreachable(ctx, s, "ana", topic, d.now); err != nil || got != why {
				t.Errorf("%s: %q, %v; want %q", topic, got, err, why)
			}
		}
		d.identify("ana", `{"email":"ana@kape.example","locale":"he"}`)
		d.now = d.now.Add(time.Second)
		d.track("ana", "Subscribed", `{"topic":"offers","text_version":"form 3","source":"footer form"}`)
		d.track("ana", "Subscribed", `{"topic":"offers"}`) // twice: asked once
		may("offers", "no_consent")
		// Nor is the address asked again under another name.
		d.identify("bot", `{"email":"ANA@kape.example"}`)
		d.track("bot", "Subscribed", `{"topic":"offers"}`)
		mail := d.mailed(campaign.ServiceConfirm)
		if mail.Customer.Email != "ana@kape.example" {
			t.Errorf("mailed to %s", mail.Customer.Email)
		}
		d.track("ana", "A", "")
		if got := d.sent(time.Second); got != "" {
			t.Errorf("sent %q to who has not confirmed", got)
		}
		log, ok, err := d.ConsentLog(ctx, "ana")
		if err != nil || !ok || len(log) != 1 || !log[0].Pending || log[0].Topic != "offers" || log[0].Text != "form 3" {
			t.Errorf("%+v, %t, %v", log, ok, err)
		}
		for range 3 { // scanners look, and that changes nothing
			if c, err := d.Confirmation(ctx, mail.ID, d.now); err != nil || c.State != campaign.LinkGood || c.Topic != "offers" || c.Locale != "he" {
				t.Errorf("%+v, %v", c, err)
			}
		}
		may("offers", "no_consent")
		d.now = d.now.Add(time.Hour)
		for _, want := range []campaign.LinkState{campaign.LinkGood, campaign.LinkUsed} {
			if c, err := d.Confirm(ctx, mail.ID, "he:1", d.hit()); err != nil || c.State != want {
				t.Errorf("%+v, %v; want %s", c, err, want)
			}
		}
		may("offers", "")
		if got := d.sent(time.Second); got != "hello" {
			t.Errorf("sent %q on the confirmation", got)
		}
		log, _, err = d.ConsentLog(ctx, "ana")
		if err != nil || len(log) != 1 || log[0].Pending || !log[0].Given || log[0].Proof == "" || log[0].Text != "he:1" || log[0].AddressHash != campaign.AddressHash("ana@kape.example") {
			t.Errorf("%+v, %v", log, err)
		}
		// Whoever is subscribed is not asked, and whoever leaves is not brought back by
		// the old link.
		d.now = d.now.Add(25 * time.Hour)
		d.track("ana", "Subscribed", `{"topic":"offers"}`)
		d.track("ana", "Unsubscribed", `{"topic":"offers"}`)
		if c, err := d.Confirm(ctx, mail.ID, "he:1", d.hit()); err != nil || c.State != campaign.LinkUsed {
			t.Errorf("%+v, %v", c, err)
		}
		may("offers", "suppressed")
		is(t, s, []string{"1"}, `SELECT count(*) FROM events WHERE name = 'Mail Requested'`)
	})
}

// A link that nobody has used in time confirms nothing; a yes with proof, and one to
// all topics as far as they ask for no more, counts at once.
func TestDoubleOptInTimesAndProofs(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)
		ctx := t.Context()
		may := func(who string, want ...string) {
			t.Helper()
			for i, topic := range []string{"offers", "news"} {
				if got, err := store.WhyUnreachable(ctx, s, who, topic, d.now); err != nil || got != want[i] {
					t.Errorf("%s, %s: %q, %v; want %q", who, topic, got, err, want[i])
				}
			}
		}
		for _, who := range []string{"ana", "ben", "cid"} {
			d.identify(who, `{"email":"`+who+`@kape.example"}`)
		}
		d.now = d.now.Add(time.Second)
		d.track("ana", "Subscribed", "")
		may("ana", "no_consent", "")
		d.track("ben", "Subscribed", `{"topic":"offers","proof":"paper form 17"}`)
		may("ben", "", "no_consent")
		mail := d.mailed(campaign.ServiceConfirm)
		d.now = d.now.Add(campaign.ConfirmLife + time.Minute)
		if c, err := d.Confirm(ctx, mail.ID, "en:1", d.hit()); err != nil || c.State != campaign.LinkExpired {
			t.Errorf("%+v, %v", c, err)
		}
		may("ana", "no_consent", "")
		// An import vouches for such a topic with proof alone.
		load := func(o store.ImportOptions) {
			t.Helper()
			o.Now, o.Consent = d.now, "newsletter box"
			row := intake.CustomerRow{Traits: campaign.Traits{Customer: campaign.Ref{ID: "cid"}, Attributes: map[string]any{"email": "cid@kape.example"}}}
			if _, err := s.ImportCustomers(ctx, func(yield func(intake.CustomerRow, error) bool) { yield(row, nil) }, o); err != nil {
				t.Fatal(err)
			}
		}
		load(store.ImportOptions{})
		may("cid", "no_consent", "")
		load(store.ImportOptions{Proof: "export of the old system, row by row", Text: "2019"})
		may("cid", "", "")
		is(t, s, []string{"* 2019 export of the old system, row by row"}, `SELECT topic, text, proof FROM consents WHERE proof LIKE 'export%'`)
		if _, ok, err := d.ConsentLog(ctx, "nobody"); ok || err != nil {
			t.Errorf("nobody: %t, %v", ok, err)
		}
	})
}

// What a form says of the time neither gets round the limits nor keeps the question
// from being asked.
func TestDoubleOptInHeedsNoForeignClock(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)
		d.identify("ana", `{"email":"ana@kape.example"}`)
		d.now = d.now.Add(time.Hour)
		for i := range 3 {
			at := d.now.Add(time.Duration(i-3) * 30 * time.Hour)
			call(t, s, d.now, "track", `{"userId":"ana","event":"Subscribed","timestamp":"`+at.Format(time.RFC3339)+`","properties":{"topic":"offers"}}`)
		}
		is(t, s, []string{"1"}, `SELECT count(*) FROM events WHERE name = 'Mail Requested'`)
		d.mailed(campaign.ServiceConfirm)
	})
}

// A command that loads no workspace goes by the topics of the one that ticked last.
func TestDoubleOptInIsRemembered(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		newDesk(t, s, map[string]string{"a": began("A", sendOne)}, doubleTopics)
		s.Use(nil)
		o, err := s.DoubleOptIn(t.Context())
		if err != nil || !slices.Equal(o, []string{"offers"}) {
			t.Errorf("%q, %v", o, err)
		}
	})
}
