package cli

import (
	"fmt"
	"regexp"
	"slices"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/internal/content"
)

// size reports a segment, or an audience written in a campaign, that matches
// nobody or everybody.
func (d *dataCheck) size(m content.Mention) {
	what, cond := "segment "+m.Name, campaign.Condition(campaign.InSegment{Segment: m.Name})
	if m.Kind == content.MentionAudience {
		c, _ := d.cat.Campaign(m.Name)
		if what, cond = "the audience of "+m.Name, c.Audience; isSegment(cond) {
			return // which is looked at by itself
		}
	}
	if !d.ofCustomers(cond) {
		return
	}
	matching := 0
	if !d.part(what, &m, func() (err error) {
		matching, err = d.store.Matching(d.ctx, cond, d.now)
		return err
	}) {
		return
	}
	switch {
	case matching == 0:
		d.empty = append(d.empty, func() {
			d.warn(m, d.emptyPart(cond), "%s matches nobody of %s%s", what, count(d.customers, "customer"), d.asOf)
		})
	case matching == d.customers:
		d.warn(m, "take it out if everybody is meant", "%s matches everybody, %s%s", what, count(d.customers, "customer"), d.asOf)
	}
}

func isSegment(c campaign.Condition) bool {
	_, ok := c.(campaign.InSegment)
	return ok
}

// ofCustomers tells whether a condition can be judged for a customer as such, by
// what is known of them. What looks at a pass or at what campaigns did cannot:
// before the first tick it holds for nobody.
func (d *dataCheck) ofCustomers(cond campaign.Condition) bool {
	fit, followed := true, map[string]bool{}
	var look func(c campaign.Condition)
	look = func(c campaign.Condition) {
		switch c := c.(type) {
		case campaign.TriggerProperty, campaign.CampaignState:
			fit = false
		case campaign.Attribute:
			fit = fit && c.Test.Op != campaign.OpSameAs
		case campaign.EventMatch:
			fit = fit && c.Window.Since != campaign.SinceAnchor && c.Window.Since != campaign.SinceEntry &&
				!slices.ContainsFunc(c.Where, ofAnchor) && (c.Followed == nil || !slices.ContainsFunc(c.Followed.Where, ofAnchor))
		case campaign.InSegment:
			if s := d.cat.Segments[c.Segment]; s != nil && !followed[c.Segment] {
				followed[c.Segment] = true
				campaign.Walk(s.Match, look)
			}
		}
	}
	campaign.Walk(cond, look)
	return fit
}

func ofAnchor(p campaign.Property) bool {
	return p.Test.Op == campaign.OpSameAs || slices.ContainsFunc(p.Each, ofAnchor)
}

// emptyPart tells which of the conditions that must all hold does so for nobody.
func (d *dataCheck) emptyPart(cond campaign.Condition) string {
	if in, ok := cond.(campaign.InSegment); ok {
		cond = d.cat.Segments[in.Segment].Match
	}
	all, ok := cond.(campaign.All)
	const plain = "loosen it, or wait for the data that it asks for"
	if !ok || len(all) < 2 {
		return plain
	}
	for _, part := range all {
		matching, err := d.store.Matching(d.ctx, part, d.now)
		switch {
		case err != nil: // no more than the better hint is lost
			return plain
		case matching == 0:
			return "already this holds for nobody: " + campaign.Describe(part)
		}
	}
	return "each part holds for somebody, but all together for nobody"
}

var isCurrency = regexp.MustCompile(`^[A-Z]{3}$`)

// currencies reports amounts that add to nothing because there is no rate of their
// currency.
func (d *dataCheck) currencies(mentions []content.Mention) {
	i := slices.IndexFunc(mentions, func(m content.Mention) bool { return m.Kind == content.MentionCurrency })
	if i < 0 {
		return
	}
	m := mentions[i]
	var excluded []audience.ExcludedAmount
	d.part("the currencies of amounts", nil, func() (err error) {
		excluded, err = d.store.Excluded(d.ctx, d.now)
		return err
	})
	for _, e := range excluded {
		hint := fmt.Sprintf("add a line for %s to %s", e.Currency, m.Name)
		switch {
		case !isCurrency.MatchString(e.Currency):
			hint = "have the shop send a currency's three letters, as in EUR"
		case m.Name == "":
			hint = fmt.Sprintf("write rates: rates.csv, and into that file date,currency,rate and a line for %s", e.Currency)
		}
		currency := brief(e.Currency)
		if !isCurrency.MatchString(e.Currency) {
			currency = fmt.Sprintf("%q", currency)
		}
		// One place, one problem for each currency.
		d.problems = append(d.problems, campaign.Problem{File: m.File, Line: m.Line, Column: m.Column, Hint: hint,
			Message: fmt.Sprintf("%s amounts in %s, for which there is no rate: they are left out", havingAmounts(e.Events), currency)})
	}
}

func havingAmounts(events int) string {
	if events == 1 {
		return "1 event has"
	}
	return count(events, "event") + " have"
}
