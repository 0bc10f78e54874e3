// Package grade tells who has asked for a mail's pixel or followed one of its
// links: a person, a mail provider's proxy, a program that loads ahead, or a
// scanner. It judges by what the request itself shows and by what it was among; its
// rules have a version, so that history can be graded anew by later ones.
package grade

import (
	"net/netip"
	"strings"
	"time"
)

// Version is of the rules. It grows when the same hit may get another grade.
const Version = 2

// Grade is who was there.
type Grade string

// The grades. Automation acts on Human alone.
const (
	Human    Grade = "human"
	Proxy    Grade = "proxy"    // a provider fetches for its user, or for none: it was delivered, and perhaps seen
	Prefetch Grade = "prefetch" // loaded ahead of a reader, who may never come
	Scanner  Grade = "scanner"  // looks for danger, or crawls
)

// Kind is what was asked for.
type Kind string

// The kinds.
const (
	Open  Kind = "open"
	Click Kind = "click"
	Other Kind = "" // not known: judged as a click is, but for its timing
)

// Hit is one request, with what is known of those around it.
type Hit struct {
	Kind      Kind
	UserAgent string
	Method    string     // empty: GET
	Addr      netip.Addr // of the client, or the first of its network; zero: unknown
	// After is how long after the mail server took the mail; Timed says that it is known.
	After time.Duration
	Timed bool
	// Purpose is the header Sec-Purpose, Purpose or X-Moz: prefetch, preview.
	Purpose string
	// Links is how many links of the mail were followed within Burst of this hit, this
	// one among them, by whomever, and Of how many the mail has. Zero: not known.
	Links, Of int
	// Heads is how many links of the mail were asked for by HEAD within Burst of this
	// hit, and Networks from how many networks links of it were. Zero: not known.
	Heads, Networks int
	// Canary says that a link was followed, this one or another of the mail within
	// Burst, that no person sees.
	Canary bool
}

// Burst is how close to each other hits are taken together.
const Burst = 10 * time.Second

// Result is a grade and why.
type Result struct {
	Grade   Grade    `json:"grade"`
	Reasons []string `json:"reasons"`
	Version int      `json:"version"`
}

const (
	// Nobody has read a mail and followed a link in it so soon; scanners at the door
	// of a mailbox follow all of them at once (RULES of thumb of mailbox scanning).
	soonestClick = 10 * time.Second
	// Clients that show new mails at once load the pixel in little more than this.
	soonestOpen = 2 * time.Second
	// Soonest is after which it no longer counts how long after its mail a hit came.
	Soonest = max(soonestClick, soonestOpen)
	// So many links at once are not a person's, if they are all there are.
	manyLinks = 3
	// Nor is a HEAD for every link: a browser's own look at a page in advance is at one.
	manyHeads = 2
	// A person is in one network, or on the way from one to another.
	manyNetworks = 3
)

// Judge grades a hit. Reasons say which rules have spoken, the one that decided
// first.
func Judge(h Hit) Result {
	r := Result{Version: Version}
	say := func(g Grade, reason string) {
		if r.Grade == "" {
			r.Grade = g
		}
		r.Reasons = append(r.Reasons, reason)
	}
	agent, name := agentOf(h.UserAgent)
	if h.Canary {
		say(Scanner, "followed the link that no person sees")
	}
	if h.Method == "HEAD" {
		say(Scanner, "asked by HEAD")
	}
	switch agent {
	case agentProxy:
		say(Proxy, "user agent: "+name)
	case agentPrefetch:
		say(Prefetch, "user agent: "+name)
	case agentRobot:
		say(Scanner, "user agent: "+name)
	}
	if prefetches(h.Purpose) {
		say(Prefetch, "the request says that it loads ahead")
	}
	around(h, say)
	if r.Grade == "" {
		say(Human, "user agent: "+name)
	}
	return r
}

// around applies what is known of the hit's moment, its network and the hits beside
// it.
func around(h Hit, say func(Grade, string)) {
	if n, ok := networkOf(h.Addr); ok {
		if g := n.grade; g == Scanner || g == Proxy && h.Kind == Open {
			say(g, "network: "+n.owner)
		}
	}
	if h.Of >= manyLinks && h.Links >= h.Of {
		say(Scanner, "all links of the mail within 10 s")
	}
	if h.Of >= manyHeads && h.Heads >= h.Of {
		say(Scanner, "all links of the mail asked for by HEAD within 10 s")
	}
	if h.Networks >= manyNetworks {
		say(Scanner, "links of the mail asked for from three networks within 10 s")
	}
	switch {
	case !h.Timed || h.After < 0:
	case h.Kind == Open && h.After < soonestOpen:
		say(Prefetch, "within 2 s of its delivery")
	case h.Kind != Open && h.After < soonestClick:
		say(Scanner, "within 10 s of its delivery")
	}
}

// prefetches reads what browsers say of requests that no person has made.
func prefetches(purpose string) bool {
	what, _, _ := strings.Cut(purpose, ";") // prefetch;anonymous-client-ip
	switch strings.ToLower(strings.TrimSpace(what)) {
	case "prefetch", "preview", "prerender":
		return true
	}
	return false
}
