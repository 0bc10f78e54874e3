package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// A report holds to its moment: what came later is not in it.
func TestReportAsOf(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one }, { send: two } ]")})
		d.join("ana", "ben")
		d.identify("cleo", `{"email":"cleo@kape.example"}`) // no consent
		var moments []time.Time
		mark := func() {
			moments = append(moments, d.now)
			d.now = d.now.Add(time.Second)
		}
		mark() // nothing yet
		for _, name := range []string{"ana", "ben", "cleo"} {
			d.track(name, "Go", "")
		}
		out := d.work(0)
		if len(out) != 2 {
			t.Fatalf("%d claimed", len(out))
		}
		mark() // two on their way
		d.send(out[0])
		d.handoff(out[1])
		d.result(out[1], campaign.WasUncertain)
		mark() // one sent, one uncertain
		d.now = d.now.Add(time.Minute)
		hit := campaign.Hit{At: d.now, UserAgent: person}
		machine := campaign.Hit{At: d.now, UserAgent: "curl/8.5.0"}
		if err := s.Opened(t.Context(), out[0].ID, machine); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{s.Opened(t.Context(), out[0].ID, hit), s.Clicked(t.Context(), out[0].ID, 5, hit), s.Unsubscribe(t.Context(), out[0].ID, false, hit)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		mark() // opened and left
		figures := func(at time.Time) string {
			t.Helper()
			r, err := s.Report(t.Context(), "x", at)
			if err != nil {
				t.Fatal(err)
			}
			c := r.Campaigns[0]
			one := c.Steps[0]
			if c.Sent != one.Sent || c.Opened != one.Opened || c.Uncertain != one.Uncertain {
				t.Errorf("the steps differ from their campaign: %+v", c)
			}
			return fmt.Sprintf("entered %d held %t sent %d uncertain %d waiting %d opened %d+%d clicked %d+%d left %d",
				c.Entered, c.HeldBy[campaign.HeldNoConsent] > 0, c.Sent, c.Uncertain, c.Waiting, c.Opened, c.MachineOpened, c.Clicked, c.MachineClicked, c.Unsubscribed)
		}
		want := []string{
			"entered 0 held false sent 0 uncertain 0 waiting 0 opened 0+0 clicked 0+0 left 0",
			"entered 2 held true sent 0 uncertain 0 waiting 2 opened 0+0 clicked 0+0 left 0",
			"entered 2 held true sent 1 uncertain 1 waiting 0 opened 0+0 clicked 0+0 left 0",
			"entered 2 held true sent 1 uncertain 1 waiting 0 opened 1+1 clicked 1+0 left 1",
		}
		var got []string
		for _, at := range moments {
			got = append(got, figures(at))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
