package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// senderOf is the key of the sender that a mail went out under. Where the workspace
// does not say, it is the provider's: then there is no other to send under.
func (s *Store) senderOf(t trip) string {
	if s.catalog == nil {
		return providerKey
	}
	c, ok := s.catalog.Campaign(t.name)
	if !ok {
		return providerKey
	}
	if sender := s.catalog.Workspace.SenderOf(c, t.step); sender != "" {
		return senderKey(sender)
	}
	return providerKey
}

// sendersOf are the keys of all senders of a campaign.
func (s *Store) sendersOf(name string) []string {
	if s.catalog == nil {
		return nil
	}
	c, ok := s.catalog.Campaign(name)
	if !ok {
		return nil
	}
	keys := s.catalog.Workspace.SendersOf(c)
	for i, sender := range keys {
		keys[i] = senderKey(sender)
	}
	return keys
}

// stopAll stops all mail when one more sender is refused, beside another, and nobody
// else's mail has been taken since the first of them was: then it is not for a sender
// that the provider refuses us. A sender that is refused again says nothing new.
func (s *Store) stopAll(ctx context.Context, tx *sql.Tx, before, throttles map[string]campaign.Throttle, changed map[string]bool, results []campaign.Result, trips map[int64]trip, now time.Time) error {
	if s.catalog == nil {
		return nil
	}
	var since time.Time
	bad, froms := map[string]bool{}, map[string]bool{}
	for key, t := range throttles {
		sender, is := refusedSender(key)
		if !is || !t.Stopped {
			continue
		}
		bad[key], froms[s.catalog.Workspace.Senders[sender].From] = true, true
		if since.IsZero() || t.Since.Before(since) {
			since = t.Since
		}
	}
	last := slices.IndexFunc(results, func(r campaign.Result) bool {
		key := s.senderOf(trips[r.ID])
		return r.Slow == campaign.SlowSender && bad[key] && !before[key].Stopped
	})
	if last < 0 || len(froms) < 2 {
		return nil
	}
	if takes, err := s.takesOthers(ctx, tx, bad, since, results, trips); err != nil || takes {
		return err
	}
	s.asksForLess(throttles, changed, providerKey, true, trips[results[last].ID], results[last].Reply, now)
	return nil
}

// takesOthers tells whether mail of a sender that is none of bad has been taken since a
// moment, or is just now. What a person or an open says has arrived may have been taken
// long before.
func (s *Store) takesOthers(ctx context.Context, tx *sql.Tx, bad map[string]bool, since time.Time, results []campaign.Result, trips map[int64]trip) (takes bool, err error) {
	for _, r := range results {
		if r.Verdict == campaign.WasAccepted && !bad[s.senderOf(trips[r.ID])] {
			return true, nil
		}
	}
	var others []string
	for _, c := range s.catalog.Campaigns {
		if !slices.ContainsFunc(s.sendersOf(c.Name), func(key string) bool { return bad[key] }) {
			others = append(others, c.Name)
		}
	}
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM campaigns k WHERE k.name IN (SELECT x.name FROM `+s.rows("$1", "name text")+` x)
		AND EXISTS (SELECT 1 FROM messages m WHERE m.campaign_id = k.id AND m.stage = 'accepted' AND m.done_at >= $2 AND m.reason NOT IN ('evidence', '`+byHand+`')))`,
		array(wrap(others)), campaign.Micros(since)).Scan(&takes)
	return takes, err
}
