package demo

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Mail is a mail as its reader has it.
type Mail struct {
	To          string
	At          time.Time // of arrival
	Campaign    string
	Pixel       string   // URL; empty: none
	Links       []string // tracked ones
	Unsubscribe string   // URL of the one-click request; empty: none
}

// Deed is what a reader does with a mail.
type Deed string

// The deeds.
const (
	Opens  Deed = "open"
	Clicks Deed = "click"
	Leaves Deed = "unsubscribe"
)

// Reaction is a request that a reader's mail program or browser makes.
type Reaction struct {
	At     time.Time
	Deed   Deed
	Method string
	URL    string
	Agent  string // user agent
	reader string // for the order of what happens at once
}

// keen is how soon an order follows for somebody to be looking for the shop.
const keen = 3 * 24 * time.Hour

// React is what p does with a mail: nothing, mostly. Whom the history shows
// buying soon is likelier to read and to click; a mail never makes anybody buy.
func (p *Person) React(m Mail) []Reaction {
	taste := lot(p.ID, "taste")
	x := taste.Float64()
	attention := 0.10 + 0.7*x*x // most open a few, a few open most
	agent := agents()[taste.IntN(len(agents()))]
	r := lot(p.ID, "mail "+m.Campaign+" "+m.At.Format(time.RFC3339))
	do := func(d Deed, at time.Time, method, url string) Reaction {
		return Reaction{At: at.Truncate(time.Millisecond), Deed: d, Method: method, URL: url, Agent: agent, reader: p.ID}
	}
	follow := clicks(m.Campaign)
	if p.buysWithin(m.At, keen) {
		attention, follow = max(attention, 0.7), max(follow, 0.4)
	}
	opened := m.At.Add(later(r, 5*time.Hour))
	if m.Pixel == "" || r.Float64() >= attention {
		return nil
	}
	out := []Reaction{do(Opens, opened, http.MethodGet, m.Pixel)}
	if len(m.Links) > 0 && r.Float64() < follow {
		out = append(out, do(Clicks, opened.Add(between(r, 4*time.Second, 3*time.Minute)), http.MethodGet, m.Links[r.IntN(len(m.Links))]))
	}
	if m.Unsubscribe != "" && r.Float64() < 0.006 {
		out = append(out, do(Leaves, opened.Add(between(r, 10*time.Second, 5*time.Minute)), http.MethodPost, m.Unsubscribe))
	}
	return out
}

// clicks is how many of those who open a campaign's mail follow a link in it.
func clicks(campaign string) float64 {
	switch {
	case strings.Contains(campaign, "cart"):
		return 0.22
	case strings.Contains(campaign, "letter"), strings.Contains(campaign, "welcome"):
		return 0.10
	}
	return 0.07
}

// later is an exponential delay around mean, from a minute to four days.
func later(r *rand.Rand, mean time.Duration) time.Duration {
	return min(time.Minute+time.Duration(r.ExpFloat64()*float64(mean)), 4*24*time.Hour)
}

func (p *Person) buysWithin(from time.Time, d time.Duration) bool {
	for _, o := range p.Orders {
		if o.At.After(from) {
			return o.At.Sub(from) <= d
		}
	}
	return false
}

// agents are what reads mail.
func agents() []string {
	return []string{
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
		"Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Thunderbird/140.0",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
	}
}
