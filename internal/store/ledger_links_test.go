package store_test

import (
	"testing"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/worker"
)

// A link of which the database would take not every byte, since a value in it was
// decoded for example, keeps neither its mail nor those that are committed with it
// from going.
func TestLinkOfAnyBytes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(sendOne), "ana", "ben")
		var b worker.Batch
		for i, url := range []string{"https://shop.example/?q=\xff\x00x", "https://shop.example/?q=1"} {
			b.Handoffs = append(b.Handoffs, worker.Handoff{Claim: claimOf(out[i]), Links: []campaign.Link{{ID: int64(i + 1), URL: url}}})
		}
		admitted := d.commit(b)
		for _, o := range out {
			if !admitted[claimOf(o)] {
				t.Errorf("message %d was not admitted", o.ID)
			}
		}
		is(t, s, []string{"1 https://shop.example/?q=\ufffdx", "2 https://shop.example/?q=1"}, `SELECT id, url FROM links ORDER BY id`)
	})
}
