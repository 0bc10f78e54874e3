package cli_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

const day = 24 * time.Hour

func date(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }

// series are n ticks from first on, each apart from the one before.
func series(first time.Time, apart time.Duration, n int) []time.Time {
	out := make([]time.Time, n)
	for i := range out {
		out[i] = first.Add(time.Duration(i) * apart)
	}
	return out
}

// plan is a campaign with one trigger, and the ticks that it is given.
type plan struct {
	name     string
	after    time.Duration
	lateness time.Duration
	from     time.Time // active_from
	ticks    []time.Time
}

func (p plan) campaign(trigger string) string {
	return fmt.Sprintf(`status: active
topic: offers
active_from: %s
max_lateness: %dh
expect: { entries: { at_most: 1000000 } }
holdout: 0%%
fresh: off # the data end, and mails are still due
trigger: { %s }
steps: [ { send: letter } ]
`, p.from.Format(time.RFC3339), p.lateness/time.Hour, fmt.Sprintf(trigger, fmt.Sprintf("%dm", p.after/time.Minute)))
}

// expect says who must have entered and how many were found too late, dues being
// all occurrences with their due moments: each tick takes what came due since
// the one before, or since active_from, but nothing older than the lateness.
func (p plan) expect(dues map[pass][]time.Time) (entered map[pass]int, late int) {
	entered = map[pass]int{}
	for i, at := range p.ticks {
		from, oldest := p.from, at.Add(-p.lateness)
		if i > 0 && p.ticks[i-1].After(from) {
			from = p.ticks[i-1]
		} else if oldest.After(from) {
			from = oldest // the first tick looks no further back
		}
		for who, moments := range dues {
			for _, due := range moments {
				switch {
				case !due.After(from) || due.After(at):
				case due.After(oldest):
					entered[who]++
				default:
					late++
				}
			}
		}
	}
	return entered, late
}

// check gives the shop the plan's ticks and compares who entered.
func (p plan) check(t *testing.T, s *shop, trigger string, dues map[pass][]time.Time) {
	t.Helper()
	s.campaigns(t, map[string]string{p.name: p.campaign(trigger)})
	wanted, wantedLate := p.expect(dues)
	entered, late := 0, 0
	for _, at := range p.ticks {
		a := s.tick(t, at)
		c := a.Campaigns[p.name]
		entered, late = entered+c.Entered, late+c.Held["too_late"]
		if !a.At.Equal(at) || len(c.Held) > 1 || len(c.Held) == 1 && c.Held["too_late"] == 0 {
			t.Errorf("tick at %s: %+v", at, a)
		}
	}
	got := s.passes(t, p.name)
	sameCounts(t, p.name, got, wanted)
	sum := 0
	for _, n := range wanted {
		sum += n
	}
	if entered != sum || late != wantedLate {
		t.Errorf("%s: the ticks tell of %d entries and %d too late, want %d and %d", p.name, entered, late, sum, wantedLate)
	}
	if sum == 0 {
		t.Errorf("%s: nobody is due: nothing was compared", p.name)
	}
}

// byCustomer groups a file's rows, in time.
func byCustomer(all []order) map[string][]time.Time {
	out := map[string][]time.Time{}
	for _, o := range all {
		out[o.customer] = append(out[o.customer], o.day)
	}
	for _, days := range out {
		slices.SortFunc(days, time.Time.Compare)
	}
	return out
}

// inactive are the days after which a customer ordered nothing for so long, an
// order at the very moment counting.
func inactive(all []order, after time.Duration) map[pass][]time.Time {
	out := map[pass][]time.Time{}
	for customer, days := range byCustomer(all) {
		for i, d := range days {
			if i+1 < len(days) && days[i+1].Equal(d) {
				continue // the same day again
			}
			if i+1 == len(days) || days[i+1].After(d.Add(after)) {
				out[pass{customer, d}] = []time.Time{d.Add(after)}
			}
		}
	}
	return out
}

// ordered are all orders, rows that say the same being one.
func ordered(all []order, after time.Duration) map[pass][]time.Time {
	out := map[pass][]time.Time{}
	seen := map[order]bool{}
	for _, o := range all {
		if !seen[o] {
			seen[o] = true
			who := pass{o.customer, o.day}
			out[who] = append(out[who], o.day.Add(after))
		}
	}
	return out
}

const (
	inactivity = "inactivity: { after: %s, of: [Order Completed] }"
	purchase   = "past_purchase: { after: %s }"
	basket     = "abandoned_cart: { after: %s }"
)

// The figures that the data's own description gives hold for this reading of it.
func TestRealOrders(t *testing.T) {
	t.Parallel()
	all := orders(t)
	at := date(1998, 7, 1)
	for days, want := range map[int]int{90: 20_269, 180: 18_210, 365: 15_238} {
		n := 0
		for _, of := range byCustomer(all) {
			if of[len(of)-1].Before(at.AddDate(0, 0, -days)) {
				n++
			}
		}
		if n != want {
			t.Errorf("%d customers inactive over %d days, want %d", n, days, want)
		}
	}
	distinct := 0
	for _, of := range ordered(all, 0) {
		distinct += len(of)
	}
	if distinct != 69_659-255 {
		t.Errorf("%d distinct orders", distinct)
	}
}

// A win-back of 90 days, at a dozen dates and more, by one tick each: with every
// lateness, with an active_from that matters and one that does not.
func TestRealWinBack(t *testing.T) {
	t.Parallel()
	all := orders(t)
	long := date(1996, 1, 1)
	var plans []plan
	for i, at := range []time.Time{
		date(1997, 4, 1), date(1997, 4, 2), date(1997, 4, 15), date(1997, 5, 1).Add(13 * time.Hour), date(1997, 6, 30), date(1997, 8, 8),
		date(1997, 10, 1), date(1997, 12, 31), date(1998, 2, 28), date(1998, 4, 1).Add(time.Hour), date(1998, 6, 29), date(1998, 7, 1),
	} {
		lateness := []time.Duration{7 * day, day, 30 * day, 14 * day}[i%4]
		plans = append(plans, plan{"one-" + at.Format("060102"), 90 * day, lateness, long, []time.Time{at}})
	}
	plans = append(plans,
		plan{"since", 90 * day, 400 * day, date(1998, 5, 25), []time.Time{date(1998, 7, 1)}},
		plan{"season", 90 * day, 100 * day, long, []time.Time{date(1998, 7, 1)}},
		plan{"month", 30 * day, 21 * day, long, []time.Time{date(1998, 7, 1)}},
		plan{"half-year", 180 * day, 7 * day, long, []time.Time{date(1998, 7, 1)}},
		plan{"daily", 90 * day, 7 * day, long, series(date(1997, 6, 20), day, 24)},
		plan{"daily-since", 60 * day, 2 * day, date(1997, 5, 10), series(date(1997, 4, 28), day, 21)},
		plan{"weekly-too-late", 90 * day, 3 * day, long, series(date(1997, 9, 1).Add(5*time.Hour), 7*day, 4)},
	)
	t.Run("sqlite", func(t *testing.T) {
		for _, p := range plans {
			p.check(t, cdnowShop(t, sqliteURL(t), all), inactivity, inactive(all, p.after))
		}
	})
	t.Run("postgres", func(t *testing.T) {
		s := cdnowShop(t, postgresURL(t), all)
		chosen := slices.DeleteFunc(slices.Clone(plans), func(p plan) bool {
			return !slices.Contains([]string{"daily-since", "daily", "weekly-too-late", "one-980228", "since"}, p.name)
		})
		slices.SortFunc(chosen, func(a, b plan) int { return a.ticks[0].Compare(b.ticks[0]) })
		for _, p := range chosen {
			p.check(t, s, inactivity, inactive(all, p.after))
		}
	})
}

// Who orders is written to a week later, once for each of two orders of a day
// and once for an order that stands twice in the file.
func TestRealPurchases(t *testing.T) {
	t.Parallel()
	all := orders(t)
	long := date(1996, 1, 1)
	plans := []plan{
		{"spring", 7 * day, 400 * day, date(1997, 3, 1), []time.Time{date(1997, 4, 1)}},
		{"daily", 7 * day, 2 * day, long, series(date(1997, 5, 1), day, 15)},
		{"too-late", 7 * day, day, long, series(date(1997, 6, 1).Add(time.Hour), 3*day, 5)},
		{"at-once", 0, 30 * day, long, []time.Time{date(1997, 8, 1)}},
		{"summer", 7 * day, 2 * day, long, []time.Time{date(1998, 7, 1)}},
	}
	engines(t, func(t *testing.T, databaseURL string) {
		s := cdnowShop(t, databaseURL, all)
		for _, p := range plans {
			p.check(t, s, purchase, ordered(all, p.after))
		}
	})
}

// A coarse tick over a week finds who seven daily ones find.
func TestRealCoarseIsDaily(t *testing.T) {
	t.Parallel()
	all := orders(t)
	engines(t, func(t *testing.T, databaseURL string) {
		s := cdnowShop(t, databaseURL, all)
		begin := date(1997, 7, 1)
		for kind, trigger := range map[string]string{"win-back": inactivity, "thanks": purchase} {
			after := map[string]time.Duration{"win-back": 90 * day, "thanks": 7 * day}[kind]
			daily := plan{kind + "-daily", after, 8 * day, begin, series(begin, day, 8)}
			coarse := plan{kind + "-coarse", after, 8 * day, begin, []time.Time{begin, begin.Add(7 * day)}}
			texts := map[string]string{daily.name: daily.campaign(trigger)}
			s.campaigns(t, texts)
			for _, at := range daily.ticks {
				if at.Equal(begin) || at.Equal(begin.Add(7*day)) {
					texts[coarse.name] = coarse.campaign(trigger)
				} else {
					// Its file is away meanwhile: it is not ticked.
					delete(texts, coarse.name)
				}
				s.campaigns(t, texts)
				s.tick(t, at)
			}
			got, want := s.passes(t, coarse.name), s.passes(t, daily.name)
			sameCounts(t, kind, got, want)
			if len(want) == 0 {
				t.Errorf("%s: nobody entered", kind)
			}
			begin = begin.AddDate(0, 1, 0)
		}
	})
}
