package grade

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
	chrome  = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
	outlook = "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; Microsoft Outlook 16.0.5000; ms-office; MSOffice 16)"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration, h Hit) Hit { h.After, h.Timed = d, true; return h }
	from := func(addr string, h Hit) Hit { h.Addr = netip.MustParseAddr(addr); return h }
	for name, c := range map[string]struct {
		hit  Hit
		want Grade
	}{
		"a person's phone":                 {at(time.Hour, Hit{Kind: Open, UserAgent: iphone}), Human},
		"a person at once":                 {at(5*time.Second, Hit{Kind: Open, UserAgent: iphone}), Human},
		"an open too soon":                 {at(time.Second, Hit{Kind: Open, UserAgent: iphone}), Prefetch},
		"a click too soon":                 {at(5*time.Second, Hit{Kind: Click, UserAgent: chrome}), Scanner},
		"a click in time":                  {at(time.Minute, Hit{Kind: Click, UserAgent: chrome}), Human},
		"clocks that differ":               {at(-time.Second, Hit{Kind: Click, UserAgent: chrome}), Human},
		"Outlook":                          {Hit{Kind: Open, UserAgent: outlook}, Human},
		"Gmail's proxy":                    {Hit{Kind: Open, UserAgent: "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"}, Proxy},
		"Gmail, ahead":                     {Hit{Kind: Open, UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"}, Prefetch},
		"Apple's privacy protection":       {Hit{Kind: Open, UserAgent: "Mozilla/5.0"}, Proxy},
		"no user agent":                    {Hit{Kind: Click}, Scanner},
		"HEAD":                             {Hit{Kind: Click, Method: "HEAD", UserAgent: chrome}, Scanner},
		"a canary":                         {Hit{Kind: Click, Canary: true, UserAgent: chrome}, Scanner},
		"all links":                        {Hit{Kind: Click, Links: 5, Of: 5, UserAgent: chrome}, Scanner},
		"both links there are":             {Hit{Kind: Click, Links: 2, Of: 2, UserAgent: chrome}, Human},
		"most links":                       {Hit{Kind: Click, Links: 4, Of: 5, UserAgent: chrome}, Human},
		"both links by HEAD too":           {Hit{Kind: Click, Links: 2, Of: 2, Heads: 2, UserAgent: chrome}, Scanner},
		"one link by HEAD too":             {Hit{Kind: Click, Links: 2, Of: 2, Heads: 1, UserAgent: chrome}, Human},
		"the only link by HEAD too":        {Hit{Kind: Click, Links: 1, Of: 1, Heads: 1, UserAgent: chrome}, Human},
		"three networks":                   {Hit{Kind: Click, Links: 1, Of: 5, Networks: 3, UserAgent: chrome}, Scanner},
		"two networks":                     {Hit{Kind: Click, Links: 1, Of: 5, Networks: 2, UserAgent: chrome}, Human},
		"a page fetched ahead by a proxy":  {Hit{Kind: Click, Purpose: "Prefetch;anonymous-client-ip", UserAgent: chrome}, Prefetch},
		"a page shown ahead":               {Hit{Kind: Click, Purpose: "prefetch", UserAgent: chrome}, Prefetch},
		"Google's network, open":           {from("66.249.84.9", Hit{Kind: Open, UserAgent: chrome}), Proxy},
		"Google's network, click":          {from("66.249.84.9", Hit{Kind: Click, UserAgent: chrome}), Human},
		"another's network":                {from("::ffff:40.94.1.2", Hit{Kind: Click, UserAgent: chrome}), Human},
		"Exchange Online Protection":       {from("40.107.1.2", Hit{Kind: Click, UserAgent: chrome}), Scanner},
		"a scanner in a browser's clothes": {at(3*time.Second, Hit{Kind: Click, UserAgent: chrome, Links: 6, Of: 6}), Scanner},
	} {
		r := Judge(c.hit)
		if r.Grade != c.want || len(r.Reasons) == 0 || r.Version != Version {
			t.Errorf("%s: %+v, want %s", name, r, c.want)
		}
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	got := Judge(Hit{Kind: Click, Method: "HEAD", UserAgent: "curl/8.5.0", After: time.Second, Timed: true, Links: 3, Of: 3}).Reasons
	want := []string{"asked by HEAD", "user agent: says curl", "all links of the mail within 10 s", "within 10 s of its delivery"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestForgetting(t *testing.T) {
	for i := range 2 * maxSeen {
		Judge(Hit{UserAgent: "curl/" + strings.Repeat("1", i%7) + string(rune('a'+i%26)) + time.Duration(i).String()})
	}
	if n := len(seen.of); n > maxSeen {
		t.Errorf("%d are remembered", n)
	}
}

func FuzzJudge(f *testing.F) {
	f.Add(chrome, "GET")
	f.Add("Mozilla/5.0 (((((", "HEAD")
	f.Add(")))(;;,,/ \xff", "")
	f.Fuzz(func(t *testing.T, agent, method string) {
		if r := Judge(Hit{UserAgent: agent, Method: method}); len(r.Reasons) == 0 || r.Grade == "" {
			t.Errorf("%+v", r)
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	for b.Loop() {
		Judge(Hit{Kind: Open, UserAgent: chrome})
	}
}

func BenchmarkReadAgent(b *testing.B) {
	for b.Loop() {
		readAgent(chrome)
	}
}
