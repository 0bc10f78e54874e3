package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// hit is a request at the desk's moment.
func (d *desk) hit() campaign.Hit { return campaign.Hit{At: d.now} }

func (d *desk) prefs(message int64) campaign.Preferences {
	d.t.Helper()
	p, ok, err := d.Preferences(d.t.Context(), message, d.now)
	if err != nil || !ok {
		d.t.Fatalf("preferences of %d: %t, %v", message, ok, err)
	}
	return p
}

func (d *desk) choose(message int64, c campaign.PreferenceChange) {
	d.t.Helper()
	if err := d.ChangePreferences(d.t.Context(), message, c, d.hit()); err != nil {
		d.t.Fatal(err)
	}
}

// subscribedTo are the topics that a customer gets.
func subscribedTo(p campaign.Preferences) (out []string) {
	for _, t := range p.Topics {
		if t.On {
			out = append(out, t.Key)
		}
	}
	return out
}

// mailed sends what is due and gives the one service mail among it.
func (d *desk) mailed(step string) campaign.Outgoing {
	d.t.Helper()
	var found []campaign.Outgoing
	for _, o := range d.work(time.Second) {
		d.send(o)
		if o.Campaign == campaign.ServiceCampaign {
			found = append(found, o)
		}
	}
	if o := d.one(found); o.Step != step {
		d.t.Fatalf("mailed %s, want %s", o.Step, step)
	}
	return found[0]
}

// opened is the message of a one-time link that is open.
func (d *desk) opened(message int64) int64 {
	d.t.Helper()
	if sent, err := d.AskLink(d.t.Context(), message, d.hit()); err != nil || !sent {
		d.t.Fatalf("asked: %t, %v", sent, err)
	}
	link := d.mailed(campaign.ServiceLink).ID
	if state, err := d.OpenLink(d.t.Context(), link, d.hit()); err != nil || state != campaign.LinkGood {
		d.t.Fatalf("opened: %s, %v", state, err)
	}
	return link
}

func (d *desk) first() campaign.Outgoing {
	d.t.Helper()
	d.track("ana", "A", "")
	o := d.one(d.work(0))
	d.send(o)
	return o
}

// What the page shows, and that a link alone makes mail less and no more.
func TestPreferences(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne), "b": began("B", "topic: news", sendOne)})
		d.join("ana")
		o := d.first()
		p := d.prefs(o.ID)
		if p.Address != "ana@kape.example" || p.Campaign != "a" || p.Topic != "offers" || p.Trigger != "event" || !slices.Equal(subscribedTo(p), []string{"news", "offers"}) {
			t.Errorf("%+v", p)
		}
		d.now = d.now.Add(time.Minute)
		for range 2 {
			d.choose(o.ID, campaign.PreferenceChange{Off: []string{"offers"}, Locale: "he", Text: "en:1"})
		}
		if p = d.prefs(o.ID); !slices.Equal(subscribedTo(p), []string{"news"}) || p.Locale != "he" {
			t.Errorf("%+v", p)
		}
		is(t, s, []string{"offers preferences page en:1 " + campaign.AddressHash("ana@kape.example")}, `SELECT topic, source, text, email_hash FROM consents WHERE NOT given`)
		is(t, s, []string{"offers unsubscribed"}, `SELECT topic, reason FROM suppressions`)
		for _, c := range []campaign.PreferenceChange{{On: []string{"offers"}}, {Frequency: campaign.AsUsual}} {
			if err := d.ChangePreferences(t.Context(), o.ID, c, d.hit()); !errors.Is(err, campaign.ErrLink) {
				t.Errorf("%+v by a link alone: %v", c, err)
			}
		}
		// What waits is cancelled with the topic.
		d.track("ana", "B", "")
		d.tick(0)
		d.choose(o.ID, campaign.PreferenceChange{Everything: true})
		if len(subscribedTo(d.prefs(o.ID))) > 0 {
			t.Error("not everything is off")
		}
		is(t, s, []string{"b cancelled unsubscribed"}, `SELECT k.name, m.state, m.reason FROM messages m JOIN campaigns k ON k.id = m.campaign_id WHERE m.state <> 'accepted'`)
		if _, ok, err := d.Preferences(t.Context(), 4711, d.now); ok || err != nil {
			t.Errorf("a mail that is gone: %t, %v", ok, err)
		}
		if err := d.ChangePreferences(t.Context(), 4711, campaign.PreferenceChange{Everything: true}, d.hit()); err != nil {
			t.Errorf("a mail that is gone: %v", err)
		}
	})
}

// began is on, with lines in place of those of the same key.
func began(event string, more ...string) string {
	text := "status: active\ntopic: offers\ntrigger: { event: { name: " + event + " } }\nexpires: 60d\n"
	for _, line := range more {
		if topic, ok := strings.CutPrefix(line, "topic: "); ok {
			text = strings.Replace(text, "topic: offers", "topic: "+topic, 1)
			continue
		}
		if length, ok := strings.CutPrefix(line, "expires: "); ok {
			text = strings.Replace(text, "expires: 60d", "expires: "+length, 1)
			continue
		}
		text += line + "\n"
	}
	return text
}

// A pause holds marketing mail to its end, and what is too old by then does not go.
func TestCustomersPause(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne), "short": began("S", "expires: 7d", sendOne), "r": transactional + sendOne})
		d.join("ana", "ben")
		o := d.first()
		d.track("ana", "S", "") // decided before the pause
		d.tick(0)
		d.choose(o.ID, campaign.PreferenceChange{Frequency: campaign.PauseMail})
		since := d.now
		d.track("ana", "A", "")
		d.track("ben", "A", "")
		d.track("ana", "Go", "")
		if got := d.sent(0); got != "a r" && got != "r a" {
			t.Fatalf("sent %q", got)
		}
		is(t, s, []string{"a pending  customer_pause", "short cancelled expired customer_pause"}, `SELECT k.name, m.state, m.reason, m.gate FROM messages m
			JOIN campaigns k ON k.id = m.campaign_id WHERE m.state <> 'accepted' ORDER BY k.name`)
		is(t, s, []string{"pause"}, `SELECT properties ->> 'frequency' FROM events WHERE name = 'Preferences Changed'`)
		if till := d.prefs(o.ID).PausedTill; !till.Equal(since.Add(campaign.PauseLength)) {
			t.Errorf("paused till %s", till)
		}
		// Another choice of a link alone does not end it.
		d.choose(o.ID, campaign.PreferenceChange{Frequency: campaign.LessOften})
		if p := d.prefs(o.ID); p.PausedTill.IsZero() || !p.LessOften {
			t.Errorf("%+v", p)
		}
		d.now = since.Add(campaign.PauseLength - time.Microsecond)
		if got := d.sent(0); got != "" {
			t.Errorf("sent %q a moment too soon", got)
		}
		if got := d.sent(time.Microsecond); got != "a" {
			t.Errorf("sent %q when the pause was over", got)
		}
	})
}

// The page that a one-time link opens ends a pause at once.
func TestPauseEnded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)})
		d.join("ana")
		o := d.first()
		d.choose(o.ID, campaign.PreferenceChange{Frequency: campaign.PauseMail})
		d.track("ana", "A", "")
		if got := d.sent(0); got != "" {
			t.Fatalf("sent %q", got)
		}
		d.choose(d.opened(o.ID), campaign.PreferenceChange{Frequency: campaign.AsUsual})
		if got := d.sent(time.Second); got != "a" {
			t.Errorf("sent %q", got)
		}
	})
}

// Who wants less has each cap over twice its time, or one mail in seven days.
func TestLessOften(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		caps []string
		free time.Duration
		left int
	}{{"a cap", []string{"cap: 2 per 16h"}, 32 * time.Hour, 1}, {"no cap", nil, 7 * 24 * time.Hour, 0}} {
		t.Run(c.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := newDesk(t, s, map[string]string{"a": began("A", sendOne)}, c.caps...)
				d.join("ana", "ben")
				o := d.first()
				first := d.now
				d.choose(o.ID, campaign.PreferenceChange{Frequency: campaign.LessOften})
				for i := range c.left + 1 {
					d.now = d.now.Add(time.Hour)
					d.track("ana", "A", "")
					if got := d.sent(0); (got == "a") != (i < c.left) {
						t.Errorf("mail %d: sent %q", i, got)
					}
				}
				d.now = first.Add(c.free - time.Microsecond)
				if got := d.sent(0); got != "" {
					t.Errorf("sent %q a moment too soon", got)
				}
				if got := d.sent(time.Microsecond); got != "a" {
					t.Errorf("sent %q when a place was free", got)
				}
			})
		})
	}
}

// A one-time link is mailed to the address on file, opens once, and not for long.
func TestOneTimeLink(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)})
		d.join("ana")
		o := d.first()
		ctx := t.Context()
		d.choose(o.ID, campaign.PreferenceChange{Off: []string{"offers"}})
		link := d.opened(o.ID)
		// Asked again at once, and more often than is plausible.
		sent := 0
		for range 40 {
			again, err := d.AskLink(ctx, o.ID, d.hit())
			if err != nil {
				t.Fatal(err)
			}
			if again {
				sent++
			}
			d.now = d.now.Add(30 * time.Second)
		}
		if sent != 4 {
			t.Errorf("%d more links within 20 minutes, want 4", sent)
		}
		if state, err := d.OpenLink(ctx, link, d.hit()); err != nil || state != campaign.LinkUsed {
			t.Errorf("a second time: %s, %v", state, err)
		}
		d.choose(link, campaign.PreferenceChange{On: []string{"offers"}, Text: "en:2"})
		if got := subscribedTo(d.prefs(o.ID)); !slices.Equal(got, []string{"news", "offers"}) {
			t.Errorf("on are %q", got)
		}
		is(t, s, []string{fmt.Sprintf("offers one-time link of message %d en:2", link)}, `SELECT topic, proof, text FROM consents WHERE given AND proof <> ''`)
		d.now = d.now.Add(campaign.SessionLife)
		for name, err := range map[string]error{
			"on":      d.ChangePreferences(ctx, link, campaign.PreferenceChange{On: []string{"offers"}}, d.hit()),
			"erase":   d.EraseManaged(ctx, link, d.hit()),
			"another": d.EraseManaged(ctx, o.ID, d.hit()),
		} {
			if !errors.Is(err, campaign.ErrLink) {
				t.Errorf("%s, closed: %v", name, err)
			}
		}
		if _, err := d.ExportManaged(ctx, link, d.now); !errors.Is(err, campaign.ErrLink) {
			t.Errorf("export, closed: %v", err)
		}
		// Too old, and to an address that is not the customer's any more.
		others := d.work(time.Second)
		if len(others) == 0 {
			t.Fatal("no other link was mailed")
		}
		d.send(others...)
		d.identify("ana", `{"email":"new@kape.example"}`)
		if state, err := d.OpenLink(ctx, others[0].ID, d.hit()); err != nil || state != campaign.LinkGone {
			t.Errorf("to another address: %s, %v", state, err)
		}
		d.identify("ana", `{"email":"ana@kape.example"}`)
		d.now = d.now.Add(campaign.LinkLife + time.Minute)
		if state, err := d.OpenLink(ctx, others[0].ID, d.hit()); err != nil || state != campaign.LinkExpired {
			t.Errorf("too old: %s, %v", state, err)
		}
	})
}

// What is stored of a customer, and no other, is handed over; and erased, but for the
// hash of the address.
func TestExportAndErase(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)})
		d.join("ana", "ben")
		o := d.first()
		d.track("ben", "A", "")
		d.send(d.work(0)...)
		exec(t, s, `INSERT INTO soft_bounces (email_hash, reason, day) VALUES ($1, 'mailbox_full', 20000)`, campaign.AddressHash("ana@kape.example"))
		link := d.opened(o.ID)
		text, err := d.ExportManaged(t.Context(), link, d.now)
		if err != nil {
			t.Fatal(err)
		}
		var e map[string]any
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"email": "ana@kape.example"`, `"id": "ana"`, `"Subscribed"`, `"campaign": "a"`, `"mailbox_full"`} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the export lacks %s:\n%s", want, text)
			}
		}
		if strings.Contains(string(text), "ben") {
			t.Errorf("the export tells of another:\n%s", text)
		}
		if err := d.EraseManaged(t.Context(), link, d.hit()); err != nil {
			t.Fatal(err)
		}
		id := d.id("ben")
		for _, table := range []string{"customers", "identities", "events", "attribute_facts", "consents", "enrollments", "messages"} {
			column := "customer_id"
			if table == "customers" {
				column = "id"
			}
			is(t, s, nil, `SELECT `+column+` FROM `+table+` WHERE `+column+` <> $1`, id)
		}
		is(t, s, nil, `SELECT email_hash FROM soft_bounces`)
		is(t, s, []string{campaign.AddressHash("ana@kape.example") + " @marketing unsubscribed"}, `SELECT email_hash, topic, reason FROM suppressions`)
		d.sound()
		// A file that still has them subscribes nobody.
		d.now = d.now.Add(time.Hour)
		row := intake.CustomerRow{Consent: "newsletter box", Traits: campaign.Traits{Customer: campaign.Ref{ID: "ana"}, Attributes: map[string]any{"email": "ana@kape.example"}}}
		if _, err := d.ImportCustomers(t.Context(), func(yield func(intake.CustomerRow, error) bool) { yield(row, nil) }, store.ImportOptions{Now: d.now}); err != nil {
			t.Fatal(err)
		}
		if why, err := store.WhyUnreachable(t.Context(), s, "ana", "offers", d.now); err != nil || why != "suppressed" {
			t.Errorf("imported again: %q, %v", why, err)
		}
	})
}

// A new address counts once its reader has said yes.
func TestChangeOfAddress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)})
		d.join("ana")
		o := d.first()
		ctx := t.Context()
		if _, err := d.AskAddress(ctx, o.ID, "new@kape.example", d.hit()); !errors.Is(err, campaign.ErrLink) {
			t.Errorf("by a link alone: %v", err)
		}
		link := d.opened(o.ID)
		if _, err := d.AskAddress(ctx, link, "new@kape", d.hit()); !errors.Is(err, campaign.ErrAddress) {
			t.Errorf("no address: %v", err)
		}
		if sent, err := d.AskAddress(ctx, link, " new@kape.example ", d.hit()); err != nil || !sent {
			t.Fatalf("%t, %v", sent, err)
		}
		mail := d.mailed(campaign.ServiceAddress)
		if mail.Customer.Email != "new@kape.example" {
			t.Errorf("the question went to %s", mail.Customer.Email)
		}
		is(t, s, []string{"ana@kape.example"}, `SELECT email FROM customers`)
		for range 2 { // to look changes nothing
			if c, err := d.Confirmation(ctx, mail.ID, d.now); err != nil || c.State != campaign.LinkGood || c.New != "new@kape.example" {
				t.Errorf("%+v, %v", c, err)
			}
		}
		for _, want := range []campaign.LinkState{campaign.LinkGood, campaign.LinkUsed} {
			if c, err := d.Confirm(ctx, mail.ID, "en:1", d.hit()); err != nil || c.State != want {
				t.Errorf("%+v, %v", c, err)
			}
		}
		is(t, s, []string{"new@kape.example " + campaign.AddressHash("new@kape.example")}, `SELECT email, email_hash FROM customers`)
		if err := d.EraseManaged(ctx, link, d.hit()); !errors.Is(err, campaign.ErrLink) {
			t.Errorf("the page of the address before is still open: %v", err)
		}
		d.track("ana", "A", "")
		if got := d.one(d.work(time.Second)); got.Customer.Email != "new@kape.example" {
			t.Errorf("mailed to %s", got.Customer.Email)
		}
	})
}

// An erasure takes the addresses of before along, and the links that name them; a file
// that has the customer by one of those brings them back neither.
func TestEraseAddressesOfBefore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)})
		d.join("ana", "joana")
		o := d.first()
		d.identify("ana", `{"email":"joana@kape.example"}`) // of another customer's
		d.now = d.now.Add(time.Minute)
		d.identify("ana", `{"email":"new@kape.example"}`)
		link := d.opened(o.ID)
		d.track("joana", "A", "")
		for _, o := range d.work(0) {
			b := handoffOf(o)
			for i, url := range []string{"?e=ana%40kape.example&x=1", "b/New@kape.example", "?e=joana@kape.example", "c", "?e=fana@kape.example"} {
				b.Handoffs[0].Links = append(b.Handoffs[0].Links, campaign.Link{ID: int64(i + 1), URL: "https://kape.example/" + url})
			}
			d.commit(b)
		}
		if err := d.EraseManaged(t.Context(), link, d.hit()); err != nil {
			t.Fatal(err)
		}
		is(t, s, []string{"3", "4", "5"}, `SELECT id FROM links ORDER BY id`)
		d.now = d.now.Add(time.Hour)
		row := intake.CustomerRow{Consent: "newsletter box", Traits: campaign.Traits{Customer: campaign.Ref{ID: "ana"}, Attributes: map[string]any{"email": "ana@kape.example"}}}
		if _, err := d.ImportCustomers(t.Context(), func(yield func(intake.CustomerRow, error) bool) { yield(row, nil) }, store.ImportOptions{Now: d.now}); err != nil {
			t.Fatal(err)
		}
		for who, want := range map[string]string{"ana": "suppressed", "joana": ""} {
			if why, err := store.WhyUnreachable(t.Context(), s, who, "offers", d.now); err != nil || why != want {
				t.Errorf("%s: %q, %v; want %q", who, why, err, want)
			}
		}
		// What was erased is stored anew with the next mail that has it.
		d.track("ana", "Subscribed", "")
		d.track("ana", "A", "")
		b := handoffOf(d.one(d.work(time.Minute)))
		b.Handoffs[0].Links = []campaign.Link{{ID: 1, URL: "https://kape.example/?e=ana%40kape.example&x=1"}}
		d.commit(b)
		is(t, s, []string{"1", "3", "4", "5"}, `SELECT id FROM links ORDER BY id`)
	})
}

// An address that gets no mail isn't asked either whether it is somebody's new one.
func TestNewAddressIsSuppressed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)})
		d.join("ana")
		o := d.first()
		exec(t, s, `INSERT INTO suppressions (email_hash, topic, reason, at) VALUES ($1, '*', 'manual', 1)`, campaign.AddressHash("new@kape.example"))
		if sent, err := d.AskAddress(t.Context(), d.opened(o.ID), "New@kape.example", d.hit()); err != nil || !sent {
			t.Fatalf("%t, %v", sent, err)
		}
		if got := d.work(time.Second); len(got) > 0 {
			t.Errorf("mailed to %s", got[0].Customer.Email)
		}
		is(t, s, []string{"cancelled suppressed"}, `SELECT state, reason FROM messages WHERE step = $1`, campaign.ServiceAddress)
	})
}

// Of two customers who turn out to be one, what either wants less of holds.
func TestPreferencesAreMerged(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"a": began("A", sendOne)})
		d.join("ana")
		call(t, s, d.now, "track", `{"anonymousId":"d-1","event":"A"}`)
		exec(t, s, `UPDATE customers SET less_often = TRUE, paused_till = $1 WHERE external_id IS NULL`, campaign.Micros(d.now.Add(time.Hour)))
		call(t, s, d.now, "identify", `{"userId":"ana","anonymousId":"d-1","traits":{}}`)
		is(t, s, []string{fmt.Sprint("ana ", campaign.Micros(d.now.Add(time.Hour)))}, `SELECT external_id, paused_till FROM customers WHERE less_often`)
	})
}
