package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"time"

	"tidings/internal/campaign"
)

const (
	// Mails that wait for a feed are looked at again after this long.
	freshRecheck = 15 * time.Minute
	// The usual gap of a feed is the mean of those between its last events. Ones that
	// come within a minute come together, as a shop that sends them in batches does.
	freshEvents = 200
	freshApart  = time.Minute
	// Of fewer events nothing is usual yet.
	freshLeast = 20
	// What was found out about a feed that is not quiet holds for this long.
	freshHolds = time.Minute
)

// feeds remembers until when a feed is known not to be quiet.
type feeds struct {
	mu    sync.Mutex
	fresh map[campaign.Fresh]time.Time
}

func (f *feeds) until(feed campaign.Fresh) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fresh[feed]
}

func (f *feeds) learn(feed campaign.Fresh, until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fresh == nil {
		f.fresh = map[campaign.Fresh]time.Time{}
	}
	f.fresh[feed] = until
}

// fresh puts off mails that rely on a feed of events which has not been heard of for
// far longer than usual: a cart looks abandoned to whom the orders don't reach.
func (l *look) fresh(ctx context.Context, c *campaign.Campaign, rows []*candidateRow) error {
	if c.Fresh == nil || c.Transactional || len(rows) == 0 || l.s.endsHere(c) {
		return nil
	}
	if until := l.s.feeds.until(*c.Fresh); !l.now.After(until) && !l.now.Before(until.Add(-freshHolds)) {
		return nil
	}
	heard, till, err := l.s.feed(ctx, l.tx, *c.Fresh, l.now)
	if err != nil {
		return fmt.Errorf("fresh: %w", err)
	}
	if heard.IsZero() || !l.now.After(till) {
		known := l.now.Add(freshHolds)
		if !heard.IsZero() && till.Before(known) {
			known = till
		}
		l.s.feeds.learn(*c.Fresh, known)
		return nil
	}
	for _, r := range rows {
		if r.gate == campaign.GateByHand {
			continue
		}
		r.putOff(wait{till: l.now.Add(freshRecheck), gate: campaign.GateFresh, by: c.Fresh.Event}, false)
	}
	_, err = l.tx.ExecContext(ctx, `INSERT INTO quiet_feeds (campaign_id, event, heard_at, since, at) VALUES ($1, $2, $3, $4, $4)
		ON CONFLICT (campaign_id) DO UPDATE SET event = excluded.event, heard_at = excluded.heard_at, at = excluded.at`,
		rows[0].campaignID, c.Fresh.Event, campaign.Micros(heard), campaign.Micros(l.now))
	if err != nil {
		return fmt.Errorf("note a quiet feed: %w", err)
	}
	return nil
}

// endsHere tells that a campaign's feed may be quiet for no other reason than that
// the history which a simulation plays is over: inactivity is looked for long after
// its end. Who writes a gap means it.
func (s *Store) endsHere(c *campaign.Campaign) bool {
	_, inactive := c.Trigger.(campaign.Inactivity)
	return inactive && c.Fresh.Gap.IsZero() && !s.live.Load()
}

// feed tells when a feed was last heard of and until when that is fresh. Both are
// zero where nothing can be said of it: too few events, and no gap given.
func (s *Store) feed(ctx context.Context, q querier, f campaign.Fresh, now time.Time) (heard, till time.Time, err error) {
	us := campaign.Micros(now)
	rows, err := q.QueryContext(ctx, `SELECT known_at FROM events WHERE name = $1 AND occurred_at <= $2 AND known_at <= $2
		ORDER BY occurred_at DESC LIMIT $3`, f.Event, us, freshEvents)
	known, err := collect(rows, err, scanID)
	if err != nil || len(known) == 0 {
		return heard, till, err
	}
	// What comes in late is heard of as well.
	var late sql.NullInt64
	if err := q.QueryRowContext(ctx, `SELECT max(known_at) FROM events WHERE name = $1 AND known_at > occurred_at AND known_at <= $2`,
		f.Event, us).Scan(&late); err != nil {
		return heard, till, err
	}
	gap, ok := usualGap(known)
	if !f.Gap.IsZero() {
		gap, ok = f.Gap, true
	}
	if !ok {
		return heard, till, nil
	}
	last := late.Int64
	for _, at := range known {
		last = max(last, at)
	}
	heard = campaign.FromMicros(last)
	return heard, gap.After(heard), nil
}

// usualGap is how long a feed may be quiet by what its last events were apart: so many
// of their mean, and no less than the longest, as of a night or a weekend. ok is false
// where they are too few to say.
func usualGap(known []int64) (gap campaign.Duration, ok bool) {
	if len(known) < freshLeast {
		return gap, false
	}
	known = slices.Sorted(slices.Values(known))
	apart, longest, sum := int64(0), time.Duration(0), time.Duration(0)
	for i, at := range known[1:] {
		between := time.Duration(at-known[i]) * time.Microsecond
		sum += between
		longest = max(longest, between)
		if between >= freshApart {
			apart++
		}
	}
	usual := freshApart
	if apart > 0 {
		usual = max(usual, sum/time.Duration(apart))
	}
	return campaign.Of(max(campaign.FreshTimes*usual, longest)), true
}
