package campaign

import (
	"cmp"
	"slices"
	"time"
)

const (
	// Gmail and Yahoo ask that fewer than ComplaintAim of the mails are called spam, and
	// that it never be ComplaintNever: then they refuse mail, until it was less for a week.
	ComplaintAim, ComplaintNever = 0.001, 0.003
	// Of fewer mails a share of complaints says nothing.
	complaintsOf = 100
)

// Deliverability is how the mails that were done with between From and At arrived.
type Deliverability struct {
	From time.Time `json:"from"`
	At   time.Time `json:"at"`
	// Providers are totals by who runs the mailboxes, the largest first.
	Providers []DeliveryRow `json:"providers"`
	// Days are by UTC day, the last first, and by domain, the largest first.
	Days []DeliveryRow `json:"days"`
}

// Delivery counts mails by what became of them. All but Accepted are of mails of the
// same day and domain, whenever they came back.
type Delivery struct {
	Accepted   int `json:"accepted"`   // by a mail server
	Soft       int `json:"soft"`       // refused for the time being, or a full mailbox
	Hard       int `json:"hard"`       // the address takes no mail
	Policy     int `json:"policy"`     // the mail or its sender was refused, not the address
	Complaints int `json:"complaints"` // called spam by who got them
	Opened     int `json:"opened"`     // by a person, as far as can be seen
}

// DeliveryRow is a Delivery with what it is of.
type DeliveryRow struct {
	Day      string `json:"day,omitempty"`    // 2026-11-22; empty: all days
	Domain   string `json:"domain,omitempty"` // of the recipients; OtherDomains: the small ones together
	Provider string `json:"provider"`
	Delivery
	ComplaintShare float64 `json:"complaint_share"` // of Accepted
	Mark           string  `json:"mark,omitempty"`  // MarkAim or MarkNever
}

// Marks of rows with too many complaints.
const (
	MarkAim   = "over_aim"   // ComplaintAim and more
	MarkNever = "over_never" // ComplaintNever and more
)

const (
	// OtherDomains stands for the domains beyond the largest.
	OtherDomains = "other"
	// MovedAddress stands for the domain of a mail whose customer has another address by
	// now: of the old one only a hash is kept.
	MovedAddress = "address changed"
	// deliveryDomains are named; the others are counted together.
	deliveryDomains = 20
)

func (d *Delivery) add(o Delivery) {
	d.Accepted += o.Accepted
	d.Soft += o.Soft
	d.Hard += o.Hard
	d.Policy += o.Policy
	d.Complaints += o.Complaints
	d.Opened += o.Opened
}

// DeliveryKey is the day, since 1970 in UTC, and the domain of mails.
type DeliveryKey struct {
	Day    int64
	Domain string
}

// NewDeliverability puts counts together.
func NewDeliverability(from, at time.Time, counts map[DeliveryKey]*Delivery) Deliverability {
	r := Deliverability{From: from, At: at, Providers: []DeliveryRow{}, Days: []DeliveryRow{}}
	providers, domains, days := map[string]*Delivery{}, map[string]int{}, map[DeliveryKey]*Delivery{}
	for key, d := range counts {
		sum(providers, providerName(key.Domain)).add(*d)
		domains[key.Domain] += d.Accepted + d.Hard + d.Policy + d.Soft
	}
	large := largest(domains)
	for key, d := range counts {
		if !large[key.Domain] {
			key.Domain = OtherDomains
		}
		sum(days, key).add(*d)
	}
	others := &Delivery{}
	for name, d := range providers {
		if _, known := mailboxes[name]; !known && !large[name] || name == OtherDomains {
			others.add(*d)
			continue
		}
		r.Providers = append(r.Providers, DeliveryRow{Provider: name, Delivery: *d}.marked())
	}
	if *others != (Delivery{}) {
		r.Providers = append(r.Providers, DeliveryRow{Provider: OtherDomains, Delivery: *others}.marked())
	}
	for key, d := range days {
		r.Days = append(r.Days, DeliveryRow{
			Day: time.Unix(key.Day*86400, 0).UTC().Format(time.DateOnly), Domain: key.Domain, Provider: providerName(key.Domain), Delivery: *d,
		}.marked())
	}
	slices.SortFunc(r.Providers, bySize)
	slices.SortFunc(r.Days, func(a, b DeliveryRow) int { return cmp.Or(cmp.Compare(b.Day, a.Day), bySize(a, b)) })
	return r
}

func providerName(domain string) string {
	if domain == OtherDomains || domain == MovedAddress {
		return domain
	}
	return MailboxProvider(domain)
}

func sum[K comparable](by map[K]*Delivery, key K) *Delivery {
	if by[key] == nil {
		by[key] = &Delivery{}
	}
	return by[key]
}

// largest are the domains with the most mails.
func largest(mails map[string]int) map[string]bool {
	names := make([]string, 0, len(mails))
	for name := range mails {
		if name == OtherDomains { // counted together already
			continue
		}
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(mails[b], mails[a]), cmp.Compare(a, b)) })
	out := map[string]bool{}
	for _, name := range names[:min(len(names), deliveryDomains)] {
		out[name] = true
	}
	return out
}

// bySize has the largest first, and what stands for many last.
func bySize(a, b DeliveryRow) int {
	last := func(r DeliveryRow) int {
		if r.Provider == OtherDomains || r.Provider == MovedAddress {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(last(a), last(b)), cmp.Compare(b.Accepted, a.Accepted), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Domain, b.Domain))
}

func (r DeliveryRow) marked() DeliveryRow {
	if r.Accepted > 0 {
		r.ComplaintShare = float64(r.Complaints) / float64(r.Accepted)
	}
	switch {
	case r.Accepted < complaintsOf:
	case r.ComplaintShare >= ComplaintNever:
		r.Mark = MarkNever
	case r.ComplaintShare >= ComplaintAim:
		r.Mark = MarkAim
	}
	return r
}
