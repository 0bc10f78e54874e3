package demo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// How people shop. Of the orders, comeBack had their basket left for hours or
// days before; of the long quiet times between orders, temptation saw a basket
// that nobody bought; looking is the same for those who only look.
const (
	comeBack   = 0.18
	temptation = 0.22
	looking    = 0.35
	quiet      = 12 * 24 * time.Hour
)

// visits fills baskets: before each order its own articles, and between orders
// now and then some that stay there.
func (p *Person) visits(end time.Time) []Call {
	r := lot(p.ID, "visits")
	var out []Call
	free := p.Since // a basket begins after the order before
	for _, o := range p.Orders {
		if gap := o.At.Sub(free); gap > quiet && r.Float64() < temptation {
			at := free.Add(between(r, 24*time.Hour, gap-4*24*time.Hour))
			out = append(out, p.fill(r, at, some(r, o.Lines), "left-"+o.ID)...)
		}
		before := between(r, 4*time.Minute, 24*time.Minute)
		if r.Float64() < comeBack {
			before = between(r, 3*time.Hour, 40*time.Hour)
		}
		if at := o.At.Add(-before); at.After(free) {
			out = append(out, p.fill(r, at, o.Lines, "basket-"+o.ID)...)
		}
		free = o.At.Add(time.Minute)
	}
	if last := len(p.Orders) - 1; last >= 0 {
		if gap := end.Sub(free); gap > quiet && r.Float64() < temptation {
			out = append(out, p.fill(r, free.Add(between(r, 24*time.Hour, gap)), some(r, p.Orders[last].Lines), "left-end")...)
		}
	} else if r.Float64() < looking {
		out = append(out, p.fill(r, p.Since.Add(between(r, 5*time.Minute, 72*time.Hour)), lookedAt(r), "left-look")...)
	}
	return before(out, end)
}

// before leaves out what would lie at or behind the end of the show.
func before(calls []Call, end time.Time) []Call {
	for i, c := range calls {
		if !c.Timestamp.Before(end) {
			return calls[:i]
		}
	}
	return calls
}

// fill puts lines into the basket, one after the other within a few minutes and
// not after the next order.
func (p *Person) fill(r *rand.Rand, at time.Time, lines []Line, id string) []Call {
	out := make([]Call, 0, len(lines))
	for i, l := range lines {
		out = append(out, Call{
			Type: "track", UserID: p.ID, MessageID: fmt.Sprintf("%s-%s-%d", id, p.ID, i+1), Timestamp: at,
			Event: "Product Added", Properties: l.properties(),
		})
		at = at.Add(between(r, 5*time.Second, 50*time.Second))
	}
	return out
}

// some are one to three of lines.
func some(r *rand.Rand, lines []Line) []Line {
	n := min(len(lines), 1+r.IntN(3))
	from := r.IntN(len(lines) - n + 1)
	return lines[from : from+n]
}

// lookedAt is a small household's basket.
func lookedAt(r *rand.Rand) []Line {
	shelf := []Line{
		{"85123A", "White hanging heart t-light holder", 4, 2.95},
		{"22423", "Regency cakestand 3 tier", 1, 12.75},
		{"47566", "Party bunting", 2, 4.95},
		{"84879", "Assorted colour bird ornament", 3, 1.69},
		{"22720", "Set of 3 cake tins pantry design", 1, 4.95},
		{"22086", "Paper chain kit 50's Christmas", 2, 2.95},
	}
	n := 2 + r.IntN(3)
	from := r.IntN(len(shelf) - n + 1)
	return shelf[from : from+n]
}

// between draws a length of time, in whole seconds.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	if most <= least {
		return least
	}
	return (least + time.Duration(r.Int64N(int64(most-least)))).Truncate(time.Second)
}

func pence(f float64) float64 { return math.Round(f*100) / 100 }

func moreName(n int) string {
	if n == 1 {
		return "1 more article"
	}
	return fmt.Sprintf("%d more articles", n)
}
