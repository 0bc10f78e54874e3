package campaign

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Departure is a mail that would go at a moment, were there no rates. Moments are in
// microseconds since 1970.
type Departure struct {
	Customer    int64
	At, Expires int64
	Domain      string // of the recipient, where a rate is set for it; else empty
}

// Paces are the rates that mails go by, and what they have let out before.
type Paces struct {
	Provider Provider
	Zone     *time.Location // of the quota's days
	Spent    []Spent
}

// Spent are mails that went before: by a campaign (empty: the campaign has no rate),
// or to a domain, or by the provider, or on its day.
type Spent struct {
	Gate string // GateRate, or GateDaily
	By   string // DefaultProvider, the domain or the campaign
	At   int64
	N    int
}

// Paced is what rates make of a campaign's mails.
type Paced struct {
	Limits  []PaceLimit    // those that mails wait for, the one that most do first
	Hours   map[int64]int  // as Gated.Hours
	Last    int64          // when the last one goes; 0: none does
	Expired map[string]int // by limit: that would be over before their turn
}

// PaceLimit is a rate, or a quota, with the mails that go later for it.
type PaceLimit struct {
	Gate  string `json:"gate"` // rate or daily_quota
	By    string `json:"by"`   // default (the mail server), a domain or the campaign
	Limit string `json:"limit"`
	Mails int    `json:"mails"`
}

// window is a pace that rolls: of any stretch of its length, no more than max.
type window struct {
	PaceLimit
	max  int
	per  int64
	went []int64 // in their order; only the last max of them matter
}

// opens is the first moment from at on with room.
func (w *window) opens(at int64) int64 {
	if w == nil || len(w.went) < w.max {
		return at
	}
	return max(at, w.went[len(w.went)-w.max]+w.per)
}

func (w *window) take(at int64) {
	if w != nil {
		w.went = append(w.went, at)
	}
}

// quota is a number for each calendar day.
type quota struct {
	PaceLimit
	max  int
	zone *time.Location
	used map[int64]int // by the end of their day
}

// ends is the end of the calendar day of a moment.
func (q *quota) ends(at int64) int64 {
	d := LocalOf(FromMicros(at), q.zone)
	next := time.Date(d.Year, d.Month, d.Day+1, 0, 0, 0, 0, time.UTC)
	return Micros(LocalTime{Year: next.Year(), Month: next.Month(), Day: next.Day()}.In(q.zone))
}

func (q *quota) opens(at int64) int64 {
	if q == nil {
		return at
	}
	for {
		ends := q.ends(at)
		if q.used[ends] < q.max {
			return at
		}
		at = ends
	}
}

func (q *quota) take(at int64, n int) {
	if q != nil {
		q.used[q.ends(at)] += n
	}
}

// paceLine are a campaign's mails that the same paces hold, in their order.
type paceLine struct {
	campaign *Campaign
	mails    []Departure
	provider *window
	own      *window
	domain   *window
	daily    *quota
	blocked  *PaceLimit // what put the first mail off the last time, and so those behind it
	served   int        // the number of the mail that went last
}

// opens is when the first mail may go, and what it waits for, if it waits.
func (l *paceLine) opens(now int64) (at int64, by *PaceLimit) {
	at = max(now, l.mails[0].At)
	// Where one puts it off into what another does not allow, both are asked again:
	// each only ever moves the moment on.
	for {
		before := at
		for _, w := range []*window{l.provider, l.own, l.domain} {
			// Transactional mail waits for the mail server alone.
			if w == nil || l.campaign.Transactional && w != l.provider {
				continue
			}
			if t := w.opens(at); t > at {
				at, by = t, &w.PaceLimit
			}
		}
		if !l.campaign.Transactional {
			if t := l.daily.opens(at); t > at {
				at, by = t, &l.daily.PaceLimit
			}
		}
		if at == before {
			return at, by
		}
	}
}

// Play lets mails of campaigns go one after the other as the rates allow: whoever may
// go first does, transactional mail before all, then campaigns in turn, within each the
// longest due. It is an estimate: it does not know what else will be sent.
func (p Paces) Play(mails map[*Campaign][]Departure) map[*Campaign]Paced {
	lines := p.lines(mails)
	played := &playing{zone: p.Zone, out: map[*Campaign]*pacedTally{}}
	for c := range mails {
		played.out[c] = &pacedTally{waits: map[PaceLimit]int{}, Paced: Paced{Hours: map[int64]int{}, Expired: map[string]int{}}}
	}
	for now := int64(0); len(lines) > 0; {
		best, bestAt := -1, int64(0)
		for i, l := range lines {
			at, b := l.opens(now)
			if b != nil {
				l.blocked = b
			}
			if best < 0 || at < bestAt || at == bestAt && l.before(lines[best]) {
				best, bestAt = i, at
			}
		}
		now = bestAt
		l := lines[best]
		played.goes(l, bestAt)
		if len(l.mails) == 0 {
			lines = slices.Delete(lines, best, best+1)
		}
	}
	return played.result()
}

// before tells which of two lines goes first at a moment at which both may.
func (l *paceLine) before(o *paceLine) bool {
	if l.campaign.Transactional != o.campaign.Transactional {
		return l.campaign.Transactional
	}
	return cmp.Or(cmp.Compare(l.served, o.served), cmp.Compare(l.campaign.Name, o.campaign.Name)) < 0
}

// lines sorts mails by what holds them.
func (p Paces) lines(mails map[*Campaign][]Departure) []*paceLine {
	spent := map[string][]Spent{}
	for _, s := range p.Spent {
		key := s.Gate + " " + s.By
		spent[key] = append(spent[key], s)
	}
	rolling := func(by string, pace Pace) *window {
		if pace.IsZero() {
			return nil
		}
		w := &window{PaceLimit: PaceLimit{Gate: GateRate, By: by, Limit: pace.String()}, max: pace.Max, per: pace.Per.Microseconds()}
		for _, s := range spent[GateRate+" "+by] {
			for range min(s.N, pace.Max) {
				w.take(s.At)
			}
		}
		return w
	}
	provider := rolling(DefaultProvider, p.Provider.Rate)
	var daily *quota
	if p.Provider.Daily > 0 {
		daily = &quota{PaceLimit: PaceLimit{Gate: GateDaily, By: DefaultProvider, Limit: fmt.Sprintf("%d a day", p.Provider.Daily)},
			max: p.Provider.Daily, zone: p.Zone, used: map[int64]int{}}
		for _, s := range spent[GateDaily+" "+DefaultProvider] {
			daily.take(s.At, s.N)
		}
	}
	domains := map[string]*window{}
	for domain, pace := range p.Provider.Domains {
		domains[domain] = rolling(domain, pace)
	}
	var out []*paceLine
	for c, all := range mails {
		own := rolling(c.Name, c.Rate)
		by := map[string]*paceLine{}
		for _, m := range all {
			l := by[m.Domain]
			if l == nil {
				l = &paceLine{campaign: c, provider: provider, own: own, domain: domains[m.Domain], daily: daily}
				by[m.Domain] = l
				out = append(out, l)
			}
			l.mails = append(l.mails, m)
		}
	}
	for _, l := range out {
		slices.SortFunc(l.mails, func(a, b Departure) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Customer, b.Customer)) })
	}
	slices.SortFunc(out, func(a, b *paceLine) int {
		return cmp.Or(cmp.Compare(a.campaign.Name, b.campaign.Name), cmp.Compare(a.mails[0].Domain, b.mails[0].Domain))
	})
	return out
}

// playing collects what becomes of mails.
type playing struct {
	zone *time.Location
	n    int
	out  map[*Campaign]*pacedTally
}

type pacedTally struct {
	Paced
	waits map[PaceLimit]int
}

// goes takes the first mail of a line, which may go at a moment. One that goes later
// than it would have waited for what has put its line off.
func (p *playing) goes(l *paceLine, at int64) {
	m, t := l.mails[0], p.out[l.campaign]
	l.mails = l.mails[1:]
	if at > m.At && m.Expires != 0 && at > m.Expires {
		t.Expired[l.blocked.Gate]++
		return
	}
	if at > m.At {
		t.waits[*l.blocked]++
	}
	for _, w := range []*window{l.provider, l.own, l.domain} {
		w.take(at)
	}
	l.daily.take(at, 1)
	p.n++
	l.served = p.n
	t.Hours[HourOf(FromMicros(at), p.zone)]++
	t.Last = max(t.Last, at)
}

func (p *playing) result() map[*Campaign]Paced {
	out := map[*Campaign]Paced{}
	for c, t := range p.out {
		for limit, n := range t.waits {
			limit.Mails = n
			t.Limits = append(t.Limits, limit)
		}
		slices.SortFunc(t.Limits, func(a, b PaceLimit) int {
			return cmp.Or(cmp.Compare(b.Mails, a.Mails), cmp.Compare(a.By, b.By), cmp.Compare(a.Gate, b.Gate))
		})
		out[c] = t.Paced
	}
	return out
}
