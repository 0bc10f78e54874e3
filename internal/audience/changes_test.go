package audience_test

import (
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
