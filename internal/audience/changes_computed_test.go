package audience_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// changingSegments are segments by what is worked out from a history, or ranks people
// against each other, with a time in which who is in them changes.
func changingSegments() []changingSegment {
	attribute := func(name string, of campaign.Test) campaign.Condition {
		return campaign.Attribute{Name: name, Test: of}
	}
	is := func(s string) campaign.Test { return test(campaign.OpIs, text(s)) }
	return []changingSegment{
		{"overdue", campaign.Segment{Match: attribute("orders.overdue_by", test(campaign.OpAtLeast, number(1.5)))}, day(127, 0), day(129, 0), 1},
		{"at risk", campaign.Segment{Match: attribute("stage", is("at_risk"))}, day(168, 0), day(170, 0), 1},
		{"lapsed", campaign.Segment{Match: attribute("stage", is("lapsed"))}, day(264, 0), day(266, 0), 1},
		{"new", campaign.Segment{Match: attribute("stage", is("purchase"))}, day(13, 0), day(18, 0), 1},
		{"looking", campaign.Segment{Match: attribute("stage", is("consideration"))}, day(2, 0), day(5, 0), 2},
		{"recent", campaign.Segment{Match: attribute("rfm.r", test(campaign.OpAtLeast, number(3)))}, day(0, 0), day(3, 0), 1},
		{"last order", campaign.Segment{Match: attribute("orders.last_at", campaign.Test{Op: campaign.OpWithin, Length: campaign.Days(2)})}, day(41, 0), day(44, 0), 2},
		{"consent", campaign.Segment{Match: attribute("consent.offers", test(campaign.OpIs, boolean(true)))}, day(2, 0), day(5, 0), 2},
		{"best", campaign.Segment{Match: campaign.EventMatch{Event: campaign.OrderCompleted}, Limit: &campaign.Limit{First: 1, By: "orders.count"}}, day(0, -30), day(3, 0), 1},
	}
}

type changingSegment struct {
	name     string
	segment  campaign.Segment
	from, to time.Time
	least    int // changes, both ways
}

func day(d, h int) time.Time { return hours(24*d + h) }

// in puts the history of three people into the database, with a workspace that has
// the segment as `it`.
func (c changingSegment) in(t *testing.T, db database) *audience.Evaluator {
	t.Helper()
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
	return audience.New(db.engine, cat)
}

// What is worked out from a history, or ranks people against each other, changes
// at moments of its own: the answer is that of asking for the members all the time.
func TestComputedSegmentChanges(t *testing.T) {
	for _, c := range changingSegments() {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, db database) {
				e := c.in(t, db)
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
