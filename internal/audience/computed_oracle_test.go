package audience_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// The computed attributes, as slowly and plainly as they can be worked out.

// consentWord is what a customer said about a topic.
type consentWord struct {
	customer int64
	topic    string
	given    bool
	at       time.Time
}

// shopWorld is a history with what was said about topics.
type shopWorld struct {
	world
	workspace campaign.Workspace
	consents  []consentWord
}

type netOrder struct {
	at     time.Time
	amount float64 // millionths
	known  bool    // whether there is an amount
	lines  []any
}

func currencyIn(props map[string]any, otherwise any) any {
	if props["currency"] == nil {
		return otherwise
	}
	return props["currency"]
}

func (w shopWorld) rate(currency any, at time.Time) (float64, bool) {
	if currency == w.workspace.Currency {
		return 1, true
	}
	name, ok := currency.(string)
	if !ok {
		return 0, false
	}
	return w.workspace.Rates.At(name, at)
}

func amountIn(props map[string]any, keys ...string) (float64, bool) {
	for _, key := range keys {
		if n, ok := props[key].(float64); ok {
			return math.Round(n * 1e6), true
		}
	}
	return 0, false
}

func convert(amount, rate float64) float64 { return math.Floor(float64(amount*rate) + 0.5) }

// back is what was given back of an order by then, in millionths, and whether that
// is all of it.
func (w shopWorld) back(o numbered, asOf time.Time) (back float64, whole bool) {
	paid := currencyIn(o.props, w.workspace.Currency)
	rate, rated := w.rate(paid, o.at)
	if !rated {
		rate = 1
	}
	some := false
	for _, r := range w.seen(o.customer, asOf, campaign.OrderRefunded, campaign.OrderCancelled) {
		if o.props["order_id"] == nil || r.props["order_id"] != o.props["order_id"] || !r.at.After(o.at) {
			continue
		}
		if r.name == campaign.OrderCancelled || r.props["total"] == nil && r.props["value"] == nil && r.props["products"] == nil {
			return 0, true
		}
		amount, ok := amountIn(r.props, "total", "value")
		k := rate
		if given := currencyIn(r.props, paid); given != paid {
			var found bool
			k, found = w.rate(given, r.at)
			ok = ok && found && rated
		}
		if ok {
			some = true
			back += convert(math.Abs(amount), k)
		}
	}
	worth, priced := amountIn(o.props, "total", "value", "revenue")
	return back, some && priced && back >= convert(worth, rate)-5000
}

func (w shopWorld) net(customer int64, asOf time.Time) []netOrder {
	var out []netOrder
	for _, o := range w.seen(customer, asOf, campaign.OrderCompleted) {
		back, whole := w.back(o, asOf)
		if whole {
			continue
		}
		rate, rated := w.rate(currencyIn(o.props, w.workspace.Currency), o.at)
		worth, priced := amountIn(o.props, "total", "value", "revenue")
		lines, _ := o.props["products"].([]any)
		out = append(out, netOrder{o.at, convert(worth, rate) - back, priced && rated, lines})
	}
	return out
}

// inEuro is a history seen by a workspace that counts in euro, without rates.
func (w world) inEuro() shopWorld { return shopWorld{world: w, workspace: catalog(nil).Workspace} }

func totalOf(orders []netOrder) (total float64, n int) {
	for _, o := range orders {
		if o.known {
			total += o.amount
			n++
		}
	}
	return total, n
}

// values are all computed attributes of a customer; what there is none of is
// missing.
func (w shopWorld) values(customer int64, asOf time.Time) map[string]any {
	orders := w.net(customer, asOf)
	total, priced := totalOf(orders)
	v := map[string]any{"orders.count": float64(len(orders)), "orders.total": total / 1e6, "stage": w.stage(customer, asOf, orders)}
	if priced > 0 {
		v["orders.average"] = math.Floor(total/float64(priced)+0.5) / 1e6
	}
	if len(orders) > 0 {
		v["orders.first_at"], v["orders.last_at"] = orders[0].at, orders[len(orders)-1].at
	}
	if gap, ok := usualGap(orders); ok {
		days := func(d time.Duration) float64 { return float64(d.Microseconds()) / 86400e6 }
		v["orders.gap"] = days(gap)
		v["orders.overdue_by"] = days(max(asOf.Sub(orders[len(orders)-1].at)-gap, 0))
	}
	for i, letter := range []string{"r", "f", "m"} {
		if s := w.rfm(customer, asOf, i); s > 0 {
			v["rfm."+letter] = s
		}
	}
	favourite := func(name string, key func(map[string]any) any) {
		if best := favouriteOf(orders, key); best != "" {
			v[name] = best
		}
	}
	favourite("favourite.category", func(l map[string]any) any { return l["category"] })
	favourite("favourite.product", func(l map[string]any) any {
		if l["product_id"] != nil {
			return l["product_id"]
		}
		return l["sku"]
	})
	var sent, clicked []time.Time
	for _, e := range w.seen(customer, asOf, campaign.EmailSent, campaign.EmailClicked) {
		switch {
		case e.name == campaign.EmailSent:
			sent = append(sent, e.at)
		case e.props["grade"] == nil || e.props["grade"] == "human":
			clicked = append(clicked, e.at)
		}
	}
	v["mail.sent"], v["mail.clicked"] = float64(len(sent)), float64(len(clicked))
	if len(sent) > 0 {
		v["mail.last_sent_at"] = sent[len(sent)-1]
	}
	if len(clicked) > 0 {
		v["mail.last_clicked_at"] = clicked[len(clicked)-1]
	}
	for topic := range w.workspace.Topics {
		said, when := false, time.Time{}
		for _, c := range w.consents {
			if c.customer == customer && (c.topic == topic || c.topic == "*") && !c.at.After(asOf) && !c.at.Before(when) {
				said, when = c.given, c.at
			}
		}
		v["consent."+topic] = said
	}
	switch t := total / 1e6; {
	case t >= 50:
		v["tier"] = "gold"
	case len(orders) >= 2:
		v["tier"] = "silver"
	}
	return v
}

func usualGap(orders []netOrder) (time.Duration, bool) {
	var gaps []time.Duration
	for i := 1; i < len(orders); i++ {
		if d := orders[i].at.Sub(orders[i-1].at); d > 0 {
			gaps = append(gaps, d)
		}
	}
	if len(gaps) < 2 {
		return 0, false
	}
	slices.Sort(gaps)
	n := len(gaps)
	return ((gaps[(n-1)/2] + gaps[n/2]) / 2).Truncate(time.Microsecond), true
}

func (w shopWorld) stage(customer int64, asOf time.Time, orders []netOrder) string {
	if len(orders) == 0 {
		for _, e := range w.seen(customer, asOf, campaign.ProductViewed, campaign.ProductAdded, campaign.CheckoutStarted) {
			if e.at.After(asOf.AddDate(0, 0, -30)) {
				return "consideration"
			}
		}
		return "awareness"
	}
	gap, ok := usualGap(orders)
	if !ok {
		gap = 90 * 24 * time.Hour
	}
	since := asOf.Sub(orders[len(orders)-1].at)
	praise := false
	for _, e := range w.seen(customer, asOf, campaign.ProductReviewed, "Referral Completed") {
		rating, _ := e.props["rating"].(float64)
		praise = praise || e.name != campaign.ProductReviewed || rating >= 4
	}
	switch {
	case since > 4*gap && since > 180*24*time.Hour:
		return "lapsed"
	case since > 2*gap && since > 60*24*time.Hour:
		return "at_risk"
	case len(orders) >= 2 && praise:
		return "advocacy"
	case len(orders) >= 3:
		return "retention"
	case len(orders) == 2:
		return "engagement"
	case since <= 14*24*time.Hour:
		return "purchase"
	}
	return "onboarding"
}

func favouriteOf(orders []netOrder, key func(map[string]any) any) string {
	type sum struct {
		name   string
		pieces float64
		at     time.Time
	}
	sums := map[string]*sum{}
	for _, o := range orders {
		for _, l := range o.lines {
			line, _ := l.(map[string]any)
			k := key(line)
			if k == nil {
				continue
			}
			name := fmt.Sprint(k)
			if sums[name] == nil {
				sums[name] = &sum{name: name}
			}
			n, ok := line["quantity"].(float64)
			if !ok {
				n = 1
			}
			sums[name].pieces += n
			sums[name].at = o.at
		}
	}
	var best sum
	for _, s := range sums {
		if s.pieces > 0 && cmp.Or(cmp.Compare(s.pieces, best.pieces), s.at.Compare(best.at), -cmp.Compare(s.name, best.name)) > 0 {
			best = *s
		}
	}
	return best.name
}

// midnight is the start of the day in Manila, whose clocks never change.
func midnight(t time.Time) time.Time {
	const ahead = 8 * time.Hour
	return t.Add(ahead).Truncate(24 * time.Hour).Add(-ahead)
}

// rfm is a score of the day, 0 for those who have none.
func (w shopWorld) rfm(customer int64, asOf time.Time, dimension int) float64 {
	start := midnight(asOf)
	value := func(customer int64) (float64, bool) {
		var recent []netOrder
		for _, o := range w.net(customer, start) {
			if o.at.After(w.workspace.RFM.Within.Before(start)) {
				recent = append(recent, o)
			}
		}
		if len(recent) == 0 {
			return 0, false
		}
		total, _ := totalOf(recent)
		return []float64{float64(campaign.Micros(recent[len(recent)-1].at)), float64(len(recent)), total}[dimension], true
	}
	mine, ok := value(customer)
	if !ok {
		return 0
	}
	r := w.workspace.RFM
	switch {
	case dimension == 0 && r.Recency != nil:
		for i, d := range r.Recency {
			if mine >= float64(campaign.Micros(d.Before(start))) {
				return float64(5 - i)
			}
		}
		return 1
	case dimension == 1 && r.Frequency != nil:
		return scoreAbove(mine, r.Frequency)
	case dimension == 2 && r.Monetary != nil:
		return scoreAbove(mine/1e6, r.Monetary)
	}
	worse, all := 0, 0
	for id := range w.customers {
		if v, ok := value(int64(id + 1)); ok {
			all++
			if v < mine {
				worse++
			}
		}
	}
	return float64(1 + 5*worse/all)
}

func scoreAbove(v float64, cuts []float64) float64 {
	s := 1.0
	for _, c := range cuts {
		if v >= c {
			s++
		}
	}
	return s
}

// excluded counts the events whose amounts add to nothing.
func (w shopWorld) excluded(asOf time.Time) []audience.ExcludedAmount {
	n := map[string]int{}
	for id := range w.customers {
		for _, e := range w.seen(int64(id+1), asOf, campaign.OrderCompleted, campaign.OrderRefunded) {
			_, priced := amountIn(e.props, "total", "value", "revenue")
			currency := currencyIn(e.props, w.workspace.Currency)
			if _, rated := w.rate(currency, e.at); priced && !rated {
				n[fmt.Sprint(currency)]++
			}
		}
	}
	var out []audience.ExcludedAmount
	for currency, events := range n {
		out = append(out, audience.ExcludedAmount{Currency: currency, Events: events})
	}
	slices.SortFunc(out, func(a, b audience.ExcludedAmount) int { return cmp.Compare(a.Currency, b.Currency) })
	return out
}
