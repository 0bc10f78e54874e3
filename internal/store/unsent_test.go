package store_test

import (
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// What no worker came to, or had claimed when it died, when its campaign was paused or
// its process began anew, uses up nothing of a day's quota.
func TestTakenBackDoesNotCount(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]func(d *desk){
		"not taken up": func(d *desk) { d.now = d.now.Add(6 * time.Minute) },
		"lease ran out": func(d *desk) {
			d.claim()
			d.now = d.now.Add(6 * time.Minute)
		},
		"paused": func(d *desk) {
			if _, err := d.Pause(d.t.Context(), "x", "", "test", d.now); err != nil {
				d.t.Fatal(err)
			}
			if _, err := d.Resume(d.t.Context(), "x", "test", d.now); err != nil {
				d.t.Fatal(err)
			}
		},
		"taken over": func(d *desk) {
			d.claim()
			if err := d.TakeOver(d.t.Context(), d.now); err != nil {
				d.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := pending(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")}, 5)
				d.limit(campaign.Provider{Daily: 5})
				for range 3 {
					d.relay()
					back(d)
				}
				d.relay()
				is(t, s, []string{"5"}, `SELECT count(*) FROM messages WHERE state = 'queued'`)
				is(t, s, []string{"5"}, `SELECT n FROM spent`)
			})
		})
	}
}
