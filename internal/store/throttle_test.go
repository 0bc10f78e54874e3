package store_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/worker"
)

// never is a wait that takes a message out of a test.
const never = 1000 * time.Hour

var (
	accepted = campaign.Result{Verdict: campaign.WasAccepted, Reply: campaign.Reply{Code: 250, Enhanced: "2.0.0", Text: "ok"}}
	tooMuch  = campaign.Result{Verdict: campaign.WasRetry, Reason: "throttled", Slow: campaign.SlowDomain, RetryIn: never,
		Reply: campaign.Reply{Code: 421, Enhanced: "4.7.28", Text: "Our system has detected an unusual rate of mail to ana@gmail.com."}}
	refused = campaign.Result{Verdict: campaign.WasRelease, Reason: "refused_sender", Slow: campaign.SlowStop, RetryIn: time.Minute,
		Reply: campaign.Reply{Code: 535, Enhanced: "5.7.8", Text: "Authentication credentials invalid for ana@kape.example"}}
)

// flight is a message that a worker has claimed.
type flight struct {
	id   int64
	mail string
}

// fly lets a worker claim what is queued, past the last look.
func (d *desk) fly() (out []flight) {
	d.t.Helper()
	rows, err := store.RawDB(d.Store).Query(`SELECT m.id, c.email FROM messages m JOIN customers c ON c.id = m.customer_id WHERE m.state = 'queued' ORDER BY m.id`)
	if err != nil {
		d.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var f flight
		if err := rows.Scan(&f.id, &f.mail); err != nil {
			d.t.Fatal(err)
		}
		out = append(out, f)
	}
	if err := rows.Err(); err != nil {
		d.t.Fatal(err)
	}
	exec(d.t, d.Store, `UPDATE messages SET state = 'claimed', token = 7, attempt = attempt + 1, lease_until = $1 WHERE state = 'queued'`,
		campaign.Micros(d.now.Add(worker.Lease)))
	return out
}

// answer commits what the server says to all of them, together.
func (d *desk) answer(fs []flight, says func(flight) campaign.Result) {
	d.t.Helper()
	var b worker.Batch
	for _, f := range fs {
		r := says(f)
		r.ID, r.Token = f.id, 7
		b.Results = append(b.Results, r)
	}
	d.commit(b)
}

// serve relays and has everything answered until nothing goes any more at this
// moment. It returns how many went to the domain, and when the next may.
func (d *desk) serve(domain string, says func(flight) campaign.Result) (n int, next time.Time) {
	d.t.Helper()
	for {
		out, err := d.Relay(d.t.Context(), d.now, d.sched.Relay)
		if err != nil {
			d.t.Fatal(err)
		}
		fs := d.fly()
		if len(fs) == 0 {
			return n, out.Next
		}
		for _, f := range fs {
			if campaign.AddressDomain(f.mail) == domain {
				n++
			}
		}
		d.answer(fs, says)
	}
}

// A domain that asks for less has rest, then gets one mail, then twice as many
// each ten seconds, and above half of what was too much one more. All others go on.
func TestDomainSlowsDown(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newRated(t, s, campaign.Provider{})
		d.sched.Relay.MaxQueued = 30
		d.makeDue(due{"letter", 300, d.now.Add(-time.Hour), time.Second, []string{"gmail.com", "kape.example"}})
		begin := d.now
		patience := map[int]bool{0: true, 60: true, 220: true} // when gmail.com has had enough
		says := func(f flight) campaign.Result {
			if strings.HasSuffix(f.mail, "@gmail.com") && patience[int(d.now.Sub(begin).Seconds())] {
				return tooMuch
			}
			return accepted
		}
		var got []string
		for d.now.Sub(begin) < 330*time.Second {
			n, next := d.serve("gmail.com", says)
			got = append(got, fmt.Sprintf("%s %d", d.now.Sub(begin), n))
			if !next.After(d.now) {
				t.Fatalf("after %s: next at %s", d.now.Sub(begin), next)
			}
			d.now = next
		}
		want := []string{"0s 15", "1m0s 1", "3m0s 2", "3m10s 4", "3m20s 8", "3m30s 16", "3m40s 16", "4m40s 2", "4m50s 4", "5m0s 8", "5m10s 9", "5m20s 10"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("mails to gmail.com (-want +got):\n%s", diff)
		}
		is(t, s, []string{"150"}, `SELECT count(*) FROM messages m JOIN customers c ON c.id = m.customer_id WHERE c.email LIKE '%@kape.example' AND m.state = 'accepted' AND m.done_at = $1`, campaign.Micros(begin))
		is(t, s, []string{"domain:gmail.com 0 10 8 false"}, `SELECT key, step, pace, half, CASE WHEN stopped THEN 'true' ELSE 'false' END FROM throttles`)
		// The text of the server is kept, an address in it is not.
		for _, reason := range table(t, s, `SELECT reason FROM throttles`) {
			if !strings.Contains(reason, "421 4.7.28 Our system") || strings.Contains(reason, "@") {
				t.Errorf("reason %q", reason)
			}
		}
	})
}

// What was let out before a domain has asked for less goes back at the claim, at no
// cost, and so does all mail when the provider asks.
func TestThrottledSinceGoesBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		slow campaign.Slow
		want []string // who is still claimed
	}{{campaign.SlowDomain, []string{"cyd", "dan"}}, {campaign.SlowProvider, nil}, {campaign.SlowStop, nil}} {
		t.Run(string(c.slow), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := newDesk(t, s, map[string]string{
					"x": onGo("steps: [ { send: one } ]"),
					"z": "status: active\ntransactional: true\ntrigger: { event: { name: Pay } }\nsteps: [ { send: four } ]\n",
				})
				d.limit(campaign.Provider{Rate: campaign.Pace{Max: 100, Per: time.Hour}})
				for _, c := range []struct{ name, mail, event string }{
					{"ana", "ana@gmail.com", "Go"}, {"ben", "ben@Gmail.com", "Go"}, {"cyd", "cyd@kape.example", "Go"}, {"dan", "dan@gmail.com", "Pay"},
				} {
					call(t, s, d.now, "identify", fmt.Sprintf(`{"userId":%q,"traits":{"email":%q}}`, c.name, c.mail))
					d.track(c.name, "Subscribed", "")
					d.track(c.name, c.event, "")
					d.tick(time.Second)
				}
				d.sched.Relay.SliceSize = 1
				d.relay()
				// ana's is answered while the others are in the queue.
				slice := d.queue.slices[1]
				d.queue.slices = append(d.queue.slices[:1], d.queue.slices[2:]...)
				out, err := s.Claim(t.Context(), slice.ID, 10, d.now)
				if err != nil || len(out) != 1 || out[0].Customer.ExternalID != "ana" {
					t.Fatal(out, err)
				}
				r := tooMuch
				d.result(out[0], r.Verdict, func(r *campaign.Result) { r.Slow, r.RetryIn = c.slow, never })
				var got []string
				for _, o := range d.claim() {
					got = append(got, o.Customer.ExternalID)
				}
				if len(got) == 2 && got[0] > got[1] {
					got[0], got[1] = got[1], got[0]
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("claimed (-want +got):\n%s", diff)
				}
				is(t, s, []string{"0"}, `SELECT max(attempt) FROM messages WHERE state = 'pending' AND customer_id IN (SELECT id FROM customers WHERE external_id <> 'ana')`)
				is(t, s, []string{fmt.Sprint(1 + len(c.want))}, `SELECT n FROM spent WHERE key = 'provider:default'`)
			})
		})
	}
}

// Who refuses us is tried with one mail every five minutes, transactional mail
// first; the log says so once, and when it is over.
func TestProviderRefusesUs(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newRated(t, s, campaign.Provider{})
		var log bytes.Buffer
		d.sched.Log = slog.New(slog.NewTextHandler(&log, nil))
		d.sched.Relay.MaxQueued = 10
		d.makeDue(due{"letter", 60, d.now.Add(-time.Hour), time.Second, []string{"gmail.com", "kape.example"}})
		begin := d.now
		back := begin.Add(14 * time.Minute)
		var got []string
		for left := true; left; {
			d.relay()
			n := 0
			for fs := d.fly(); len(fs) > 0; fs = d.fly() {
				n += len(fs)
				d.answer(fs, func(flight) campaign.Result {
					if d.now.Before(back) {
						return refused
					}
					return accepted
				})
				d.relay()
			}
			if n > 0 {
				got = append(got, fmt.Sprintf("%s %d", d.now.Sub(begin), n))
			}
			if d.now.Equal(begin) {
				blocks, err := s.Blocks(t.Context(), d.now)
				if err != nil || len(blocks) != 1 || blocks[0].Gate != campaign.GateStopped || !blocks[0].Until.Equal(begin.Add(5*time.Minute)) {
					t.Errorf("blocks %+v, %v", blocks, err)
				}
				if n := d.waiting(campaign.GateStopped, "default"); n != 50 {
					t.Errorf("%d wait for it", n)
				}
				d.makeDue(due{"bill", 1, d.now.Add(2 * time.Minute), time.Second, []string{"kape.example"}})
			}
			d.now = d.now.Add(30 * time.Second)
			left = count(d, "state IN ('pending', 'queued')") != "0"
		}
		if diff := cmp.Diff([]string{"0s 10", "5m0s 1", "10m0s 1", "15m0s 61"}, got); diff != "" {
			t.Errorf("mails (-want +got):\n%s", diff)
		}
		is(t, s, nil, `SELECT key FROM throttles`)
		is(t, s, []string{"accepted 1 61"}, `SELECT state, max(attempt), count(*) FROM messages GROUP BY state`)
		text := log.String()
		if strings.Count(text, "level=ERROR") != 1 || strings.Count(text, "535 5.7.8 Authentication") != 1 || strings.Contains(text, "ana@") || strings.Count(text, "mail goes out as before") != 1 {
			t.Errorf("log:\n%s", text)
		}
	})
}

// waiting counts the mails that wait at a gate.
func (d *desk) waiting(gate, by string) (n int) {
	d.t.Helper()
	counts, _, err := d.OpenMessages(d.t.Context(), store.OpenQuestion{}, d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, c := range counts {
		if c.Reason == gate && c.By == by {
			n += c.Count
		}
	}
	return n
}

// Requests that workers store at the same time are one request.
func TestSlowedByManyAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newRated(t, s, campaign.Provider{})
		d.makeDue(due{"letter", 16, d.now.Add(-time.Hour), time.Second, []string{"gmail.com", "yahoo.example"}})
		if _, err := s.Relay(t.Context(), d.now, d.sched.Relay); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i, f := range d.fly() {
			wg.Go(func() {
				r := tooMuch
				r.ID, r.Token = f.id, 7
				// Each hears it a little later than the one before.
				if _, err := s.Commit(t.Context(), worker.Batch{Results: []campaign.Result{r}}, d.now.Add(time.Duration(i)*time.Second)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		is(t, s, []string{"domain:gmail.com 1 1", "domain:yahoo.example 1 1"}, `SELECT key, step, pace FROM throttles ORDER BY key`)
		is(t, s, []string{"pending 16"}, `SELECT state, count(*) FROM messages GROUP BY state`)
	})
}

// What the queue does not take, or loses, is let out once more within the rate.
func TestLostByTheQueueDoesNotCount(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")}, 9)
		d.limit(campaign.Provider{Rate: campaign.Pace{Max: 4, Per: time.Hour}})
		d.sched.Relay.SliceSize = 1
		d.queue.most = 1
		if n, err := d.sched.RelayDue(t.Context(), d.now); err == nil || n != 1 {
			t.Errorf("%d slices, %v", n, err)
		}
		d.queue.most = 0
		if n := d.relay(); n != 3 {
			t.Errorf("%d slices, want those that the queue did not take", n)
		}
		d.claim()
		d.now = d.now.Add(time.Hour)
		d.relay()
		d.queue.epoch, d.queue.slices = "second", nil
		if n := d.relay(); n != 4 {
			t.Errorf("%d slices, want those that the queue lost", n)
		}
		if n := d.relay(); n != 0 {
			t.Errorf("%d slices above the rate", n)
		}
	})
}

// What is turned away at its last look, or comes back unsent, does not count.
func TestUnsentDoesNotCount(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{"x": onGo("audience: { not: { attribute: gone, exists: true } }", "steps: [ { send: one } ]")}, 7)
		d.limit(campaign.Provider{Rate: campaign.Pace{Max: 4, Per: time.Hour}, Daily: 5, Domains: map[string]campaign.Pace{"kape.example": {Max: 4, Per: time.Hour}}})
		d.rate("x", campaign.Pace{Max: 4, Per: time.Hour})
		d.identify(table(t, s, `SELECT c.external_id FROM messages m JOIN customers c ON c.id = m.customer_id ORDER BY m.due_at, m.id LIMIT 1`)[0], `{"gone":1}`)
		for _, want := range []int{3, 1, 1, 0} {
			d.relay()
			out := d.claim()
			if len(out) != want {
				t.Fatalf("%d claimed, want %d", len(out), want)
			}
			if want == 3 {
				// The server is not reached for one of them.
				d.result(out[0], campaign.WasRelease, func(r *campaign.Result) { r.Reason, r.RetryIn = "connection", never })
				is(t, s, []string{"campaign 2", "daily 2", "domain 2", "provider 2"},
					`SELECT substr(key, 1, CASE substr(key, 1, 1) WHEN 'c' THEN 8 WHEN 'p' THEN 8 WHEN 'd' THEN CASE substr(key, 2, 1) WHEN 'o' THEN 6 ELSE 5 END END), n FROM spent ORDER BY 1`)
				out = out[1:]
			}
			d.sched.Relay.MaxQueued = 1
			d.send(out...)
		}
	})
}
