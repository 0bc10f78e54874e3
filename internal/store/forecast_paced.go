package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// Pace takes the mails of campaigns' gated forecasts through the rates of the mail
// server, of domains and of the campaigns, all together, and writes into each what
// comes of it: the hours in which mails go, those that wait, those that expire before
// their turn. What was let out by now counts, if now is not zero. It is an estimate,
// as Gated is. Campaigns without mails, and a workspace without rates, stay as they are.
func (s *Store) Pace(ctx context.Context, now time.Time, gated map[*campaign.Campaign]campaign.Gated) error {
	p := campaign.Paces{Provider: s.provider(), Zone: s.catalog.Workspace.Zone}
	paced := !p.Provider.Rate.IsZero() || p.Provider.Daily > 0 || len(p.Provider.Domains) > 0
	mails := map[*campaign.Campaign][]campaign.Departure{}
	for c, g := range gated {
		mails[c] = g.Mails
		paced = paced || !c.Rate.IsZero() && !c.Transactional
	}
	if !paced {
		return nil
	}
	if err := s.intoDomains(ctx, p.Provider.Domains, mails); err != nil {
		return fmt.Errorf("find recipients' domains: %w", err)
	}
	if !now.IsZero() {
		var err error
		if p.Spent, err = s.wentBefore(ctx, now); err != nil {
			return fmt.Errorf("read what went before: %w", err)
		}
	}
	for c, played := range p.Play(mails) {
		g := gated[c]
		g.Paced, g.Hours = &played, played.Hours
		for _, limit := range played.Limits {
			last := campaign.FromMicros(played.Last)
			g.Wait(limit.Gate, limit.By, limit.Mails, last, last)
		}
		for _, n := range played.Expired {
			g.Messages -= n
			if g.Drops == nil {
				g.Drops = map[string]int{}
			}
			g.Drops[campaign.CancelExpired] += n
		}
		g.Sort()
		gated[c] = g
	}
	return nil
}

// intoDomains writes to each mail whose recipient's domain has a rate that domain.
func (s *Store) intoDomains(ctx context.Context, domains map[string]campaign.Pace, mails map[*campaign.Campaign][]campaign.Departure) error {
	if len(domains) == 0 {
		return nil
	}
	of := `split_part(email, '@', 2)`
	if s.engine == audience.SQLite {
		of = `substr(email, instr(email, '@') + 1)`
	}
	by := map[int64]string{}
	rows, err := s.reader().QueryContext(ctx, `SELECT id, lower(`+of+`) FROM customers WHERE lower(`+of+`) IN (SELECT x.domain FROM `+s.rows("$1", "domain text")+` x)`,
		array(wrap(slices.Sorted(maps.Keys(domains)))))
	_, err = collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var domain string
		err = rows.Scan(&id, &domain)
		by[id] = domain
		return id, err
	})
	for _, list := range mails {
		for i := range list {
			list[i].Domain = by[list[i].Customer]
		}
	}
	return err
}

// wentBefore is what the rates' counters hold by now.
func (s *Store) wentBefore(ctx context.Context, now time.Time) ([]campaign.Spent, error) {
	ids, names := map[string]int64{}, map[int64]string{}
	rows, err := s.reader().QueryContext(ctx, `SELECT id, name FROM campaigns WHERE removed_at IS NULL`)
	_, err = collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var name string
		err = rows.Scan(&id, &name)
		ids[name], names[id] = id, name
		return id, err
	})
	if err != nil {
		return nil, err
	}
	l := s.newLimits(now, map[string]campaign.Throttle{}, ids)
	if err := l.read(ctx, s, s.reader()); err != nil {
		return nil, err
	}
	var out []campaign.Spent
	add := func(gate, by string, a *allowance) {
		if a == nil {
			return
		}
		for _, p := range a.spent {
			out = append(out, campaign.Spent{Gate: gate, By: by, At: p.at, N: p.n})
		}
	}
	add(campaign.GateRate, campaign.DefaultProvider, l.provider)
	add(campaign.GateDaily, campaign.DefaultProvider, l.daily)
	for domain, a := range l.domains {
		add(campaign.GateRate, domain, a)
	}
	for id, a := range l.campaigns {
		add(campaign.GateRate, names[id], a)
	}
	return out, nil
}
