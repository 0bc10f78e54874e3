package audience_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// backwards are the members as of each moment, going back from the first.
func backwards(t fataler, e *audience.Evaluator, db database, cond campaign.Condition, moments []time.Time) [][]int64 {
	t.Helper()
	var out [][]int64
	if err := e.Backwards(context.Background(), db, cond, moments, func(members []int64) { out = append(out, slices.Clone(members)) }); err != nil {
		t.Fatalf("backwards: %v", err)
	}
	return out
}

// bystanders adds customers without a history: beside few of them any change would be a
// reason to ask everybody anew.
func (db database) bystanders(t fataler, created time.Time) {
	t.Helper()
	row := fmt.Sprintf("(NULL, %d)", campaign.Micros(created))
	db.must(t, "INSERT INTO customers (external_id, created_at) VALUES "+strings.Repeat(row+", ", 59)+row)
}

// Going back from the members of one moment to those of earlier ones finds the same
// as asking everybody as of each of them.
func TestBackwardsIsAskingEverybody(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		changed := 0
		rapid.Check(t, func(t *rapid.T) {
			w := genWorld(t)
			segments := map[string]campaign.Condition{"some": genCondition(t, 0), "gold": genChanging(t, 2)}
			db.fill(t, w)
			db.bystanders(t, hours(pick(t, "created", -100, 1, 3)))
			e := audience.New(db.engine, catalog(segments))
			cond := campaign.InSegment{Segment: "gold"}
			var moments []time.Time
			at := genMoment(t).Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "hours later")) * time.Hour)
			for range rapid.IntRange(1, 6).Draw(t, "moments") {
				at = at.Add(time.Duration(rapid.IntRange(-1, 0).Draw(t, "just before")) * time.Microsecond)
				moments = append(moments, at)
				at = at.Add(-time.Duration(pick(t, "hours back", 1, 1, 2, 5, 24, 24*28)) * time.Hour)
			}
			for i, got := range backwards(t, e, db, cond, moments) {
				want, err := e.Members(context.Background(), db, cond, moments[i])
				if err != nil {
					t.Fatalf("members: %v", err)
				}
				if !slices.Equal(want, got) {
					t.Fatalf("%#v as of %s: %v, going back from %s: %v", segments["gold"], moments[i], want, moments[0], got)
				}
				if before, _ := e.Members(context.Background(), db, cond, moments[max(i, 1)-1]); !slices.Equal(before, want) {
					changed++
				}
			}
		})
		if changed < 10 {
			t.Errorf("members changed %d times: too few to tell", changed)
		}
	})
}

// The same for what is worked out from a history, or ranks people against each other.
func TestBackwardsComputed(t *testing.T) {
	for _, c := range changingSegments() {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, db database) {
				e := c.in(t, db)
				db.bystanders(t, hours(-100))
				cond := campaign.InSegment{Segment: "it"}
				var moments []time.Time
				for at := c.to; !at.Before(c.from); at = at.Add(-6 * time.Hour) {
					moments = append(moments, at)
				}
				sizes := map[int]bool{}
				for i, got := range backwards(t, e, db, cond, moments) {
					want, err := e.Members(context.Background(), db, cond, moments[i])
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(want, got) {
						t.Errorf("as of %s: %v, going back: %v", moments[i], want, got)
					}
					sizes[len(want)] = true
				}
				if len(sizes) < 2 && c.name != "best" { // of whom there is always one
					t.Errorf("sizes %v: too few to tell", sizes)
				}
			})
		})
	}
}

// A change in the very moment that is looked at belongs to the time before it, where
// several moments are gone back in one go too.
func TestBackwardsOverTheMomentItself(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		db.fill(t, world{customers: []customer{{"ann", "", hours(-100)}}, facts: []fact{
			{uid: "a", customer: 1, name: "Page Viewed", at: hours(-50), known: hours(-50), props: map[string]any{"when": stamp(hours(3))}}}})
		db.bystanders(t, hours(-100))
		cond := campaign.EventMatch{Event: "Page Viewed", Where: []campaign.Property{
			{Path: "when", Test: campaign.Test{Op: campaign.OpWithin, Length: campaign.Of(2 * time.Hour)}}}}
		moments := []time.Time{hours(6), hours(5).Add(time.Microsecond), hours(5), hours(4), hours(3), hours(3).Add(-time.Microsecond), hours(2)}
		var got []int
		for _, members := range backwards(t, audience.New(db.engine, catalog(nil)), db, cond, moments) {
			got = append(got, len(members))
		}
		if want := []int{0, 0, 1, 1, 1, 0, 0}; !slices.Equal(want, got) {
			t.Errorf("sizes %v, not %v", got, want)
		}
	})
}
