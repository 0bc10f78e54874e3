package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// Block is what holds back all mail of a campaign, to a domain or to the provider,
// or a campaign's entries.
type Block struct {
	Gate     string    // a campaign.Gate…, or campaign.HeldFuse
	Campaign string    // the campaign that it is of; empty: of any
	By       string    // the domain, the provider, the event
	Since    time.Time // zero: not known
	Until    time.Time // zero: until a person does something
	Why      string    // what a person, the server or the file said
	Who      string    // who paused the campaign
	Entries  int       // of the fuse: whom it holds
}

// byFile stands where a campaign rests because its file says so.
const byFile = "file"

// Blocks are what holds mail back now.
func (s *Store) Blocks(ctx context.Context, at time.Time) ([]Block, error) {
	var out []Block
	for _, part := range []struct {
		what string
		read func(context.Context, time.Time) ([]Block, error)
	}{
		{"campaigns at rest", s.resting}, {"throttles", s.throttled}, {"quiet feeds", s.quietFeeds}, {"fuses", s.fused},
	} {
		found, err := part.read(ctx, at)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", part.what, err)
		}
		out = append(out, found...)
	}
	return out, nil
}

// resting are the campaigns that do not run and have mail open: paused by hand, by
// the breaker, or by the file.
func (s *Store) resting(ctx context.Context, _ time.Time) ([]Block, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT name, status, paused_at, paused_why, `+pausedBy+` FROM campaigns k
		WHERE removed_at IS NULL AND (paused_at IS NOT NULL OR status <> 'active'
			AND EXISTS (SELECT 1 FROM messages m WHERE m.campaign_id = k.id AND m.stage = 'pending')) ORDER BY name`)
	return collect(rows, err, func(rows *sql.Rows) (b Block, err error) {
		var since sql.NullInt64
		var status string
		err = rows.Scan(&b.Campaign, &status, &since, &b.Why, &b.Who)
		b.Gate = campaign.GatePaused
		if since.Valid {
			b.Since = campaign.FromMicros(since.Int64)
		} else {
			b.By, b.Why, b.Who = byFile, "status: "+status, ""
		}
		return b, err
	})
}

// throttled are those who have asked for less, or refuse us.
func (s *Store) throttled(ctx context.Context, _ time.Time) ([]Block, error) {
	throttles, err := s.throttles(ctx, s.db)
	var out []Block
	for key, t := range throttles {
		b := Block{Gate: campaign.GateSlowed, By: campaign.DefaultProvider, Since: t.Since, Until: t.Until, Why: t.Reason}
		if t.Stopped {
			b.Gate = campaign.GateStopped
		}
		if domain, is := throttledDomain(key); is {
			b.By = domain
		} else if sender, is := refusedSender(key); is {
			b.Gate, b.By = campaign.GateSender, sender
		}
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b Block) int { return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(a.Gate, b.Gate)) })
	return out, err
}

// quietFeeds are the feeds of events for which mails wait.
func (s *Store) quietFeeds(ctx context.Context, at time.Time) ([]Block, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT k.name, q.event, q.since, q.heard_at FROM quiet_feeds q JOIN campaigns k ON k.id = q.campaign_id
		WHERE k.removed_at IS NULL AND q.since <= $1 AND EXISTS (SELECT 1 FROM messages m
			WHERE m.campaign_id = k.id AND m.stage = 'pending' AND m.gate = $2) ORDER BY k.name`, campaign.Micros(at), campaign.GateFresh)
	return collect(rows, err, func(rows *sql.Rows) (b Block, err error) {
		var since, heard int64
		err = rows.Scan(&b.Campaign, &b.By, &since, &heard)
		b.Gate, b.Since = campaign.GateFresh, campaign.FromMicros(since)
		b.Why = "the last one was at " + campaign.FromMicros(heard).Format(time.RFC3339)
		return b, err
	})
}

// fused are the entries that the fuse holds: no message is decided for them yet.
func (s *Store) fused(ctx context.Context, at time.Time) ([]Block, error) {
	held, err := s.HeldByFuse(ctx)
	var out []Block
	for _, h := range held {
		if h.Released || h.Since.After(at) {
			continue
		}
		out = append(out, Block{Gate: campaign.HeldFuse, Campaign: h.Campaign, Since: h.Since, Entries: h.Entries,
			Why: fmt.Sprintf("%d would enter, %d may by themselves", h.Entries, h.Allowed)})
	}
	return out, err
}

// read finds what holds messages that are due.
func (v *openView) read(ctx context.Context) error {
	v.names, v.rests, v.domains, v.paces, v.refused = map[int64]string{}, map[int64]Waiting{}, map[string]Block{}, map[int64]Block{}, map[*allowance]Block{}
	ids := map[string]int64{}
	rows, err := v.s.reader().QueryContext(ctx, `SELECT id, name, `+campaignRuns("k")+`, status, paused_at IS NOT NULL, paused_why FROM campaigns k`)
	_, err = collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var name, status, why string
		var runs, byHand bool
		err = rows.Scan(&id, &name, &runs, &status, &byHand, &why)
		ids[name], v.names[id] = id, name
		switch {
		case byHand:
			v.rests[id] = Waiting{campaign.GatePaused, "", why}
		case !runs:
			v.rests[id] = Waiting{campaign.GatePaused, byFile, "status: " + status}
		}
		return id, err
	})
	if err != nil {
		return err
	}
	throttles, err := v.s.throttles(ctx, v.s.reader())
	if err != nil {
		return err
	}
	return v.readLimits(ctx, v.s.newLimits(v.at, throttles, ids))
}

// readLimits finds what rates, the daily quota and throttles let nothing more out
// of.
func (v *openView) readLimits(ctx context.Context, l *limits) error {
	v.limits = l
	if err := l.read(ctx, v.s, v.s.reader()); err != nil {
		return err
	}
	full := func(a *allowance, gate, by string) (Block, bool) {
		if a == nil || a.room > 0 {
			return Block{}, false
		}
		b := Block{Gate: gate, By: by, Until: a.opens(v.at)}
		switch {
		case a.throttle.Stopped:
			b.Gate, b.Why = campaign.GateStopped, a.throttle.Reason
		case a.slowed():
			b.Gate, b.Why = campaign.GateSlowed, a.throttle.Reason
		}
		return b, true
	}
	if b, ok := full(l.provider, campaign.GateRate, campaign.DefaultProvider); ok {
		v.server = &b
	}
	if b, ok := full(l.daily, campaign.GateDaily, campaign.DefaultProvider); ok {
		v.daily = &b
	}
	for domain, a := range l.domains {
		if b, ok := full(a, campaign.GateRate, domain); ok {
			v.domains[domain] = b
		}
	}
	for id, a := range l.campaigns {
		if b, ok := full(a, campaign.GateRate, v.names[id]); ok {
			v.paces[id] = b
		}
	}
	for key, a := range l.senders {
		sender, _ := refusedSender(key)
		if b, ok := full(a, campaign.GateSender, sender); ok {
			b.Gate = campaign.GateSender
			v.refused[a] = b
		}
	}
	return nil
}
