package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// heed takes in what results say about how much may be let out, before they are
// stored: who asks for less, who takes what was let out since, and what was not
// sent at all and counts for nothing.
func (s *Store) heed(ctx context.Context, tx *sql.Tx, results []campaign.Result, now time.Time) error {
	var ids []int64
	for _, r := range results {
		if r.Slow != campaign.SlowNothing || r.Verdict == campaign.WasAccepted && s.slowed.Load() || r.Verdict == campaign.WasRelease && s.counts() {
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	trips, err := s.trips(ctx, tx, ids)
	if err != nil {
		return fmt.Errorf("read when messages were let out: %w", err)
	}
	var back []trip
	var heard []campaign.Result
	for _, r := range results {
		t, ok := trips[r.ID]
		if !ok || t.token != r.Token {
			continue
		}
		if r.Verdict == campaign.WasRelease && r.Slow == campaign.SlowNothing {
			back = append(back, t)
		} else {
			heard = append(heard, r)
		}
	}
	// Throttles before what was let out: the relay locks them in that order.
	if err := s.hear(ctx, tx, heard, trips, now); err != nil {
		return err
	}
	return s.giveBack(ctx, tx, back)
}

// hear changes the throttles by what the server has said. They are locked only
// when something changes: a domain that is slowed down for a day must not make
// every commit wait for the one before.
func (s *Store) hear(ctx context.Context, tx *sql.Tx, results []campaign.Result, trips map[int64]trip, now time.Time) error {
	if len(results) == 0 {
		return nil
	}
	throttles, err := s.throttles(ctx, tx)
	if err != nil {
		return err
	}
	changed := s.answers(throttles, results, trips, now)
	if len(changed) == 0 {
		return nil
	}
	if err := s.lockThrottles(ctx, tx); err != nil {
		return fmt.Errorf("lock the throttles: %w", err)
	}
	if throttles, err = s.throttles(ctx, tx); err != nil {
		return err
	}
	before := maps.Clone(throttles)
	changed = s.answers(throttles, results, trips, now)
	if err := s.stopAll(ctx, tx, before, throttles, changed, results, trips, now); err != nil {
		return fmt.Errorf("look whether another sender is welcome: %w", err)
	}
	for _, key := range slices.Sorted(maps.Keys(changed)) {
		if t, still := throttles[key]; still {
			err = s.saveThrottle(ctx, tx, key, t)
		} else {
			err = s.dropThrottle(ctx, tx, key)
		}
		if err != nil {
			return fmt.Errorf("store a throttle: %w", err)
		}
	}
	s.slowed.Store(len(throttles) > 0)
	return nil
}

// answers puts results into the throttles and tells which have changed.
func (s *Store) answers(throttles map[string]campaign.Throttle, results []campaign.Result, trips map[int64]trip, now time.Time) map[string]bool {
	changed := map[string]bool{}
	for _, r := range results {
		t := trips[r.ID]
		switch r.Slow {
		case campaign.SlowDomain:
			s.asksForLess(throttles, changed, domainKey(t.domain), false, t, r.Reply, now)
		case campaign.SlowSender:
			s.asksForLess(throttles, changed, s.senderOf(t), true, t, r.Reply, now)
		case campaign.SlowProvider, campaign.SlowStop:
			s.asksForLess(throttles, changed, providerKey, r.Slow == campaign.SlowStop, t, r.Reply, now)
		case campaign.SlowNothing:
			if r.Verdict == campaign.WasAccepted {
				p := s.provider()
				s.takes(throttles, changed, domainKey(t.domain), p.Domains[t.domain], t)
				if sender := s.senderOf(t); sender != providerKey {
					s.takes(throttles, changed, sender, campaign.Pace{}, t)
				}
				s.takes(throttles, changed, providerKey, p.Rate, t)
			}
		}
	}
	return changed
}

func (s *Store) asksForLess(throttles map[string]campaign.Throttle, changed map[string]bool, key string, stop bool, t trip, r campaign.Reply, now time.Time) {
	before := throttles[key]
	if after := before.Asked(stop, t.letOut, now, serverSaid(r)); after != before {
		throttles[key], changed[key] = after, true
	}
}

func (s *Store) takes(throttles map[string]campaign.Throttle, changed map[string]bool, key string, usual campaign.Pace, t trip) {
	before, is := throttles[key]
	if !is {
		return
	}
	after, ends := before.Accepted(t.letOut, usual)
	if ends {
		delete(throttles, key)
	} else {
		throttles[key] = after
	}
	changed[key] = changed[key] || ends || after != before
}

// serverSaid is a server's answer for a log and a page: codes and words, no addresses.
func serverSaid(r campaign.Reply) string {
	r.Text = campaign.WithoutAddresses(r.Text)
	return clip(r.String())
}
