package audience_test

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// genLimited is a segment with a limit, by an attribute of any kind.
func genLimited(t *rapid.T, w shopWorld, match campaign.Condition) *campaign.Segment {
	return &campaign.Segment{Name: "best", Match: match, Limit: &campaign.Limit{
		First: rapid.IntRange(1, 4).Draw(t, "first"), Lowest: rapid.Bool().Draw(t, "lowest"),
		By: pick(t, "by", append(w.workspace.ComputedNames(), "tier of old", "when", "tier")...),
	}}
}

// sortKeys are what a customer is put in order by, by kind as in
// the statement: numbers, moments, texts.
func (w shopWorld) sortKeys(customer int64, by string, asOf time.Time) (number, at *float64, text *string) {
	var v any
	if _, ok := w.workspace.ComputedAttribute(by); ok {
		v = w.values(customer, asOf)[by]
	} else {
		v = w.latest(customer, by, asOf)
		for _, a := range w.attributes {
			if s, ok := v.(string); ok && a.kind == "time" && a.text == s {
				moment, _ := campaign.ParseMoment(s, nil)
				v = moment
			}
		}
	}
	switch v := v.(type) {
	case float64:
		number = &v
	case time.Time:
		at = ptr(float64(campaign.Micros(v)))
	case string:
		text = &v
	case bool:
		text = ptr(fmt.Sprint(v))
	}
	return number, at, text
}

func before[T cmp.Ordered](x, y *T, lowest bool) int {
	switch {
	case x == nil && y == nil:
		return 0
	case x == nil:
		return 1
	case y == nil:
		return -1
	case lowest:
		return cmp.Compare(*x, *y)
	}
	return cmp.Compare(*y, *x)
}

// first are the first of a segment's members as of the day's start.
func (w shopWorld) first(s *campaign.Segment, asOf time.Time) []int64 {
	start := midnight(asOf)
	match := s.Match.(campaign.Attribute)
	var members []int64
	for id := range w.customers {
		if !w.customers[id].created.After(start) && computedPasses(w.values(int64(id+1), start)[match.Name], match.Test, start) {
			members = append(members, int64(id+1))
		}
	}
	slices.SortFunc(members, func(x, y int64) int {
		n1, a1, t1 := w.sortKeys(x, s.Limit.By, start)
		n2, a2, t2 := w.sortKeys(y, s.Limit.By, start)
		external := func(id int64) *string {
			if e := w.customers[id-1].external; e != "" {
				return &e
			}
			return nil
		}
		return cmp.Or(before(n1, n2, s.Limit.Lowest), before(a1, a2, s.Limit.Lowest), before(t1, t2, s.Limit.Lowest), before(external(x), external(y), true), cmp.Compare(x, y))
	})
	members = members[:min(len(members), s.Limit.First)]
	slices.Sort(members)
	return members
}

// What ranks customers gives the same whether it was kept or not, for one moment
// or many, for passes and for everybody; and it is what the oracle says.
func TestRanks(t *testing.T) {
	ctx := context.Background()
	each(t, func(t *testing.T, db database) {
		rapid.Check(t, func(t *rapid.T) {
			w := genShop(t)
			db.fillShop(t, w)
			best := genLimited(t, w, genComputed(t, w))
			e := audience.New(db.engine, w.catalog(map[string]*campaign.Segment{"best": best}))
			score := campaign.Attribute{Name: pick(t, "score", "rfm.r", "rfm.f", "rfm.m"), Test: test(campaign.OpAtLeast, number(pick(t, "least", 1.0, 2, 3, 5)))}
			conds := []campaign.Condition{campaign.InSegment{Segment: "best"}, score, campaign.Not{Of: campaign.InSegment{Segment: "best"}}}
			looks := w.looks(t, 6)
			asOf := looks[0].AsOf
			c := &campaign.Campaign{Name: "ranking", Trigger: campaign.OnEvent{Name: "Page Viewed"}, Audience: campaign.Any(conds)}
			check := func(when string) {
				held, err := e.HoldsEach(ctx, db, nil, conds, looks)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range looks {
					in := slices.Contains(w.first(best, p.AsOf), p.Customer)
					v := w.values(p.Customer, p.AsOf)[score.Name]
					want := []bool{in, computedPasses(v, score.Test, p.AsOf), !in}
					if !slices.Equal(held[p.ID], want) {
						t.Fatalf("%s: customer %d as of %s: %v, want %v: first %d by %s, match %+v, members %v; %s %v", when, p.Customer, stamp(p.AsOf), held[p.ID], want,
							best.Limit.First, best.Limit.By, best.Match, w.first(best, p.AsOf), score.Name, v)
					}
				}
				got, err := e.Members(ctx, db, conds[0], asOf)
				if err != nil {
					t.Fatal(err)
				}
				if want := w.first(best, asOf); !slices.Equal(got, want) {
					t.Fatalf("%s: members as of %s: %v, want %v by %+v", when, stamp(asOf), got, want, best.Limit)
				}
			}
			check("worked out")
			db.inTx(t, func(tx *sql.Tx) error {
				return e.Rank(ctx, tx, c, audience.Window{From: asOf.AddDate(0, 0, -2), To: asOf})
			})
			check("kept")
			// A fact of before comes in.
			late := fact{uid: "late", customer: 1, name: campaign.OrderCompleted, at: asOf.AddDate(0, 0, -1), known: asOf.AddDate(0, 0, -1), props: map[string]any{"total": 30.0}}
			w.facts = append(w.facts, late)
			db.inTx(t, func(tx *sql.Tx) error {
				insertFact(t, tx, late)
				return db.engine.Unrank(ctx, tx, late.at)
			})
			check("forgotten")
		})
	})
}

func (db database) inTx(t fataler, f func(tx *sql.Tx) error) {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		t.Fatalf("%v", err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func TestRankKeepsOnlyWhatIsSettled(t *testing.T) {
	ctx := context.Background()
	each(t, func(t *testing.T, db database) {
		cat := catalog(nil)
		cat.Segments["best"] = &campaign.Segment{Name: "best", Limit: &campaign.Limit{First: 1, By: "orders.total"}}
		cat.Segments["mailed"] = &campaign.Segment{Name: "mailed", Match: campaign.CampaignState{Campaign: "cart", Is: campaign.IsEntered}, Limit: &campaign.Limit{First: 1, By: "orders.total"}}
		e := audience.New(db.engine, cat)
		c := &campaign.Campaign{Trigger: campaign.OnEvent{Name: "x"}, Audience: campaign.All{campaign.InSegment{Segment: "best"}, campaign.InSegment{Segment: "mailed"}, campaign.Attribute{Name: "rfm.r", Test: test(campaign.OpIs, number(5))}}}
		start := midnight(base)
		count := func() (n int) {
			if err := db.QueryRow("SELECT count(*) FROM ranked").Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		for _, tt := range []struct {
			what     string
			from, to time.Time
			want     int // one of the segments, and the scores, each day
		}{
			{"the day has just begun", start.Add(-time.Second), start.Add(30 * time.Second), 2},
			{"it is over a minute old", start.Add(-time.Second), start.Add(time.Minute), 4},
			{"again", start.Add(-time.Second), start.Add(time.Hour), 4},
			{"much later", start.AddDate(0, 0, 20), start.AddDate(0, 0, 20).Add(time.Hour), 2},
		} {
			db.inTx(t, func(tx *sql.Tx) error { return e.Rank(ctx, tx, c, audience.Window{From: tt.from, To: tt.to}) })
			if got := count(); got != tt.want {
				t.Errorf("%s: %d rankings are kept, want %d", tt.what, got, tt.want)
			}
		}
	})
}

// Facts of before that come into another store of the same database are no reason
// to leave the ranks of this one be.
func TestRankBesideAnotherStore(t *testing.T) {
	ctx := context.Background()
	each(t, func(t *testing.T, db database) {
		other := open(t, db.engine)
		c := &campaign.Campaign{Trigger: campaign.OnEvent{Name: "x"}, Audience: campaign.Attribute{Name: "rfm.r", Test: test(campaign.OpIs, number(5))}}
		start := midnight(base)
		other.inTx(t, func(theirs *sql.Tx) error {
			if err := other.engine.Unrank(ctx, theirs, start); err != nil {
				return err
			}
			db.inTx(t, func(tx *sql.Tx) error {
				return audience.New(db.engine, catalog(nil)).Rank(ctx, tx, c, audience.Window{From: start, To: start.Add(time.Hour)})
			})
			return nil
		})
		if n := db.count(t, "SELECT count(*) FROM ranked"); n == 0 {
			t.Error("nothing is kept while the other store is written to")
		}
	})
}

// A window of more days than one statement ranks is cut up, and nobody falls out.
func TestRanksOfLongWindow(t *testing.T) {
	ctx := context.Background()
	each(t, func(t *testing.T, db database) {
		rapid.Check(t, func(t *rapid.T) {
			w := genShop(t)
			db.fillShop(t, w)
			best := genLimited(t, w, campaign.Attribute{Name: "orders.count", Test: test(campaign.OpAtLeast, number(1))})
			e := audience.New(db.engine, w.catalog(map[string]*campaign.Segment{"best": best}))
			c := &campaign.Campaign{Name: "long", Trigger: campaign.OnEvent{Name: campaign.OrderCompleted, After: campaign.Of(time.Hour)}, Audience: campaign.InSegment{Segment: "best"}}
			// Events lie on the first days of it, and on the seventh.
			from, to := base.AddDate(0, 0, -1), base.AddDate(0, 0, 9)
			if db.engine == audience.SQLite { // which takes a statement for each day
				to = base.AddDate(0, 0, 3)
			}
			found, err := e.Candidates(ctx, db, c, audience.Window{From: from, To: to})
			if err != nil {
				t.Fatal(err)
			}
			got, want := map[string]bool{}, map[string]bool{}
			for _, one := range found {
				got[one.Key] = true
			}
			for _, f := range w.facts {
				asOf := f.at.Add(time.Hour)
				if f.known.After(asOf) {
					asOf = f.known
				}
				if f.name == campaign.OrderCompleted && asOf.After(from) && !asOf.After(to) && slices.Contains(w.first(best, asOf), f.customer) {
					want[f.uid] = true
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("found %v, want %v", got, want)
			}
		})
	})
}
