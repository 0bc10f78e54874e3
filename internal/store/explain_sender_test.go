package store_test

import (
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// An explanation names the sender that is refused, and the domain that asked for less
// however the address writes it.
func TestExplainRefusedSender(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo("from: hello", "steps: [ { send: one } ]")},
			"senders: { hello: { from: hello@kape.example }, news: { from: news@kape.example } }")
		d.join("ada")
		d.identify("ada", `{"email":"ada@Bücher.example"}`)
		d.track("ada", "Go", "")
		d.tick(0)
		explain := func() campaign.Explanation {
			t.Helper()
			var out campaign.Explanation
			err := s.Rehearse(t.Context(), d.sched.Catalog, func(in *store.Store) error {
				found, err := in.FindCustomers(t.Context(), "ada")
				if err == nil {
					out, err = in.Explain(t.Context(), d.sched.Catalog.Campaigns[0], found[0], d.now, nil, true)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		for _, c := range []struct{ key, stopped, gate, says string }{
			{"sender:hello", "TRUE", campaign.GateSender, "mail one is due; the mail server refuses the sender hello: 553 no; may go "},
			{"domain:xn--bcher-kva.example", "FALSE", campaign.GateSlowed, "mail one is due; xn--bcher-kva.example asked for less mail: 553 no; may go "},
		} {
			exec(t, s, `DELETE FROM throttles`)
			exec(t, s, `INSERT INTO throttles (key, since, at, until, step, pace, half, taken, stopped, reason) VALUES ($1, $2, $2, $3, 1, 1, 0, 0, `+c.stopped+`, '553 no')`,
				c.key, campaign.Micros(d.now), campaign.Micros(d.now.Add(time.Minute)))
			x := explain()
			last := x.Checks[len(x.Checks)-1]
			if x.Blocker != c.gate || last.Check != c.gate || last.OK || !strings.HasPrefix(last.Detail, c.says) {
				t.Errorf("%s: blocked by %q, %+v", c.key, x.Blocker, last)
			}
		}
	})
}
