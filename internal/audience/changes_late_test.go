package audience_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

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
