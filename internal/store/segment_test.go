package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// sizes are what SegmentHistory is to say: each day's size asked for by itself.
func sizes(t *testing.T, s *store.Store, cond campaign.Condition, at time.Time, days int, zone *time.Location) []store.DaySize {
	t.Helper()
	local := at.In(zone)
	out := []store.DaySize{}
	for back := days - 1; back >= 0; back-- {
		end := at
		if back > 0 {
			end = time.Date(local.Year(), local.Month(), local.Day()-back+1, 0, 0, 0, 0, zone).Add(-time.Microsecond)
		}
		n, err := s.SegmentSize(context.Background(), cond, end)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, store.DaySize{Date: time.Date(local.Year(), local.Month(), local.Day()-back, 12, 0, 0, 0, zone).Format(time.DateOnly), Size: n})
	}
	return out
}

// A segment's sizes are those of each day asked for by itself, over a change of clocks
// too; who is in it, who entered and who left go with them.
func TestSegmentHistory(t *testing.T) {
	ctx := context.Background()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 5, 15, 30, 0, 0, zone)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var csv strings.Builder
		csv.WriteString("customer_id,name,occurred_at,total\n")
		r := rand.New(rand.NewPCG(3, 7))
		for i := range 400 {
			name := []string{"Order Completed", "Order Completed", "Product Viewed", "Order Refunded"}[r.IntN(4)]
			when := at.Add(-time.Duration(r.Int64N(int64(80 * 24 * time.Hour))))
			fmt.Fprintf(&csv, "c%d,%s,%s,%d\n", i%150, name, when.UTC().Format(time.RFC3339), 5+r.IntN(50))
		}
		importEvents(t, s, csv.String(), store.ImportOptions{Now: at})
		s.Use(&campaign.Catalog{Workspace: campaign.Workspace{Zone: zone, Currency: "EUR"}})
		orders := campaign.EventMatch{Event: campaign.OrderCompleted, Window: campaign.Window{Within: campaign.Days(20)}}
		total := campaign.Attribute{Name: "orders.total", Test: campaign.Test{Op: campaign.OpAtLeast, Values: []campaign.Value{campaign.NumberValue(40)}}}
		for name, cond := range map[string]campaign.Condition{
			"recent": orders, "keen": campaign.All{orders, total}, "asleep": campaign.All{total, campaign.Not{Of: orders}},
			"stage":   campaign.Attribute{Name: "stage", Test: campaign.Test{Op: campaign.OpIs, Values: []campaign.Value{campaign.TextValue("purchase")}}},
			"ranked":  campaign.Attribute{Name: "rfm.m", Test: campaign.Test{Op: campaign.OpAtLeast, Values: []campaign.Value{campaign.NumberValue(4)}}},
			"all":     nil,
			"nobody":  campaign.Any{},
			"viewers": campaign.EventMatch{Event: campaign.ProductViewed},
		} {
			for _, days := range []int{0, 1, 40} {
				h, err := s.SegmentHistory(ctx, cond, at, days, zone)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				want := sizes(t, s, cond, at, days, zone)
				if got := append([]store.DaySize{}, h.Days...); !slices.Equal(want, got) {
					t.Errorf("%s over %d days\nwant %v\ngot  %v", name, days, want, got)
				}
				members, err := s.SegmentMembers(ctx, cond, at)
				if err != nil {
					t.Fatal(err)
				}
				before, err := s.SegmentMembers(ctx, cond, time.Date(2026, 11, 5, 0, 0, 0, 0, zone).Add(-time.Microsecond))
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(members, h.Members) || len(before)+len(h.Entered)-len(h.Left) != len(members) || slices.ContainsFunc(h.Left, func(id int64) bool { return !slices.Contains(before, id) }) {
					t.Errorf("%s: members %v, before %v; got %v, entered %v, left %v", name, members, before, h.Members, h.Entered, h.Left)
				}
			}
		}
	})
}
