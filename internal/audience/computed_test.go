package audience_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// noon of a day some way into a history of days.
func onDay(n int, t *rapid.T) time.Time {
	at := base.AddDate(0, 0, n)
	return at.Add(time.Duration(pick(t, "minutes", 0, 0, 4*60, 4*60-1, 60, 719)) * time.Minute)
}

func genDay(t *rapid.T) time.Time {
	return onDay(pick(t, "day", 0, 0, 1, 2, 2, 7, 14, 20, 30, 61, 90, 181, 200, 360, 366, 400), t)
}

func genShop(t *rapid.T) shopWorld {
	w := shopWorld{workspace: campaign.Workspace{
		Zone: catalog(nil).Workspace.Zone, Currency: "EUR",
		Topics: map[string]campaign.Topic{"offers": {}, "news": {}},
		Rates: campaign.Rates{
			"USD": {{From: base.AddDate(0, 0, -1).Truncate(24 * time.Hour), Rate: 0.9}, {From: base.AddDate(0, 0, 10).Truncate(24 * time.Hour), Rate: 0.912345}},
			"PHP": {{From: base.Truncate(24 * time.Hour), Rate: 0.0155}},
		},
		RFM: campaign.RFM{Within: pick(t, "within", campaign.Days(365), campaign.Days(30), campaign.Duration{Months: 6})},
		Tiers: []campaign.Tier{
			{Name: "gold", When: campaign.Attribute{Name: "orders.total", Test: test(campaign.OpAtLeast, number(50))}},
			{Name: "silver", When: campaign.Attribute{Name: "orders.count", Test: test(campaign.OpAtLeast, number(2))}},
		},
	}}
	if rapid.IntRange(0, 3).Draw(t, "no rates") == 0 {
		w.workspace.Rates = nil
	}
	if rapid.IntRange(0, 3).Draw(t, "cuts") == 0 {
		w.workspace.RFM.Recency = []campaign.Duration{campaign.Days(2), campaign.Days(10), campaign.Days(40), {Months: 4}}
		w.workspace.RFM.Monetary = []float64{5, 10, 20.5, 40}
	}
	for i := range rapid.IntRange(2, 7).Draw(t, "customers") {
		c := customer{external: fmt.Sprint("c", (i*5)%7), created: hours(-500)}
		if i == 1 {
			c.external = ""
		}
		w.customers = append(w.customers, c)
	}
	anybody := func() int64 { return int64(rapid.IntRange(1, len(w.customers)).Draw(t, "customer")) }
	for i := range rapid.IntRange(0, 24).Draw(t, "events") {
		f := fact{uid: fmt.Sprint("u", i), customer: anybody(), at: genDay(t), props: map[string]any{}}
		f.name = pick(t, "name", campaign.OrderCompleted, campaign.OrderCompleted, campaign.OrderCompleted, campaign.OrderRefunded, campaign.OrderCancelled,
			campaign.ProductViewed, campaign.ProductReviewed, "Referral Completed", campaign.EmailSent, campaign.EmailClicked)
		f.known = f.at.AddDate(0, 0, pick(t, "late", 0, 0, 0, 0, 3))
		set := func(key string, values ...any) {
			if v := pick(t, key, values...); v != nil {
				f.props[key] = v
			}
		}
		switch f.name {
		case campaign.OrderCompleted, campaign.OrderRefunded, campaign.OrderCancelled:
			set("order_id", nil, "o1", "o1", "o2", "o2", "o3", 7.0)
			set("total", nil, 10.0, 10.0, 10.0, 25.5, 4.0, 6.0, 0.1, 9.995, -4.0, "10")
			set("value", nil, nil, nil, 6.0)
			set("currency", nil, nil, nil, "EUR", "USD", "USD", "PHP", "XXX", 3.0)
			if f.name == campaign.OrderCompleted {
				set("revenue", nil, 3.0)
			}
			if n := rapid.IntRange(-1, 2).Draw(t, "lines"); n >= 0 && f.name != campaign.OrderCancelled {
				lines := []any{}
				for range n {
					l := map[string]any{}
					for _, key := range []string{"product_id", "sku", "category", "quantity"} {
						values := map[string][]any{
							"product_id": {nil, "p", "q", 5.0}, "sku": {nil, "s"}, "category": {nil, "tea", "coffee", "é"}, "quantity": {nil, 2.0, 0.5, 0.0},
						}[key]
						if v := pick(t, key, values...); v != nil {
							l[key] = v
						}
					}
					lines = append(lines, l)
				}
				f.props["products"] = lines
			}
		case campaign.ProductReviewed:
			set("rating", nil, 3.0, 4.0, "5")
		case campaign.EmailClicked:
			set("grade", nil, nil, "human", "scanner")
		}
		w.facts = append(w.facts, f)
	}
	for range rapid.IntRange(0, 4).Draw(t, "attributes") {
		a := genAttribute(t)
		a.customer = anybody()
		w.attributes = append(w.attributes, a)
	}
	for range rapid.IntRange(0, 4).Draw(t, "words") {
		w.consents = append(w.consents, consentWord{anybody(), pick(t, "topic", "offers", "news", "*"), rapid.Bool().Draw(t, "given"), genDay(t)})
	}
	return w
}

func (w shopWorld) catalog(segments map[string]*campaign.Segment) *campaign.Catalog {
	return &campaign.Catalog{Workspace: w.workspace, Segments: segments}
}

// fillShop puts w in place of what is there.
func (db database) fillShop(t fataler, w shopWorld) {
	t.Helper()
	db.fill(t, w.world)
	for _, c := range w.consents {
		db.must(t, "INSERT INTO consents (customer_id, topic, given, at, recorded_at, source) VALUES ($1, $2, $3, $4, $4, '')", c.customer, c.topic, c.given, campaign.Micros(c.at))
	}
}

// looks are some customers at some moments of few days: SQLite takes a statement
// for each day.
func (w shopWorld) looks(t *rapid.T, n int) []audience.PassAt {
	var out []audience.PassAt
	days := []time.Time{genDay(t), genDay(t)}
	for i := range n {
		at := pick(t, "look", days...)
		if rapid.IntRange(0, 4).Draw(t, "a little later") == 0 {
			at = at.Add(time.Hour)
		}
		out = append(out, audience.PassAt{ID: int64(i), Customer: int64(rapid.IntRange(1, len(w.customers)).Draw(t, "who")), AsOf: at})
	}
	return out
}

func TestComputedValues(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		rapid.Check(t, func(t *rapid.T) {
			w := genShop(t)
			db.fillShop(t, w)
			e := audience.New(db.engine, w.catalog(nil))
			names := w.workspace.ComputedNames()
			passes := w.looks(t, 8)
			got, err := e.ComputedValue(context.Background(), db, names, passes)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range passes {
				want := w.values(p.Customer, p.AsOf)
				have := got[p.ID]
				for _, name := range names {
					if have[name] == nil {
						delete(have, name)
					}
				}
				if diff := cmp.Diff(want, have); diff != "" {
					t.Fatalf("customer %d as of %s (-oracle +got):\n%s", p.Customer, stamp(p.AsOf), diff)
				}
			}
			asOf := passes[0].AsOf
			excluded, err := e.Excluded(context.Background(), db, asOf)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(w.excluded(asOf), excluded); diff != "" {
				t.Fatalf("excluded as of %s (-oracle +got):\n%s", stamp(asOf), diff)
			}
		})
	})
}

// genComputed is a test on a computed attribute, with values that occur.
func genComputed(t *rapid.T, w shopWorld) campaign.Attribute {
	name := pick(t, "computed", w.workspace.ComputedNames()...)
	c, _ := w.workspace.ComputedAttribute(name)
	ops := []campaign.Op{campaign.OpIs, campaign.OpIsNot, campaign.OpIn, campaign.OpNotIn, campaign.OpExists}
	value := func() campaign.Value { return boolean(rapid.Bool().Draw(t, "operand")) }
	switch c.Kind {
	case campaign.Number, campaign.DaysKind:
		ops = append(ops, campaign.OpAtLeast, campaign.OpAtMost, campaign.OpAbove, campaign.OpBelow, campaign.OpBetween)
		value = func() campaign.Value {
			return number(pick(t, "operand", 0.0, 1, 2, 3, 5, 10, 9, 9.12345, 20, 25.5, 0.155, 30, 29, 12.5))
		}
	case campaign.Text:
		ops = append(ops, campaign.OpContains, campaign.OpStartsWith)
		value = func() campaign.Value {
			return text(pick(t, "operand", "p", "q", "5", "tea", "é", "gold", "silver", "retention", "lapsed", "purchase", "consideration", "a"))
		}
	case campaign.Time:
		ops = []campaign.Op{campaign.OpExists, campaign.OpBefore, campaign.OpAfter, campaign.OpWithin}
		value = func() campaign.Value { return moment(genDay(t)) }
	}
	op := pick(t, "op", ops...)
	switch op {
	case campaign.OpExists:
		return campaign.Attribute{Name: name, Test: test(op, boolean(rapid.Bool().Draw(t, "exists")))}
	case campaign.OpWithin:
		return campaign.Attribute{Name: name, Test: campaign.Test{Op: op, Length: pick(t, "length", campaign.Days(30), campaign.Duration{Months: 2})}}
	case campaign.OpIn, campaign.OpNotIn, campaign.OpBetween:
		return campaign.Attribute{Name: name, Test: test(op, value(), value())}
	}
	return campaign.Attribute{Name: name, Test: test(op, value())}
}

// computedPasses is a test on a value that was worked out; nil is none.
func computedPasses(v any, t campaign.Test, asOf time.Time) bool {
	if v == nil {
		switch t.Op {
		case campaign.OpExists:
			return !t.Values[0].Bool
		}
		return t.Op == campaign.OpIsNot || t.Op == campaign.OpNotIn
	}
	if at, ok := v.(time.Time); ok {
		v = stamp(at)
	}
	return passes(v, t, view{asOf: asOf})
}

func TestComputedConditions(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		rapid.Check(t, func(t *rapid.T) {
			w := genShop(t)
			db.fillShop(t, w)
			e := audience.New(db.engine, w.catalog(nil))
			var conds []campaign.Condition
			for range 12 {
				conds = append(conds, genComputed(t, w))
			}
			looks := w.looks(t, 4)
			held, err := e.HoldsEach(context.Background(), db, nil, conds, looks)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range looks {
				values := w.values(p.Customer, p.AsOf)
				for i, c := range conds {
					a := c.(campaign.Attribute)
					if want := computedPasses(values[a.Name], a.Test, p.AsOf); held[p.ID][i] != want {
						t.Fatalf("%s %+v of %v for customer %d as of %s: %v", a.Name, a.Test, values[a.Name], p.Customer, stamp(p.AsOf), held[p.ID][i])
					}
				}
			}
			// Everybody at once, by sets.
			asOf := looks[0].AsOf
			all := campaign.Any{campaign.All{conds[0], conds[1]}, campaign.Not{Of: conds[2]}, conds[3]}
			var want []int64
			for id := range w.customers {
				values := w.values(int64(id+1), asOf)
				is := func(i int) bool {
					a := conds[i].(campaign.Attribute)
					return computedPasses(values[a.Name], a.Test, asOf)
				}
				if is(0) && is(1) || !is(2) || is(3) {
					want = append(want, int64(id+1))
				}
			}
			got, err := e.Members(context.Background(), db, all, asOf)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(want, got) {
				t.Fatalf("members of %+v as of %s: %v, want %v", all, stamp(asOf), got, want)
			}
		})
	})
}
