package store_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// accepted writes mails of a campaign to a customer as accepted at a moment.
func (d *desk) accepted(name, customer string, at time.Time, n int) {
	d.t.Helper()
	exec(d.t, d.Store, `INSERT INTO messages (enrollment_id, campaign_id, customer_id, step, topic, lane, state, created_at, reached_at, due_at, expires_at, done_at, email_hash)
		SELECT e.id, e.campaign_id, e.customer_id, $1 || i.n, 'offers', 'bulk', 'accepted', 0, 0, 0, 0, $2, c.email_hash
		FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id JOIN customers c ON c.id = e.customer_id,
			(WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < $5) SELECT n FROM i) i
		WHERE k.name = $3 AND c.external_id = $4`, fmt.Sprint("m", d.now.UnixMicro(), "-"), campaign.Micros(at), name, customer, n)
}

// complain says of the last mails of a campaign to a customer that they are spam.
func (d *desk) complain(name, customer string, n int) {
	d.t.Helper()
	for _, id := range table(d.t, d.Store, fmt.Sprintf(`SELECT m.id FROM messages m JOIN campaigns k ON k.id = m.campaign_id JOIN customers c ON c.id = m.customer_id
		WHERE k.name = '%s' AND c.external_id = '%s' AND m.state = 'accepted' ORDER BY m.done_at DESC, m.id DESC LIMIT %d`, name, customer, n)) {
		d.track(customer, "Email Complained", `{"message":`+id+`}`)
	}
}

// Campaigns that are each below the limit, or too small for one, are above it together
// at one mailbox provider: those that were complained of are paused, and a person is
// told of the transactional one. Elsewhere, and before somebody let them go on, does
// not count.
func TestBreakerByProvider(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var log bytes.Buffer
		receipt := "status: active\ntransactional: true\ntrigger: { event: { name: Go } }\nsteps: [ { send: one } ]\n"
		d := newDesk(t, s, map[string]string{"x": onGo(sendOne), "y": onGo(sendOne), "z": onGo(sendOne), "r": receipt})
		d.sched.Log = slog.New(slog.NewTextHandler(&log, nil))
		d.join("ana", "ben", "cai")
		for name, email := range map[string]string{"ana": "ana@yahoo.com", "ben": "ben@AOL.com", "cai": "cai@gmail.com"} {
			d.identify(name, `{"email":"`+email+`"}`)
			d.track(name, "Go", "")
		}
		d.tick(0)
		paused := func(want ...string) {
			t.Helper()
			d.now = d.now.Add(time.Minute)
			d.relay()
			pauses, err := s.Pauses(t.Context())
			if err != nil || len(pauses) != len(want) {
				t.Fatalf("paused: %+v, %v; want %v", pauses, err, want)
			}
			for _, name := range want {
				if _, ok := pauses[name]; !ok {
					t.Errorf("paused: %+v; want %v", pauses, want)
				}
			}
		}
		// 1,600 mails to Yahoo's mailboxes from two campaigns, of 900 and 700; one complaint.
		d.accepted("x", "ana", d.now, 900)
		d.accepted("y", "ben", d.now, 700)
		d.accepted("z", "cai", d.now, 5)
		d.complain("x", "ana", 1)
		paused()
		// Another one, at Gmail, is another's.
		d.complain("z", "cai", 1)
		paused()
		// A second: 2 of 1,600, of whichever campaigns they are. The third campaign is not at fault.
		d.complain("y", "ben", 1)
		paused("x", "y")
		if !strings.Contains(log.String(), "2 of 1600 mails to Yahoo in 7 days, from all campaigns, were called spam by those who got them: 0.12 %, and more than 0.1 % pauses those that were") {
			t.Errorf("log: %s", &log)
		}
		resume := func() {
			t.Helper()
			d.now = d.now.Add(time.Minute)
			for _, name := range []string{"x", "y"} {
				if _, err := s.Resume(t.Context(), name, "ann", d.now); err != nil {
					t.Fatal(err)
				}
			}
			paused()
		}
		resume()
		// As many complaints as at the last look, and others.
		d.now = d.now.Add(time.Minute)
		d.accepted("x", "ana", d.now, 900)
		d.accepted("y", "ben", d.now, 700)
		d.complain("x", "ana", 1)
		d.complain("y", "ben", 1)
		paused("x", "y")
		resume()
		// 2 of 2,000 are not more than 0.1 %; the third is.
		d.now = d.now.Add(time.Minute)
		d.accepted("x", "ana", d.now, 1500)
		d.accepted("r", "ana", d.now, 500)
		d.complain("r", "ana", 2)
		paused()
		d.complain("x", "ana", 1)
		paused("x")
		if n := strings.Count(log.String(), "a transactional campaign hurts your sending"); n != 1 {
			t.Errorf("told %d times: %s", n, &log)
		}
		// A week later nothing of it counts.
		if _, err := s.Resume(t.Context(), "x", "ann", d.now); err != nil {
			t.Fatal(err)
		}
		d.now = d.now.Add(8 * 24 * time.Hour)
		paused()
	})
}

// What a campaign has sent that no longer runs is mail to the provider too, unless it
// was complained of: then its mails count as little as its complaints.
func TestBreakerByProviderCountsAll(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo(sendOne), "y": onGo(sendOne), "z": onGo(sendOne)})
		d.join("ana")
		d.identify("ana", `{"email":"ana@yahoo.com"}`)
		d.track("ana", "Go", "")
		d.tick(0)
		for name, n := range map[string]int{"x": 900, "y": 700, "z": 500} {
			d.accepted(name, "ana", d.now, n)
		}
		if _, err := s.Pause(t.Context(), "z", "a holiday", "ann", d.now); err != nil {
			t.Fatal(err)
		}
		paused := func(want int) {
			t.Helper()
			d.now = d.now.Add(time.Minute)
			d.relay()
			if pauses, err := s.Pauses(t.Context()); err != nil || len(pauses) != want {
				t.Errorf("paused: %+v, %v; want %d", pauses, err, want)
			}
		}
		d.complain("x", "ana", 1)
		d.complain("y", "ana", 1)
		paused(1) // 2 of 2,100
		d.complain("z", "ana", 1)
		d.now = d.now.Add(time.Hour)
		paused(3) // 2 of 1,600
	})
}
