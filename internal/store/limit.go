package store

import (
	"slices"
	"strconv"
	"time"

	"tidings/internal/campaign"
)

// The keys of what is let out: the provider, its day, a recipients' domain, a campaign
// and a sender.
const (
	providerKey = "provider:" + campaign.DefaultProvider
	dailyKey    = "daily:" + campaign.DefaultProvider
)

func domainKey(domain string) string { return "domain:" + domain }
func campaignKey(id int64) string    { return "campaign:" + strconv.FormatInt(id, 10) }
func senderKey(sender string) string { return "sender:" + sender }

// limits are the allowances of a moment. One that there is not does not limit.
type limits struct {
	now       time.Time
	provider  *allowance
	daily     *allowance
	domains   map[string]*allowance
	campaigns map[int64]*allowance
	senders   map[string]*allowance // by key: those that the provider refuses
	refused   map[int64]*allowance  // of them, that of a campaign which has no other
	// Of the campaigns that have others beside: the one of a step, nil where it is none
	// of them.
	mixed map[int64]func(step string) *allowance
}

// newLimits are what the workspace and the throttles set at now, as if nothing had
// been let out yet. Campaigns are by id.
func (s *Store) newLimits(now time.Time, throttles map[string]campaign.Throttle, ids map[string]int64) *limits {
	l := &limits{now: now, domains: map[string]*allowance{}, campaigns: map[int64]*allowance{}, senders: map[string]*allowance{},
		refused: map[int64]*allowance{}, mixed: map[int64]func(string) *allowance{}}
	p := s.provider()
	l.provider = l.allow(providerKey, p.Rate, throttles[providerKey])
	if p.Daily > 0 {
		begin, end := dayAround(now, s.catalog.Workspace.Zone)
		l.daily = &allowance{key: dailyKey, spendAt: campaign.Micros(begin),
			bounds: []bound{{max: p.Daily, after: campaign.Micros(begin) - 1, ends: end}}}
	}
	for domain, pace := range p.Domains {
		l.domains[domain] = l.allow(domainKey(domain), pace, throttles[domainKey(domain)])
	}
	for key, t := range throttles {
		if domain, is := throttledDomain(key); is && l.domains[domain] == nil {
			l.domains[domain] = l.allow(key, campaign.Pace{}, t)
		}
		if _, is := refusedSender(key); is {
			l.senders[key] = l.allow(key, campaign.Pace{}, t)
		}
	}
	if s.catalog == nil {
		return l
	}
	for _, c := range s.catalog.Campaigns {
		id, ok := ids[c.Name]
		if !ok {
			continue
		}
		if !c.Rate.IsZero() && !c.Transactional {
			l.campaigns[id] = l.allow(campaignKey(id), c.Rate, campaign.Throttle{})
		}
		if len(l.senders) > 0 {
			l.refuse(&s.catalog.Workspace, c, id)
		}
	}
	return l
}

// refuse notes which of a campaign's mail is under a sender that is refused: all, that
// of some steps, or none.
func (l *limits) refuse(w *campaign.Workspace, c *campaign.Campaign, id int64) {
	// Mail of a step that is no longer there goes under the campaign's own.
	all := append(w.SendersOf(c), w.SenderOf(c, ""))
	if !slices.ContainsFunc(all, func(sender string) bool { return l.senders[senderKey(sender)] != nil }) {
		return
	}
	if slices.Sort(all); len(slices.Compact(all)) == 1 {
		l.refused[id] = l.senders[senderKey(all[0])]
		return
	}
	l.mixed[id] = func(step string) *allowance { return l.senders[senderKey(w.SenderOf(c, step))] }
}

// sender is the allowance of the sender that a campaign's step is under, if it is
// refused.
func (l *limits) sender(id int64, step string) *allowance {
	if of := l.mixed[id]; of != nil {
		return of(step)
	}
	return l.refused[id]
}

// provider is what the workspace says of the mail server.
func (s *Store) provider() campaign.Provider {
	if s.catalog == nil {
		return campaign.Provider{}
	}
	return s.catalog.Workspace.Providers[campaign.DefaultProvider]
}

// allow is the allowance of a key with a pace and a throttle; nil without either.
func (l *limits) allow(key string, p campaign.Pace, t campaign.Throttle) *allowance {
	a := &allowance{key: key, spendAt: campaign.Micros(l.now), throttle: t}
	if !p.IsZero() {
		a.bounds = append(a.bounds, l.bound(p))
	}
	switch {
	case t.Stopped:
		a.bounds = append(a.bounds, l.bound(campaign.Pace{Max: 1, Per: campaign.ProbeEvery}))
	case a.slowed():
		a.bounds = append(a.bounds, l.bound(t.Limit()))
	case p.IsZero():
		return nil
	}
	return a
}

func (l *limits) bound(p campaign.Pace) bound {
	return bound{max: p.Max, after: campaign.Micros(l.now.Add(-p.Per)), per: p.Per}
}

// dayAround is the calendar day of zone around now.
func dayAround(now time.Time, zone *time.Location) (begin, end time.Time) {
	d := campaign.LocalOf(now, zone)
	d.Clock = 0
	next := time.Date(d.Year, d.Month, d.Day+1, 0, 0, 0, 0, time.UTC)
	return d.In(zone), campaign.LocalTime{Year: next.Year(), Month: next.Month(), Day: next.Day()}.In(zone)
}

// all are the allowances that there are.
func (l *limits) all() []*allowance {
	out := []*allowance{l.provider, l.daily}
	for _, a := range l.domains {
		out = append(out, a)
	}
	for _, a := range l.campaigns {
		out = append(out, a)
	}
	for _, a := range l.senders {
		out = append(out, a)
	}
	return slices.DeleteFunc(out, func(a *allowance) bool { return a == nil })
}

// next is the first moment at which something that has had to wait may go; zero:
// nothing has.
func (l *limits) next() (at time.Time) {
	for _, a := range l.all() {
		if !a.waited {
			continue
		}
		if open := a.opens(l.now); at.IsZero() || open.Before(at) {
			at = open
		}
	}
	return at
}

// rate is the allowance of a campaign's rate in a lane: transactional mail has none.
func (l *limits) rate(lane campaign.Lane, id int64) *allowance {
	if lane != campaign.LaneBulk {
		return nil
	}
	return l.campaigns[id]
}
