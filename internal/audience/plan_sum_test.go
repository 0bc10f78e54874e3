package audience_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// What is summed over everybody is worked out as events are read: sorting them by
// customer with all their properties takes several times as long.
func TestSumsLeavePropertiesBehind(t *testing.T) {
	carried := regexp.MustCompile(`(: |, )e\.properties(,|$)`)
	each(t, func(t *testing.T, db database) {
		if db.engine != audience.Postgres {
			return // SQLite does not say what a step hands on
		}
		db.crowd(t, 2000)
		for _, of := range []string{"total", "points"} {
			x := &explainer{db: db, verbose: true}
			cond := campaign.EventMatch{Event: campaign.OrderCompleted, Aggregate: &campaign.Aggregate{Func: campaign.Sum, Property: of, Test: test(campaign.OpAtLeast, number(1))}}
			found, err := audience.New(db.engine, catalog(nil)).Members(context.Background(), x, cond, hours(9000))
			if err != nil {
				t.Fatal(err)
			}
			if len(found) == 0 {
				t.Errorf("the sum of %s found nobody", of)
			}
			read := false
			for _, line := range x.plans {
				line = strings.TrimSpace(line)
				read = read || strings.Contains(line, "events e")
				if strings.HasPrefix(line, "Output: ") && carried.MatchString(line) {
					t.Errorf("the sum of %s takes the properties along: %s, in\n%s", of, line, strings.Join(x.plans, "\n"))
					break
				}
			}
			if !read {
				t.Errorf("the plan reads no events e:\n%s", strings.Join(x.plans, "\n"))
			}
		}
	})
}
