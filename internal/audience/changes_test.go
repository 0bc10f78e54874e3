package audience_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// grid are all the moments of (from, to] at which anything can change in the
// worlds of these tests, where facts and lengths of time are whole hours: each
// hour, and the microsecond after it.
func grid(from, to time.Time) []time.Time {
	var out []time.Time
	for h := from.Truncate(time.Hour); !h.After(to); h = h.Add(time.Hour) {
		for _, t := range []time.Time{h, h.Add(time.Microsecond)} {
			if t.After(from) && !t.After(to) {
				out = append(out, t)
			}
		}
	}
	return out
}

// segmentChanges is the oracle of the segment trigger: it asks for everybody's
// membership at every moment there is.
func (w world) segmentChanges(c *campaign.Campaign, segments map[string]campaign.Condition, from, to time.Time) map[string]found {
	trigger := c.Trigger.(campaign.SegmentChange)
	out := map[string]found{}
	for i, one := range w.customers {
		id := int64(i + 1)
		changed := func(t time.Time) bool {
			member := !one.created.After(t) && w.holds(segments[trigger.Segment], view{customer: id, asOf: t, segments: segments})
			return member != trigger.Left
		}
		for _, t := range grid(trigger.After.Before(from).AddDate(0, 0, -4), trigger.After.Before(to).AddDate(0, 0, 4)) {
			due := trigger.After.After(t)
			if !due.After(from) || due.After(to) || !changed(t) || changed(t.Add(-time.Microsecond)) {
				continue
			}
			stayed := true
			for _, later := range grid(t, due) {
				stayed = stayed && changed(later)
			}
			v := view{customer: id, asOf: due, anchor: t, entered: due, segments: segments}
			if !stayed || !w.holds(c.Audience, v) || !w.holds(c.EnterWhen, v) {
				continue
			}
			ref := one.external
			if ref == "" {
				ref = fmt.Sprint("#", id)
			}
			key := fmt.Sprint(trigger.Segment, "@", t.UnixMicro(), "@", ref)
			out[key] = found{key, id, stamp(t), stamp(due), stamp(due)}
		}
	}
	return out
}

// genChanging is a condition that often holds at one time and not at another.
func genChanging(t *rapid.T, depth int) campaign.Condition {
	switch rapid.IntRange(0, 9).Draw(t, "changing") {
	case 0, 1, 2:
		m := genEventMatch(t)
		m.Where, m.Window.Since = nil, ""
		return m
	case 3, 4:
		op := pick(t, "op", campaign.OpBefore, campaign.OpWithin, campaign.OpWithinNext, campaign.OpAnniversaryWithin)
		dated := campaign.Test{Op: op, Length: genLength(t)}
		if rapid.Bool().Draw(t, "of an event") {
			return campaign.EventMatch{Event: pick(t, "event", eventNames...), Where: []campaign.Property{{Path: "when", Test: dated}}}
		}
		return campaign.Attribute{Name: "when", Test: dated}
	case 5:
		return campaign.Attribute{Name: pick(t, "attribute", "tier", "address.city"), Test: test(pick(t, "op", campaign.OpIs, campaign.OpExists), boolean(true))}
	case 6:
		return campaign.CampaignState{Campaign: "cart", Is: campaign.IsEntered, Within: genLength(t)}
	}
	if depth == 0 {
		return campaign.EventMatch{Event: campaign.OrderCompleted, Window: campaign.Window{Within: genLength(t)}}
	}
	switch rapid.IntRange(0, 3).Draw(t, "tree") {
	case 0:
		return campaign.All{genChanging(t, depth-1), genChanging(t, depth-1)}
	case 1:
		return campaign.Any{genChanging(t, depth-1), genChanging(t, depth-1)}
	case 2:
		return campaign.Not{Of: genChanging(t, depth-1)}
	}
	return genCondition(t, depth)
}

func genSegmentCampaign(t *rapid.T) *campaign.Campaign {
	c := &campaign.Campaign{Name: "generated", Zone: "customer", Trigger: campaign.SegmentChange{
		Segment: "gold", Left: rapid.Bool().Draw(t, "left"),
		After: pick(t, "after", campaign.Duration{}, campaign.Duration{}, campaign.Of(time.Hour), campaign.Of(5*time.Hour), campaign.Duration{Months: 1}),
	}}
	if rapid.IntRange(0, 4).Draw(t, "with audience") == 0 {
		c.Audience = genEventMatch(t)
	}
	return c
}

// Who enters a segment or leaves it, and when, is what asking everybody at every
// moment finds; and splitting a window changes nothing.
func TestSegmentChangesAgainstOracle(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		entered := 0
		rapid.Check(t, func(t *rapid.T) {
			w := genWorld(t)
			segments := map[string]campaign.Condition{"some": genCondition(t, 0), "gold": genChanging(t, 2)}
			db.fill(t, w)
			e := audience.New(db.engine, catalog(segments))
			for range 3 {
				c := genSegmentCampaign(t)
				from := genMoment(t).Add(time.Duration(rapid.IntRange(-3, 1).Draw(t, "off")) * time.Microsecond)
				to := from.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "hours")) * time.Hour)
				switch rapid.IntRange(0, 7).Draw(t, "long") {
				case 0:
					from, to = hours(-2), hours(24*36)
				case 1, 2, 3, 4:
					from, to = hours(-2), hours(50)
				}
				got := candidates(t, e, db, c, from, to)
				want := w.segmentChanges(c, segments, from, to)
				if diff := cmp.Diff(want, got, cmp.AllowUnexported(found{})); diff != "" {
					t.Fatalf("%+v of %#v in (%s, %s] (-oracle +got):\n%s", c.Trigger, segments["gold"], from, to, diff)
				}
				entered += len(want)
				splits(t, e, db, c, from, to, got)
			}
		})
		t.Logf("%d changes of segment", entered)
		if entered < 3 {
			t.Errorf("only %d changes of segment: too few to tell", entered)
		}
	})
}

// The first moment at which a condition held is found wherever it lies.
func TestFirstHeldAgainstOracle(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		held := 0
		rapid.Check(t, func(t *rapid.T) {
			w := genWorld(t)
			segments := map[string]campaign.Condition{"some": genCondition(t, 0)}
			db.fill(t, w)
			e := audience.New(db.engine, catalog(segments))
			c := &campaign.Campaign{Trigger: campaign.OnEvent{Name: pick(t, "own", eventNames...)}}
			cond := genChanging(t, 2)
			var spans []audience.Span
			for id := range int64(6) {
				p := genPass(t, id)
				spans = append(spans, audience.Span{PassAt: p, Until: p.AsOf.Add(time.Duration(rapid.IntRange(-1, 70).Draw(t, "hours")) * time.Hour)})
			}
			got, err := e.FirstHeld(context.Background(), db, c, cond, spans)
			if err != nil {
				t.Fatalf("first held: %v", err)
			}
			for _, s := range spans {
				v := view{customer: s.Customer, anchor: s.Anchor, entered: s.Entered, own: c.Trigger.AnchorNames(), segments: segments}
				json.Unmarshal(s.Trigger, &v.trigger)
				want := ""
				for _, m := range grid(s.AsOf.Add(-time.Microsecond), s.Until) {
					if v.asOf = m; w.holds(cond, v) {
						want = stamp(m)
						held++
						break
					}
				}
				first := ""
				if at, ok := got[s.ID]; ok {
					first = stamp(at)
				}
				if first != want {
					t.Fatalf("%#v for %+v first held at %q, the oracle says %q", cond, s, first, want)
				}
			}
		})
		if held < 10 {
			t.Errorf("conditions held %d times: too few to tell", held)
		}
	})
}

// What is worked out from a history, or ranks people against each other, changes
// at moments of its own: the answer is that of asking for the members all the time.
func TestComputedSegmentChanges(t *testing.T) {
	attribute := func(name string, of campaign.Test) campaign.Condition {
		return campaign.Attribute{Name: name, Test: of}
	}
	day := func(d, h int) time.Time { return hours(24*d + h) }
	is := func(s string) campaign.Test { return test(campaign.OpIs, text(s)) }
	for _, c := range []struct {
		name     string
		segment  campaign.Segment
		from, to time.Time
		least    int // changes, both ways
	}{
		{"overdue", campaign.Segment{Match: attribute("orders.overdue_by", test(campaign.OpAtLeast, number(1.5)))}, day(127, 0), day(129, 0), 1},
		{"at risk", campaign.Segment{Match: attribute("stage", is("at_risk"))}, day(168, 0), day(170, 0), 1},
		{"lapsed", campaign.Segment{Match: attribute("stage", is("lapsed"))}, day(264, 0), day(266, 0), 1},
		{"new", campaign.Segment{Match: attribute("stage", is("purchase"))}, day(13, 0), day(18, 0), 1},
		{"looking", campaign.Segment{Match: attribute("stage", is("consideration"))}, day(2, 0), day(5, 0), 2},
		{"recent", campaign.Segment{Match: attribute("rfm.r", test(campaign.OpAtLeast, number(3)))}, day(0, 0), day(3, 0), 1},
		{"last order", campaign.Segment{Match: attribute("orders.last_at", campaign.Test{Op: campaign.OpWithin, Length: campaign.Days(2)})}, day(41, 0), day(44, 0), 2},
		{"consent", campaign.Segment{Match: attribute("consent.offers", test(campaign.OpIs, boolean(true)))}, day(2, 0), day(5, 0), 2},
		{"best", campaign.Segment{Match: campaign.EventMatch{Event: campaign.OrderCompleted}, Limit: &campaign.Limit{First: 1, By: "orders.count"}}, day(0, -30), day(3, 0), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, db database) {
				w := world{customers: []customer{{"ann", "", hours(-100)}, {"bob", "", hours(-100)}, {"cleo", "", day(3, 5)}}}
				order := func(who int64, at time.Time, total float64) {
					w.facts = append(w.facts, fact{uid: fmt.Sprint("u", len(w.facts)), customer: who, name: campaign.OrderCompleted, at: at, known: at,
						props: map[string]any{"order_id": fmt.Sprint("o", len(w.facts)), "total": total}})
				}
				for _, d := range []int{0, 40, 81} { // usually some 42 days apart
					order(1, day(d, d), 10)
				}
				order(2, day(1, 3), 50)
				w.facts = append(w.facts,
					fact{uid: "v", customer: 3, name: campaign.ProductViewed, at: day(-26, 7), known: day(2, 9)},
					fact{uid: "r", customer: 2, name: campaign.OrderCancelled, at: day(17, 1), known: day(17, 4), props: map[string]any{"order_id": "o3"}})
				db.fill(t, w)
				for _, at := range []int{50, 60, 70} {
					db.must(t, "INSERT INTO consents (customer_id, topic, given, at, recorded_at, source) VALUES (1, $1, $2, $3, $3, 'test')",
						map[bool]string{true: "*", false: "offers"}[at == 60], at != 60, campaign.Micros(hours(at)))
				}
				cat := catalog(nil)
				cat.Workspace.Topics = map[string]campaign.Topic{"offers": {Key: "offers"}}
				cat.Workspace.RFM.Within = campaign.Days(365)
				c.segment.Name = "it"
				cat.Segments["it"] = &c.segment
				e := audience.New(db.engine, cat)
				total := 0
				asked := askedAllTheTime(t, e, db, c.from, c.to)
				for _, left := range []bool{false, true} {
					trigger := &campaign.Campaign{Name: "x", Zone: "customer", Trigger: campaign.SegmentChange{Segment: "it", Left: left}}
					got := map[string]bool{}
					for key := range candidates(t, e, db, trigger, c.from, c.to) {
						got[key] = true
					}
					want := asked[left]
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("left %v (-asked +got):\n%s", left, diff)
					}
					total += len(want)
				}
				if total < c.least {
					t.Errorf("%d changes: too few to tell", total)
				}
			})
		})
	}
}

// askedAllTheTime compares the members of the segment `it` from one moment of the
// grid to the next, half hours too: who entered, and who left.
func askedAllTheTime(t *testing.T, e *audience.Evaluator, db database, from, to time.Time) map[bool]map[string]bool {
	t.Helper()
	members := func(at time.Time) map[int64]bool {
		ids, err := e.Members(context.Background(), db, campaign.InSegment{Segment: "it"}, at)
		if err != nil {
			t.Fatal(err)
		}
		out := map[int64]bool{}
		for _, id := range ids {
			out[id] = true
		}
		return out
	}
	out := map[bool]map[string]bool{false: {}, true: {}}
	before := members(from)
	for half := from.Add(30 * time.Minute); !half.After(to); half = half.Add(30 * time.Minute) {
		for _, at := range []time.Time{half, half.Add(time.Microsecond)} {
			now := members(at)
			for id, name := range []string{"", "ann", "bob", "cleo"} {
				if is := now[int64(id)]; id > 0 && is != before[int64(id)] && !at.After(to) {
					out[!is][fmt.Sprint("it@", at.UnixMicro(), "@", name)] = true
				}
			}
			before = now
		}
	}
	return out
}

// What was committed after its moment had been evaluated still lets people enter,
// once, and as of when it happened.
func TestSegmentChangeKnownLate(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		db.fill(t, world{customers: []customer{{"ann", "", hours(-100)}, {"bob", "", hours(-100)}}})
		ctx := context.Background()
		e := audience.New(db.engine, catalog(map[string]campaign.Condition{"it": campaign.Any{
			campaign.EventMatch{Event: "Page Viewed", Window: campaign.Window{Within: campaign.Of(5 * time.Hour)}},
			campaign.Attribute{Name: "tier", Test: test(campaign.OpIs, text("gold"))},
		}}))
		c := &campaign.Campaign{Name: "x", Zone: "customer", Trigger: campaign.SegmentChange{Segment: "it", After: campaign.Of(time.Hour)}}
		cursor, err := e.Cursor(ctx, db)
		if err != nil {
			t.Fatal(err)
		}
		insertFact(t, db, fact{uid: "a", customer: 1, name: "Page Viewed", at: hours(3), known: hours(3)})
		db.must(t, "INSERT INTO attribute_facts (customer_id, name, at, kind, text) VALUES (2, 'tier', $1, 'text', 'gold')", campaign.Micros(hours(4)))
		db.must(t, "INSERT INTO customers (external_id, created_at) VALUES ('cleo', $1)", campaign.Micros(hours(4)))
		db.must(t, "INSERT INTO attribute_facts (customer_id, name, at, kind, text) VALUES (3, 'tier', 0, 'text', 'gold')")
		for _, w := range []struct {
			window audience.Window
			want   []string
		}{
			{audience.Window{From: hours(10), To: hours(11)}, nil},
			{audience.Window{From: hours(10), To: hours(11), Cursor: cursor, LateFrom: hours(0)}, []string{"ann", "bob", "cleo"}},
			{audience.Window{From: hours(10), To: hours(11), Cursor: cursor, LateFrom: hours(4)}, []string{"bob", "cleo"}},
			{audience.Window{From: hours(3), To: hours(11)}, []string{"ann", "bob", "cleo"}},
		} {
			found, err := e.Candidates(ctx, db, c, w.window)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, one := range found {
				got = append(got, map[int64]string{1: "ann", 2: "bob", 3: "cleo"}[one.Customer])
				if want := one.Anchor.Add(time.Hour); !one.Due.Equal(want) || !one.AsOf.Equal(want) {
					t.Errorf("%s is due %s, decided as of %s", one.Key, one.Due, one.AsOf)
				}
			}
			if diff := cmp.Diff(w.want, got); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", w.window, diff)
			}
		}
	})
}

// A date that is stored after its edge had been evaluated, as if it had been known
// before, lets its customer enter as of the edge, wherever the date is stated.
func TestSegmentDateKnownLate(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		db.fill(t, world{customers: []customer{{"ann", "", hours(-100)}, {"bob", "", hours(-100)}, {"cleo", "", hours(-100)}, {"dan", "", hours(-100)}}})
		ctx := context.Background()
		passed := campaign.Test{Op: campaign.OpBefore, Now: true}
		e := audience.New(db.engine, catalog(map[string]campaign.Condition{"it": campaign.Any{
			campaign.Attribute{Name: "trial_ends", Test: passed},
			campaign.EventMatch{Event: "Booked", Where: []campaign.Property{{Path: "checkin", Test: passed}}},
			campaign.Attribute{Name: "lease.ends", Test: passed},
			campaign.Attribute{Name: "born", Test: campaign.Test{Op: campaign.OpAnniversaryWithin, Length: campaign.Days(1)}},
		}}))
		c := &campaign.Campaign{Name: "x", Zone: "customer", Trigger: campaign.SegmentChange{Segment: "it"}}
		cursor, err := e.Cursor(ctx, db)
		if err != nil {
			t.Fatal(err)
		}
		add := func(customer int, name, kind, text string, moment any) {
			db.must(t, "INSERT INTO attribute_facts (customer_id, name, at, kind, text, moment) VALUES ($1, $2, $3, $4, $5, $6)",
				customer, name, campaign.Micros(hours(1)), kind, text, moment)
		}
		add(1, "trial_ends", "time", stamp(hours(30)), campaign.Micros(hours(30)))
		insertFact(t, db, fact{"b", 2, "Booked", hours(1), hours(1), map[string]any{"checkin": stamp(hours(31))}})
		add(3, "lease", "object", `{"ends":"`+stamp(hours(32))+`"}`, nil)
		midnight := hours(48).Truncate(24 * time.Hour)
		add(4, "born", "text", midnight.AddDate(0, 0, 1).Format("01-02"), nil)
		for _, one := range []struct {
			window audience.Window
			want   map[int64]time.Time
		}{
			{audience.Window{From: hours(60), To: hours(61)}, map[int64]time.Time{}},
			{audience.Window{From: hours(60), To: hours(61), Cursor: cursor, LateFrom: hours(2)}, map[int64]time.Time{
				1: hours(30).Add(time.Microsecond), 2: hours(31).Add(time.Microsecond), 3: hours(32).Add(time.Microsecond), 4: midnight}},
			{audience.Window{From: hours(60), To: hours(61), Cursor: cursor, LateFrom: hours(31)}, map[int64]time.Time{
				2: hours(31).Add(time.Microsecond), 3: hours(32).Add(time.Microsecond), 4: midnight}},
			{audience.Window{From: hours(60), To: hours(61), Cursor: cursor, LateFrom: hours(50)}, map[int64]time.Time{}},
		} {
			found, err := e.Candidates(ctx, db, c, one.window)
			if err != nil {
				t.Fatal(err)
			}
			got := map[int64]time.Time{}
			for _, f := range found {
				got[f.Customer] = f.Anchor.UTC()
			}
			if diff := cmp.Diff(one.want, got); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", one.window, diff)
			}
		}
	})
}

// A consent has no mark of when it was committed: one recorded shortly before a
// tick, and committed after it, is found by the next.
func TestSegmentConsentKnownLate(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		db.fill(t, world{customers: []customer{{"ann", "", hours(-100)}, {"bob", "", hours(-100)}}})
		ctx := context.Background()
		cat := catalog(map[string]campaign.Condition{"it": campaign.Attribute{Name: "consent.offers", Test: test(campaign.OpIs, boolean(true))}})
		cat.Workspace.Topics = map[string]campaign.Topic{"offers": {Key: "offers"}}
		e := audience.New(db.engine, cat)
		c := &campaign.Campaign{Name: "x", Zone: "customer", Trigger: campaign.SegmentChange{Segment: "it"}}
		consent := func(customer int, before time.Duration) {
			at := campaign.Micros(hours(10).Add(-before))
			db.must(t, "INSERT INTO consents (customer_id, topic, given, at, recorded_at, source) VALUES ($1, 'offers', TRUE, $2, $2, 'test')", customer, at)
		}
		consent(2, time.Minute)
		cursor, err := e.Cursor(ctx, db)
		if err != nil {
			t.Fatal(err)
		}
		consent(1, time.Hour)
		for _, one := range []struct {
			window audience.Window
			want   []int64
		}{
			{audience.Window{From: hours(10), To: hours(11)}, nil},
			{audience.Window{From: hours(10), To: hours(11), Cursor: cursor, LateFrom: hours(0)}, []int64{1}},
			{audience.Window{From: hours(10), To: hours(11), Cursor: cursor, LateFrom: hours(10)}, nil},
		} {
			found, err := e.Candidates(ctx, db, c, one.window)
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, f := range found {
				got = append(got, f.Customer)
			}
			if diff := cmp.Diff(one.want, got); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", one.window, diff)
			}
		}
	})
}

// A pass that a late fact has ended, as of when it happened, is found by the tick
// after the one that ended it.
func TestSegmentPassEndedLate(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		db.fill(t, world{customers: []customer{{"ann", "", hours(-100)}, {"bob", "", hours(-100)}}, passes: []pass{
			{"cart", 1, hours(1), hours(5), "exited"}, {"cart", 2, hours(1), hours(5), "exited"}}})
		db.must(t, "UPDATE enrollments SET end_decided_at = $1 WHERE customer_id = 1", campaign.Micros(hours(10)))
		ctx := context.Background()
		e := audience.New(db.engine, catalog(map[string]campaign.Condition{"it": campaign.Not{Of: campaign.CampaignState{Campaign: "cart", Is: campaign.IsRunning}}}))
		c := &campaign.Campaign{Name: "x", Zone: "customer", Trigger: campaign.SegmentChange{Segment: "it"}}
		cursor, err := e.Cursor(ctx, db)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range []struct {
			window audience.Window
			want   int
		}{
			{audience.Window{From: hours(10), To: hours(11)}, 0},
			{audience.Window{From: hours(10), To: hours(11), Cursor: cursor, LateFrom: hours(0)}, 1},
			{audience.Window{From: hours(10), To: hours(11), Cursor: cursor, LateFrom: hours(6)}, 0},
			{audience.Window{From: hours(11), To: hours(12), Cursor: cursor, LateFrom: hours(0)}, 0},
			{audience.Window{From: hours(4), To: hours(6)}, 2},
		} {
			found, err := e.Candidates(ctx, db, c, one.window)
			if err != nil {
				t.Fatal(err)
			}
			if len(found) != one.want || one.want == 1 && (found[0].Customer != 1 || !found[0].Anchor.Equal(hours(5))) {
				t.Errorf("%+v: %+v", one.window, found)
			}
		}
	})
}
