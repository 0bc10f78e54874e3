package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// Occasion is what an explanation is about: a customer's occurrence of a
// campaign's trigger.
type Occasion struct {
	campaign.Candidate
	// Reason is what a tick said of it: empty when it let the customer in, Untold
	// when there was no tick.
	Reason string
}

// Untold is the reason of an occasion that no tick has been asked about.
const Untold = "untold"

// lookback is how far back an explanation looks for an occurrence: more than a
// year, so that yearly ones have one.
const lookback = 400 * 24 * time.Hour

// Explain says why a customer enters a campaign at a moment or does not, by what
// is stored as of then. With told, as a rehearsed tick at that moment gives them,
// the decision is the tick's own; without, it is that of the facts alone. Called
// within the rehearsal, after its tick.
func (s *Store) Explain(ctx context.Context, c *campaign.Campaign, customer campaign.Customer, at time.Time, told []Occasion, ticked bool) (campaign.Explanation, error) {
	d := &diagnosis{Store: s, ctx: ctx, c: c, customer: customer, at: at, ticked: ticked}
	d.out = campaign.Explanation{Customer: customer.ExternalID, Campaign: c.Name, At: at, Checks: []campaign.Check{}, Passes: []campaign.PassStory{}}
	err := d.run(told)
	if err != nil {
		return d.out, fmt.Errorf("explain %s to %s: %w", c.Name, customer.ExternalID, err)
	}
	return d.out, nil
}

// diagnosis is an explanation under way.
type diagnosis struct {
	*Store
	ctx      context.Context
	c        *campaign.Campaign
	customer campaign.Customer
	at       time.Time
	ticked   bool
	out      campaign.Explanation

	id        int64 // of the campaign's row; 0: it was never loaded
	activated time.Time
	paused    *campaign.PauseReport
	occasion  *Occasion
	pending   time.Time // the due moment of an occurrence that is on its way
}

func (d *diagnosis) run(told []Occasion) error {
	if err := d.load(); err != nil {
		return err
	}
	d.status()
	if err := d.trigger(told); err != nil {
		return err
	}
	if d.occasion != nil {
		for _, check := range []func() error{d.timing, d.reachable, d.reEntry, d.overlap} {
			if err := check(); err != nil {
				return err
			}
		}
		d.holdout()
	}
	return d.decide()
}

func (d *diagnosis) check(name string, ok bool, reason, detail string) *campaign.Check {
	if ok {
		reason = ""
	}
	d.out.Checks = append(d.out.Checks, campaign.Check{Check: name, OK: ok, Reason: reason, Detail: detail})
	return &d.out.Checks[len(d.out.Checks)-1]
}

func (d *diagnosis) load() error {
	var activated sql.NullInt64
	err := d.reader().QueryRowContext(d.ctx, `SELECT id, activated_at FROM campaigns WHERE name = $1 AND removed_at IS NULL`, d.c.Name).Scan(&d.id, &activated)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if activated.Valid {
		d.activated = campaign.FromMicros(activated.Int64)
	}
	if d.c.ActiveFrom.After(d.activated) {
		d.activated = d.c.ActiveFrom
	}
	if err != nil {
		return err
	}
	pauses, err := d.Pauses(d.ctx)
	if p, paused := pauses[d.c.Name]; paused && !p.Since.After(d.at) {
		d.paused = p.Report()
	}
	return err
}

func (d *diagnosis) status() {
	if d.c.Status != campaign.Active {
		d.check("status", false, string(d.c.Status), "the file says status: "+string(d.c.Status))
	} else if d.id == 0 {
		d.check("status", false, "not_loaded", "the first tick loads it")
	} else if d.paused != nil {
		d.check("status", false, string(campaign.Paused), d.paused.String())
	}
}

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
	open := bare
	open.Trigger, _ = parted(open.Trigger)
	for i, c := range []*campaign.Campaign{d.c, &bare, &open} {
		found, err := d.searched(c)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			continue
		}
		d.occasion = &Occasion{found[len(found)-1], Untold}
		if i == 2 {
			d.check("trigger", false, "where", d.anchored()+"; it does not pass "+campaign.DescribeTrigger(d.c.Trigger))
			return d.missed()
		}
		return d.candidate()
	}
	return d.noOccurrence()
}

// candidate tells of the trigger, and judges who may enter as of the occurrence.
func (d *diagnosis) candidate() error {
	d.check("trigger", true, "", d.anchored())
	for _, part := range []struct {
		name string
		cond campaign.Condition
	}{{"audience", d.c.Audience}, {"enter_when", d.c.EnterWhen}} {
		if part.cond == nil {
			continue
		}
		o := d.occasion
		tree, err := d.eval.Explain(d.ctx, d.reader(), d.c, part.cond, audience.PassAt{
			Customer: o.Customer, Anchor: o.Anchor, Entered: o.AsOf, Trigger: o.Trigger, AsOf: o.AsOf})
		if err != nil {
			return err
		}
		// Of a candidate the tick has said so, before it let others in.
		check := d.check(part.name, tree.Holds || o.Reason != Untold, part.name, tree.Condition)
		check.Tree = &tree
	}
	return nil
}

// missed shows the values that the trigger's own tests found in the occurrence, where
// they are those of the event: what a trigger works out itself is not judged again.
func (d *diagnosis) missed() error {
	var tests campaign.All
	_, where := parted(d.c.Trigger)
	for _, p := range where {
		tests = append(tests, campaign.TriggerProperty{Property: p})
	}
	if len(tests) == 0 {
		return nil
	}
	var cond campaign.Condition = tests
	if len(tests) == 1 {
		cond = tests[0]
	}
	o := d.occasion
	tree, err := d.eval.Explain(d.ctx, d.reader(), d.c, cond, audience.PassAt{
		Customer: o.Customer, Anchor: o.Anchor, Entered: o.AsOf, Trigger: o.Trigger, AsOf: o.AsOf})
	if err == nil && !tree.Holds {
		d.out.Checks[len(d.out.Checks)-1].Tree = &tree
	}
	return err
}

func (d *diagnosis) anchored() string {
	o := d.occasion
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
		d.pending = due
		d.check("trigger", false, "trigger", fmt.Sprintf("%s → due %s", detail, day(due)))
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

// parted is the trigger without its tests on the anchor, and those on properties.
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
		where, t.Where, t.Of = t.Where, nil, nil
		return t, where
	}
	return t, nil
}

// timing is what the moments alone decide.
func (d *diagnosis) timing() error {
	o := d.occasion
	if d.c.Status == campaign.Active {
		switch {
		case d.activated.IsZero():
			d.check("activation", false, "activation", "it has not been active yet")
		default:
			d.check("activation", o.Due.After(d.activated), "activation", "active since "+day(d.activated)+"; what was due by then never enters")
		}
	}
	if !d.c.ActiveUntil.IsZero() {
		d.check("active_until", !o.Due.After(d.c.ActiveUntil), campaign.HeldUntil, "until "+day(d.c.ActiveUntil))
	}
	// Only the tick that looked knows as of when it did: one that is held by the fuse
	// goes on from where it was held.
	if o.Reason == campaign.HeldTooLate {
		late := strings.TrimSuffix(d.at.Sub(o.Due).Truncate(time.Minute).String(), "0s")
		d.check("lateness", false, campaign.HeldTooLate, fmt.Sprintf("due %s ago; max_lateness is %s", late, campaign.Of(d.c.MaxLateness)))
	}
	return nil
}

// reachable looks at the address, suppressions and consent as of the occurrence.
func (d *diagnosis) reachable() error {
	us := campaign.Micros(d.occasion.AsOf)
	var why string
	asked := map[bool]string{true: "TRUE", false: "FALSE"}[d.occasion.Asked]
	err := d.reader().QueryRowContext(d.ctx, `SELECT `+reachableFor("x.topic", "x.as_of", asked)+` FROM (SELECT CAST($1 AS BIGINT) AS customer_id, CAST($2 AS TEXT) AS topic, CAST($3 AS BIGINT) AS as_of) x
		JOIN customers c ON c.id = x.customer_id`, d.customer.ID, d.c.Topic, us).Scan(&why)
	if err != nil {
		return fmt.Errorf("look at consent: %w", err)
	}
	d.check("address", why != campaign.HeldNoAddress, campaign.HeldNoAddress, map[bool]string{true: "there is none", false: "there is one"}[why == campaign.HeldNoAddress])
	if why == campaign.HeldNoAddress {
		return nil
	}
	if why == campaign.HeldSuppressed {
		detail, err := d.suppression(us)
		d.check("suppression", false, why, detail)
		return err
	}
	if d.c.Topic == "" {
		return nil
	}
	detail, err := d.consent(us)
	d.check("consent", why == "", campaign.HeldNoConsent, d.c.Topic+": "+detail)
	return err
}

// suppression says why no mail may go to the address as of a moment, and since when:
// of several reasons the one that no subscription takes back, then the first.
func (d *diagnosis) suppression(us int64) (string, error) {
	var topic, reason string
	var at int64
	err := d.reader().QueryRowContext(d.ctx, `SELECT s.topic, s.reason, s.at FROM suppressions s JOIN customers c ON c.email_hash = s.email_hash
		WHERE c.id = $1 AND s.at <= $3 AND (s.topic = '`+allMail+`' OR $2 <> '' AND s.topic IN ('`+allMarketing+`', $2)) AND NOT `+resubscribed("c.id", "$2", "$3")+`
		ORDER BY CASE s.topic WHEN '`+allMail+`' THEN 0 ELSE 1 END, s.at, s.topic LIMIT 1`, d.customer.ID, d.c.Topic, us).Scan(&topic, &reason, &at)
	if err != nil {
		return "", fmt.Errorf("look at suppressions: %w", err)
	}
	what := "mail of " + topic
	switch topic {
	case allMail:
		what = "mail"
	case allMarketing:
		what = "mail but what a customer must get"
	}
	out := "no " + what + " may go to the address: " + strings.ReplaceAll(reason, "_", " ")
	if at > 0 {
		out += ", since " + day(campaign.FromMicros(at))
	}
	return out, nil
}

// consent is the last word about the topic as of a moment.
func (d *diagnosis) consent(us int64) (string, error) {
	var given bool
	var at int64
	var source string
	err := d.reader().QueryRowContext(d.ctx, `SELECT given, at, source FROM consents k WHERE k.customer_id = $1
		AND (k.topic = $2 OR k.topic = '*') AND k.at <= $3 ORDER BY k.at DESC, k.id DESC LIMIT 1`, d.customer.ID, d.c.Topic, us).Scan(&given, &at, &source)
	if errors.Is(err, sql.ErrNoRows) {
		return "nothing was said", nil
	}
	out := map[bool]string{true: "yes", false: "no"}[given]
	if source != "" {
		out += ", " + source
	}
	if at > 0 {
		out += ", " + day(campaign.FromMicros(at))
	}
	return out, err
}
