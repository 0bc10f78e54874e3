package content

import (
	"os"
	"testing"

	"tidings/internal/campaign"
)

// TestProgrammes loads a shop's twelve programmes together: not a word is said of
// them.
func TestProgrammes(t *testing.T) {
	t.Parallel()
	catalog := mustLoad(t, os.DirFS("testdata/programmes"))
	verbs := map[string]string{}
	for _, c := range catalog.Campaigns {
		verbs[c.Name] = c.Trigger.Verb()
	}
	for name, verb := range map[string]string{
		"abandoned-cart": "abandoned_cart", "browse-abandonment": "abandoned_browse", "welcome": "event",
		"post-purchase": "past_purchase", "replenishment": "replenishment", "win-back": "inactivity",
		"birthday": "date", "early-access": "schedule", "back-in-stock": "back_in_stock",
		"referral-ask": "event", "nps": "event", "newsletter": "schedule",
	} {
		if verbs[name] != verb {
			t.Errorf("%s is triggered by %q, not by %q", name, verbs[name], verb)
		}
	}
	w := catalog.Workspace
	if len(w.Caps) != 2 || w.QuietHours == nil || w.Topics["offers"].When == nil || w.Providers["default"].Rate.String() != "14 per 1s" {
		t.Errorf("workspace is %+v", w)
	}
	if len(catalog.Campaigns) != 12 || len(catalog.Workspace.Tiers) != 3 || len(catalog.Workspace.Rates["USD"]) != 2 {
		t.Errorf("%d campaigns, tiers %v, rates %v", len(catalog.Campaigns), catalog.Workspace.Tiers, catalog.Workspace.Rates)
	}
	if l := catalog.Segments["lapsed-regulars"].Limit; *l != (campaign.Limit{First: 500, By: "orders.total"}) {
		t.Errorf("limit is %+v", l)
	}
}
