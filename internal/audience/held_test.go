package audience_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

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
