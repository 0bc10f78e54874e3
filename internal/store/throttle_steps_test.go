package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/worker"
)

// twoSenders writes its first step under hello, its second under news.
const twoSenders = "steps: [ { send: one }, { send: two, from: news } ]"

const helloAndNews = "senders: { hello: { from: hello@kape.example }, news: { from: news@kape.example } }"

// serveSteps relays, and has everything answered, until nothing goes any more at this
// moment. Mail of the first step is refused until a moment.
func (d *desk) serveSteps(until time.Time) string {
	d.t.Helper()
	tried := map[string]int{}
	for {
		d.relay()
		fs := d.fly()
		if len(fs) == 0 {
			return fmt.Sprint(tried["one"], tried["two"])
		}
		var b worker.Batch
		for _, f := range fs {
			r, step := accepted, d.column(f.id, "step")
			if step == "one" && d.now.Before(until) {
				r = unwelcome
			}
			tried[step]++
			r.ID, r.Token = f.id, 7
			b.Results = append(b.Results, r)
		}
		d.commit(b)
	}
}

// Of a campaign with two senders only the mail of the refused one waits, whatever stands
// before the other's; it is the one that is tried, and so is let go once it is taken.
func TestSenderOfAStepRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"letter": "status: active\ntopic: news\ntrigger: { event: { name: Never } }\n" + twoSenders + "\n"}, helloAndNews)
		d.sched.Relay.MaxQueued = 30
		steps := func(n int, step string) {
			d.makeDue(due{"letter", n, d.now.Add(-time.Hour), time.Second, []string{"gmail.com", "kape.example"}})
			exec(t, s, `UPDATE messages SET step = $1 WHERE step = 'made'`, step)
		}
		steps(40, "one")
		steps(20, "two")
		begin := d.now
		var got []string
		for ; d.now.Sub(begin) <= 16*time.Minute; d.now = d.now.Add(30 * time.Second) {
			if d.now.Sub(begin) == 2*time.Minute {
				steps(10, "two")
			}
			if n := d.serveSteps(begin.Add(12 * time.Minute)); n != "0 0" {
				got = append(got, fmt.Sprintf("%s: %s", d.now.Sub(begin), n))
			}
			if d.now.Equal(begin) {
				_, rows, err := s.OpenMessages(t.Context(), store.OpenQuestion{Limit: 100}, d.now)
				if err != nil || len(rows) != 40 {
					t.Fatalf("%d rows, %v", len(rows), err)
				}
				if r := rows[39]; r.Reason != campaign.GateSender || r.By != "hello" || !r.Next.Equal(begin.Add(5*time.Minute)) {
					t.Errorf("the last one: %+v", r)
				}
			}
			if d.now.Sub(begin) == 2*time.Minute {
				is(t, s, nil, `SELECT n FROM spent WHERE key = 'sender:hello' AND n > 0`)
			}
		}
		want := []string{"0s: 15 20", "2m0s: 0 10", "5m0s: 1 0", "10m0s: 1 0", "15m0s: 40 0"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("one, two (-want +got):\n%s", diff)
		}
		is(t, s, nil, `SELECT key FROM throttles`)
		is(t, s, []string{"accepted 70"}, `SELECT state, count(*) FROM messages GROUP BY state`)
	})
}

// A step that is given another sender, while its own is refused, goes on at once.
func TestRefusedStepGetsAnotherSender(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		letter := "status: active\ntopic: news\ntrigger: { event: { name: Never } }\nsteps: [ { send: one%s }, { send: two, from: news }, { send: three } ]\n"
		d := newDesk(t, s, map[string]string{"letter": fmt.Sprintf(letter, "")}, helloAndNews)
		d.makeDue(due{"letter", 20, d.now.Add(-time.Hour), time.Second, []string{"kape.example"}})
		exec(t, s, `UPDATE messages SET step = CASE id % 2 WHEN 0 THEN 'one' ELSE 'three' END`)
		exec(t, s, `INSERT INTO throttles (key, since, at, until, step, pace, half, taken, stopped, reason) VALUES ('sender:hello', $1, $1, $2, 1, 1, 0, 0, TRUE, '')`,
			campaign.Micros(d.now), campaign.Micros(d.now.Add(time.Minute)))
		if got := d.serveSteps(d.now); got != "0 0" {
			t.Errorf("one, two: %s under a sender that is refused", got)
		}
		is(t, s, []string{"step:one 10", "step:three 10"}, `SELECT domain, count(*) FROM messages GROUP BY domain ORDER BY domain`)
		d.load(map[string]string{"letter": fmt.Sprintf(letter, ", from: news")})
		if got := d.serveSteps(d.now); got != "10 0" {
			t.Errorf("one, two: %s under another", got)
		}
		is(t, s, []string{"three 10"}, `SELECT step, count(*) FROM messages WHERE state = 'pending' GROUP BY step`)
	})
}

// What is in the queue when a sender is refused goes back if it is under that one.
func TestRecallIsOfTheStepsSender(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo(twoSenders)}, helloAndNews)
		d.join("ada", "bob")
		d.track("ada", "Go", "")
		d.send(d.work(time.Minute)...)
		d.track("bob", "Go", "")
		d.tick(time.Minute)
		d.relay()
		is(t, s, []string{"one queued", "two queued"}, `SELECT step, state FROM messages WHERE state <> 'accepted' ORDER BY step`)
		exec(t, s, `INSERT INTO throttles (key, since, at, until, step, pace, half, taken, stopped, reason) VALUES ('sender:hello', $1, $1, $2, 1, 1, 0, 0, TRUE, '')`,
			campaign.Micros(d.now.Add(time.Second)), campaign.Micros(d.now.Add(time.Minute)))
		var got []string
		for _, o := range d.claim() {
			got = append(got, o.Step)
		}
		if !slices.Equal(got, []string{"two"}) {
			t.Errorf("claimed %q", got)
		}
		is(t, s, []string{"one pending", "two claimed"}, `SELECT step, state FROM messages WHERE state <> 'accepted' ORDER BY step`)
	})
}
