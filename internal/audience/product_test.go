package audience_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// shelf is what happened to products, and who was told of one by a campaign.
type shelf struct {
	world
	catalogue []fact // customer is none
	told      []told
	consents  []consentWord
	barred    []suppression
	nameless  int64 // the customer without an address; 0: none
}

type suppression struct {
	customer      int64
	topic, reason string
	at            time.Time
}

type told struct {
	customer int64
	product  string
	entered  time.Time
}

func productOf(f fact) string { return fmt.Sprint(f.props["product_id"]) }

func (db database) shelve(t fataler, s shelf) {
	t.Helper()
	db.fill(t, s.world)
	for _, table := range []string{"catalogue_events", "consents", "suppressions"} {
		db.must(t, "DELETE FROM "+table)
	}
	db.must(t, "UPDATE customers SET email = 'a@kape.example', email_hash = CAST(id AS TEXT) WHERE id <> $1", s.nameless)
	for _, c := range s.consents {
		db.must(t, "INSERT INTO consents (customer_id, topic, given, at, recorded_at, source) VALUES ($1, $2, $3, $4, $4, '')", c.customer, c.topic, c.given, campaign.Micros(c.at))
	}
	for _, b := range s.barred {
		db.must(t, "INSERT INTO suppressions (email_hash, topic, reason, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", fmt.Sprint(b.customer), b.topic, b.reason, campaign.Micros(b.at))
	}
	for _, f := range s.catalogue {
		props, err := json.Marshal(f.props)
		if err != nil {
			t.Fatalf("properties: %v", err)
		}
		db.must(t, "INSERT INTO catalogue_events (uid, name, product_id, occurred_at, known_at, properties) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
			f.uid, f.name, productOf(f), campaign.Micros(f.at), campaign.Micros(f.known), string(props))
	}
	if len(s.told) > 0 {
		db.must(t, "INSERT INTO campaigns (name, seed, status, loaded_at) VALUES ('shop', 'shop', 'active', 0)")
	}
	for i, one := range s.told {
		db.must(t, "INSERT INTO enrollments (campaign_id, customer_id, key, anchor_at, entered_at, decided_at, anchor, state, product) SELECT id, $1, $2, $3, $3, $3, '{}', 'finished', $4 FROM campaigns WHERE name = 'shop'",
			one.customer, fmt.Sprint("told", i), campaign.Micros(one.entered), one.product)
	}
}

// waiting is the oracle of what a catalogue's facts start.
func (s shelf) waiting(c *campaign.Campaign, t campaign.OnProduct, segments map[string]campaign.Condition, from, to time.Time) map[string]found {
	out := map[string]found{}
	name, ask := campaign.ProductBackInStock, campaign.BackInStockRequested
	if t.Drop > 0 {
		name, ask = campaign.ProductPriceChanged, campaign.PriceDropRequested
	}
	for i, f := range s.catalogue {
		due := t.After.After(f.at)
		asOf := later(due, f.known)
		if f.name != name || !asOf.After(from) || asOf.After(to) || slices.ContainsFunc(t.Where, func(p campaign.Property) bool { return !propertyPasses(f.props, p, asOf) }) {
			continue
		}
		if t.Drop > 0 {
			price := f.props["price"].(float64)
			was, ok := f.props["was"].(float64)
			if !ok {
				was = 0
				var last time.Time
				for n, k := range s.catalogue {
					before := k.at.Before(f.at) || k.at.Equal(f.at) && n < i
					if k.name == name && productOf(k) == productOf(f) && before && !k.known.After(asOf) && !k.at.Before(last) {
						was, last = k.props["price"].(float64), k.at
					}
				}
			}
			if price > was*(1-float64(t.Drop))+1e-9 || was == 0 {
				continue
			}
		}
		type waiter struct {
			customer int64
			viewer   bool
			since    time.Time
		}
		var list []waiter
		for i := range s.customers {
			id := int64(i + 1)
			object := map[string]any{"product": f.props}
			for k, v := range f.props {
				object[k] = v
			}
			v := view{customer: id, asOf: asOf, anchor: f.at, entered: asOf, trigger: object, segments: segments}
			if !s.holds(c.Audience, v) || !s.holds(c.EnterWhen, v) {
				continue
			}
			for _, way := range []waiter{{id, false, s.since(f, asOf, id, ask, t.Asked)}, {id, true, s.since(f, asOf, id, campaign.ProductViewed, t.Viewed)}} {
				if !way.since.IsZero() {
					list = append(list, way)
					break
				}
			}
		}
		slices.SortStableFunc(list, func(a, b waiter) int {
			if a.viewer != b.viewer {
				return map[bool]int{false: -1, true: 1}[a.viewer]
			}
			return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.customer, b.customer))
		})
		pieces, ok := f.props["stock"].(float64)
		if !ok {
			pieces = 1
		}
		served := 0
		for _, one := range list {
			if t.PerUnit > 0 && s.mailable(c.Topic, one.customer, !one.viewer, asOf) {
				if served >= int(pieces)*t.PerUnit {
					continue
				}
				served++
			}
			ref := s.customers[one.customer-1].external
			if ref == "" {
				ref = fmt.Sprint("#", one.customer)
			}
			key := f.uid + "@" + ref
			out[key] = found{key, one.customer, stamp(f.at), stamp(due), stamp(asOf)}
		}
	}
	return out
}

// mailable tells whether mail may go to a customer.
func (s shelf) mailable(topic string, customer int64, asked bool, asOf time.Time) bool {
	if customer == s.nameless {
		return false
	}
	about := func(c consentWord) bool {
		return c.customer == customer && (c.topic == topic || c.topic == "*") && !c.at.After(asOf)
	}
	seen := map[string]bool{}
	for _, b := range s.barred {
		key := fmt.Sprint(b.customer, b.topic) // of one topic the first counts
		if seen[key] {
			continue
		}
		seen[key] = true
		if b.customer != customer || b.at.After(asOf) || b.topic != "*" && (topic == "" || b.topic != topic && b.topic != "@marketing") {
			continue
		}
		if b.reason != "unsubscribed" || !slices.ContainsFunc(s.consents, func(c consentWord) bool { return about(c) && c.given && c.at.After(b.at) }) {
			return false
		}
	}
	if topic == "" {
		return true
	}
	given, last := asked, time.Time{}
	for _, c := range s.consents {
		if about(c) && !c.at.Before(last) {
			given, last = c.given, c.at
		}
	}
	return given
}

// since is when a customer began to wait for f's product, by an event; zero: not.
func (s shelf) since(f fact, asOf time.Time, customer int64, event string, within campaign.Duration) time.Time {
	if within.IsZero() {
		return time.Time{}
	}
	for _, r := range s.seen(customer, asOf, event) {
		if productOf(r.fact) != productOf(f) || r.at.After(f.at) || !r.at.After(within.Before(f.at)) {
			continue
		}
		bought := slices.ContainsFunc(s.seen(customer, asOf, campaign.OrderCompleted), func(k numbered) bool {
			lines, _ := k.props["products"].([]any)
			return !k.at.Before(r.at) && slices.ContainsFunc(lines, func(l any) bool { return fmt.Sprint(l.(map[string]any)["product_id"]) == productOf(f) })
		})
		served := slices.ContainsFunc(s.told, func(p told) bool {
			return p.customer == customer && p.product == productOf(f) && !p.entered.Before(r.at) && p.entered.Before(asOf)
		})
		if !bought && !served {
			return r.at
		}
	}
	return time.Time{}
}

func genShelf(t *rapid.T) shelf {
	s := shelf{world: genWorld(t)}
	s.facts, s.passes = nil, nil
	set := func(props map[string]any, key string, values ...any) {
		delete(props, key)
		if v := pick(t, key, values...); v != nil {
			props[key] = v
		}
	}
	for range rapid.IntRange(1, 10).Draw(t, "events") {
		f := genFact(t, campaign.ProductViewed, campaign.BackInStockRequested, campaign.BackInStockRequested, campaign.PriceDropRequested, campaign.OrderCompleted)
		set(f.props, "product_id", "p", "p", "p", "q", 7.0)
		if f.name == campaign.OrderCompleted {
			delete(f.props, "product_id")
			set(f.props, "products", nil, []any{map[string]any{"product_id": "p"}}, []any{map[string]any{"product_id": "q"}, map[string]any{"product_id": 7.0}})
		}
		s.facts = append(s.facts, f)
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "catalogue") {
		f := genFact(t, campaign.ProductBackInStock, campaign.ProductBackInStock, campaign.ProductPriceChanged)
		f.uid = fmt.Sprint("fact", i)
		set(f.props, "product_id", "p", "p", "p", "q", "7")
		set(f.props, "stock", nil, 1.0, 1.0, 2.0, 0.0, -1.0)
		set(f.props, "price", 10.0, 9.0, 8.0, 7.2)
		set(f.props, "was", nil, nil, 10.0)
		s.catalogue = append(s.catalogue, f)
	}
	for range rapid.IntRange(0, 2).Draw(t, "told") {
		s.told = append(s.told, told{genCustomer(t), pick(t, "product", "p", "q"), genMoment(t)})
	}
	anybody := func() int64 { return pick[int64](t, "anybody", 1, 2, 3) }
	for range rapid.IntRange(0, 4).Draw(t, "words") {
		s.consents = append(s.consents, consentWord{anybody(), pick(t, "topic", "offers", "offers", "news", "*"), rapid.Bool().Draw(t, "given"), genMoment(t)})
	}
	for range rapid.IntRange(0, 2).Draw(t, "suppressions") {
		s.barred = append(s.barred, suppression{anybody(), pick(t, "topic", "offers", "news", "@marketing", "*"), pick(t, "reason", "unsubscribed", "unsubscribed", "complaint"), genMoment(t)})
	}
	s.nameless = pick[int64](t, "no address", 0, 0, 0, 1, 2, 3)
	return s
}

func TestProductsAgainstOracle(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		rapid.Check(t, func(t *rapid.T) {
			s := genShelf(t)
			db.shelve(t, s)
			segments := map[string]campaign.Condition{"some": campaign.All{}}
			e := audience.New(db.engine, catalog(segments))
			for range 4 {
				c := genCampaign(t)
				c.Name, c.Topic = "shop", pick(t, "topic", "offers", "offers", "")
				p := campaign.OnProduct{
					After: pick(t, "after", campaign.Duration{}, campaign.Of(time.Hour), campaign.Duration{Months: 1}),
					Asked: pick(t, "asked", campaign.Duration{}, campaign.Of(3*time.Hour), campaign.Days(180), campaign.Days(180)), Viewed: pick(t, "viewed", campaign.Duration{}, campaign.Days(1), campaign.Duration{Months: 1}),
					PerUnit: pick(t, "per unit", 0, 0, 1, 2), Drop: pick(t, "drop", campaign.Share(0), campaign.Share(0), campaign.Share(0.1), campaign.Share(0.2)),
				}
				if rapid.IntRange(0, 2).Draw(t, "with where") == 0 {
					p.Where = genProperties(t)
				}
				c.Trigger = p
				from, to := hours(-2), hours(24*40)
				if rapid.Bool().Draw(t, "narrow") {
					from, to = genMoment(t), genMoment(t)
				}
				got := candidates(t, e, db, c, from, to)
				if diff := gocmp.Diff(s.waiting(c, p, segments, from, to), got, gocmp.AllowUnexported(found{})); diff != "" {
					t.Fatalf("%+v (-oracle +got):\n%s", p, diff)
				}
				splits(t, e, db, c, from, to, got)
			}
		})
	})
}

// Of two who asked the one piece is the first's, unless no mail may reach them.
func TestPiecesPassBy(t *testing.T) {
	said := func(topic string, given bool, at int) consentWord { return consentWord{1, topic, given, hours(at)} }
	barred := func(topic, reason string, at int) []suppression {
		return []suppression{{1, topic, reason, hours(at)}}
	}
	each(t, func(t *testing.T, db database) {
		for name, one := range map[string]struct {
			consents []consentWord
			barred   []suppression
			mail     bool
		}{
			"nothing said":            {nil, nil, true},
			"no":                      {[]consentWord{said("offers", false, 1)}, nil, false},
			"no to all":               {[]consentWord{said("*", false, 1)}, nil, false},
			"no to another":           {[]consentWord{said("news", false, 1)}, nil, true},
			"no afterwards":           {[]consentWord{said("offers", false, 9)}, nil, true},
			"no, then yes":            {[]consentWord{said("offers", false, 1), said("*", true, 2)}, nil, true},
			"barred":                  {nil, barred("*", "complaint", 1), false},
			"barred from marketing":   {nil, barred("@marketing", "complaint", 1), false},
			"barred from the topic":   {nil, barred("offers", "complaint", 1), false},
			"barred from another":     {nil, barred("news", "complaint", 1), true},
			"barred afterwards":       {nil, barred("*", "complaint", 9), true},
			"come back":               {[]consentWord{said("offers", true, 2)}, barred("@marketing", "unsubscribed", 1), true},
			"said yes before leaving": {[]consentWord{said("offers", true, 1)}, barred("offers", "unsubscribed", 2), false},
			"said no again":           {[]consentWord{said("offers", false, 2)}, barred("offers", "unsubscribed", 1), false},
			"yes after a complaint":   {[]consentWord{said("offers", true, 2)}, barred("offers", "complaint", 1), false},
			"yes to another":          {[]consentWord{said("news", true, 2)}, barred("offers", "unsubscribed", 1), false},
		} {
			s := shelf{world: history(event(campaign.BackInStockRequested, hours(1), "product_id", "p"), event(campaign.BackInStockRequested, hours(2), "product_id", "p")), consents: one.consents, barred: one.barred}
			s.customers = append(s.customers, customer{external: "bob"})
			s.facts[1].customer = 2
			back := event(campaign.ProductBackInStock, hours(4), "product_id", "p")
			back.uid = "u"
			s.catalogue = []fact{back}
			db.shelve(t, s)
			c := &campaign.Campaign{Name: "shop", Topic: "offers", Trigger: campaign.OnProduct{Asked: campaign.Days(1), PerUnit: 1}}
			found, err := audience.New(db.engine, catalog(nil)).Candidates(context.Background(), db, c, audience.Window{From: hours(3), To: hours(5)})
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, f := range found {
				got = append(got, f.Customer)
			}
			want := []int64{1}
			if !one.mail { // the first comes along, to be held for the reason
				want = []int64{1, 2}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: found %v, want %v", name, got, want)
			}
		}
	})
}

// The trigger tells the product, whose id is its text whatever it holds; who
// asked is told from who looked; facts stored later are found by the cursor.
func TestProductTells(t *testing.T) {
	ctx := context.Background()
	const hostile = `p'; DROP TABLE events; --"$.`
	each(t, func(t *testing.T, db database) {
		s := shelf{world: history(event(campaign.BackInStockRequested, hours(1), "product_id", hostile), event(campaign.ProductViewed, hours(1), "product_id", hostile))}
		s.customers = append(s.customers, customer{external: "bob"})
		s.facts[1].customer = 2
		db.shelve(t, s)
		e := audience.New(db.engine, catalog(nil))
		cursor, err := e.Cursor(ctx, db)
		if err != nil {
			t.Fatal(err)
		}
		db.must(t, "INSERT INTO catalogue_events (uid, name, product_id, occurred_at, known_at, properties) VALUES ('u', $1, $2, $3, $3, $4)",
			campaign.ProductBackInStock, hostile, campaign.Micros(hours(2)), `{"product_id": "x", "stock": 3, "product": {"name": "Tea"}}`)
		c := &campaign.Campaign{Name: hostile, Trigger: campaign.OnProduct{Asked: campaign.Days(1), Viewed: campaign.Days(1)}}
		w := audience.Window{From: hours(3), To: hours(4)}
		if got := keys(t, db, c, w); got != "" {
			t.Errorf("without cursor: %q", got)
		}
		w.Cursor = cursor
		found, err := e.Candidates(ctx, db, c, w)
		if err != nil || len(found) != 2 {
			t.Fatalf("%d found, %v", len(found), err)
		}
		for i, key := range []string{"u@ann", "u@bob"} {
			one := found[i]
			var o struct {
				Product map[string]any
				Stock   float64
			}
			if err := json.Unmarshal(one.Trigger, &o); err != nil || o.Stock != 3 || o.Product["name"] != "Tea" || o.Product["stock"] != 3.0 {
				t.Errorf("%s: %v", one.Trigger, err)
			}
			if one.Key != key || one.Asked != (i == 0) || one.Product != hostile {
				t.Errorf("found %+v", one)
			}
		}
		w.Customer = 2
		if got := keys(t, db, c, w); got != "u@bob" {
			t.Errorf("of one customer: %q", got)
		}
	})
}
