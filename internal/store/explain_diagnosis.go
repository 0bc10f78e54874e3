package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

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
	if err := d.decide(); err != nil {
		return err
	}
	return d.passedOver()
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
	var given, follows bool
	var at int64
	var source string
	err := d.reader().QueryRowContext(d.ctx, `SELECT given, follows, at, source FROM consents k WHERE k.customer_id = $1
		AND (k.topic = $2 OR k.topic = '*') AND k.at <= $3 ORDER BY k.at DESC, k.id DESC LIMIT 1`, d.customer.ID, d.c.Topic, us).Scan(&given, &follows, &at, &source)
	if errors.Is(err, sql.ErrNoRows) {
		return "nothing was said", nil
	}
	out := map[bool]string{true: "yes", false: "no"}[given]
	if follows && !given {
		out = "not confirmed for this address"
	}
	if source != "" {
		out += ", " + source
	}
	if at > 0 {
		out += ", " + day(campaign.FromMicros(at))
	}
	return out, err
}
