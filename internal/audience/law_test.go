package audience_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// What the evaluator finds is what the oracle finds, and splitting a window
// changes nothing: eval(a,c] = eval(a,b] ∪ eval(b,c].
func TestCandidatesAgainstOracle(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		rapid.Check(t, func(t *rapid.T) {
			w := genWorld(t)
			segments := map[string]campaign.Condition{"some": genCondition(t, 0)}
			db.fill(t, w)
			e := audience.New(db.engine, catalog(segments))
			for range 4 {
				c := genCampaign(t)
				from, to := hours(-2), hours(24*40)
				if rapid.Bool().Draw(t, "narrow") {
					from, to = genMoment(t), genMoment(t)
				}
				got := candidates(t, e, db, c, from, to)
				if diff := cmp.Diff(w.candidates(c, segments, from, to), got, cmp.AllowUnexported(found{})); diff != "" {
					t.Fatalf("%T (-oracle +got):\n%s", c.Trigger, diff)
				}
				splits(t, e, db, c, from, to, got)
			}
		})
	})
}

// The same law for schedules, whose moments depend on zones.
func TestScheduleSplits(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		rapid.Check(t, func(t *rapid.T) {
			db.fill(t, genWorld(t))
			e := audience.New(db.engine, catalog(map[string]campaign.Condition{"some": campaign.All{}}))
			c := genCampaign(t)
			c.Zone = pick(t, "zone", "customer", "workspace", "America/New_York")
			s := campaign.Schedule{Every: pick(t, "every", campaign.EveryDay, campaign.EveryWeek, campaign.EveryMonth), Clock: 90,
				Day: campaign.DayRule{Weekday: ptr(time.Sunday)}, After: pick(t, "after", campaign.Duration{}, campaign.Of(time.Hour), campaign.Duration{Months: 1})}
			if rapid.Bool().Draw(t, "cron") {
				s = campaign.Schedule{Cron: "30 */5 * * *"}
			}
			c.Trigger = s
			from, to := hours(-2), hours(24*rapid.IntRange(0, 50).Draw(t, "days"))
			splits(t, e, db, c, from, to, candidates(t, e, db, c, from, to))
		})
	})
}

func splits(t *rapid.T, e *audience.Evaluator, db database, c *campaign.Campaign, from, to time.Time, whole map[string]found) {
	middle := from
	if to.After(from) {
		middle = from.Add(time.Duration(rapid.Int64Range(0, int64(to.Sub(from)/time.Hour)).Draw(t, "split")) * time.Hour)
	}
	first, second := candidates(t, e, db, c, from, middle), candidates(t, e, db, c, middle, to)
	for key, one := range second {
		if _, twice := first[key]; twice {
			t.Fatalf("%T: %s is found on both sides of %s", c.Trigger, key, middle)
		}
		first[key] = one
	}
	if diff := cmp.Diff(whole, first, cmp.AllowUnexported(found{})); diff != "" {
		t.Fatalf("%T split at %s (-whole +parts):\n%s", c.Trigger, middle, diff)
	}
}

func candidates(t fataler, e *audience.Evaluator, db database, c *campaign.Campaign, from, to time.Time) map[string]found {
	t.Helper()
	got, err := e.Candidates(context.Background(), db, c, audience.Window{From: from, To: to})
	if err != nil {
		t.Fatalf("candidates: %v", err)
	}
	out := map[string]found{}
	for _, one := range got {
		if _, twice := out[one.Key]; twice {
			t.Fatalf("%s is found twice", one.Key)
		}
		if !json.Valid(one.Trigger) {
			t.Fatalf("%s has the anchor %s", one.Key, one.Trigger)
		}
		out[one.Key] = found{one.Key, one.Customer, stamp(one.Anchor), stamp(one.Due), stamp(one.AsOf)}
	}
	return out
}

// Conditions mean what the oracle says, for passes and for plain customers. Many
// are judged in each history, as filling one costs more than asking.
func TestConditionsAgainstOracle(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		rapid.Check(t, func(t *rapid.T) {
			w := genWorld(t)
			db.fill(t, w)
			segments := map[string]campaign.Condition{"some": genCondition(t, 0)}
			e := audience.New(db.engine, catalog(segments))
			c := &campaign.Campaign{Trigger: campaign.OnEvent{Name: pick(t, "own", eventNames...)}}
			conds := []campaign.Condition{nil}
			for range rapid.IntRange(1, 20).Draw(t, "trees") {
				conds = append(conds, genCondition(t, 2))
			}
			for range rapid.IntRange(0, 8).Draw(t, "event conditions") {
				conds = append(conds, genEventMatch(t))
			}
			var asked []audience.PassAt
			for id := range int64(rapid.IntRange(1, 8).Draw(t, "passes")) {
				asked = append(asked, genPass(t, id))
			}
			got, err := e.HoldsEach(context.Background(), db, c, conds, asked)
			if err != nil {
				t.Fatalf("holds: %v", err)
			}
			for _, p := range asked {
				v := view{customer: p.Customer, asOf: p.AsOf, anchor: p.Anchor, entered: p.Entered, own: c.Trigger.AnchorNames(), segments: segments}
				json.Unmarshal(p.Trigger, &v.trigger)
				for i, cond := range conds {
					if want := w.holds(cond, v); got[p.ID][i] != want {
						t.Fatalf("%T %s for %+v: got %v, the oracle says %v of\n%s", cond, spelled(cond), p, got[p.ID][i], want, spelled(w))
					}
				}
			}
			at := genMoment(t)
			for _, cond := range conds {
				checkMembers(t, e, db, w, cond, at, segments)
			}
		})
	})
}

// spelled writes what was generated without the pointers in it.
func spelled(v any) string {
	if w, ok := v.(world); ok {
		return fmt.Sprintf("%+v\n%+v\n%+v", w.facts, w.attributes, w.passes)
	}
	s, _ := json.Marshal(v)
	return string(s)
}

func checkMembers(t *rapid.T, e *audience.Evaluator, db database, w world, cond campaign.Condition, at time.Time, segments map[string]campaign.Condition) {
	var want []int64
	for i, c := range w.customers {
		if !c.created.After(at) && w.holds(cond, view{customer: int64(i + 1), asOf: at, segments: segments}) {
			want = append(want, int64(i+1))
		}
	}
	got, err := e.Members(context.Background(), db, cond, at)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("members of %T %s at %s: got %v, %v; the oracle says %v of\n%s", cond, spelled(cond), at, got, err, want, spelled(w))
	}
	if n, err := e.Count(context.Background(), db, cond, at); err != nil || n != len(want) {
		t.Fatalf("count of %s: got %d, %v; the oracle says %d", spelled(cond), n, err, len(want))
	}
}

func genPass(t *rapid.T, id int64) audience.PassAt {
	p := audience.PassAt{ID: id, Customer: genCustomer(t), AsOf: genMoment(t)}
	if rapid.Bool().Draw(t, "a pass") {
		p.Anchor = genMoment(t)
		p.Entered = p.Anchor.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "entered")) * time.Hour)
		p.Trigger, _ = json.Marshal(genFact(t, eventNames...).props)
	}
	return p
}

// Match means in Go what a condition on properties means in SQL.
func TestMatchAgainstSQL(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		db.fill(t, history())
		e := audience.New(db.engine, catalog(nil))
		rapid.Check(t, func(t *rapid.T) {
			var conds []campaign.Condition
			var properties []campaign.Property
			for range 12 {
				for _, p := range genProperties(t) {
					properties = append(properties, p)
					conds = append(conds, campaign.TriggerProperty{Property: p})
				}
			}
			var asked []audience.PassAt
			for id := range int64(8) {
				trigger, _ := json.Marshal(genFact(t, eventNames...).props)
				asked = append(asked, audience.PassAt{ID: id, Customer: 1, AsOf: genMoment(t), Trigger: trigger})
			}
			held, err := e.HoldsEach(context.Background(), db, nil, conds, asked)
			if err != nil {
				t.Fatalf("holds: %v", err)
			}
			for _, p := range asked {
				var object map[string]any
				json.Unmarshal(p.Trigger, &object)
				for i, one := range properties {
					if got := audience.MatchPass([]campaign.Property{one}, object, object, p.AsOf); got != held[p.ID][i] {
						t.Fatalf("%+v on %s: SQL says %v, Match %v", one, p.Trigger, held[p.ID][i], got)
					}
				}
			}
		})
	})
}
