package scheduler_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/scheduler"
)

// foreseen are campaigns whose passes meet everything that a pass can meet.
var foreseen = map[string]string{
	"both": on("event: { name: Go }", "re_entry: 20m", "holdout: 20%", "steps: [ { send: one }, { wait: 25m }, { send: two } ]"),
	"first": on("event: { name: Go, after: 20m }", "overlap: first", "exit_on: { event: Done, since: anchor }",
		"steps: [ { send: one }, { wait: 1h }, { send: two, when: { attribute: tier, is: gold } }, { wait: 30m }, { send: three } ]"),
	"newest": on("event: { name: Go, after: 5m }", "overlap: newest", "audience: { not: { attribute: tier, is: iron } }",
		"steps: [ { wait: 40m }, { send: one }, { wait: { until: 20:00 } }, { send: two }, { send: three } ]"),
	"arms": on("event: { name: Go }", "overlap: first", "max_lateness: 30m", `steps:
  - branch:
      - { name: seen, when: { event: Seen, within: 3h }, steps: [ { send: one, topic: news }, { wait: 45m } ] }
      - { name: half, share: 50%, steps: [ { wait: 15m }, { exit: half } ] }
      - { name: rest, steps: [ { wait: 10m, when: { attribute: tier, exists: true } } ] }
    id: split
  - { send: two }`),
	"until": on("event: { name: Go }", "overlap: first", `steps:
  - { wait: { for: { event: Seen, since: entry }, at_most: 90m }, id: seen }
  - { send: one, when: { event: Seen, since: entry } }
  - { wait: 10m }
  - { send: two }`),
	"quiet": on("inactivity: { of: [Seen], after: 90m }", "steps: [ { send: one }, { wait: 20m }, { send: two } ]"),
	"cart":  on("abandoned_cart: { after: 30m }", "steps: [ { send: one }, { wait: 50m }, { send: two } ]"),
	"back":  on("back_in_stock: { asked: 3h }", "re_entry: 30m", "steps: [ { send: one }, { wait: 30m }, { send: two } ]"),
	"till":  on("abandoned_checkout: { after: 20m }", "re_entry: 1h", "steps: [ { send: one }, { wait: { for: { attribute: tier, is: gold }, at_most: 1h }, id: gold }, { send: two } ]"),
	"look":  on("abandoned_browse: { after: 15m }", "re_entry: 1h", "steps: [ { wait: 20m }, { send: one } ]"),
	"exits": on("event: { name: Go }", "overlap: first", "exit_on: { attribute: tier, is: gold }",
		"steps: [ { wait: 10m }, { send: one }, { wait: 50m }, { send: two } ]"),
	"refill": on("replenishment: { gap: 1h, fallback: 2h, before: 10m }", "steps: [ { send: one }, { wait: 20m }, { send: two } ]"),
	"paid":   on("past_purchase: { after: 10m }", "re_entry: 1h", "steps: [ { send: one }, { wait: 2h }, { send: two } ]"),
}

// played is what a campaign did in a store: entries and accepted messages by
// hour, and why messages were turned away.
type played struct {
	Entered, HeldOut, Messages int
	Held, Cancelled            map[string]int
	Hours                      map[int64]campaign.Tally
}

func playedOf(f *campaign.Forecast) played {
	return played{f.Entered, f.HeldOut, f.Messages, f.Held, f.Cancelled, f.Hours}
}

// shopper is a world with the customers who have left it once.
type shopper struct {
	*world
	left map[string]bool
}

// shopping is a random history of whole minutes, done to every world alike.
func shopping(random *rand.Rand, worlds ...*shopper) {
	name := fmt.Sprint("c", random.IntN(8))
	events := []string{"Go", "Go", "Go", "Seen", "Seen", "Done", "tier", "Product Added", "Product Added", "Order Completed", "Order Cancelled", "leave", "join",
		"Product Viewed", "Checkout Started", "Back In Stock Requested", "Product Back In Stock"}
	event := events[random.IntN(len(events))]
	tier := []string{"gold", "iron"}[random.IntN(2)]
	order := random.IntN(30)
	for _, w := range worlds {
		switch event {
		case "tier":
			w.identify(name, fmt.Sprintf(`{"tier":%q}`, tier))
		case "leave":
			// Of who leaves twice, or had no address at first, no more is kept than how
			// they are reached now.
			if !w.left[name] {
				w.left[name] = true
				w.track(name, "Unsubscribed", `{"topic":"offers"}`)
			}
		case "Product Back In Stock":
			w.facts++
			w.call("track", fmt.Sprintf(`{"event":%q,"messageId":"%03d","properties":{"product_id":"p%d","stock":3}}`, event, w.facts, order%3))
		case "Product Viewed", "Back In Stock Requested":
			w.track(name, event, fmt.Sprintf(`{"product_id":"p%d","price":5}`, order%3))
		case "Checkout Started":
			w.track(name, event, fmt.Sprintf(`{"products":[{"product_id":"p%d","price":5}]}`, order%3))
		case "join":
			if name != "c7" { // who has an address and never said yes to anything
				w.join(name)
			}
		case "Product Added":
			w.track(name, event, fmt.Sprintf(`{"product_id":"p%d","price":5}`, order))
		case "Order Completed", "Order Cancelled":
			w.track(name, event, fmt.Sprintf(`{"order_id":"o%d","total":5,"products":[{"product_id":"p%d","quantity":1}]}`, order, order%2))
		default:
			w.track(name, event, "")
		}
	}
}

// byMinute ticks and sends at w.now until nothing moves, and adds up what was
// decided.
func (w *world) byMinute(sums map[string]played) {
	w.t.Helper()
	for moved := true; moved; {
		moved = false
		for name, d := range w.tick(0) {
			for reason, n := range d.Held {
				sums[name].Held[reason] += n
			}
		}
		moved = len(w.send()) > 0
	}
}

// read adds what the tables hold to sums of what ticks held back. Entries and
// messages after from count.
func (w *world) read(sums map[string]played, from time.Time) map[string]played {
	w.t.Helper()
	zone := w.sched.Catalog.Workspace.Zone
	hour := func(row string) (name string, at time.Time, rest string) {
		var us int64
		parts := strings.SplitN(row, " ", 3)
		fmt.Sscan(parts[1], &us)
		return parts[0], campaign.FromMicros(us), parts[2]
	}
	for _, row := range w.rows(`SELECT k.name, e.entered_at, e.state FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id WHERE e.entered_at > $1`, campaign.Micros(from)) {
		name, at, state := hour(row)
		p := sums[name]
		p.Entered++
		if state == "held_out" {
			p.HeldOut++
		}
		t := p.Hours[campaign.HourOf(at, zone)]
		p.Hours[campaign.HourOf(at, zone)] = campaign.Tally{Entered: t.Entered + 1, Messages: t.Messages}
		sums[name] = p
	}
	for _, row := range w.rows(`SELECT k.name, m.done_at, m.state || ' ' || m.reason FROM messages m JOIN campaigns k ON k.id = m.campaign_id WHERE m.done_at > $1`, campaign.Micros(from)) {
		name, at, state := hour(row)
		p := sums[name]
		if state = strings.TrimSpace(state); state != "accepted" {
			// A message that was superseded in its own minute was never to be sent.
			if state = strings.TrimPrefix(state, "cancelled "); state != campaign.ExitSuperseded {
				p.Cancelled[state]++
			}
			continue
		}
		p.Messages++
		t := p.Hours[campaign.HourOf(at, zone)]
		p.Hours[campaign.HourOf(at, zone)] = campaign.Tally{Entered: t.Entered, Messages: t.Messages + 1}
		sums[name] = p
	}
	return sums
}

func nothingPlayed(campaigns map[string]string) map[string]played {
	out := map[string]played{}
	for name := range campaigns {
		out[name] = played{Held: map[string]int{}, Cancelled: map[string]int{}, Hours: map[int64]campaign.Tally{}}
	}
	return out
}

func (w *world) backtest(name string, from, to time.Time) scheduler.Bounds {
	w.t.Helper()
	c, ok := w.sched.Catalog.Campaign(name)
	if !ok {
		w.t.Fatalf("no campaign %s", name)
	}
	f := &scheduler.Forecaster{Store: w.Store, Catalog: w.sched.Catalog}
	b, err := f.Backtest(w.t.Context(), c, from, to)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// A backtest of a history gives the very numbers that ticking and sending through
// it minute by minute gave: entries, mails and what was held back, and when. It
// gives them in the store that was ticked and in one that never was.
func TestBacktestEqualsTicking(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		empty, seeds, minutes := postgres, uint64(1), 5*60
		if d.driver == "sqlite" {
			empty, seeds, minutes = sqlite, 2, 8*60
		}
		for seed := range seeds {
			ticked := newWorld(t, empty(t), foreseen)
			s, db := empty(t).open(t)
			fresh := &world{Store: s, t: t, db: db, now: t0, queue: &queue{}}
			fresh.sched = newScheduler(s, fresh.queue)
			fresh.load(foreseen)
			random := rand.New(rand.NewPCG(seed, 4))
			for i := range 7 {
				ticked.join(fmt.Sprint("c", i))
				fresh.join(fmt.Sprint("c", i))
			}
			for _, w := range []*world{ticked, fresh} {
				w.identify("c7", `{"email":"c7@kape.example"}`)
			}
			shoppers := []*shopper{{ticked, map[string]bool{}}, {fresh, map[string]bool{}}}
			sums, half := nothingPlayed(foreseen), nothingPlayed(foreseen)
			middle := t0.Add(3 * time.Hour)
			for range minutes {
				ticked.now = ticked.now.Add(time.Minute)
				fresh.now = ticked.now
				for random.IntN(3) == 0 {
					shopping(random, shoppers...)
				}
				ticked.byMinute(sums)
			}
			want := ticked.read(sums, t0)
			later := ticked.read(half, middle)
			for name := range foreseen {
				for which, w := range map[string]*world{"ticked": ticked, "fresh": fresh} {
					got := w.backtest(name, t0, ticked.now)
					if got.Most != got.Least {
						t.Errorf("%s: mails decide nothing here, yet there are bounds", name)
					}
					samePlayed(t, fmt.Sprintf("seed %d, %s, %s store", seed, name, which), playedOf(got.Most), want[name])
				}
				// From the middle on, passes that were running then go on.
				got := playedOf(ticked.backtest(name, middle, ticked.now).Most)
				got.Held, later[name] = nil, later[name].withoutHeld()
				samePlayed(t, fmt.Sprintf("seed %d, %s, from the middle on", seed, name), got, later[name])
				if want[name].Messages == 0 {
					t.Errorf("seed %d, %s: no message: nothing was compared", seed, name)
				}
			}
		}
	})
}

// withoutHeld leaves out what was added up over another time.
func (p played) withoutHeld() played {
	p.Held = nil
	return p
}

// The outlook of a store is what happens in it when nothing new comes in: passes
// go on from where they stand, mails that wait are sent, and who is due enters.
func TestOutlookComesTrue(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		w := newWorld(t, d, foreseen)
		random := rand.New(rand.NewPCG(7, 7))
		for i := range 7 {
			w.join(fmt.Sprint("c", i))
		}
		sums := nothingPlayed(foreseen)
		for range 4 * 60 {
			w.now = w.now.Add(time.Minute)
			for random.IntN(3) == 0 {
				shopping(random, &shopper{w, map[string]bool{}})
			}
			w.byMinute(sums)
		}
		// A mail of the last minute is decided and not sent.
		w.now = w.now.Add(time.Minute)
		for i := range 7 {
			w.track(fmt.Sprint("c", i), "Go", "")
		}
		w.tick(0)
		now, foretold := w.now, map[string]*campaign.Forecast{}
		f := &scheduler.Forecaster{Store: w.Store, Catalog: w.sched.Catalog}
		for name := range foreseen {
			c, _ := w.sched.Catalog.Campaign(name)
			var err error
			if foretold[name], err = f.Outlook(t.Context(), c, now, now.Add(12*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		// What was pending counts from just after now on.
		w.now = w.now.Add(time.Microsecond)
		w.send()
		w.now = now
		for range 12 * 60 {
			w.now = w.now.Add(time.Minute)
			w.byMinute(sums)
		}
		messages := 0
		for name, want := range w.read(nothingPlayed(foreseen), now) {
			got := playedOf(foretold[name])
			got.Held, want.Held = nil, nil
			samePlayed(t, name, got, want)
			messages += want.Messages
		}
		if messages < 20 {
			t.Errorf("only %d messages: little was compared", messages)
		}
	})
}

func samePlayed(t *testing.T, what string, got, want played) {
	t.Helper()
	if got.Entered != want.Entered || got.HeldOut != want.HeldOut || got.Messages != want.Messages ||
		!maps.Equal(got.Held, want.Held) || !maps.Equal(got.Cancelled, want.Cancelled) {
		t.Errorf("%s:\n got %d entered, %d held out, %d messages, held %v, cancelled %v\nwant %d entered, %d held out, %d messages, held %v, cancelled %v",
			what, got.Entered, got.HeldOut, got.Messages, got.Held, got.Cancelled, want.Entered, want.HeldOut, want.Messages, want.Held, want.Cancelled)
	}
	if !maps.Equal(got.Hours, want.Hours) {
		t.Errorf("%s: by hour\n got %v\nwant %v", what, got.Hours, want.Hours)
	}
}
