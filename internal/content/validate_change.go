package content

import "tidings/internal/campaign"

// unfollowed warns of a campaign whose every tick reads everybody's history: it
// waits for a change of segment that no fact and no index leads to.
func (w *workspaceFiles) unfollowed(f *campaignFile, cat *campaign.Catalog) {
	t, ok := f.campaign.Trigger.(campaign.SegmentChange)
	if !ok || t.Segment == "" {
		return
	}
	if what := cat.Unfollowed(t.Segment); what != "" {
		f.warnf(f.top.key("trigger"), "fine among some ten thousand customers; else wait for an event, as inactivity and replenishment do",
			"each tick reads the history of all customers: segment %s changes as time passes with %s, which no index leads to", t.Segment, what)
	}
}
