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
