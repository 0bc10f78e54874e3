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

// What ran out long ago is not kept for ever, and what is left gives the same.
func TestSuppliesOfLongAgoAreForgotten(t *testing.T) {
	ctx := context.Background()
	each(t, func(t *testing.T, db database) {
		db.fill(t, world{customers: []customer{{"ann", "", hours(-100)}, {"bob", "", hours(-100)}}})
		e := audience.New(db.engine, catalog(nil))
		c := &campaign.Campaign{Trigger: campaign.Replenishment{Gap: campaign.GapProduct, Fallback: campaign.Days(20)}}
		n := 0
		for at := base; at.Before(base.AddDate(3, 0, 0)); at = at.AddDate(0, 0, 10) {
			n++
			insertFact(t, db, fact{fmt.Sprint("o", n), int64(1 + n%2), campaign.OrderCompleted, at, at,
				map[string]any{"products": []any{map[string]any{"product_id": "p", "quantity": 1 + n%3}}}})
			w := audience.Window{From: at, To: at.AddDate(0, 0, 10)}
			want, err := e.Candidates(ctx, db, c, w)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, db.kept(t, e, c, w)); diff != "" {
				t.Fatalf("from %s (-worked out +kept):\n%s", at, diff)
			}
			old := campaign.Micros(at.Add(-2 * 31 * 24 * time.Hour))
			if left := db.count(t, "SELECT count(*) FROM supplies WHERE due_at <= $1", old); left > 0 {
				t.Fatalf("%s: %d are kept that ran out two months ago and more", at, left)
			}
			if left := db.count(t, "SELECT count(*) FROM usual_gaps WHERE day < $1", campaign.Micros(at.AddDate(-1, 0, -70))); left > 0 {
				t.Fatalf("%s: %d usual gaps are kept of days that nothing runs out of", at, left)
			}
		}
		if db.count(t, "SELECT count(*) FROM supplies") == 0 || db.count(t, "SELECT count(*) FROM usual_gaps") == 0 {
			t.Error("nothing is kept")
		}
	})
}
