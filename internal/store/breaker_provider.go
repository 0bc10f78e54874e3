package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/scheduler"
)

const (
	// Mailbox providers judge a sender by all of its mail to them together. The breaker
	// does as they do over so long, which is how long Gmail takes to forgive.
	providerWindow = 7 * 24 * time.Hour
	// How a provider's share stands is asked anew when another complaint has come, and
	// otherwise this often.
	providerEvery = time.Hour
)

// providerLook is what was found of a provider at the last look.
type providerLook struct {
	complaints int
	at         time.Time
}

// annoyed is a provider with complaints, and of whose mails they are.
type annoyed struct {
	complaints int
	campaigns  map[string]bool // by name; true: transactional
	left       map[int64]bool  // campaigns with complaints that no longer run
	written    []string        // the domains as they stand in addresses
}

// providerBreakers pauses the campaigns whose mails were complained of at a provider
// where, of all mails to it together, too many were: several campaigns can each be
// below the limit, or too small for one, and hurt the sender all the same.
func (s *Store) providerBreakers(ctx context.Context, now time.Time, w *scheduler.Watched) error {
	if !s.breaker.turn(now) {
		return nil
	}
	found, err := s.annoyed(ctx, now)
	if err != nil {
		return fmt.Errorf("find complaints by provider: %w", err)
	}
	s.breaker.forget(found)
	var failed []error
	for _, provider := range slices.Sorted(maps.Keys(found)) {
		a := found[provider]
		if !s.breaker.worth(provider, a.complaints, now) {
			continue
		}
		mails, err := s.mailsTo(ctx, provider, a, now)
		if err != nil {
			failed = append(failed, fmt.Errorf("count the mails to %s: %w", provider, err))
			continue
		}
		s.breaker.looked(provider, a.complaints, now)
		if mails < complainedOf || float64(a.complaints) <= complainedMost*float64(mails) {
			continue
		}
		why := fmt.Sprintf("%d of %d mails to %s in 7 days, from all campaigns, were called spam by those who got them: %.2g %%, and more than %.2g %% pauses those that were",
			a.complaints, mails, provider, 100*float64(a.complaints)/float64(mails), 100*complainedMost)
		for _, name := range slices.Sorted(maps.Keys(a.campaigns)) {
			to, act := &w.Paused, s.trip
			if a.campaigns[name] {
				to, act = &w.Alarms, s.alarm
			}
			first, err := act(ctx, name, why, now)
			if err != nil {
				failed = append(failed, fmt.Errorf("campaign %s: %w", name, err))
			} else if first {
				*to = append(*to, scheduler.Tripped{Campaign: name, Why: why})
			}
		}
	}
	return errors.Join(failed...)
}

// turn tells whether it is time to look.
func (b *breaker) turn(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	due := now.Before(b.providersAt) || !now.Before(b.providersAt.Add(breakerEvery))
	if due {
		b.providersAt = now
	}
	return due
}

// worth tells whether a provider is to be counted: one complaint alone is no share.
func (b *breaker) worth(provider string, complaints int, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	last, known := b.providers[provider]
	return complaints > 1 && (!known || last.complaints != complaints || now.Before(last.at) || !now.Before(last.at.Add(providerEvery)))
}

func (b *breaker) looked(provider string, complaints int, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.providers == nil || len(b.providers) > 1000 {
		b.providers = map[string]providerLook{}
	}
	b.providers[provider] = providerLook{complaints, now}
}

// forget drops what was found of providers with fewer complaints than then: as many as
// then, later, are others.
func (b *breaker) forget(found map[string]*annoyed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.providers, func(provider string, last providerLook) bool {
		a := found[provider]
		return a == nil || a.complaints < last.complaints
	})
}

// counted is an SQL condition: a message m of a campaign k counts towards its
// provider's share. What came before somebody let the campaign go on does not.
const counted = `m.stage = 'accepted' AND m.done_at >= $1 AND m.done_at > coalesce(k.resumed_at, 0)`

// annoyed finds the complaints about the last days' mails, by provider. Those about
// campaigns that no longer run count no more, nor do then these campaigns' mails:
// others are not paused for them, nor spared.
func (s *Store) annoyed(ctx context.Context, now time.Time) (map[string]*annoyed, error) {
	since := campaign.Micros(now.Add(-providerWindow))
	ids, err := s.complained(ctx, since, now)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	out := map[string]*annoyed{}
	rows, err := s.db.QueryContext(ctx, `SELECT k.id, k.name, k.topic = '', `+campaignRuns("k")+`, `+s.sentDomain()+`
		FROM messages m JOIN campaigns k ON k.id = m.campaign_id JOIN customers c ON c.id = m.customer_id
		WHERE m.id IN `+s.ids("$2")+` AND `+counted, since, array(ids))
	_, err = collect(rows, err, func(rows *sql.Rows) (name string, err error) {
		var id int64
		var transactional, runs bool
		var domain string
		if err := rows.Scan(&id, &name, &transactional, &runs, &domain); err != nil || domain == "" {
			return name, err
		}
		provider := campaign.MailboxProvider(sentTo(domain))
		if out[provider] == nil {
			out[provider] = &annoyed{campaigns: map[string]bool{}, left: map[int64]bool{}}
		}
		if !runs {
			out[provider].left[id] = true
			return name, nil
		}
		out[provider].complaints++
		out[provider].campaigns[name] = transactional
		if !slices.Contains(out[provider].written, domain) {
			out[provider].written = append(out[provider].written, domain)
		}
		return name, nil
	})
	return out, err
}

// complained lists the messages that were complained of since a moment.
func (s *Store) complained(ctx context.Context, since int64, now time.Time) ([]int64, error) {
	back, err := s.cameBack(ctx, since, now)
	var ids []int64
	for id, r := range back {
		if r.complained {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// mailsTo counts the last days' mails to a provider, up to as many as its complaints
// are too few for.
func (s *Store) mailsTo(ctx context.Context, provider string, a *annoyed, now time.Time) (n int, err error) {
	domains := append(campaign.ProviderDomains(provider), a.written...)
	quoted := make([]string, len(domains))
	for i, d := range domains {
		quoted[i] = `'` + strings.ReplaceAll(d, `'`, `''`) + `'`
	}
	left := slices.AppendSeq([]int64{}, maps.Keys(a.left))
	err = s.db.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM campaigns k JOIN messages m ON m.campaign_id = k.id JOIN customers c ON c.id = m.customer_id
		WHERE `+counted+` AND k.id NOT IN `+s.ids("$3")+` AND `+s.sentDomain()+` IN (`+strings.Join(quoted, ", ")+`) LIMIT $2) x`,
		campaign.Micros(now.Add(-providerWindow)), max(a.complaints*int(1/complainedMost), complainedOf), array(left)).Scan(&n)
	return n, err
}
