package audience_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// Each way in which an event, or its growing old, lets customers enter a segment or
// leave it is found, at its moment.
func TestSegmentTurns(t *testing.T) {
	views := func(op campaign.Op, n float64, w campaign.Window) campaign.Condition {
		return campaign.EventMatch{Event: "Page Viewed", Count: ptr(test(op, number(n))), Window: w}
	}
	recent := campaign.Window{Within: campaign.Of(5 * time.Hour)}
	old := campaign.Window{Before: campaign.Of(5 * time.Hour)}
	tests := []struct {
		name          string
		cond          campaign.Condition
		entered, left []float64 // hours; views at 1, 2 and 4
	}{
		{"at least", views(campaign.OpAtLeast, 2, campaign.Window{}), []float64{2}, nil},
		{"at most", views(campaign.OpAtMost, 1, campaign.Window{}), nil, []float64{2}},
		{"exactly", views(campaign.OpIs, 2, campaign.Window{}), []float64{2}, []float64{4}},
		{"denied", campaign.Not{Of: views(campaign.OpAtLeast, 2, campaign.Window{})}, nil, []float64{2}},
		{"denied twice", campaign.Not{Of: campaign.Not{Of: views(campaign.OpAbove, 1, campaign.Window{})}}, []float64{2}, nil},
		{"recent", views(campaign.OpAtLeast, 2, recent), []float64{2}, []float64{7}},
		{"few recent", views(campaign.OpBelow, 2, recent), []float64{7}, []float64{2}},
		{"none recent", campaign.Not{Of: campaign.EventMatch{Event: "Page Viewed", Window: recent}}, []float64{9}, []float64{1}},
		{"old", views(campaign.OpAtLeast, 3, old), []float64{9}, nil},
		{"few old", views(campaign.OpAtMost, 2, old), nil, []float64{9}},
		{"a segment, denied and not", campaign.Any{
			campaign.All{campaign.InSegment{Segment: "some"}, views(campaign.OpAtMost, 2, campaign.Window{})},
			campaign.All{campaign.Not{Of: campaign.InSegment{Segment: "some"}}, views(campaign.OpAtLeast, 3, campaign.Window{})},
		}, []float64{2, 9}, []float64{4}},
	}
	each(t, func(t *testing.T, db database) {
		w := world{customers: []customer{{"ann", "", hours(-100)}}}
		for i, hour := range []int{1, 2, 4} {
			w.facts = append(w.facts, fact{uid: string(rune('a' + i)), customer: 1, name: "Page Viewed", at: hours(hour), known: hours(hour)})
		}
		db.fill(t, w)
		for _, tt := range tests {
			e := audience.New(db.engine, catalog(map[string]campaign.Condition{"it": tt.cond, "some": campaign.All{
				views(campaign.OpAtLeast, 2, campaign.Window{}), campaign.EventMatch{Event: "Page Viewed", Window: recent},
			}}))
			for left, want := range map[bool][]float64{false: tt.entered, true: tt.left} {
				c := &campaign.Campaign{Name: "x", Trigger: campaign.SegmentChange{Segment: "it", Left: left}}
				found, err := e.Candidates(context.Background(), db, c, audience.Window{From: hours(0), To: hours(20)})
				if err != nil {
					t.Fatal(err)
				}
				var got []float64
				for _, one := range found {
					got = append(got, one.Anchor.Sub(hours(0)).Round(time.Millisecond).Hours())
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, left %v (-want +got):\n%s", tt.name, left, diff)
				}
			}
		}
	})
}
