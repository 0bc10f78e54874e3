package store

import (
	"context"
	"database/sql"
	"math"
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

// unlimited is the room where there is no limit.
const unlimited = math.MaxInt

// bound is the most that is let out after a moment.
type bound struct {
	max   int
	after int64         // counted is what was let out later than that
	per   time.Duration // until one that was counted no longer is
	ends  time.Time     // of a calendar day, which ends for all of them at once
}

// spent is how much was let out at a moment.
type spent struct {
	at int64
	n  int
}

// allowance is how much may be let out of what one key stands for.
type allowance struct {
	key      string
	spendAt  int64 // the moment that what is let out now is counted at
	bounds   []bound
	throttle campaign.Throttle // zero: nobody has asked for less
	spent    []spent           // by time
	room     int
	waited   bool // something that is due has had to wait for it
}

// slowed tells whether somebody has asked for less, or refuses us.
func (a *allowance) slowed() bool { return !a.throttle.Since.IsZero() }

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
		a.bounds = []bound{l.bound(campaign.Pace{Max: 1, Per: campaign.ProbeEvery})}
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

// read fills in what was let out before, and so the room that is left.
func (l *limits) read(ctx context.Context, s *Store, tx querier) error {
	by := map[string]*allowance{}
	var in [][]any
	for _, a := range l.all() {
		by[a.key] = a
		in = append(in, []any{a.key, a.since(), a.part()})
	}
	if len(in) > 0 {
		rows, err := tx.QueryContext(ctx, `SELECT p.key, max(p.at), sum(p.n) FROM `+s.rows("$1", "key text", "after bigint", "part bigint")+` x
			JOIN spent p ON p.key = x.key AND p.at > x.after GROUP BY p.key, p.at / x.part ORDER BY p.key, 2`, array(in))
		_, err = collect(rows, err, func(rows *sql.Rows) (p spent, err error) {
			var key string
			err = rows.Scan(&key, &p.at, &p.n)
			if err == nil {
				by[key].spent = append(by[key].spent, p)
			}
			return p, err
		})
		if err != nil {
			return err
		}
	}
	for _, a := range by {
		a.room = a.left(l.now)
	}
	return nil
}

// parts is into how many parts the time of a pace is cut: what was let out in one
// counts as let out with the last of it, so that a pace over a day is not read mail by
// mail.
const parts = 3600

// part is the length of a part in microseconds, by the shortest pace.
func (a *allowance) part() int64 {
	shortest := a.bounds[0].per
	for _, b := range a.bounds[1:] {
		shortest = min(shortest, b.per)
	}
	return max(1, shortest.Microseconds()/parts)
}

// since is the end of what nothing counts any more.
func (a *allowance) since() int64 {
	first := a.bounds[0].after
	for _, b := range a.bounds[1:] {
		first = min(first, b.after)
	}
	return first
}

// left is how much may be let out at now.
func (a *allowance) left(now time.Time) int {
	if now.Before(a.throttle.Until) {
		return 0
	}
	room := unlimited
	for _, b := range a.bounds {
		room = min(room, max(0, b.max-a.used(b)))
	}
	return room
}

func (a *allowance) used(b bound) (n int) {
	for _, p := range a.spent {
		if p.at > b.after {
			n += p.n
		}
	}
	return n
}

// spend counts n that are let out now.
func (a *allowance) spend(n int) {
	if last := len(a.spent) - 1; last >= 0 && a.spent[last].at == a.spendAt {
		a.spent[last].n += n
		return
	}
	a.spent = append(a.spent, spent{a.spendAt, n})
}

// opens is the first moment from now on at which there is room.
func (a *allowance) opens(now time.Time) time.Time {
	at := now
	if at.Before(a.throttle.Until) {
		at = a.throttle.Until
	}
	for _, b := range a.bounds {
		if open := a.boundOpens(b); open.After(at) {
			at = open
		}
	}
	return at
}

// boundOpens is when a bound has room again; zero: it has.
func (a *allowance) boundOpens(b bound) time.Time {
	used := a.used(b)
	if used < b.max {
		return time.Time{}
	}
	if !b.ends.IsZero() {
		return b.ends
	}
	for _, p := range a.spent {
		if p.at <= b.after {
			continue
		}
		if used -= p.n; used < b.max {
			return campaign.FromMicros(p.at).Add(b.per)
		}
	}
	return time.Time{}
}

// room is how much an allowance leaves; nil leaves everything.
func (a *allowance) roomLeft() int {
	if a == nil {
		return unlimited
	}
	return a.room
}

// take uses a place, if there is one.
func (a *allowance) take() {
	if a != nil && a.room != unlimited && a.room > 0 {
		a.room--
	}
}

func (a *allowance) wait() {
	if a != nil {
		a.waited = true
	}
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

// count writes down what was let out, and drops what is counted no more.
func (l *limits) count(ctx context.Context, s *Store, tx *sql.Tx, out []duePick) error {
	n := map[*allowance]int{}
	for _, p := range out {
		for _, a := range []*allowance{l.provider, l.daily, l.domains[p.domain], l.rate(campaign.Lane(p.lane), p.campaign), l.sender(p.campaign, p.step)} {
			if a != nil {
				n[a]++
			}
		}
	}
	var in, old [][]any
	for a, n := range n {
		a.spend(n)
		in = append(in, []any{a.key, a.spendAt, n})
		old = append(old, []any{a.key, a.since()})
	}
	if len(in) == 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO spent (key, at, n) SELECT x.key, x.at, x.n FROM `+s.rows("$1", "key text", "at bigint", "n int")+` x
		WHERE TRUE ORDER BY x.key ON CONFLICT (key, at) DO UPDATE SET n = spent.n + excluded.n`, array(in)); err != nil {
		return err
	}
	// What somebody is just giving back is dropped by the next round: the relay waits
	// for nobody's row once it has its own.
	_, err := tx.ExecContext(ctx, `DELETE FROM spent WHERE (key, at) IN (SELECT p.key, p.at FROM `+s.rows("$1", "key text", "after bigint")+` x
		JOIN spent p ON p.key = x.key AND p.at <= x.after`+s.forUpdate("OF p SKIP LOCKED")+`)`, array(old))
	return err
}

// rate is the allowance of a campaign's rate in a lane: transactional mail has none.
func (l *limits) rate(lane campaign.Lane, id int64) *allowance {
	if lane != campaign.LaneBulk {
		return nil
	}
	return l.campaigns[id]
}
