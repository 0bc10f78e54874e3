// Package hygiene looks at addresses for what makes a list rot: accounts that belong
// to no person, mailboxes that are made to be thrown away, and slips of the pen in
// the domain. It only tells; an address that looks odd may well be right. Its lists
// are text files beside it, each of which says where it comes from.
package hygiene

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
	"sync"

	"tidings/internal/campaign"
)

//go:embed roles.txt
var roleText string

//go:embed disposable.txt
var disposableText string

//go:embed domains.txt
var domainText string

// lists are what is known, read once.
type lists struct {
	roles, disposable, known map[string]bool
	meant                    []string // domains whose slips are told, the likeliest first
}

var kept = sync.OnceValue(func() lists {
	l := lists{roles: words(roleText), disposable: words(disposableText), known: words(domainText)}
	delete(l.known, "~")
	for line := range strings.Lines(domainText) {
		if domain, marked := strings.CutSuffix(strings.TrimSpace(line), " ~"); marked {
			l.meant = append(l.meant, domain)
		}
	}
	return l
})

// words are the words of a list, without its notes.
func words(text string) map[string]bool {
	out := map[string]bool{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, w := range strings.Fields(line) {
			out[w] = true
		}
	}
	return out
}

// Finding is what is odd about an address.
type Finding struct {
	Role       bool   // an office's
	Disposable bool   // made to be thrown away
	Meant      string // the domain that was probably meant; empty: none
}

// Look looks at an address.
func Look(address string) Finding {
	address = campaign.NormalizeAddress(address)
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return Finding{}
	}
	local, _, _ := strings.Cut(address[:at], "+")
	f := Domain(address[at+1:])
	f.Role = kept().roles[local]
	return f
}

// Domain looks at a domain alone.
func Domain(domain string) Finding {
	l := kept()
	f := Finding{Disposable: below(l.disposable, domain)}
	if f.Disposable || l.known[domain] || len(domain) > 40 {
		return f
	}
	for _, meant := range l.meant {
		// The first letter is hardly ever the wrong one, and mail.com is not gmail.com.
		if domain != "" && domain[0] == meant[0] && near(len(domain), len(meant)) && campaign.Distance(domain, meant) == 1 {
			f.Meant = meant
			break
		}
	}
	return f
}

// near tells whether two lengths are one apart at most.
func near(a, b int) bool { return a-b <= 1 && b-a <= 1 }

// below tells whether a list has a domain or one above it.
func below(list map[string]bool, domain string) bool {
	for {
		if list[domain] {
			return true
		}
		_, above, ok := strings.Cut(domain, ".")
		if !ok {
			return false
		}
		domain = above
	}
}

// Slip is a domain that was probably meant to be another.
type Slip struct {
	Domain string `json:"domain"`
	Meant  string `json:"meant"`
	Count  int    `json:"count"`
}

// Counts is what was found in a list of addresses.
type Counts struct {
	Roles      int    `json:"role_accounts"`
	Disposable int    `json:"disposable"`
	Slips      []Slip `json:"typos,omitempty"` // the most frequent first
}

// Tally counts findings. Its zero value is ready.
type Tally struct {
	counts Counts
	slips  map[string]*Slip
}

// Add counts an address.
func (t *Tally) Add(address string) {
	f := Look(address)
	if f.Role {
		t.counts.Roles++
	}
	t.add(address[strings.LastIndexByte(address, '@')+1:], f, 1)
}

// AddDomain counts n addresses at a domain, whose local parts nobody has looked at.
func (t *Tally) AddDomain(domain string, n int) { t.add(domain, Domain(strings.ToLower(domain)), n) }

func (t *Tally) add(domain string, f Finding, n int) {
	if f.Disposable {
		t.counts.Disposable += n
	}
	if f.Meant == "" {
		return
	}
	domain = strings.ToLower(strings.TrimSpace(domain))
	if t.slips == nil {
		t.slips = map[string]*Slip{}
	}
	if t.slips[domain] == nil {
		t.slips[domain] = &Slip{Domain: domain, Meant: f.Meant}
	}
	t.slips[domain].Count += n
}

// Counts is what was counted so far.
func (t *Tally) Counts() Counts {
	c := t.counts
	for _, domain := range slices.Sorted(maps.Keys(t.slips)) {
		c.Slips = append(c.Slips, *t.slips[domain])
	}
	slices.SortStableFunc(c.Slips, func(a, b Slip) int { return b.Count - a.Count })
	return c
}

// Roles are the local parts that belong to an office.
func Roles() []string { return slices.Sorted(maps.Keys(kept().roles)) }
