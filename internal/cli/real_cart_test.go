package cli_test

import (
	"slices"
	"testing"
	"time"
)

// byVisitor groups the events of baskets, in time and, within an instant, in the
// order of the file.
func byVisitor(all []basketEvent) map[string][]basketEvent {
	out := map[string][]basketEvent{}
	for _, e := range all {
		out[e.visitor] = append(out[e.visitor], e)
	}
	for _, events := range out {
		slices.SortStableFunc(events, func(a, b basketEvent) int { return a.at.Compare(b.at) })
	}
	return out
}

// abandoned are the changes of baskets after which nothing happened for so long,
// neither a change nor an order, with something left in the basket. A change
// with an order in its own instant is bought.
func abandoned(all []basketEvent, after time.Duration) map[pass][]time.Time {
	out := map[pass][]time.Time{}
	for visitor, events := range byVisitor(all) {
		var ordered []time.Time
		for _, e := range events {
			if e.name == "Order Completed" {
				ordered = append(ordered, e.at)
			}
		}
		basket := map[string]float64{}
		for i, e := range events {
			bought := slices.ContainsFunc(ordered, func(at time.Time) bool { return at.Equal(e.at) })
			if e.name == "Order Completed" || bought {
				basket = map[string]float64{}
				continue
			}
			change(basket, e)
			quiet := i+1 == len(events) || events[i+1].at.After(e.at.Add(after))
			if quiet && len(basket) > 0 {
				out[pass{visitor, e.at}] = []time.Time{e.at.Add(after)}
			}
		}
	}
	return out
}

func change(basket map[string]float64, e basketEvent) {
	sign := 1.0
	switch e.name {
	case "Checkout Started":
		clear(basket)
	case "Product Removed":
		sign = -1
	}
	for _, l := range e.lines {
		n := l.quantity
		if n == 0 {
			n = 1
		}
		if basket[l.product] += sign * n; basket[l.product] <= 0 {
			delete(basket, l.product)
		}
	}
}

// The figures that the data's own description gives hold for this reading of it.
func TestRealBaskets(t *testing.T) {
	t.Parallel()
	added, left, orders := 0, map[time.Duration]int{}, 0
	for _, events := range byVisitor(baskets(t)) {
		var last time.Time
		for _, e := range events {
			if e.name == "Product Added" {
				last = e.at
			}
			if e.name == "Order Completed" {
				orders++
			}
		}
		if last.IsZero() {
			continue
		}
		added++
		for _, within := range []time.Duration{time.Hour, 24 * time.Hour, 168 * time.Hour} {
			if !slices.ContainsFunc(events, func(e basketEvent) bool {
				return e.name == "Order Completed" && !e.at.Before(last) && !e.at.After(last.Add(within))
			}) {
				left[within]++
			}
		}
	}
	if added != 4212 || left[time.Hour] != 3309 || left[24*time.Hour] != 3293 || left[168*time.Hour] != 3288 || orders != 2497 {
		t.Errorf("%d visitors put something in, %v bought nothing, %d orders", added, left, orders)
	}
}

func TestRealAbandonedCarts(t *testing.T) {
	t.Parallel()
	all := baskets(t)
	long := date(2016, 1, 1)
	plans := []plan{
		{"since", time.Hour, 40 * day, date(2016, 8, 10), []time.Time{date(2016, 8, 20)}},
		{"daily", time.Hour, day, long, series(date(2016, 8, 24), day, 14)},
		{"hourly", time.Hour, 3 * time.Hour, long, series(date(2016, 9, 8).Add(17*time.Minute), time.Hour, 30)},
		{"too-late", time.Hour, 6 * time.Hour, long, series(date(2016, 9, 12), day, 5)},
		{"next-day", day, 10 * day, long, []time.Time{date(2016, 9, 27)}},
		{"all", time.Hour, 400 * day, long, []time.Time{date(2016, 11, 2)}},
	}
	engines(t, func(t *testing.T, databaseURL string) {
		s := googleShop(t, databaseURL, all)
		for _, p := range plans {
			p.check(t, s, basket, abandoned(all, p.after))
		}
	})
}
