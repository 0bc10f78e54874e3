package store_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// acting are campaigns that act on opens and clicks in every way there is.
func acting() map[string]string {
	steps := "steps: [ { send: two } ]"
	return map[string]string{
		"letter":  onGo("goal: { event: Email Clicked, within: 7d }", "steps: [ { send: one } ]"),
		"trigger": "status: active\ntopic: offers\ntrigger: { event: { name: Email Clicked } }\n" + steps + "\n",
		"opened":  "status: active\ntopic: offers\ntrigger: { event: { name: Email Opened } }\n" + steps + "\n",
		"exits":   onGo("exit_on: { event: Email Clicked, since: anchor }", "steps: [ { wait: 1d }, { send: three } ]"),
		"waits":   onGo("steps: [ { wait: { for: { event: Email Clicked, since: entry }, at_most: 10d } }, { send: three } ]"),
		"engaged": onGo("steps: [ { wait: 1d }, { send: four, when: { attribute: mail.clicked, at_least: 1 } } ]"),
	}
}

// scan is what a scanner does: it asks for every link of a mail and its pixel, by GET
// and by HEAD, twice, from many addresses, as a browser would.
func (d *desk) scan(o campaign.Outgoing) {
	d.t.Helper()
	n := 0
	for range 2 {
		for _, method := range []string{"GET", "HEAD"} {
			h := campaign.Hit{Method: method, UserAgent: person}
			for link := range int64(3) {
				n++
				h.Addr = netip.MustParseAddr(fmt.Sprintf("198.51.%d.7", 100+n))
				d.click(o, link+1, 100*time.Millisecond, h)
			}
			h.UserAgent = proxy
			d.openMail(o, 100*time.Millisecond, h)
		}
	}
}

// A machine triggers nothing, ends nothing and lifts nothing; a person does.
func TestOnlyPeopleSetThingsGoing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, o := letter(t, s, acting())
		d.scan(o)
		d.tick(time.Second) // while it is still at it, for all that is known
		d.tick(time.Minute)
		is(t, s, []string{"16 0"}, `SELECT count(*), count(CASE WHEN grade = 'human' THEN 1 END) FROM hits`)
		is(t, s, []string{"0"}, `SELECT count(*) FROM events WHERE name IN ('Email Opened', 'Email Clicked', 'Unsubscribed')`)
		d.passes("ana engaged running at wait-1", "ana exits running at wait-1", "ana letter finished", "ana waits running at wait-1")

		d.click(o, 2, 2*time.Hour, campaign.Hit{UserAgent: person})
		d.openMail(o, 0, campaign.Hit{UserAgent: person})
		d.tick(time.Minute)
		d.passes("ana engaged running at wait-1", "ana exits exited exit_on", "ana letter finished", "ana waits running at three",
			"ana opened running at two", "ana trigger running at two")
		is(t, s, []string{"Email Clicked", "Email Opened"}, `SELECT name FROM events WHERE name IN ('Email Opened', 'Email Clicked') ORDER BY name`)
	})
}

func TestRegrade(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, o := letter(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")})
		d.click(o, 1, 0, campaign.Hit{UserAgent: person})
		d.click(o, 2, time.Hour, campaign.Hit{UserAgent: "curl/8.5.0"})
		d.openMail(o, time.Hour, campaign.Hit{UserAgent: person})
		d.settle(time.Minute)
		right := []string{"click 1 human settled Email Clicked", "click 2 scanner settled ", "open 0 human settled Email Opened"}
		d.hits(right...)
		// Rules that saw it all the other way round.
		exec(t, s, `DELETE FROM events WHERE name = 'Email Clicked'`)
		exec(t, s, `INSERT INTO events (uid, customer_id, name, occurred_at, known_at, properties)
			SELECT 'hit:' || h.id, m.customer_id, 'Email Clicked', h.at, h.at, '{}' FROM hits h JOIN messages m ON m.id = h.message_id WHERE h.link_id = 2`)
		exec(t, s, `UPDATE hits SET rules = 0, grade = CASE link_id WHEN 1 THEN 'scanner' WHEN 2 THEN 'human' ELSE grade END, reasons = ''`)
		wrong := []string{"click 1 scanner settled ", "click 2 human settled Email Clicked", "open 0 human settled Email Opened"}
		d.hits(wrong...)
		grade := func(o store.RegradeOptions) store.Regraded {
			t.Helper()
			o.Batch = 1
			r, err := s.Regrade(t.Context(), d.now, o)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		told := func(r store.Regraded) string {
			return fmt.Sprint(r.Mails, r.Hits, r.Changed, r.Changes, r.Events.Made, r.Events.Removed)
		}
		const want = "1 3 2 [{click human scanner 1} {click scanner human 1}] 1 1"
		if got := told(grade(store.RegradeOptions{DryRun: true})); got != want {
			t.Errorf("would change %s, want %s", got, want)
		}
		d.hits(wrong...)
		if got := told(grade(store.RegradeOptions{})); got != want {
			t.Errorf("changed %s, want %s", got, want)
		}
		d.hits(right...)
		d.marks("opened clicked machine-clicked")
		for _, all := range []bool{false, true} {
			if r := grade(store.RegradeOptions{All: all}); r.Changed != 0 || all != (r.Hits == 3) {
				t.Errorf("once more, all %t: %+v", all, r)
			}
		}
		d.hits(right...)
	})
}
