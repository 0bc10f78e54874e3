package store_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

const receipts = "status: active\ntransactional: true\ntrigger: { event: { name: Go } }\nsteps: [ { send: three } ]\n"

// Who may be written to, on entry: topics, all marketing, all mail.
func TestWhoIsReachable(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo(twoSteps), "z": receipts})
		for _, c := range []struct {
			who                string
			suppress           []string
			say                []string // events with their topic, one a minute
			email              string
			marketing, receipt string // "" enters
		}{
			{who: "silent", marketing: "no_consent"},
			{who: "all", say: []string{"Subscribed "}},
			{who: "topic", say: []string{"Subscribed offers"}},
			{who: "othertopic", say: []string{"Subscribed news"}, marketing: "no_consent"},
			{who: "left", say: []string{"Subscribed ", "Unsubscribed offers"}, marketing: "suppressed"},
			{who: "leftall", say: []string{"Subscribed offers", "Unsubscribed "}, marketing: "suppressed"},
			{who: "back", say: []string{"Subscribed ", "Unsubscribed ", "Subscribed offers"}},
			{who: "leftnews", say: []string{"Subscribed ", "Unsubscribed news"}},
			{who: "s-topic", say: []string{"Subscribed "}, suppress: []string{"offers"}, marketing: "suppressed"},
			{who: "s-other", say: []string{"Subscribed "}, suppress: []string{"news"}},
			{who: "s-marketing", say: []string{"Subscribed "}, suppress: []string{"@marketing"}, marketing: "suppressed"},
			{who: "s-all", say: []string{"Subscribed "}, suppress: []string{"*"}, marketing: "suppressed", receipt: "suppressed"},
			{who: "nowhere", say: []string{"Subscribed "}, email: "null", marketing: "no_address", receipt: "no_address"},
		} {
			if c.email == "" {
				c.email = `"` + c.who + `@kape.example"`
			}
			d.identify(c.who, `{"email":`+c.email+`}`)
			for _, say := range c.say {
				d.now = d.now.Add(time.Minute)
				event, topic, _ := cut(say)
				properties := ""
				if topic != "" {
					properties = `{"topic":"` + topic + `"}`
				}
				d.track(c.who, event, properties)
			}
			for _, topic := range c.suppress {
				d.suppress(c.who, topic)
			}
			d.track(c.who, "Go", "")
			// A candidate may be found, and counted, more than once on PostgreSQL.
			decided := d.tick(time.Minute)
			for name, want := range map[string]string{"x": c.marketing, "z": c.receipt} {
				got := decided[name]
				if want == "" && got.Entered != 1 || want != "" && (got.Entered != 0 || got.Held[want] == 0) {
					t.Errorf("%s, campaign %s: %+v, want %q", c.who, name, got, want)
				}
			}
		}
	})
}

func cut(s string) (before, after string, found bool) {
	for i := range s {
		if s[i] == ' ' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// Leaving by a mail's link: its topic, or everything but transactional mail.
func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{
			"x": onGo(twoSteps), "y": "status: active\ntopic: news\ntrigger: { event: { name: Go } }\nsteps: [ { send: two } ]\n", "z": receipts,
		})
		d.join("ana", "ben")
		d.track("ana", "Go", "")
		d.track("ben", "Go", "")
		var ana, ben campaign.Outgoing
		for _, o := range d.work(time.Minute) {
			if o.Step == "one" && o.Customer.ExternalID == "ana" {
				ana = o
			}
			if o.Step == "three" && o.Customer.ExternalID == "ben" {
				ben = o
			}
		}
		ctx := t.Context()
		for range 2 { // twice: once
			if err := s.Unsubscribe(ctx, ana.ID, false, campaign.Hit{At: d.now}); err != nil {
				t.Fatal(err)
			}
			d.now = d.now.Add(time.Minute)
		}
		// From a transactional mail one leaves everything else.
		if err := s.Unsubscribe(ctx, ben.ID, false, campaign.Hit{At: d.now}); err != nil {
			t.Fatal(err)
		}
		if err := s.Unsubscribe(ctx, 4711, true, campaign.Hit{At: d.now}); err != nil {
			t.Errorf("a mail that is gone: %v", err)
		}
		is(t, s, []string{
			"ana offers exited unsubscribed cancelled unsubscribed", "ana news running  claimed ", "ana  running  claimed ",
			"ben offers exited unsubscribed cancelled unsubscribed", "ben news exited unsubscribed cancelled unsubscribed", "ben  running  claimed ",
		}, `SELECT c.external_id, m.topic, e.state, e.reason, m.state, m.reason FROM messages m JOIN customers c ON c.id = m.customer_id
			JOIN enrollments e ON e.id = m.enrollment_id JOIN campaigns k ON k.id = m.campaign_id ORDER BY c.id, k.name`)
		is(t, s, []string{"ana offers", "ben *"}, `SELECT c.external_id, k.topic FROM consents k JOIN customers c ON c.id = k.customer_id
			WHERE NOT k.given ORDER BY c.id`)
		is(t, s, []string{"2"}, `SELECT count(*) FROM events WHERE name = 'Unsubscribed'`)
		if sub, ok, err := s.Subscription(ctx, ana.ID); err != nil || !ok || sub.Topic != "offers" || sub.Address != "ana@kape.example" {
			t.Errorf("%+v, %t, %v", sub, ok, err)
		}
		d.track("ana", "Go", "")
		d.track("ben", "Go", "")
		decided := d.tick(time.Minute)
		if decided["x"].Entered != 0 || decided["y"].Entered != 1 || decided["z"].Entered != 2 {
			t.Errorf("%+v", decided)
		}
	})
}

// Two customers with one address: each one's no is on their own record, and once.
func TestUnsubscribeOfOneAddress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo(twoSteps)})
		d.join("ana", "ben")
		d.identify("ben", `{"email":"ANA@kape.example"}`)
		d.track("ana", "Go", "")
		d.track("ben", "Go", "")
		out := d.work(time.Minute)
		if len(out) != 2 {
			t.Fatalf("%d claimed", len(out))
		}
		said := func(want ...string) {
			t.Helper()
			is(t, s, want, `SELECT c.external_id, k.topic, count(*) FROM consents k JOIN customers c ON c.id = k.customer_id
				WHERE NOT k.given GROUP BY c.external_id, k.topic ORDER BY c.external_id, k.topic`)
		}
		leave := func(o campaign.Outgoing, everything bool) {
			t.Helper()
			d.now = d.now.Add(time.Minute)
			if err := s.Unsubscribe(t.Context(), o.ID, everything, campaign.Hit{At: d.now}); err != nil {
				t.Fatal(err)
			}
		}
		leave(out[0], false)
		said("ana offers 1")
		leave(out[1], false)
		leave(out[1], false)
		leave(out[0], false)
		said("ana offers 1", "ben offers 1")
		leave(out[0], true)
		leave(out[0], true)
		leave(out[1], true)
		leave(out[1], true)
		said("ana * 1", "ana offers 1", "ben * 1", "ben offers 1")
		d.track("ben", "Subscribed", `{"topic":"news"}`)
		leave(out[1], true)
		leave(out[0], true)
		said("ana * 1", "ana offers 1", "ben * 2", "ben offers 1")
	})
}

// Of an address only the network is kept.
func TestHitKeepsTheNetwork(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo(twoSteps)})
		d.join("ana")
		d.track("ana", "Go", "")
		o := d.one(d.work(time.Minute))
		d.send(o)
		var want []string
		for _, c := range []struct{ addr, network string }{
			{"203.0.113.77", "203.0.113.0/24"}, {"::ffff:203.0.113.77", "203.0.113.0/24"},
			{"2001:db8:1:2::3", "2001:db8:1::/48"}, {"fe80::1%eth0", "fe80::/48"}, {"", "-"},
		} {
			hit := campaign.Hit{At: d.now}
			if c.addr != "" {
				hit.Addr = netip.MustParseAddr(c.addr)
			}
			if err := s.Opened(t.Context(), o.ID, hit); err != nil {
				t.Fatal(err)
			}
			want = append(want, c.network)
		}
		is(t, s, want, `SELECT CASE WHEN network = '' THEN '-' ELSE network END FROM hits ORDER BY id`)
	})
}

// A store is of the real clock or of a given one, and neither goes back.
func TestModes(t *testing.T) {
	t.Parallel()
	for _, mode := range []store.Mode{store.Live, store.Simulated} {
		t.Run(string(mode), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				ctx := t.Context()
				if m, err := s.Mode(ctx); m != store.Untouched || err != nil {
					t.Fatal(m, err)
				}
				for range 2 {
					if err := s.Fix(ctx, mode); err != nil {
						t.Fatal(err)
					}
				}
				other := store.Live
				if mode == store.Live {
					other = store.Simulated
				}
				var wrong *store.ModeError
				if err := s.Fix(ctx, other); !errors.As(err, &wrong) || wrong.Is != mode || wrong.Wanted != other {
					t.Errorf("fixed as %s: %v", other, err)
				}
				if at, err := s.LastTick(ctx); err != nil || !at.IsZero() {
					t.Error(at, err)
				}
				for _, at := range []time.Time{t0, t0, t1} {
					if err := s.Advance(ctx, at); err != nil {
						t.Error(err)
					}
				}
				// Two live schedulers read the clock a little apart.
				var past *store.PastError
				slack := time.Minute
				if mode == store.Simulated {
					slack = 0
				}
				if err := s.Advance(ctx, t1.Add(-slack)); err != nil {
					t.Error(err)
				}
				if err := s.Advance(ctx, t1.Add(-slack-time.Microsecond)); !errors.As(err, &past) || !past.Last.Equal(t1) {
					t.Errorf("went back: %v", err)
				}
				if at, err := s.LastTick(ctx); err != nil || !at.Equal(t1) {
					t.Error(at, err)
				}
			})
		})
	}
}
