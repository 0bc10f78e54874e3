package inbox

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pageSize is how many mails the list shows at once.
const pageSize = 50

// query is what a list shows.
type query struct {
	Text     string // in the recipient or the subject
	Campaign string
	Before   int64 // an ID; 0: from the newest on
	Paused   bool  // the list does not reload itself
}

type listPage struct {
	query
	Prefix    string
	Mails     []*kept
	Found     int // mails that match, on all pages
	Kept      int
	Campaigns []string
	Refresh   int // seconds; 0: not
	Older     string
	Newest    string
	Toggle    string // the same list, paused or live
}

func (p pages) list(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	q := query{Text: strings.TrimSpace(v.Get("q")), Campaign: v.Get("campaign"), Paused: v.Get("live") == "off"}
	q.Before, _ = strconv.ParseInt(v.Get("before"), 10, 64)
	all := p.all()
	page := listPage{query: q, Prefix: p.prefix, Kept: len(all)}
	for _, k := range all {
		if !slices.Contains(page.Campaigns, k.Campaign) && k.Campaign != "" {
			page.Campaigns = append(page.Campaigns, k.Campaign)
		}
		if !q.matches(k) {
			continue
		}
		page.Found++
		if q.Before > 0 && k.ID >= q.Before {
			continue
		}
		if len(page.Mails) < pageSize {
			page.Mails = append(page.Mails, k)
		} else if page.Older == "" {
			older := q
			older.Before = page.Mails[pageSize-1].ID
			page.Older = p.url(older)
		}
	}
	slices.Sort(page.Campaigns)
	toggle := q
	toggle.Paused = !q.Paused
	page.Toggle = p.url(toggle)
	switch {
	case q.Before > 0:
		newest := q
		newest.Before = 0
		page.Newest = p.url(newest)
	case !q.Paused:
		page.Refresh = max(1, int(p.opt.Refresh/time.Second))
	}
	p.render(w, "list.html", page)
}

func (q query) matches(k *kept) bool {
	text := strings.ToLower(q.Text)
	return (q.Campaign == "" || k.Campaign == q.Campaign) &&
		(text == "" || strings.Contains(strings.ToLower(k.To), text) || strings.Contains(strings.ToLower(k.Subject), text))
}

func (p pages) url(q query) string {
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	set("q", q.Text)
	set("campaign", q.Campaign)
	if q.Before > 0 {
		v.Set("before", strconv.FormatInt(q.Before, 10))
	}
	if q.Paused {
		v.Set("live", "off")
	}
	return p.prefix + "/?" + v.Encode()
}
