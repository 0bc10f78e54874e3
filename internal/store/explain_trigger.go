package store

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// searched is how an explanation asks for the occurrences of one customer.
func (d *diagnosis) searched(c *campaign.Campaign) ([]campaign.Candidate, error) {
	return d.eval.Candidates(d.ctx, d.reader(), c, audience.Window{From: d.at.Add(-lookback), To: d.at, Customer: d.customer.ID})
}

// trigger finds the occurrence that the explanation is about, and what keeps the
// customer from being a candidate.
func (d *diagnosis) trigger(told []Occasion) error {
	for _, o := range told {
		if d.occasion == nil || o.Reason == "" || d.occasion.Reason != "" {
			d.occasion = &o
		}
	}
	if d.occasion != nil {
		return d.candidate()
	}
	// With all that the campaign asks for, then with ever less.
	bare := *d.c
	bare.Audience, bare.EnterWhen = nil, nil
	for _, c := range []*campaign.Campaign{d.c, &bare} {
		found, err := d.searched(c)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			d.occasion = &Occasion{found[len(found)-1], Untold}
			return d.candidate()
		}
	}
	open, err := d.open()
	if err != nil {
		return err
	}
	if open == nil {
		return d.noOccurrence()
	}
	d.occasion = open
	tree, err := d.missed(passOf(open.Candidate))
	check := d.check("trigger", false, "where", d.anchored(open.Candidate)+"; it does not pass "+campaign.DescribeTrigger(d.c.Trigger))
	check.Tree = tree
	return err
}

// open is the latest occurrence of the trigger without its own tests; nil: none.
func (d *diagnosis) open() (*Occasion, error) {
	open := *d.c
	open.Audience, open.EnterWhen = nil, nil
	var where []campaign.Property
	if open.Trigger, where = parted(open.Trigger); len(where) == 0 {
		return nil, nil
	}
	found, err := d.searched(&open)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &Occasion{found[len(found)-1], Untold}, nil
}

// passedOver tells of an anchor later than the occasion that missed the trigger's own
// tests: it is what somebody who asks for today's mail means.
func (d *diagnosis) passedOver() error {
	if d.occasion == nil || d.occasion.Reason == "" || slices.ContainsFunc(d.out.Checks, func(c campaign.Check) bool { return c.Reason == "where" }) {
		return nil
	}
	later, err := d.open()
	if err != nil || later == nil || !later.Anchor.After(d.occasion.Anchor) {
		return err
	}
	tree, err := d.missed(passOf(later.Candidate))
	if err == nil && tree != nil {
		d.check("where", false, "where", "a later one passed over: "+d.anchored(later.Candidate)).Tree = tree
	}
	return err
}

// passOf is the pass that a candidate would begin.
func passOf(c campaign.Candidate) audience.PassAt {
	return audience.PassAt{Customer: c.Customer, Anchor: c.Anchor, Entered: c.AsOf, Trigger: c.Trigger, AsOf: c.AsOf}
}

// candidate tells of the trigger, and judges who may enter as of the occurrence.
func (d *diagnosis) candidate() error {
	d.check("trigger", true, "", d.anchored(d.occasion.Candidate))
	for _, part := range []struct {
		name string
		cond campaign.Condition
	}{{"audience", d.c.Audience}, {"enter_when", d.c.EnterWhen}} {
		if part.cond == nil {
			continue
		}
		tree, err := d.eval.Explain(d.ctx, d.reader(), d.c, part.cond, passOf(d.occasion.Candidate))
		if err != nil {
			return err
		}
		// Of a candidate the tick has said so, before it let others in.
		check := d.check(part.name, tree.Holds || d.occasion.Reason != Untold, part.name, tree.Condition)
		check.Tree = &tree
	}
	return nil
}

// missed are the trigger's own tests on an anchor that does not pass them, with the
// values found; nil where it does, or what it misses is no value of its own.
func (d *diagnosis) missed(p audience.PassAt) (*campaign.Judged, error) {
	var tests campaign.All
	_, where := parted(d.c.Trigger)
	for _, one := range where {
		tests = append(tests, campaign.TriggerProperty{Property: one})
	}
	if len(tests) == 0 {
		return nil, nil
	}
	var cond campaign.Condition = tests
	if len(tests) == 1 {
		cond = tests[0]
	}
	tree, err := d.eval.Explain(d.ctx, d.reader(), d.c, cond, p)
	if err != nil || tree.Holds {
		return nil, err
	}
	return &tree, nil
}

func (d *diagnosis) anchored(o campaign.Candidate) string {
	out := campaign.DescribeTrigger(d.c.Trigger) + ": " + day(o.Anchor)
	if !o.Due.Equal(o.Anchor) {
		out += " → due " + day(o.Due)
	}
	if o.AsOf.After(o.Due) {
		out += ", known " + day(o.AsOf)
	}
	return out
}

// day writes a moment as people read it.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// noOccurrence tells what there is instead of one: an anchor that is not due yet,
// or that was cancelled, or nothing.
func (d *diagnosis) noOccurrence() error {
	what := campaign.DescribeTrigger(d.c.Trigger)
	p, name, ok, err := d.eval.LatestAnchor(d.ctx, d.reader(), d.c, d.customer.ID, d.at)
	if err != nil {
		return err
	}
	if !ok {
		d.check("trigger", false, "trigger", what+": "+d.nothingYet())
		return nil
	}
	due := d.c.Trigger.Delay().After(p.Anchor)
	detail := name + " " + day(p.Anchor)
	by, when, err := d.eval.Cancelled(d.ctx, d.reader(), d.c, p)
	switch {
	case err != nil:
		return err
	case by != "":
		d.check("trigger", false, "trigger_cancelled", fmt.Sprintf("%s, cancelled by %s %s", detail, by, day(when)))
	case due.After(d.at):
		detail = fmt.Sprintf("%s → due %s", detail, day(due))
		tree, err := d.missed(p)
		if err != nil {
			return err
		}
		if tree != nil {
			d.check("trigger", false, "where", detail+"; it does not pass "+what).Tree = tree
			return nil
		}
		d.pending = due
		d.check("trigger", false, "trigger", detail)
	default:
		d.check("trigger", false, "trigger", detail+" was no occurrence of "+what)
	}
	return nil
}

// nothingYet tells why a trigger has no anchor.
func (d *diagnosis) nothingYet() string {
	switch t := d.c.Trigger.(type) {
	case campaign.Schedule:
		next, err := t.Occurrences(d.at, d.at.Add(lookback), d.c.ZoneFor(&d.catalog.Workspace, d.customer.Timezone))
		if err == nil && len(next) > 0 {
			d.pending = t.After.After(next[0].At)
			return "the next moment is " + day(d.pending)
		}
		return "there is no moment in the next year"
	case campaign.OnDate:
		return "no day of " + t.Attribute + " lies in the last year, or none was known by its moment"
	case campaign.SegmentChange:
		return "no such change in the last year, or it was taken back before it was due"
	case campaign.OnProduct:
		return "no such fact of a product that the customer waits for"
	}
	return "no " + strings.Join(d.c.Trigger.AnchorNames(), ", ") + " is known"
}

// parted is the trigger without its own tests, and these as tests on what the anchor
// tells.
func parted(t campaign.Trigger) (bare campaign.Trigger, where []campaign.Property) {
	switch t := t.(type) {
	case campaign.PastPurchase:
		where, t.Where = t.Where, nil
		return t, where
	case campaign.AbandonedCart:
		where, t.Where = t.Where, nil
		return t, where
	case campaign.AbandonedCheckout:
		where, t.Where = t.Where, nil
		return t, where
	case campaign.AbandonedBrowse:
		where, t.Where = t.Where, nil
		if t.Views.Op != "" {
			where = append(slices.Clip(where), campaign.Property{Path: "views", Test: t.Views})
			t.Views = campaign.Test{}
		}
		return t, where
	case campaign.Inactivity:
		where, t.Where = t.Where, nil
		return t, where
	case campaign.OnEvent:
		where, t.Where = t.Where, nil
		return t, where
	case campaign.OnProduct:
		where, t.Where = t.Where, nil
		return t, where
	case campaign.Replenishment:
		where, t.Where = t.Where, nil
		if len(t.Of) > 0 {
			where = append(slices.Clip(where), campaign.Property{Path: "products", Each: t.Of})
			t.Of = nil
		}
		return t, where
	}
	return t, nil
}
