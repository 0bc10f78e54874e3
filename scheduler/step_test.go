package scheduler_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
)

func TestSendAndWait(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"x": on(onGo, "expires: 5d", "steps: [ { send: one, expires: 2h }, { wait: 30d }, { send: two, topic: news } ]")})
		w.join("ana")
		w.now = w.now.Add(time.Minute)
		w.track("ana", "Go", "")
		if got := w.tick(time.Minute)["x"]; got.Entered != 1 || len(got.Held) != 0 {
			t.Errorf("%+v", got)
		}
		w.messages("ana one pending")
		w.same([]string{"offers bulk 7200000000 0"}, w.rows(`SELECT topic, lane, expires_at - created_at, created_at - due_at FROM messages`))
		w.tick(30 * time.Minute) // nothing goes on before the mail is out
		w.passes("ana running one")
		w.send()
		sent := w.now
		w.tick(time.Minute)
		w.passes("ana running wait-1")
		if got := w.wakes("ana"); !got.Equal(sent.AddDate(0, 0, 30)) {
			t.Errorf("wakes %s", got)
		}
		w.tick(30*24*time.Hour - time.Minute)
		w.messages("ana one accepted", "ana two pending")
		w.same([]string{"news 432000000000"}, w.rows(`SELECT topic, expires_at - created_at FROM messages WHERE step = 'two'`))
		w.send()
		w.tick(0)
		w.passes("ana finished")
	})
}

// A time of day is the campaign's zone's: here each customer's own.
func TestWaitUntil(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"x": on(onGo, "steps: [ { wait: { until: 09:00 } }, { wait: { until: tue 10:00 } }, { send: one } ]")})
		w.join("ana", "ben")
		w.identify("ben", `{"timezone":null}`) // then the workspace's
		w.now = w.now.Add(time.Minute)
		w.track("ana", "Go", "")
		w.track("ben", "Go", "")
		w.tick(0)
		for name, want := range map[string]time.Time{
			"ana": time.Date(2026, 3, 3, 7, 0, 0, 0, time.UTC), // Athens is two hours ahead
			"ben": time.Date(2026, 3, 3, 1, 0, 0, 0, time.UTC), // Manila is eight
		} {
			if got := w.wakes(name); !got.Equal(want) {
				t.Errorf("%s wakes %s, want %s", name, got, want)
			}
		}
		w.tick(w.wakes("ana").Sub(w.now) - time.Microsecond)
		w.passes("ana running wait-1", "ben running one")
		w.tick(time.Microsecond)
		if got := w.wakes("ana"); !got.Equal(time.Date(2026, 3, 3, 8, 0, 0, 0, time.UTC)) {
			t.Errorf("ana wakes %s", got)
		}
	})
}

func TestWaitFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"x": on(onGo, `steps:
  - { wait: { for: { event: Seen, since: entry }, at_most: 2d }, id: look, when: { attribute: patient, is: true } }
  - { wait: 1h, id: pause }
  - { send: one }`)})
		w.join("ana", "ben", "cleo", "dan")
		for _, name := range []string{"ana", "ben", "dan"} {
			w.identify(name, `{"patient":true}`)
		}
		w.now = w.now.Add(time.Minute)
		begun := w.now
		for _, name := range []string{"ana", "ben", "cleo", "dan"} {
			w.track(name, "Go", "")
		}
		w.tick(0)
		w.passes("ana running look", "ben running look", "cleo running pause", "dan running look") // cleo has no patience
		if got := w.wakes("ben"); !got.Equal(begun.Add(48 * time.Hour)) {
			t.Errorf("patience ends %s", got)
		}
		// When is a question on arrival, whatever else happens during the wait.
		w.identify("dan", `{"patient":false}`)
		w.now = w.now.Add(time.Hour)
		w.track("ana", "Seen", "")
		w.track("dan", "Other", "")
		w.tick(time.Minute)
		w.passes("ana running pause", "ben running look", "cleo running one", "dan running look")
		// She went on when she had seen it, not when the tick came to know.
		if got := w.wakes("ana"); !got.Equal(w.now.Add(time.Hour - time.Minute)) {
			t.Errorf("ana goes on at %s", got)
		}
		w.track("dan", "Seen", "")
		w.tick(46 * time.Hour)
		w.passes("ana running one", "ben running look", "cleo running one", "dan running one")
		w.tick(begun.Add(48*time.Hour + 30*time.Minute).Sub(w.now))
		w.passes("ana running one", "ben running pause", "cleo running one", "dan running one")
		if got := w.wakes("ben"); !got.Equal(begun.Add(49 * time.Hour)) {
			t.Errorf("ben's pause began with the end of his patience, it ends %s", got)
		}
	})
}

func TestBranchAndExit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, map[string]string{"x": on(onGo, `steps:
  - branch:
      - { name: gold, when: { attribute: tier, is: gold }, steps: [ { exit: enough } ] }
      - { name: rich, when: { trigger: total, at_least: 100 }, steps: [ { send: one } ] }
      - { name: known, when: { attribute: tier, exists: true }, steps: [] }
      - { name: rest, steps: [ { exit: no-tier, when: { attribute: country, is: MY } }, { wait: 1d } ] }
    id: who
  - { branch: [ { name: none, when: { attribute: tier, is: iron }, steps: [ { exit: never } ] } ], id: nobody, when: { attribute: tier, exists: true } }
  - { send: two }`)})
		w.join("gold", "rich", "silver", "rest", "malay")
		w.identify("gold", `{"tier":"gold"}`)
		w.identify("rich", `{"country":"MY"}`)
		w.identify("silver", `{"tier":"silver"}`)
		w.identify("malay", `{"country":"MY"}`)
		w.now = w.now.Add(time.Minute)
		for _, name := range []string{"gold", "rich", "silver", "rest", "malay"} {
			w.track(name, "Go", map[bool]string{true: `{"total":150}`, false: `{"total":20}`}[name == "rich" || name == "gold"])
		}
		w.tick(time.Minute)
		w.passes("gold exited enough", "rich running one", "silver running two", "rest running wait-1", "malay exited no-tier")
		w.send()
		w.tick(time.Minute)
		w.passes("gold exited enough", "rich running two", "silver finished", "rest running wait-1", "malay exited no-tier")
		w.same([]string{"gold enough 0", "malay no-tier 0"}, w.rows(`SELECT c.external_id, e.reason, e.ended_at - e.entered_at
			FROM enrollments e JOIN customers c ON c.id = e.customer_id WHERE e.state = 'exited' ORDER BY c.id`))
	})
}

// A share is a draw of the pass: stable, and near its size.
func TestBranchByShare(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		const arms = `steps:
  - branch:
      - { name: a, share: 50%, steps: [ { exit: a } ] }
      - { name: b, share: 30%, steps: [ { exit: b } ] }
      - { name: c, steps: [ { exit: c } ] }
    id: split`
		w := newWorld(t, d, map[string]string{"x": on(onGo, arms)})
		w.now = w.now.Add(time.Minute)
		for i := range 100 {
			name := fmt.Sprintf("c%02d", i)
			w.join(name)
			w.track(name, "Go", "")
		}
		w.tick(time.Minute)
		split, _ := w.sched.Catalog.Campaign("x")
		counts := map[string]int{}
		for _, row := range w.rows(`SELECT c.external_id || e.key, e.reason FROM enrollments e JOIN customers c ON c.id = e.customer_id`) {
			lot, arm, _ := strings.Cut(row, " ")
			counts[arm]++
			want := "c"
			if i := campaign.PickArm(split.Steps[0].Branch, "x", "split", lot); i >= 0 {
				want = split.Steps[0].Branch[i].Name
			}
			if arm != want {
				t.Errorf("%s is in arm %s, want %s", lot, arm, want)
			}
		}
		if counts["a"] < 35 || counts["a"] > 65 || counts["b"] < 16 || counts["b"] > 44 || counts["c"] < 8 || counts["c"] > 34 {
			t.Errorf("arms %v", counts)
		}
	})
}
