package audience

import (
	"slices"
	"time"
)

// gapList keeps the gaps between the purchases of each customer, sorted, while
// purchases are added in any order.
type gapList struct {
	bought map[int64][]purchase // by customer, in order of time, one a moment
	gaps   []time.Duration      // sorted
}

// between is the gap from a to b, for one piece of a.
func between(a, b purchase) time.Duration {
	return time.Duration(float64(b.at.Sub(a.at)) / a.pieces).Round(time.Microsecond)
}

func (g *gapList) add(p purchase) {
	if g.bought == nil {
		g.bought = map[int64][]purchase{}
	}
	list := g.bought[p.customer]
	i, same := slices.BinarySearchFunc(list, p, func(a, b purchase) int { return a.at.Compare(b.at) })
	after := i
	if same { // more of it at the same moment
		after++
		if after < len(list) {
			g.drop(between(list[i], list[after]))
		}
		list[i].pieces += p.pieces
		p = list[i]
	} else {
		if i > 0 && i < len(list) {
			g.drop(between(list[i-1], list[i]))
		}
		if i > 0 {
			g.insert(between(list[i-1], p))
		}
	}
	if after < len(list) {
		g.insert(between(p, list[after]))
	}
	if !same {
		list = slices.Insert(list, i, p)
	}
	g.bought[p.customer] = list
}

func (g *gapList) insert(d time.Duration) {
	i, _ := slices.BinarySearch(g.gaps, d)
	g.gaps = slices.Insert(g.gaps, i, d)
}

func (g *gapList) drop(d time.Duration) {
	if i, ok := slices.BinarySearch(g.gaps, d); ok {
		g.gaps = slices.Delete(g.gaps, i, i+1)
	}
}

// median is the middle gap, or the mean of the middle two; 0 of fewer than least.
func (g *gapList) median(least int) time.Duration {
	n := len(g.gaps)
	if n < least {
		return 0
	}
	return (g.gaps[(n-1)/2] + g.gaps[n/2]) / 2
}
