package scheduler_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"tidings/scheduler"
)

// lawful is a campaign whose every step is decided by time, facts and draws.
const lawful = `re_entry: 30m
holdout: 20%
exit_on: [ { event: Done, since: anchor } ]
steps:
  - { wait: 2h }
  - branch:
      - { name: seen, when: { event: Seen, since: entry }, steps: [ { wait: 45m }, { exit: seen } ] }
      - { name: gold, when: { attribute: tier, is: gold }, steps: [ { wait: { until: 12:00 } } ] }
      - { name: half, share: 50%, steps: [ { wait: 3h, id: long, when: { event: Other, since: anchor } } ] }
    id: split
  - { wait: 30m }
`

// waiting is a campaign of waits for conditions, which end when the condition
// came true.
const waiting = `re_entry: 30m
exit_on: [ { attribute: tier, is: lost }, { campaign: z, is: running } ]
steps:
  - { wait: { for: { event: Seen, since: entry }, at_most: 90m }, id: seen }
  - { wait: { for: { attribute: tier, is: gold }, at_most: 2h }, id: gold }
  - { wait: { for: { event: Other, count: { at_least: 2 }, since: anchor }, at_most: 3h }, id: twice }
  - { wait: { for: { not: { event: Seen, within: 50m } }, at_most: 1d }, id: quiet }
  - { wait: { for: { any: [ { campaign: y, is: running }, { campaign: y, is: entered, within: 20m } ] }, at_most: 4h }, id: beside }
  - { wait: { for: { not: { campaign: y, is: running } }, at_most: 4h }, id: alone }
  - { wait: 10m }
`

const law = `SELECT k.name, c.external_id, e.key, e.state, e.reason, e.entered_at, e.ended_at, e.wake_at,
	CASE WHEN e.state = 'running' THEN e.step END FROM enrollments e JOIN customers c ON c.id = e.customer_id
	JOIN campaigns k ON k.id = e.campaign_id ORDER BY k.name, e.key`

// One tick that catches up decides what all the ticks that it missed would have
// decided: who entered, when, where they stand, how and when they ended.
func TestCoarseEqualsFine(t *testing.T) {
	t.Parallel()
	const goes = "event: { name: Go, after: 20m }"
	for name, campaigns := range map[string]map[string]string{
		"time and facts": {"x": on(goes, lawful)},
		// y and z are asked for by x, whose name would come before theirs.
		"waits": {"x": on(goes, waiting), "y": on("event: { name: Other, after: 7m }", "overlap: both", "steps: [ { wait: 45m } ]"),
			"z": on("event: { name: Done }", "steps: [ { wait: 5m } ]")},
		"newest":  {"x": on(goes, "overlap: newest", "steps: [ { wait: 15m }, { exit: seen, when: { event: Seen, since: entry } }, { wait: 20m } ]")},
		"first":   {"x": on(goes, "overlap: first", "steps: [ { wait: 15m }, { exit: seen, when: { event: Seen, since: entry } }, { wait: 20m } ]")},
		"segment": {"x": on("segment: { entered: busy, after: 3m }", "re_entry: always", "overlap: newest", "steps: [ { wait: 30m }, { wait: 1h } ]")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, d database) {
				passes := 0
				for seed := range uint64(3) {
					passes += coarseEqualsFine(t, d, campaigns, seed)
				}
				t.Logf("%d passes", passes)
				if passes < 30 {
					t.Errorf("only %d passes", passes)
				}
			})
		})
	}
}

// coarseEqualsFine plays one random history to two stores, one of which ticks at
// each event and the other now and then. It returns how many passes there were.
func coarseEqualsFine(t *testing.T, d database, campaigns map[string]string, seed uint64) int {
	empty := postgres
	if d.driver == "sqlite" {
		empty = sqlite
	}
	fine, coarse := newWorld(t, empty(t), campaigns), newWorld(t, empty(t), campaigns)
	random := rand.New(rand.NewPCG(seed, 7))
	for range 120 {
		after := time.Duration(random.IntN(15)+1) * time.Minute
		name := fmt.Sprint("c", random.IntN(6))
		event := []string{"Go", "Go", "Go", "Seen", "Seen", "Other", "Other", "tier", "Done"}[random.IntN(9)]
		if event == "Done" && random.IntN(3) > 0 {
			event = "Go"
		}
		for _, w := range []*world{fine, coarse} {
			w.now = w.now.Add(after)
			switch {
			case w.facts < 6:
				w.join(fmt.Sprint("c", w.facts))
			case event == "tier":
				w.identify(name, fmt.Sprintf(`{"tier":%q}`, []string{"gold", "iron", "gold", "lost"}[after/time.Minute%4]))
			default:
				w.track(name, event, "")
			}
		}
		fine.tick(0)
		if random.IntN(8) == 0 {
			coarse.tick(0)
		}
	}
	for range 10 {
		fine.tick(3 * time.Hour)
	}
	coarse.tick(30 * time.Hour)
	want := fine.rows(law)
	if got := coarse.rows(law); !slices.Equal(got, want) {
		coarse.same(want, got)
		t.Fatalf("seed %d", seed)
	}
	return len(want)
}

// Two schedulers on one database, a deploy's overlap: each occurrence enters
// once, each message is written and queued once.
func TestTwoSchedulers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, postgres(t), map[string]string{
		"x": on(onGo, "overlap: newest", "steps: [ { send: one }, { send: two } ]"),
		"y": on("event: { name: Go, after: 1m }", "steps: [ { wait: 1m }, { send: three } ]"),
	})
	const customers, rounds = 10, 6
	for i := range customers {
		w.join(fmt.Sprint("c", i))
	}
	queues := [3]*queue{{}, {}, {}}
	var schedulers [3]*scheduler.Scheduler
	for i, q := range queues {
		schedulers[i] = newScheduler(w.Store, q)
		schedulers[i].Catalog = w.sched.Catalog
	}
	for range rounds {
		w.now = w.now.Add(time.Minute)
		for i := range customers {
			w.track(fmt.Sprint("c", i), "Go", "")
		}
		var wg sync.WaitGroup
		for _, s := range schedulers {
			wg.Go(func() {
				if _, err := s.Tick(t.Context(), w.now); err != nil {
					t.Error(err)
				}
				if _, err := s.RelayDue(t.Context(), w.now); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	seen := map[int64]bool{}
	for _, q := range queues {
		for _, slice := range q.slices {
			if seen[slice] {
				t.Errorf("slice %d is queued twice", slice)
			}
			seen[slice] = true
		}
	}
	w.same([]string{"x 60", "y 50"}, w.rows(`SELECT k.name, count(*) FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id GROUP BY k.name ORDER BY k.name`))
	w.same([]string{"x 50", "y"}, w.rows(`SELECT k.name, CASE WHEN k.name = 'x' THEN count(*) END FROM campaigns k
		JOIN enrollments e ON e.campaign_id = k.id AND (e.state = 'exited' OR k.name = 'y') GROUP BY k.name ORDER BY k.name`))
	w.same([]string{"one 60", "three 40"}, w.rows(`SELECT step, count(*) FROM messages GROUP BY step ORDER BY step`))
	// The last round's slices are queued; those of ended passes are cancelled.
	w.same([]string{"cancelled superseded 50", "queued 50"}, w.rows(`SELECT state, reason, count(*) FROM messages GROUP BY state, reason ORDER BY state, reason`))
	w.same(nil, w.rows(`SELECT id FROM slices WHERE id NOT IN (SELECT slice_id FROM messages WHERE slice_id IS NOT NULL)`))
}
