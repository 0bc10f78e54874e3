package store

import (
	"context"

	"tidings/internal/campaign"
)

// paused puts off marketing mail to customers who have asked for a pause, to its end.
// What is too old by then is not sent.
func (l *look) paused(_ context.Context, c *campaign.Campaign, rows []*candidateRow) error {
	if c.Transactional {
		return nil
	}
	for _, r := range rows {
		if till := campaign.FromMicros(r.pausedTill.Int64); r.pausedTill.Valid && till.After(l.now) {
			r.putOff(wait{till: till, gate: campaign.GateCustomer}, true)
		}
	}
	return nil
}
