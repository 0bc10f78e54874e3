package audience_test

import (
	"fmt"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// found is a candidate without its anchor's properties.
type found struct {
	key               string
	customer          int64
	anchor, due, asOf string
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// candidates is the oracle of Evaluator.Candidates for triggers on events.
func (w world) candidates(c *campaign.Campaign, segments map[string]campaign.Condition, from, to time.Time) map[string]found {
	out := map[string]found{}
	uids := map[string]bool{}
	for i, f := range w.facts {
		double := uids[f.uid]
		uids[f.uid] = true
		if double || !slices.Contains(c.Trigger.AnchorNames(), f.name) {
			continue
		}
		due := c.Trigger.Delay().After(f.at)
		asOf := due
		if f.known.After(asOf) {
			asOf = f.known
		}
		if !asOf.After(from) || asOf.After(to) {
			continue
		}
		key, trigger, ok := w.occurs(c.Trigger, numbered{f, i}, asOf)
		v := view{customer: f.customer, asOf: asOf, anchor: f.at, entered: asOf, trigger: trigger, own: c.Trigger.AnchorNames(), segments: segments}
		if ok && w.holds(c.Audience, v) && w.holds(c.EnterWhen, v) {
			out[key] = found{key, f.customer, stamp(f.at), stamp(due), stamp(asOf)}
		}
	}
	return out
}

// occurs tells whether f is an occurrence as of t, its key and what it is made of.
func (w world) occurs(trigger campaign.Trigger, f numbered, t time.Time) (string, map[string]any, bool) {
	all := func(where []campaign.Property, object map[string]any) bool {
		return !slices.ContainsFunc(where, func(p campaign.Property) bool { return !propertyPasses(object, p, t) })
	}
	switch trigger := trigger.(type) {
	case campaign.OnEvent:
		return f.uid, f.props, all(trigger.Where, f.props)
	case campaign.PastPurchase:
		if _, whole := w.inEuro().back(f, t); whole {
			return "", nil, false
		}
		if !all(trigger.Where, f.props) {
			return "", nil, false
		}
		earlier := 0
		for _, o := range w.seen(f.customer, t, campaign.OrderCompleted) {
			if o.at.Before(f.at) || o.at.Equal(f.at) && o.n < f.n {
				if _, _, counts := w.occurs(campaign.PastPurchase{Where: trigger.Where}, o, t); counts {
					earlier++
				}
			}
		}
		return f.uid, f.props, trigger.Nth == 0 || earlier == trigger.Nth-1
	case campaign.AbandonedCheckout:
		for _, k := range w.seen(f.customer, t, campaign.OrderCompleted, campaign.ProductAdded, campaign.ProductRemoved, campaign.CheckoutStarted) {
			again := k.name == campaign.CheckoutStarted && k.at.Equal(f.at) && k.n > f.n
			if k.at.After(f.at) || again || k.name == campaign.OrderCompleted && k.at.Equal(f.at) {
				return "", nil, false
			}
		}
		return f.uid, f.props, all(trigger.Where, f.props)
	case campaign.AbandonedBrowse:
		object, ok := w.browse(trigger, f, t)
		return f.uid, object, ok
	case campaign.Inactivity:
		for _, k := range w.seen(f.customer, t, trigger.Of...) {
			same := k.at.Equal(f.at) && (k.known.Before(f.known) || k.known.Equal(f.known) && k.n < f.n)
			if all(trigger.Where, k.props) && (k.at.After(f.at) || same) {
				return "", nil, false
			}
		}
		name := w.customers[f.customer-1].external
		if name == "" {
			name = fmt.Sprint("#", f.customer)
		}
		return fmt.Sprint(name, "@", f.at.UnixMicro()), f.props, all(trigger.Where, f.props)
	case campaign.AbandonedCart:
		object, ok := w.cart(f, t)
		return f.uid, object, ok && all(trigger.Where, object)
	}
	panic("unknown trigger")
}

// browse is what the views come to of which f is the last, as of t.
func (w world) browse(trigger campaign.AbandonedBrowse, f numbered, t time.Time) (map[string]any, bool) {
	var episode []numbered
	for _, k := range w.seen(f.customer, t, campaign.ProductViewed, campaign.OrderCompleted, campaign.ProductAdded, campaign.ProductRemoved, campaign.CheckoutStarted) {
		view := k.name == campaign.ProductViewed
		switch {
		case view && (k.at.After(f.at) || k.at.Equal(f.at) && k.n > f.n), !view && !k.at.Before(f.at):
			return nil, false
		case view && f.at.Sub(k.at) <= 30*24*time.Hour:
			episode = append(episode, k)
		}
	}
	episode = slices.DeleteFunc(episode, func(v numbered) bool {
		return slices.ContainsFunc(w.seen(f.customer, t, campaign.OrderCompleted, campaign.ProductAdded, campaign.ProductRemoved, campaign.CheckoutStarted),
			func(k numbered) bool { return !k.at.Before(v.at) })
	})
	key := "product_id"
	if trigger.SameCategory {
		key = "category"
	}
	var about map[string]any
	times := 0
	for _, v := range episode {
		n := 0
		for _, k := range episode {
			if k.props[key] == v.props[key] {
				n++
			}
		}
		if v.props[key] != nil && passes(float64(n), trigger.Views, view{asOf: t}) {
			about, times = v.props, n
		}
	}
	if about == nil || slices.ContainsFunc(trigger.Where, func(p campaign.Property) bool { return !propertyPasses(about, p, t) }) {
		return nil, false
	}
	object := map[string]any{}
	for k, v := range about {
		object[k] = v
	}
	object["views"] = float64(times)
	return object, true
}

// cart is the content of the cart that f changed last, as of t.
func (w world) cart(f numbered, t time.Time) (map[string]any, bool) {
	id, _ := f.props["cart_id"].(string)
	var history []campaign.CartEvent
	names := append(campaign.CartChanges(), campaign.CartViewed)
	for _, k := range w.seen(f.customer, t, append(names, campaign.OrderCompleted)...) {
		if k.name == campaign.OrderCompleted {
			if !k.at.Before(f.at) {
				return nil, false
			}
			// Whatever was put in at the order's own instant was bought too.
			history = slices.DeleteFunc(history, func(e campaign.CartEvent) bool { return !e.OccurredAt.After(k.at) })
			continue
		}
		if other, _ := k.props["cart_id"].(string); other != id {
			continue
		}
		if k.name != campaign.CartViewed && (k.at.After(f.at) || k.at.Equal(f.at) && k.n > f.n) {
			return nil, false
		}
		history = append(history, campaign.CartEvent{Name: k.name, OccurredAt: k.at, Properties: k.props})
	}
	for _, o := range w.seen(f.customer, t, campaign.OrderCompleted) {
		history = slices.DeleteFunc(history, func(e campaign.CartEvent) bool { return !e.OccurredAt.After(o.at) })
	}
	cart := campaign.FoldCart(id, history)
	told := false
	for _, e := range history {
		if _, has := e.Properties["products"]; e.Name == campaign.CheckoutStarted || has && e.Name == campaign.CartViewed {
			told = has
		}
	}
	if cart.Empty() && (f.name != campaign.CheckoutStarted || told) {
		return nil, false
	}
	object := map[string]any{}
	for k, v := range f.props {
		object[k] = v
	}
	for k, v := range cart.Data() {
		object[k] = v
	}
	return object, true
}
