package cli

import (
	"fmt"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
)

// pacePlan says what rates make of a campaign's mails of the next 24 hours.
type pacePlan struct {
	Limits  []campaign.PaceLimit `json:"limits"`  // that mails wait for
	LastAt  *time.Time           `json:"last_at"` // when the last one leaves; null: none does
	Expired int                  `json:"expired"` // that would be over before their turn
	of      string               // the campaign
}

// pace lets the mails of all campaigns go by the rates, which they share.
func (r *rehearsal) pace(rt *runtime, s *store.Store, cat *campaign.Catalog) error {
	gated := map[*campaign.Campaign]campaign.Gated{}
	for _, c := range cat.Campaigns {
		if g, ok := r.gated[c.Name]; ok && r.errors[c.Name] == "" {
			gated[c] = g
		}
	}
	if err := s.Pace(rt.ctx, r.now, gated); err != nil {
		return fmt.Errorf("foresee by the rates when mails go: %w", err)
	}
	for c, g := range gated {
		r.gated[c.Name] = g
	}
	return nil
}

// paceOf is what rates make of mails; nil where none waits for them.
func paceOf(of string, p *campaign.Paced, zone *time.Location) *pacePlan {
	if p == nil || len(p.Limits) == 0 && len(p.Expired) == 0 {
		return nil
	}
	out := &pacePlan{Limits: p.Limits, Expired: sum(p.Expired), of: of}
	if out.Limits == nil {
		out.Limits = []campaign.PaceLimit{}
	}
	if p.Last != 0 {
		last := campaign.FromMicros(p.Last).Truncate(time.Second).In(zone)
		out.LastAt = &last
	}
	return out
}

// String says by which rates the mails go, and when the last one leaves.
func (p *pacePlan) String() string {
	parts := make([]string, len(p.Limits))
	for i, l := range p.Limits {
		parts[i] = paceName(l, p.of) + " of " + l.Limit
	}
	var out string
	if len(parts) > 0 {
		out = "at " + strings.Join(parts, " and ")
	}
	if p.LastAt != nil {
		out += " the last leaves " + p.LastAt.Format("2006-01-02 15:04")
	}
	if p.Expired > 0 {
		out += fmt.Sprintf("; %s before their turn", expire(p.Expired))
	}
	return strings.TrimPrefix(strings.TrimSpace(out), "; ")
}

// expire is how many mails are over, as the start of a sentence.
func expire(n int) string {
	if n == 1 {
		return "1 expires"
	}
	return thousands(n) + " expire"
}

// paceName is whose rate it is.
func paceName(l campaign.PaceLimit, of string) string {
	switch {
	case l.Gate == campaign.GateDaily:
		return "your mail server's quota"
	case l.By == campaign.DefaultProvider:
		return "your mail server's rate"
	case l.By == of:
		return "the campaign's rate"
	}
	return l.By + "'s rate"
}
