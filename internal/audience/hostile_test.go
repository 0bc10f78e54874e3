package audience_test

import (
	"context"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// hostile are texts that end literals, comments, paths and statements, and some
// that no text column can hold.
var hostile = []string{
	`'; DROP TABLE events; --`, `" OR 1=1 --`, `$1`, `$."a"`, `$[0]`, `[0]`, `a"b`, `a\`, `\"`, `%`, `_`, `{}`, "*/", "a\x00b", "\xff\xfe", "\n", "",
	".", "..", "a..b", "0", "-1", "NaN", "é\u202e", strings.Repeat("a.", 200), `x') OR ('1'='1`, `{"a":1}`, `\u0000`, "??|", "@>",
}

func hostileConditions(s string) []campaign.Condition {
	is := test(campaign.OpIs, text(s))
	prop := campaign.Property{Path: s, Test: is}
	return []campaign.Condition{
		campaign.Attribute{Name: s, Test: is}, campaign.Attribute{Name: "tier", Test: is},
		campaign.Attribute{Name: "tier", Test: test(campaign.OpIn, text(s), text("x"+s))},
		campaign.Attribute{Name: "list", Test: test(campaign.OpHas, text(s))},
		campaign.EventMatch{Event: s}, campaign.EventMatch{Event: "Seen", Where: []campaign.Property{prop}},
		campaign.EventMatch{Event: "Seen", Where: []campaign.Property{{Path: "a." + s, Test: test(campaign.OpExists, boolean(true))}}},
		campaign.EventMatch{Event: "Seen", Where: []campaign.Property{{Path: "it", Test: test(campaign.OpIs, text("x"+s))}}},
		campaign.EventMatch{Event: "Seen", Aggregate: &campaign.Aggregate{Func: campaign.Sum, Property: s, Test: test(campaign.OpAbove, number(0))}},
		campaign.TriggerProperty{Property: prop}, campaign.CampaignState{Campaign: s, Is: campaign.IsEntered},
		campaign.InSegment{Segment: "hostile"},
		campaign.Attribute{Name: "address." + s, Test: is}, campaign.Attribute{Name: s + ".city", Test: test(campaign.OpExists, boolean(true))},
		campaign.Attribute{Name: "list", Test: test(campaign.OpHasAny, text(s), text("x"+s))},
		campaign.Attribute{Name: "tier", Test: test(campaign.OpMatches, text(regexp.QuoteMeta("x"+s)))},
		campaign.EventMatch{Event: "Seen", Where: []campaign.Property{{Path: "it", Test: test(campaign.OpMatches, text(regexp.QuoteMeta("x"+s)))}}},
		campaign.Attribute{Name: "tier", Test: campaign.Test{Op: campaign.OpSameAs, Trigger: s}},
		campaign.EventMatch{Event: "Seen", Where: []campaign.Property{{Path: "a." + s, Test: campaign.Test{Op: campaign.OpSameAs, Trigger: "a." + s}}}},
		campaign.EventMatch{Event: "Seen", Where: []campaign.Property{{Path: s, Each: []campaign.Property{prop}}}},
		campaign.EventMatch{Event: "Seen", Where: []campaign.Property{{Path: "a", Each: []campaign.Property{prop}}}},
		campaign.EventMatch{Event: "Seen", Distinct: &campaign.Distinct{Property: s, Test: test(campaign.OpAtLeast, number(1))}},
		campaign.EventMatch{Event: "Seen", Distinct: &campaign.Distinct{Property: "a." + s, Test: test(campaign.OpAtLeast, number(1))}},
		campaign.EventMatch{Event: "Seen", Aggregate: &campaign.Aggregate{Func: campaign.Avg, Property: "a." + s, Test: test(campaign.OpAtMost, number(1))}},
		campaign.EventMatch{Event: "Seen", Aggregate: &campaign.Aggregate{Func: campaign.Max, Property: s, Test: test(campaign.OpAtMost, number(1))}},
		campaign.EventMatch{Event: "Seen", Followed: &campaign.Sequence{Event: s}},
		campaign.EventMatch{Event: "Seen", Followed: &campaign.Sequence{Event: campaign.OrderCompleted, Where: []campaign.Property{prop}}},
		campaign.EventMatch{Event: s, Followed: &campaign.Sequence{Not: true, Event: "Seen"}},
		campaign.Sample{Share: 1e-9, Seed: s},
	}
}

func TestHostileText(t *testing.T) {
	ctx := context.Background()
	each(t, func(t *testing.T, db database) {
		w := history(event("Seen", hours(0), "it", "plain", "a", map[string]any{"b": 1.0}), added(0), order(5))
		w.attributes = []attribute{{customer: 1, name: "tier", at: hours(0), kind: "text", text: "gold"},
			{customer: 1, name: "list", at: hours(0), kind: "list", text: `["a\u0000b"]`}}
		db.fill(t, w)
		for _, s := range hostile {
			e := audience.New(db.engine, catalog(map[string]campaign.Condition{"hostile": campaign.Attribute{Name: "tier", Test: test(campaign.OpStartsWith, text("x"+s))}}))
			for i, cond := range hostileConditions(s) {
				if got, err := e.Members(ctx, db, cond, hours(9)); err != nil || len(got) != 0 {
					t.Errorf("%q, condition %d: %v, %v", s, i, got, err)
				}
			}
			held, err := e.HoldsEach(ctx, db, nil, hostileConditions(s), []audience.PassAt{{ID: 1, Customer: 1, AsOf: hours(9), Anchor: hours(1), Entered: hours(1), Trigger: json.RawMessage(`{"plain": "x", "a": {"b": 2}}`)}})
			if err != nil || slices.Contains(held[1], true) {
				t.Errorf("%q for a pass: %v, %v", s, held, err)
			}
			// As a pattern it may find what it likes.
			if _, err := e.Members(ctx, db, campaign.Attribute{Name: "tier", Test: test(campaign.OpMatches, text(s))}, hours(9)); err != nil {
				t.Errorf("pattern %q: %v", s, err)
			}
			where := []campaign.Property{{Path: "it", Test: test(campaign.OpIs, text("x"+s))}}
			for _, trigger := range []campaign.Trigger{campaign.OnEvent{Name: s}, campaign.OnEvent{Name: "Seen", Where: where},
				campaign.Inactivity{Of: []string{s}}, campaign.AbandonedCart{Where: where}, campaign.PastPurchase{Where: where}} {
				if got := keys(t, db, &campaign.Campaign{Name: s, Trigger: trigger}, always); got != "" {
					t.Errorf("%q: %T found %q", s, trigger, got)
				}
			}
		}
		if got := keys(t, db, &campaign.Campaign{Trigger: campaign.OnEvent{Name: "Seen"}}, always); got != "a" {
			t.Errorf("afterwards: %q", got)
		}
	})
}

// Whatever a property is called and says, a test for just that finds it.
func TestStrangeTextIsFound(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		e := audience.New(db.engine, catalog(nil))
		for _, s := range hostile {
			if strings.Contains(s, "\x00") || !utf8.ValidString(s) || strings.Contains(s, ".") {
				continue
			}
			f := event("Seen "+s, hours(0), "deep", map[string]any{s: s})
			w := history(f)
			w.attributes = []attribute{{customer: 1, name: s, at: hours(0), kind: "text", text: s}}
			db.fill(t, w)
			is := test(campaign.OpIs, text(s))
			cond := campaign.All{campaign.Attribute{Name: s, Test: is}, campaign.EventMatch{Event: "Seen " + s, Where: []campaign.Property{{Path: "deep." + s, Test: is}}}}
			if got, err := e.Members(context.Background(), db, cond, hours(9)); err != nil || len(got) != 1 {
				t.Errorf("%q: %v, %v", s, got, err)
			}
		}
	})
}

// A condition may be as long as it likes.
func TestManyParts(t *testing.T) {
	var any campaign.Any
	in := campaign.Test{Op: campaign.OpIn}
	for range 1200 {
		any = append(any, campaign.Attribute{Name: "tier", Test: test(campaign.OpIs, text("none"))})
		in.Values = append(in.Values, text(strings.Repeat("x", len(in.Values)%50)))
	}
	in.Values = append(in.Values, text("gold"))
	each(t, func(t *testing.T, db database) {
		w := history(event("Seen", hours(0), "it", "gold"))
		w.attributes = []attribute{{customer: 1, name: "tier", at: hours(0), kind: "text", text: "gold"}}
		db.fill(t, w)
		e := audience.New(db.engine, catalog(nil))
		for i, cond := range []campaign.Condition{append(any, campaign.Attribute{Name: "tier", Test: in}), campaign.EventMatch{Event: "Seen", Where: []campaign.Property{{Path: "it", Test: in}}}} {
			if got, err := e.Members(context.Background(), db, cond, hours(9)); err != nil || len(got) != 1 {
				t.Errorf("%d: %v, %v", i, got, err)
			}
		}
	})
}

func TestUnknownAndCircularSegments(t *testing.T) {
	db := open(t, audience.SQLite)
	e := audience.New(db.engine, catalog(map[string]campaign.Condition{"a": campaign.InSegment{Segment: "b"}, "b": campaign.Not{Of: campaign.InSegment{Segment: "a"}}}))
	for _, name := range []string{"a", "none"} {
		if _, err := e.Members(context.Background(), db, campaign.InSegment{Segment: name}, hours(0)); err == nil || !strings.Contains(err.Error(), `"`+name+`"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// grower makes a condition out of bytes, whatever they are; none left is zero.
type grower struct{ seed []byte }

func (g *grower) byte() int {
	if len(g.seed) == 0 {
		return 0
	}
	b := g.seed[0]
	g.seed = g.seed[1:]
	return int(b)
}

func grow[T any](g *grower, from ...T) T { return from[g.byte()%len(from)] }

func (g *grower) text() string {
	switch n := g.byte(); {
	case n < 128:
		return []string{"Seen", "it", "n", "deep", "deep.x", "lines.it", "lines", "gold", "tier", "address.city", "2026-02-27", campaign.OrderCompleted}[n%12]
	case n < 192:
		return hostile[n%len(hostile)]
	default:
		end := min(n-192, len(g.seed))
		s := string(g.seed[:end])
		g.seed = g.seed[end:]
		return s
	}
}

func (g *grower) number() float64 {
	if g.byte() < 200 {
		return grow(g, 0, 1, 0.1, -6, 5, 1e15, 1e302, math.MaxFloat64, math.Inf(1), math.NaN(), math.SmallestNonzeroFloat64)
	}
	return float64(g.byte()) / 8
}

func (g *grower) length() campaign.Duration {
	return grow(g, campaign.Duration{}, campaign.Of(time.Hour), campaign.Days(30), campaign.Days(36600), campaign.Duration{Months: g.byte()}, campaign.Duration{Months: 1200})
}

func (g *grower) moment() time.Time {
	return grow(g, time.Time{}, base, hours(g.byte()), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
}

func (g *grower) test() campaign.Test {
	t := campaign.Test{Op: grow(g, campaign.OpIs, campaign.OpIsNot, campaign.OpIn, campaign.OpNotIn, campaign.OpAtLeast, campaign.OpAtMost, campaign.OpAbove, campaign.OpBelow, campaign.OpBetween,
		campaign.OpContains, campaign.OpStartsWith, campaign.OpExists, campaign.OpHas, campaign.OpBefore, campaign.OpAfter, campaign.OpWithin, campaign.OpWithinNext, campaign.OpMatches,
		campaign.OpHasAny, campaign.OpAnniversaryWithin, campaign.OpSameAs, campaign.Op(g.text())), Length: g.length(), Now: g.byte()%4 == 3, Trigger: g.text()}
	for range g.byte() % 4 {
		t.Values = append(t.Values, []campaign.Value{text(g.text()), number(g.number()), boolean(g.byte()%2 == 0), moment(g.moment())}[g.byte()%4])
	}
	return t
}

func (g *grower) properties(depth int) []campaign.Property {
	var out []campaign.Property
	for range g.byte() % 3 {
		p := campaign.Property{Path: g.text(), Test: g.test()}
		if depth > 0 && g.byte()%4 == 3 {
			p.Each = g.properties(depth - 1)
		}
		out = append(out, p)
	}
	return out
}

func (g *grower) events() campaign.EventMatch {
	m := campaign.EventMatch{Event: g.text(), Where: g.properties(2)}
	m.Window = campaign.Window{Within: g.length(), Before: g.length(), From: g.moment(), Until: g.moment(), Date: g.moment(),
		Since: grow(g, campaign.SinceEver, campaign.SinceEver, campaign.SinceAnchor, campaign.SinceEntry, campaign.SinceDate)}
	if g.byte()%3 == 2 {
		m.Followed = &campaign.Sequence{Not: g.byte()%2 == 1, Event: g.text(), Where: g.properties(1), Within: g.length()}
	}
	switch g.byte() % 6 {
	case 1:
		m.Count = ptr(g.test())
	case 2:
		m.Aggregate = &campaign.Aggregate{Func: grow(g, campaign.Sum, campaign.Avg, campaign.Min, campaign.Max), Property: g.text(), Test: g.test()}
	case 3:
		m.Distinct = &campaign.Distinct{Property: g.text(), Test: g.test()}
	case 4:
		m.First = &campaign.RecencyTest{Within: g.length(), Before: g.length()}
	case 5:
		m.Last = &campaign.RecencyTest{Within: g.length(), Before: g.length()}
	}
	return m
}

func (g *grower) condition(depth int) campaign.Condition {
	kinds := 7
	if depth > 0 {
		kinds = 10
	}
	switch g.byte() % kinds {
	case 0:
		return campaign.Attribute{Name: g.text(), Test: g.test()}
	case 1:
		p := g.properties(2)
		if len(p) == 0 {
			return nil
		}
		return campaign.TriggerProperty{Property: p[0]}
	case 2:
		return campaign.CampaignState{Campaign: g.text(), Is: grow(g, campaign.IsRunning, campaign.IsEntered, campaign.IsHeldOut), Within: g.length()}
	case 3:
		return campaign.Sample{Share: campaign.Share(g.number()), Seed: g.text()}
	case 7, 8:
		var parts []campaign.Condition
		for range g.byte() % 5 {
			parts = append(parts, g.condition(depth-1))
		}
		return grow(g, campaign.Condition(campaign.All(parts)), campaign.Condition(campaign.Any(parts)))
	case 9:
		return campaign.Not{Of: g.condition(depth - 1)}
	}
	return g.events()
}

// strange is a history that such conditions may find something in.
func strange() world {
	w := history(event("Seen", hours(0), "it", "gold", "n", 5.0, "deep", map[string]any{"x": []any{"y", 1.0}}, "lines", []any{map[string]any{"it": "2026-02-27T12:00:00+02:00"}}), order(1), order(2))
	w.attributes = []attribute{{customer: 1, name: "tier", at: hours(0), kind: "text", text: "gold"}, {customer: 1, name: "n", at: hours(0), kind: "number", num: 5.0, text: "5"},
		{customer: 1, name: "address", at: hours(0), kind: "object", text: `{"city": "2026-02-27"}`}, {customer: 1, name: "lines", at: hours(0), kind: "list", text: `["gold", 5]`}}
	return w
}

// grown judges a condition for a pass, and for all customers both ways.
func (db database) grown(t fataler, seed []byte) {
	t.Helper()
	g := grower{seed}
	cond := g.condition(3)
	e := audience.New(db.engine, catalog(nil))
	passes := []audience.PassAt{{ID: 1, Customer: 1, AsOf: hours(5)}, {ID: 2, Customer: 1, AsOf: hours(5), Anchor: hours(1), Entered: hours(1), Trigger: json.RawMessage(`{"it": "gold", "lines": [{"it": 5}]}`)}}
	held, err := e.HoldsEach(context.Background(), db, &campaign.Campaign{Trigger: campaign.PastPurchase{}}, []campaign.Condition{cond}, passes)
	if err != nil {
		t.Fatalf("%s: %s: %v", db.engine, spelled(cond), err)
	}
	got, err := e.Members(context.Background(), db, cond, hours(5))
	if err != nil || slices.Contains(got, 1) != held[1][0] {
		t.Fatalf("%s: %s: members are %v (%v), one by one it is %v", db.engine, spelled(cond), got, err, held[1][0])
	}
}

// No condition makes a statement that fails, and it means the same for one
// customer and for all.
func TestGrownConditions(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		db.fill(t, strange())
		rapid.Check(t, func(t *rapid.T) {
			for range 5 {
				db.grown(t, rapid.SliceOfN(rapid.Byte(), 20, 400).Draw(t, "seed"))
			}
		})
	})
}

// The same, for what a fuzzer finds.
func FuzzCondition(f *testing.F) {
	db := open(f, audience.SQLite)
	db.fill(f, strange())
	f.Add([]byte("conditions grow out of these bytes"))
	f.Add([]byte{7, 4, 4, 0, 0, 1, 1, 2, 2, 5, 9, 3, 200, 13, 255, 1, 17, 4, 4, 0, 8, 9, 10, 3, 2, 1, 99, 128, 129, 130})
	f.Fuzz(func(t *testing.T, seed []byte) { db.grown(t, seed) })
}

// Match agrees with SQL on every test of a property, and no such test makes a
// statement that fails.
func FuzzProperty(f *testing.F) {
	db := open(f, audience.SQLite)
	db.fill(f, history(event("Seen", hours(0), "it", "gold", "n", 5.0, "deep", map[string]any{"x": []any{"y", 1.0}}, "lines", []any{map[string]any{"it": "2026-02-27T12:00:00+02:00"}})))
	f.Add("Seen", "it", "is", "gold", 1.0, int64(0), uint8(0))
	f.Add("Seen", "lines.it", "before", "2026-01-01", 5.0, int64(3600), uint8(3))
	for i, s := range hostile {
		f.Add("Seen", s, "contains", s, float64(i), int64(i), uint8(i))
	}
	e := audience.New(db.engine, catalog(nil))
	var props map[string]any
	json.Unmarshal([]byte(`{"it":"gold","n":5,"deep":{"x":["y",1]},"lines":[{"it":"2026-02-27T12:00:00+02:00"}]}`), &props)
	f.Fuzz(func(t *testing.T, name, path, op, operand string, n float64, length int64, kind uint8) {
		value := []campaign.Value{text(operand), number(n), boolean(n > 0), moment(base)}[kind%4]
		length %= 1 << 30
		one := campaign.Test{Op: campaign.Op(op), Values: []campaign.Value{value, number(n)}, Length: campaign.Duration{Months: int(length % 1200), Fixed: 0}, Now: kind > 127}
		p := campaign.Property{Path: path, Test: one}
		conds := []campaign.Condition{campaign.EventMatch{Event: name, Where: []campaign.Property{p}}, campaign.EventMatch{Event: "Seen", Where: []campaign.Property{p}},
			campaign.EventMatch{Event: name, Count: &one}, campaign.EventMatch{Event: name, Aggregate: &campaign.Aggregate{Func: campaign.Sum, Property: path, Test: one}}, campaign.Attribute{Name: path, Test: one}}
		got, err := e.HoldsEach(context.Background(), db, nil, conds, []audience.PassAt{{ID: 1, Customer: 1, AsOf: hours(5)}})
		if err != nil {
			t.Fatalf("%q %q %q %q: %v", name, path, op, operand, err)
		}
		if match := audience.Match([]campaign.Property{p}, props, hours(5)); match != got[1][1] {
			t.Fatalf("%q %q %+v: SQL says %v, Match %v", path, op, one, got[1][1], match)
		}
	})
}
