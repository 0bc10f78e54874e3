package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// earlier are the passes beside the occurrence itself, its product's alone where
// the trigger is about products.
const earlier = ` FROM enrollments e WHERE e.customer_id = $1 AND e.campaign_id = $2 AND e.key <> $3
	AND (e.decided_at < $4 OR e.entered_at <= $5)`

func (d *diagnosis) earlierArgs() []any {
	o := d.occasion
	return []any{d.customer.ID, d.id, o.Key, campaign.Micros(d.at), campaign.Micros(o.AsOf)}
}

func (d *diagnosis) reEntry() error {
	re := d.c.ReEntry
	if d.id == 0 || re.Always {
		return nil
	}
	args := d.earlierArgs()
	query := `SELECT max(e.entered_at)` + earlier
	if re.PerProduct {
		query += ` AND e.product = $6`
		args = append(args, d.occasion.Product)
	}
	if d.occasion.Reason == Untold {
		query += ` AND e.entered_at <= $5`
	}
	var last sql.NullInt64
	if err := d.reader().QueryRowContext(d.ctx, query, args...).Scan(&last); err != nil {
		return fmt.Errorf("find the last entry: %w", err)
	}
	if !last.Valid {
		d.check("re_entry", true, "", "never entered before")
		return nil
	}
	entered := campaign.FromMicros(last.Int64)
	detail := "entered " + day(entered)
	if !re.Never {
		detail += ", again from " + day(re.Every.After(entered)) + " on (re_entry " + re.Every.String() + ")"
	} else {
		detail += ", never again (re_entry: never)"
	}
	d.check("re_entry", re.Allows(entered, d.occasion.AsOf), campaign.HeldReEntry, detail)
	return nil
}

func (d *diagnosis) overlap() error {
	if d.id == 0 || d.c.Overlap != campaign.OverlapFirst {
		return nil
	}
	var entered sql.NullInt64
	err := d.reader().QueryRowContext(d.ctx, `SELECT max(e.entered_at)`+earlier+` AND e.state <> 'held_out' AND (e.ended_at IS NULL OR e.ended_at > $5)`, d.earlierArgs()...).Scan(&entered)
	if err != nil {
		return fmt.Errorf("find an open pass: %w", err)
	}
	if entered.Valid {
		d.check("overlap", false, campaign.HeldInProgress, "a pass that began "+day(campaign.FromMicros(entered.Int64))+" was open (overlap: first)")
	} else {
		d.check("overlap", true, "", "no other pass was open")
	}
	return nil
}

// holdout tells those who enter and get nothing.
func (d *diagnosis) holdout() {
	if d.c.Transactional || d.c.Holdout == 0 {
		return
	}
	seed := d.c.Name
	if len(d.c.Was) > 0 {
		seed = d.seed(seed)
	}
	if campaign.HeldOut(d.c.Holdout, d.catalog.Workspace.Name, seed, d.customer.ExternalID) {
		d.check("holdout", true, "", "held out: enters, is counted, and gets nothing")
	}
}

// seed is the name that draws go by, the campaign's first.
func (d *diagnosis) seed(name string) string {
	var seed string
	if err := d.reader().QueryRowContext(d.ctx, `SELECT seed FROM campaigns WHERE name = $1`, name).Scan(&seed); err != nil {
		return name
	}
	return seed
}

// decide says what comes of the checks: the tick's own word where it was asked.
func (d *diagnosis) decide() error {
	o := d.occasion
	if o != nil && o.Reason != Untold {
		if o.Reason == "" {
			d.out.Decision, d.out.Detail = campaign.Enters, "the next tick lets the customer in"
			return nil
		}
		if _, told := d.failed(o.Reason); !told {
			d.check(o.Reason, false, o.Reason, heldWords[o.Reason])
		}
		d.no(o.Reason)
		return nil
	}
	if o != nil && d.id != 0 {
		entered, err := d.entered()
		if err != nil || entered {
			return err
		}
	}
	for _, c := range d.out.Checks {
		if c.OK {
			continue
		}
		if c.Check == "trigger" && !d.pending.IsZero() {
			d.out.Decision, d.out.Blocker = campaign.NotYet, "trigger"
			d.out.Detail = "due " + day(d.pending) + ", unless something cancels it"
			d.out.Change = "time alone; nothing else is missing yet"
			return nil
		}
		d.no(c.Reason)
		return nil
	}
	if d.ticked {
		reason, detail, err := d.heldEarlier()
		d.check("decided", false, reason, detail)
		d.no(reason)
		return err
	}
	d.out.Decision, d.out.Detail = campaign.Enters, "nothing keeps the customer out as of this moment"
	return nil
}

// heldEarlier is what an earlier tick held the occurrence back for, as far as the
// ticks' counts tell: the fuse, or that it came too late.
func (d *diagnosis) heldEarlier() (reason, detail string, err error) {
	rows, err := d.reader().QueryContext(d.ctx, `SELECT at, held FROM ticks WHERE campaign_id = $1 AND at >= $2 AND at <= $3 ORDER BY at`,
		d.id, campaign.Micros(d.occasion.AsOf), campaign.Micros(d.at))
	type tick struct {
		at   int64
		held map[string]int
	}
	ticks, err := collect(rows, err, func(rows *sql.Rows) (t tick, err error) {
		var held []byte
		if err := rows.Scan(&t.at, &held); err != nil {
			return t, err
		}
		return t, json.Unmarshal(held, &t.held)
	})
	for _, reason := range []string{campaign.HeldFuse, campaign.HeldTooLate} {
		for _, t := range ticks {
			if n := t.held[reason]; n > 0 {
				return reason, fmt.Sprintf("the tick of %s held %d: %s", day(campaign.FromMicros(t.at)), n, reason), err
			}
		}
	}
	return "decided", "an earlier tick has looked at it and held it back", err
}

// heldWords say what a tick means by a reason that no check of ours explains.
var heldWords = map[string]string{
	campaign.HeldFuse: "the tick would let in more than the campaign may by itself, so all of it waits for a person",
}

// failed finds the check that gives a reason.
func (d *diagnosis) failed(reason string) (campaign.Check, bool) {
	for _, c := range d.out.Checks {
		if !c.OK && c.Reason == reason {
			return c, true
		}
	}
	return campaign.Check{}, false
}

// no is the decision with its blocker, and what would change it.
func (d *diagnosis) no(reason string) {
	d.out.Decision, d.out.Blocker = campaign.No, reason
	c, _ := d.failed(reason)
	d.out.Detail = c.Detail
	switch reason {
	case "audience", "enter_when":
		if c.Tree != nil {
			d.out.Detail = missing(c.Tree.FirstFalse())
		}
		d.out.Change = "the customer's own history, before the next occurrence; or " + reason + " in the file"
	case campaign.HeldNoConsent:
		d.out.Change = "a yes of the customer to " + d.c.Topic
	case campaign.HeldNoAddress:
		d.out.Change = "an address, by identify or an import"
	case campaign.HeldSuppressed:
		d.out.Change = "a new subscription of the customer, where an unsubscribe was the reason"
	case campaign.HeldReEntry:
		d.out.Change = "a later occurrence, or re_entry in the file"
	case campaign.HeldInProgress:
		d.out.Change = "the end of the open pass, or `overlap: newest` or `both` in the file"
	case campaign.HeldTooLate:
		d.out.Change = "max_lateness in the file, before the fact comes in"
	case campaign.HeldFuse:
		d.out.Change = "tidings release " + d.c.Name + " --yes"
	case string(campaign.Draft), string(campaign.Paused):
		d.out.Change = "status: active in the file"
	case "activation":
		d.out.Change = "a new occurrence, or an earlier active_from before the campaign is first active"
	case "where":
		if c.Tree != nil {
			d.out.Detail = missing(c.Tree.FirstFalse())
		}
		d.out.Change = "a new occurrence, or where in the file"
	case "trigger", "trigger_cancelled":
		d.out.Change = "a new occurrence"
	}
}

// missing is a condition that does not hold, with what it found.
func missing(leaf campaign.Judged) string {
	if leaf.Found == "" {
		return leaf.Condition
	}
	return leaf.Condition + ": found " + leaf.Found
}

// entered tells of the pass that the occurrence began, if it did.
func (d *diagnosis) entered() (bool, error) {
	stories, err := d.PassStories(d.ctx, d.c, d.customer.ID, d.at)
	if err != nil {
		return false, err
	}
	for _, p := range stories {
		if p.Key != d.occasion.Key {
			continue
		}
		d.out.Decision, d.out.Blocker = campaign.Entered, ""
		d.keep("trigger", "audience", "enter_when", "holdout")
		d.out.Detail = day(p.Entered)
		switch {
		case p.State == campaign.PassRunning && p.Wakes != nil:
			d.out.Detail += "; stands at " + p.Step + " until " + day(*p.Wakes)
		case p.State == campaign.PassRunning:
			d.out.Detail += "; stands at " + p.Step
		default:
			d.out.Detail += "; " + strings.ReplaceAll(string(p.State), "_", " ")
			if p.Reason != "" {
				d.out.Detail += " (" + p.Reason + ")"
			}
			if p.Ended != nil {
				d.out.Detail += " " + day(*p.Ended)
			}
		}
		if p.State == campaign.PassRunning {
			if err := d.exits(); err != nil {
				return true, err
			}
			if err := d.gates(); err != nil {
				return true, err
			}
			d.standstill(p)
		}
		return true, nil
	}
	return false, nil
}

// keep leaves the named checks alone: the others were about whether to enter.
func (d *diagnosis) keep(names ...string) {
	d.out.Checks = slices.DeleteFunc(d.out.Checks, func(c campaign.Check) bool { return !slices.Contains(names, c.Check) })
}

// exits judges what would end the open pass.
func (d *diagnosis) exits() error {
	o := d.occasion
	for _, cond := range d.c.ExitOn {
		tree, err := d.eval.Explain(d.ctx, d.reader(), d.c, cond, audience.PassAt{
			Customer: o.Customer, Anchor: o.Anchor, Entered: o.AsOf, Trigger: o.Trigger, AsOf: d.at})
		if err != nil {
			return err
		}
		d.check("exit_on", !tree.Holds, campaign.ExitOnReason, tree.Condition).Tree = &tree
	}
	return nil
}
