package render

import (
	"html"
	"net/url"
	"strings"

	"tidings/internal/campaign"
)

// utm is what a campaign adds to links to the shop's own site. Two campaigns that
// add the same share one.
type utm struct {
	host   string // of brand.site, without www.
	params [][2]string
	known  map[string]*ownLink // of links that are written out, by address
}

// ownLink is a link to the shop's site with what a campaign adds, made once.
type ownLink struct {
	target string
	id     int64
}

// utmOf makes ready what a campaign adds; nil is nothing.
func (c *compiler) utmOf(camp *campaign.Campaign) *utm {
	params := camp.UTM.Params()
	if len(params) == 0 {
		return nil
	}
	host := siteHost(c.catalog.Workspace.Brand["site"])
	if host == "" {
		c.problems = append(c.problems, campaign.Problem{
			File: campaignFile(camp), Line: lineOf(camp.Source, "utm:"), Warning: true,
			Message: "utm does nothing: brand has no site, and only links to it are marked", Hint: "add brand: { site: https://… } to tidings.yaml",
		})
		return nil
	}
	return &utm{host: host, params: params}
}

// siteHost is the host of an address, without www.
func siteHost(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
}

// apply adds the parameters to an address of the shop, those that it lacks.
func (u *utm) apply(target string) string {
	if u == nil || !isWeb(target) {
		return target
	}
	parsed, err := url.Parse(target)
	if err != nil {
		return target
	}
	if host := strings.ToLower(parsed.Hostname()); host != u.host && !strings.HasSuffix(host, "."+u.host) {
		return target
	}
	have := parsed.Query()
	for _, p := range u.params {
		if have.Has(p[0]) {
			continue // the author's own word for this link
		}
		if longer, err := setParam(target, p[0], p[1]); err == nil {
			target = longer
		}
	}
	return target
}

// prepare makes the links ready that mails hold written out, so that rendering
// only looks them up.
func (u *utm) prepare(targets map[string]bool) {
	if u == nil {
		return
	}
	u.known = make(map[string]*ownLink, len(targets))
	for raw := range targets {
		if t := u.apply(raw); t != raw {
			u.known[raw] = &ownLink{t, linkID(t)}
		}
	}
}

// static is a link that is written out, with what the campaign adds to it.
func (st *state) static(raw string, id int64) (string, int64) {
	if st.utm == nil {
		return raw, id
	}
	if own := st.utm.known[raw]; own != nil {
		return own.target, own.id
	}
	return raw, id
}

// unescaped is an attribute's value as it is meant.
func unescaped(s string) string { return strings.TrimSpace(html.UnescapeString(s)) }
