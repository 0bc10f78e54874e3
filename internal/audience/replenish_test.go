package audience_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// bought is what an order has of one product, or of all that passes `of`.
func bought(order fact, product string, of []campaign.Property) (pieces float64) {
	lines, _ := order.props["products"].([]any)
	for _, l := range lines {
		line := l.(map[string]any)
		if slices.ContainsFunc(of, func(p campaign.Property) bool { return !propertyPasses(line, p, order.at) }) ||
			product != "" && fmt.Sprint(line["product_id"]) != product || product == "" && len(of) == 0 {
			continue
		}
		n, ok := line["quantity"].(float64)
		if !ok {
			n = 1
		}
		pieces += max(n, 0)
	}
	return pieces
}

// usual is the median of the gaps, for one piece, between the orders given; 0 of
// too few.
func usual(orders []fact, pieces func(fact) float64, least int) time.Duration {
	var gaps []float64
	for customer := int64(1); customer <= 3; customer++ {
		var last time.Time
		var n float64
		for _, o := range orders {
			if o.customer != customer || pieces(o) == 0 {
				continue
			}
			if o.at.Equal(last) {
				n += pieces(o)
				continue
			}
			if n > 0 {
				gaps = append(gaps, math.Round(float64(o.at.Sub(last).Microseconds())/n))
			}
			last, n = o.at, pieces(o)
		}
	}
	slices.Sort(gaps)
	if len(gaps) < least {
		return 0
	}
	return (time.Duration(gaps[(len(gaps)-1)/2])*time.Microsecond + time.Duration(gaps[len(gaps)/2])*time.Microsecond) / 2
}

// supplies is the oracle of replenishment.
func (w world) supplies(c *campaign.Campaign, r campaign.Replenishment, segments map[string]campaign.Condition, from, to time.Time) map[string]found {
	var all []fact
	uids := map[string]bool{}
	for _, f := range w.facts {
		if !uids[f.uid] && f.name == campaign.OrderCompleted {
			all = append(all, f)
		}
		uids[f.uid] = true
	}
	slices.SortStableFunc(all, func(a, b fact) int { return a.at.Compare(b.at) })
	known := func(keep func(k fact) bool) (out []fact) {
		for _, k := range all {
			if keep(k) {
				out = append(out, k)
			}
		}
		return out
	}
	out := map[string]found{}
	for _, f := range all {
		day := time.Date(f.at.Year(), f.at.Month(), f.at.Day(), 0, 0, 0, 0, time.UTC)
		moment := later(f.at, f.known)
		var due time.Time
		var line string
		lines, _ := f.props["products"].([]any)
		for _, l := range lines {
			product := fmt.Sprint(l.(map[string]any)["product_id"])
			mine := func(o fact) float64 {
				if bought(o, product, r.Of) == 0 { // the line must pass
					return 0
				}
				return bought(o, product, r.Of)
			}
			pieces, gap := mine(f), time.Duration(0)
			switch r.Gap {
			case campaign.GapFixed:
				gap = r.Length.Fixed
			case campaign.GapProduct:
				gap = usual(known(func(k fact) bool { return k.at.Before(day) && k.known.Before(day) }), func(o fact) float64 { return bought(o, product, nil) }, 5)
			case campaign.GapCustomer:
				own := known(func(k fact) bool {
					return k.customer == f.customer && !k.at.After(f.at) && !later(k.at, k.known).After(moment)
				})
				if len(r.Of) > 0 {
					mine = func(o fact) float64 { return bought(o, "", r.Of) }
					if pieces > 0 {
						pieces = mine(f)
					}
				}
				gap = usual(own, mine, 2)
			}
			if gap == 0 {
				gap = r.Fallback.Fixed
			}
			end := f.at.Add(time.Duration(float64(gap) * pieces).Round(time.Microsecond)).Add(-r.Before.Fixed)
			if pieces > 0 && end.After(f.at) && end.Sub(f.at) <= 365*24*time.Hour && (due.IsZero() || end.Before(due)) {
				due, line = end, product
			}
		}
		asOf := later(due, f.known)
		if due.IsZero() || !asOf.After(from) || asOf.After(to) || slices.ContainsFunc(r.Where, func(p campaign.Property) bool { return !propertyPasses(f.props, p, asOf) }) {
			continue
		}
		again := slices.ContainsFunc(w.seen(f.customer, asOf, campaign.OrderCompleted), func(k numbered) bool {
			if len(r.Of) > 0 {
				return k.at.After(f.at) && slices.ContainsFunc(k.props["products"].([]any), func(l any) bool {
					return !slices.ContainsFunc(r.Of, func(p campaign.Property) bool { return !propertyPasses(l.(map[string]any), p, asOf) })
				})
			}
			return k.at.After(f.at) && slices.ContainsFunc(k.props["products"].([]any), func(l any) bool { return fmt.Sprint(l.(map[string]any)["product_id"]) == line })
		})
		if _, _, kept := w.occurs(campaign.PastPurchase{}, numbered{f, 0}, asOf); again || !kept {
			continue
		}
		v := view{customer: f.customer, asOf: asOf, anchor: f.at, entered: asOf, trigger: f.props, own: c.Trigger.AnchorNames(), segments: segments}
		if w.holds(c.Audience, v) && w.holds(c.EnterWhen, v) {
			out[f.uid] = found{f.uid, f.customer, stamp(f.at), stamp(due), stamp(asOf)}
		}
	}
	return out
}

func TestReplenishmentAgainstOracle(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		n := 0
		rapid.Check(t, func(t *rapid.T) {
			w := genSupplies(t)
			db.fill(t, w)
			segments := map[string]campaign.Condition{"some": campaign.All{}}
			e := audience.New(db.engine, catalog(segments))
			for range 4 {
				c := genCampaign(t)
				c.Audience, c.EnterWhen = genProfile(t), nil
				r := genReplenishment(t)
				c.Trigger = r
				from, to := hours(-24*70), hours(24*40)
				if rapid.Bool().Draw(t, "narrow") {
					from, to = genMoment(t).AddDate(0, 0, -rapid.IntRange(0, 40).Draw(t, "earlier")), genMoment(t)
				}
				got := candidates(t, e, db, c, from, to)
				if diff := cmp.Diff(w.supplies(c, r, segments, from, to), got, cmp.AllowUnexported(found{})); diff != "" {
					t.Fatalf("%+v (-oracle +got):\n%s", r, diff)
				}
				n += len(got)
				splits(t, e, db, c, from, to, got)
			}
		})
		if n == 0 {
			t.Error("nothing ran out")
		}
	})
}

// genSupplies is a history of orders.
func genSupplies(t *rapid.T) world {
	w := genWorld(t)
	w.facts, w.passes = nil, nil
	for range rapid.IntRange(1, 22).Draw(t, "orders") {
		f := genFact(t, campaign.OrderCompleted, campaign.OrderCompleted, campaign.OrderCompleted, campaign.OrderCompleted, campaign.OrderRefunded)
		f.uid = fmt.Sprint("u", rapid.IntRange(0, 500).Draw(t, "uid"))
		if f.name == campaign.OrderCompleted {
			days := time.Duration(rapid.IntRange(-60, 0).Draw(t, "days")) * 24 * time.Hour
			f.at, f.known = f.at.Add(days), f.known.Add(days)
			list := []any{}
			for range rapid.IntRange(0, 2).Draw(t, "lines") {
				line := map[string]any{"product_id": pick(t, "product", "p", "p", "q", "r")}
				if q := pick(t, "quantity", any(nil), any(nil), 2.0, 3.0, 0.5, 0.0); q != nil {
					line["quantity"] = q
				}
				list = append(list, line)
			}
			f.props["products"] = list
		}
		w.facts = append(w.facts, f)
	}
	return w
}

// genReplenishment may be by any gap, of some products or all.
func genReplenishment(t *rapid.T) campaign.Replenishment {
	tea := []campaign.Property{{Path: "product_id", Test: test(campaign.OpIn, text("p"), text("r"))}}
	r := campaign.Replenishment{Gap: pick(t, "gap", campaign.GapProduct, campaign.GapCustomer, campaign.GapFixed), Length: campaign.Days(5), Fallback: campaign.Days(8),
		Before: pick(t, "before", campaign.Duration{}, campaign.Days(1)), Of: pick(t, "of", nil, nil, tea)}
	if rapid.IntRange(0, 2).Draw(t, "with where") == 0 {
		r.Where = genProperties(t)
	}
	return r
}

// genProfile is an audience that does not look at the anchor's lines, which the
// trigger tells otherwise than the order does.
func genProfile(t *rapid.T) campaign.Condition {
	if rapid.Bool().Draw(t, "everybody") {
		return nil
	}
	return campaign.Attribute{Name: "tier", Test: genTest(t)}
}

func TestReplenishmentTells(t *testing.T) {
	line := func(product any, pairs ...any) any {
		l := map[string]any{"product_id": product}
		for i := 0; i < len(pairs); i += 2 {
			l[pairs[i].(string)] = pairs[i+1]
		}
		return l
	}
	each(t, func(t *testing.T, db database) {
		db.fill(t, history(order(0, "products", []any{line("p", "quantity", 2.0, "name", "Tea"), line("q'; --", "category", "x"), line("q'; --", "quantity", 0.5)})))
		c := &campaign.Campaign{Trigger: campaign.Replenishment{Gap: campaign.GapFixed, Length: campaign.Days(30), Before: campaign.Days(3)}}
		found, err := audience.New(db.engine, catalog(nil)).Candidates(context.Background(), db, c, always)
		if err != nil || len(found) != 1 {
			t.Fatalf("%v, %v", found, err)
		}
		var o map[string]any
		if err := json.Unmarshal(found[0].Trigger, &o); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"product_id": "q'; --", "category": "x", "quantity": 1.5}
		if diff := cmp.Diff(want, o["product"]); diff != "" || o["gap_days"] != 30.0 || found[0].Product != "q'; --" || !found[0].Due.Equal(hours(42*24)) {
			t.Errorf("%s due %s: %s", found[0].Trigger, found[0].Due, diff)
		}
	})
}

// The minute in which something runs out finds it, to the microsecond, others what
// became known late in them.
func TestReplenishmentByTheMinute(t *testing.T) {
	known := hours(31 * 24).Add(90*time.Minute + 30*time.Second)
	due := hours(30 * 24).Add(10*time.Minute + time.Microsecond)
	lines := []any{map[string]any{"product_id": "p"}}
	each(t, func(t *testing.T, db database) {
		w := history(event(campaign.OrderCompleted, due.AddDate(0, 0, -30), "products", lines),
			fact{name: campaign.OrderCompleted, at: hours(1), known: known, props: map[string]any{"products": lines}})
		w.customers = append(w.customers, customer{external: "bob"})
		w.facts[1].customer = 2
		db.fill(t, w)
		c := &campaign.Campaign{Trigger: campaign.Replenishment{Gap: campaign.GapFixed, Length: campaign.Days(30)}}
		for _, one := range []struct {
			at   time.Time
			want string
		}{
			{due, "a"}, {due.Add(-time.Microsecond), ""}, {due.Add(time.Minute - time.Microsecond), "a"}, {due.Add(time.Minute), ""},
			{known.Add(30 * time.Second), "b"}, {known.Add(-30 * time.Second), ""}, {known.Add(90 * time.Second), ""},
		} {
			if got := keys(t, db, c, audience.Window{From: one.at.Add(-time.Minute), To: one.at}); got != one.want {
				t.Errorf("%s: found %q, want %q", one.at, got, one.want)
			}
		}
	})
}
