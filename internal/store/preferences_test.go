package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
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
