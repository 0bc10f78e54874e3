package store

import (
	"context"

	"tidings/internal/campaign"
)

// recall puts back what was let out before a domain or the provider asked for less:
// it would only be told so too, and the relay knows by now.
func (l *look) recall(ctx context.Context, slice int64) error {
	if l.slowed {
		l.s.slowed.Store(true)
	}
	if !l.slowed || len(l.rows) == 0 {
		return nil
	}
	letOut, err := l.s.letOut(ctx, l.tx, slice)
	if err != nil {
		return err
	}
	recalls, err := l.s.recallsOf(ctx, l.tx, letOut)
	if err != nil || len(recalls) == 0 {
		return err
	}
	for _, r := range l.rows {
		r.recalled = recalls.meet(r.lane(), campaign.AddressDomain(r.out.Customer.Email), l.s.senderOf(trip{name: r.out.Campaign, step: r.out.Step}))
	}
	return nil
}

// uncount takes what is not claimed after all off the count of what was let out.
func (l *look) uncount(ctx context.Context, slice int64) error {
	if !l.s.counts() {
		return nil
	}
	var back []trip
	for _, r := range l.rows {
		if !r.open() {
			back = append(back, trip{id: r.out.ID, campaign: r.campaignID, name: r.out.Campaign, step: r.out.Step, lane: r.lane(), domain: campaign.AddressDomain(r.out.Customer.Email)})
		}
	}
	if len(back) == 0 {
		return nil
	}
	letOut, err := l.s.letOut(ctx, l.tx, slice)
	if err != nil {
		return err
	}
	for i := range back {
		back[i].letOut = letOut
	}
	return l.s.giveBack(ctx, l.tx, back)
}

func (r *candidateRow) lane() string {
	if r.topic == "" {
		return string(campaign.LaneTransactional)
	}
	return string(campaign.LaneBulk)
}
