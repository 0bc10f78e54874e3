package store

import (
	"context"
	"time"

	"tidings/internal/campaign"
)

// hours puts off what its step, its campaign or the customer's night does not let
// out now. Only marketing mail knows windows and nights.
func (l *look) hours(_ context.Context, c *campaign.Campaign, rows []*candidateRow) error {
	for _, r := range rows {
		o, any := l.opening(c, r.send, r.reached, r.out.Customer.Timezone)
		if !any {
			continue
		}
		till, gate := o.after(l.now)
		if gate == "" {
			continue
		}
		if gate != campaign.GateSendAt && !till.IsZero() {
			till = o.spread(till, r.out.ID, r.out.Expires)
		}
		r.putOff(wait{till: till, gate: gate}, true)
	}
	return nil
}

// opening is what the moment of a step's mail depends on, for a customer of a zone;
// any is false where it is nothing.
func (l *look) opening(c *campaign.Campaign, send *campaign.Send, reached time.Time, customers string) (o opening, any bool) {
	o = opening{sendAt: send.SendAt, from: reached}
	if !c.Transactional {
		o.quiet, o.window = l.s.catalog.Workspace.QuietHours, c.SendWindow
		if send.SendWindow != nil {
			o.window = send.SendWindow
		}
	}
	if o.quiet == nil && o.window == nil && o.sendAt == nil {
		return o, false
	}
	o.own, o.night = l.zone(c.Zone, customers), l.zone("customer", customers)
	return o, true
}

// zone is the zone that a campaign's zone means for a customer. Loading one reads a
// file, and a slice has the same few over and over.
func (l *look) zone(of, customers string) *time.Location {
	key := of + " " + customers
	if _, ok := l.zones[key]; !ok {
		l.zones[key] = (&campaign.Campaign{Zone: of}).ZoneFor(&l.s.catalog.Workspace, customers)
	}
	return l.zones[key]
}

// opening is what a mail's moment depends on: its own times of day by the clocks of
// its campaign's zone, the night by those of its customer's.
type opening struct {
	own, night    *time.Location
	quiet, window *campaign.Hours
	sendAt        *campaign.TimeOfDay
	from          time.Time
}

// after is the first moment at or after at when the mail may go, and the last gate
// that it waits for; zero where there is none.
func (o opening) after(at time.Time) (till time.Time, gate string) {
	return campaign.Opening(at, o.night, o.own, o.quiet, o.window, o.sendAt, o.from)
}

// spreadOver is the time over which mails that have waited for a moment leave after
// it: what a night has held back is not to go out in one second.
const spreadOver = 3 * time.Minute

// spread moves a mail's moment by a part of spreadOver that its id draws, unless it
// would not be let out then, or be too old.
func (o opening) spread(till time.Time, id int64, expires time.Time) time.Time {
	// Fibonacci hashing: ids in a row come to lie far apart.
	part := uint64(id) * 0x9E3779B97F4A7C15 >> 32
	later := till.Add(time.Duration(part*uint64(spreadOver/time.Second)>>32) * time.Second)
	if _, gate := o.after(later); gate != "" || later.After(expires) {
		return till
	}
	return later
}
