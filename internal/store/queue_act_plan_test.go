package store_test

import (
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// What an act on a campaign is for is found by the index, however much the campaign
// has sent.
func TestQueueActReadsItsStages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newRated(t, s, campaign.Provider{})
		d.makeDue(due{"letter", 3000, d.now.Add(-time.Hour), time.Millisecond, []string{"kape.example"}})
		exec(t, s, `UPDATE messages SET state = CASE id % 1000 WHEN 1 THEN 'queued' WHEN 2 THEN 'claimed' WHEN 3 THEN 'handoff' WHEN 4 THEN 'uncertain' WHEN 5 THEN 'failed' WHEN 6 THEN 'pending' ELSE 'accepted' END`)
		exec(t, s, `ANALYZE`)
		explain, stage := "EXPLAIN QUERY PLAN ", "messages_campaign (campaign_id=? AND stage=?"
		if s.OnPostgres() {
			explain, stage = "EXPLAIN (COSTS OFF) ", "stage = "
		}
		for act, want := range map[store.Act]int{store.ActRelease: 3, store.ActRetry: 6, store.ActAccept: 3, store.ActCancel: 12} {
			ids, err := s.Choose(t.Context(), act, store.Chosen{Campaign: "letter"}, 0, 100)
			if err != nil || len(ids) != want {
				t.Errorf("%s: %d chosen, want %d, %v", act, len(ids), want, err)
			}
			query := strings.NewReplacer("$1", "'letter'", "$2", `'[["pending"]]'`, "$3", "0", "$4", "5000").Replace(s.ChooseQuery(act))
			plan := strings.Join(table(t, s, explain+query), "\n")
			if !strings.Contains(plan, "messages_campaign") || !strings.Contains(plan, stage) {
				t.Errorf("%s:\n%s", act, plan)
			}
		}
		ids, err := s.Choose(t.Context(), store.ActCancel, store.Chosen{Campaign: "letter", States: []campaign.State{campaign.Handoff, "none'"}}, 0, 100)
		if err != nil || len(ids) != 3 {
			t.Errorf("%d chosen of one state, %v", len(ids), err)
		}
	})
}
