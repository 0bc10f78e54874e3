package audience_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

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

// No condition that can be written makes a statement that fails, and Match
// agrees with SQL on it.
func FuzzCondition(f *testing.F) {
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
