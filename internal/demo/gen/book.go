package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// keptLines is how many lines of an order are kept, those of the highest value.
// The total and the number of lines are always of the whole order.
const keptLines = 4

// order is an invoice of a known customer.
type order struct {
	id, customer string
	at           time.Time
	lines        []row
	pence        int
	taken        map[string]int // quantity taken back, by code
}

// back is a cancellation that could be matched with its order.
type back struct {
	order *order
	id    string
	at    time.Time
	pence int
}

// book is what is kept of the data set.
type book struct {
	orders  []*order
	backs   []back
	dropped map[string]int // rows by why they are not kept
}

// product tells articles from postage, fees, discounts and corrections: their
// codes begin with five digits.
func product(code string) bool {
	if len(code) < 5 {
		return false
	}
	for _, c := range code[:5] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// sort makes orders of rows: guests, repeated rows, what is no article, what
// costs nothing and stock corrections go; cancellations find their order.
func sort(rows []row) *book {
	b := &book{dropped: map[string]int{}}
	seen := map[row]bool{}
	byID := map[string]*order{}
	var cancelled []row
	for _, r := range rows {
		switch {
		case r.customer == "":
			b.dropped["guest"]++
		case !product(r.code):
			b.dropped["no article"]++
		case seen[r]:
			b.dropped["repeated"]++
		case r.pence <= 0 || r.description == "":
			b.dropped["no price"]++
		case strings.HasPrefix(r.invoice, "C"):
			seen[r] = true
			cancelled = append(cancelled, r)
		case r.quantity <= 0:
			b.dropped["correction"]++
		default:
			seen[r] = true
			b.add(byID, r)
		}
	}
	slices.SortFunc(b.orders, func(x, y *order) int {
		return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.id, y.id))
	})
	b.takeBack(cancelled)
	return b
}

func (b *book) add(byID map[string]*order, r row) {
	o := byID[r.invoice]
	if o == nil {
		o = &order{id: r.invoice, customer: r.customer, at: r.at, taken: map[string]int{}}
		byID[r.invoice] = o
		b.orders = append(b.orders, o)
	}
	o.lines = append(o.lines, r)
	o.pence += r.quantity * r.pence
}

// takeBack books cancellations with the customer's latest order before them that
// still has as many of the article at the price.
func (b *book) takeBack(rows []row) {
	of := map[string][]*order{}
	for _, o := range b.orders {
		of[o.customer] = append(of[o.customer], o)
	}
	slices.SortStableFunc(rows, func(x, y row) int { return x.at.Compare(y.at) })
	for _, r := range rows {
		o := latest(of[r.customer], r)
		if o == nil {
			b.dropped["cancellation of an order before"]++
			continue
		}
		o.taken[r.code] -= r.quantity
		amount := -r.quantity * r.pence
		i := slices.IndexFunc(b.backs, func(x back) bool { return x.order == o && x.id == r.invoice })
		if i < 0 {
			b.backs = append(b.backs, back{order: o, id: r.invoice, at: r.at})
			i = len(b.backs) - 1
		}
		b.backs[i].pence += amount
	}
}

func latest(orders []*order, r row) *order {
	for _, o := range slices.Backward(orders) {
		if !o.at.Before(r.at) {
			continue
		}
		have := -o.taken[r.code]
		for _, l := range o.lines {
			if l.code == r.code && l.pence == r.pence {
				have += l.quantity
			}
		}
		if have >= -r.quantity {
			return o
		}
	}
	return nil
}

func (b *book) customers() map[string]bool {
	out := map[string]bool{}
	for _, o := range b.orders {
		out[o.customer] = true
	}
	return out
}

// kept are the lines of highest value, in the order of the invoice.
func (o *order) kept() []row {
	lines := slices.Clone(o.lines)
	slices.SortStableFunc(lines, func(x, y row) int { return y.quantity*y.pence - x.quantity*x.pence })
	return lines[:min(keptLines, len(lines))]
}

// orderRows has a row per kept line, the order itself in the first of them, and
// a row per taking back.
func (b *book) orderRows() [][]string {
	out := [][]string{{"kind", "order", "at", "customer", "total", "lines", "product", "quantity", "price"}}
	for _, o := range b.orders {
		for i, l := range o.kept() {
			r := []string{"", "", "", "", "", "", l.code, fmt.Sprint(l.quantity), pounds(l.pence)}
			if i == 0 {
				copy(r, []string{"order", o.id, o.at.Format(time.RFC3339), o.customer, pounds(o.pence), fmt.Sprint(len(o.lines))})
			}
			out = append(out, r)
		}
	}
	for _, c := range b.backs {
		kind := "refund"
		if c.pence >= c.order.pence {
			kind = "cancel"
		}
		out = append(out, []string{kind, c.order.id, c.at.Format(time.RFC3339), c.order.customer, pounds(c.pence), "", "", "", ""})
	}
	return out
}

// productRows names every article of a kept line, by the name it has most often.
func (b *book) productRows() [][]string {
	names := map[string]map[string]int{}
	for _, o := range b.orders {
		for _, l := range o.kept() {
			if names[l.code] == nil {
				names[l.code] = map[string]int{}
			}
			names[l.code][l.description]++
		}
	}
	var out [][]string
	for code, counts := range names {
		best := ""
		for name, n := range counts {
			if n > counts[best] || n == counts[best] && name < best {
				best = name
			}
		}
		out = append(out, []string{code, readable(best)})
	}
	slices.SortFunc(out, func(x, y []string) int { return cmp.Compare(x[0], y[0]) })
	return append([][]string{{"product", "name"}}, out...)
}

func pounds(pence int) string { return fmt.Sprintf("%d.%02d", pence/100, pence%100) }
