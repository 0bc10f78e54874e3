package store_test

import (
	"fmt"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// A mail that a worker has to give back because its customer did something, or turned
// out to be another, was not let out: the mail server's rate does not lose its place.
func TestTakenBackCountsAsNotLetOut(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(*desk){
		"an event":   func(d *desk) { d.track("ana", "Order Completed", `{"order_id":"1","total":5}`) },
		"an address": func(d *desk) { d.identify("ana", `{"email":"ana@new.example"}`) },
		"a merge": func(d *desk) {
			call(d.t, d.Store, d.now, "alias", `{"userId":"ana","previousId":"phone"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := newDesk(t, s, map[string]string{"x": onGo(sendOne)})
				d.limit(campaign.Provider{Rate: campaign.Pace{Max: 100, Per: time.Hour}})
				d.join("ana")
				call(t, s, d.now, "track", `{"anonymousId":"phone","event":"Product Viewed","properties":{"product_id":"p"}}`)
				d.track("ana", "Go", "")
				d.one(d.work(time.Minute))
				count := func(want int) {
					t.Helper()
					is(t, s, []string{fmt.Sprint(want)}, `SELECT n FROM spent WHERE key = 'provider:default'`)
				}
				count(1)
				happens(d)
				d.messages("ana one pending")
				is(t, s, []string{"0 2"}, `SELECT attempt, token FROM messages`)
				count(0)
			})
		})
	}
}

// An acceptance is one, also where nobody knows under which sender the mail went.
func TestAcceptanceCountsOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newRated(t, s, campaign.Provider{})
		d.exec(`INSERT INTO throttles (key, since, at, until, step, pace, half, taken, stopped, reason) VALUES ('provider:default', $1, $1, $1, 0, 8, 100, 0, FALSE, '')`,
			campaign.Micros(d.now.Add(-time.Minute)))
		d.makeDue(due{"letter", 1, d.now.Add(-time.Hour), time.Second, []string{"kape.example"}})
		d.relay()
		fs := d.fly()
		if len(fs) != 1 {
			t.Fatalf("%d mails", len(fs))
		}
		d.sched.Catalog.Workspace.Senders["news"] = d.sched.Catalog.Workspace.Senders["hello"]
		d.sched.Catalog.Workspace.Defaults.From = ""
		if c, ok := d.sched.Catalog.Campaign("letter"); ok {
			c.From = ""
		}
		d.answer(fs, func(flight) campaign.Result { return accepted })
		is(t, s, []string{"8 1"}, `SELECT pace, taken FROM throttles WHERE key = 'provider:default'`)
	})
}
