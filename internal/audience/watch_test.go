package audience

import (
	"testing"
	"time"

	"tidings/internal/campaign"
)

// What `check` warns of is what an index does not lead to.
func TestUnfollowedIsWhatIsReadWhole(t *testing.T) {
	week := campaign.Test{Op: campaign.OpWithin, Length: campaign.Days(7)}
	is := campaign.Test{Op: campaign.OpIs, Values: []campaign.Value{campaign.TextValue("x")}}
	dated := campaign.EventMatch{Event: "Booked", Where: []campaign.Property{{Path: "checkin", Test: week}}}
	attribute := func(name string, t campaign.Test) campaign.Condition {
		return campaign.Attribute{Name: name, Test: t}
	}
	for _, tt := range []struct {
		match campaign.Condition
		want  string
	}{
		{attribute("stage", is), "stage, by each customer's own usual gap between orders"},
		{campaign.Not{Of: attribute("orders.overdue_by", is)}, "orders.overdue_by, by each customer's own usual gap between orders"},
		{attribute("orders.last_at", week), ""},
		{attribute("rfm.r", is), ""},
		{attribute("birthday", week), ""},
		{attribute("pet.birthday", week), "pet.birthday, a date inside of the attribute pet"},
		{attribute("pet.name", is), ""},
		{attribute("tier", is), "checkin, a date inside of Booked"},
		{campaign.Any{attribute("tier", is), campaign.InSegment{Segment: "other"}}, "checkin, a date inside of Booked"},
		{campaign.InSegment{Segment: "other"}, "products.best_before, a date inside of Order Completed"},
		{campaign.InSegment{Segment: "limited"}, ""},
		{dated, "checkin, a date inside of Booked"},
		{campaign.EventMatch{Event: "Order Completed", Followed: &campaign.Sequence{Event: "Booked", Where: dated.Where}}, "checkin, a date inside of Booked"},
		{campaign.EventMatch{Event: "Booked", Where: []campaign.Property{{Path: "checkin", Test: campaign.Test{Op: campaign.OpAfter, Values: []campaign.Value{{Kind: campaign.Time, Time: time.Unix(0, 0)}}}}}}, ""},
		{campaign.EventMatch{Event: "Booked", Where: []campaign.Property{{Path: "checkin", Test: campaign.Test{Op: campaign.OpAfter, Now: true}}}}, "checkin, a date inside of Booked"},
		{campaign.EventMatch{Event: "Booked", Window: campaign.Window{Within: campaign.Days(7)}}, ""},
		{campaign.CampaignState{Campaign: "cart", Is: campaign.IsEntered, Within: campaign.Days(7)}, ""},
	} {
		cat := &campaign.Catalog{Segments: map[string]*campaign.Segment{
			"it":      {Name: "it", Match: tt.match},
			"limited": {Name: "limited", Match: dated, Limit: &campaign.Limit{First: 1, By: "orders.count"}},
			"other": {Name: "other", Match: campaign.EventMatch{Event: campaign.OrderCompleted, Where: []campaign.Property{
				{Path: "products", Each: []campaign.Property{{Path: "sku", Test: is}, {Path: "best_before", Test: week}}}}}},
		}}
		cat.Workspace.Tiers = []campaign.Tier{{Name: "x", When: dated}}
		if got := cat.Unfollowed("it"); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.match, got, tt.want)
		}
		w := New(SQLite, cat).watch(campaign.InSegment{Segment: "it"})
		whole := len(w.overdue) > 0
		for _, s := range w.sources {
			whole = whole || s.kind == ofEventDates || s.kind == ofNested
		}
		if whole != (tt.want != "") {
			t.Errorf("%+v: everybody is read: %v; said %q", tt.match, whole, tt.want)
		}
	}
}
