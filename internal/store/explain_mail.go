package store

import (
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// rests says that the campaign of the open pass does not run, so that nothing of it
// goes on: what does not is told first.
func (d *diagnosis) rests(what string) {
	why := "the file says status: " + string(d.c.Status)
	switch {
	case d.paused != nil:
		why = d.paused.String()
	case d.c.Status == campaign.Active:
		why = "the campaign does not run"
	}
	d.check(campaign.GatePaused, false, campaign.GatePaused, what+": "+why)
	if d.out.Blocker == "" {
		d.out.Blocker = campaign.GatePaused
		d.out.Detail += "; the campaign is paused"
	}
}

// standstill tells, of an open pass without a mail at a gate, that its campaign is
// paused: it stands where it is, whatever it waits for.
func (d *diagnosis) standstill(p campaign.PassStory) {
	paused := d.paused != nil || d.ticked && d.c.Status != campaign.Active
	if !paused || d.out.Blocker != "" {
		return
	}
	at := "the pass"
	if p.Step != "" {
		at += ", at " + p.Step + ","
	}
	d.rests(at + " does not go on")
}

// letOut tells of a mail that no gate of the last look holds whether the pace of the
// mail server, of a domain or of the campaign does.
func (d *diagnosis) letOut(r *candidateRow) error {
	v := &openView{s: d.Store, at: d.at}
	if err := v.read(d.ctx); err != nil {
		return fmt.Errorf("read what holds mails: %w", err)
	}
	open := openRow{OpenMessage: OpenMessage{State: campaign.Pending, Lane: d.c.Lane(), Due: r.due, Step: r.out.Step}, campaignID: r.campaignID, isDue: true, domain: campaign.AddressDomain(r.out.Customer.Email)}
	w := v.waiting(open)
	what := "mail " + r.out.Step
	switch w.Reason {
	case campaign.GateRate:
		what += " is due; as much has gone out as the rate of " + paceOf(w.By, d.c.Name) + " allows"
	case campaign.GateDaily:
		what += " is due; the mail server's quota for the day is used up"
	case campaign.GateSlowed:
		what += " is due; " + paceOf(w.By, "") + " asked for less mail: " + w.Why
	case campaign.GateStopped:
		what += " is due; the mail server refuses us: " + w.Why
	case campaign.GateSender:
		what += " is due; the mail server refuses the sender " + w.By + ": " + w.Why
	default:
		d.check("mail", true, "", what+" is due; no gate holds it")
		return nil
	}
	if next := v.next(open); next.After(d.at) {
		what += "; may go " + day(next)
	}
	d.holds(w.Reason, what)
	return nil
}

// paceOf names whose pace it is.
func paceOf(by, of string) string {
	switch by {
	case campaign.DefaultProvider, "":
		return "the mail server"
	case of:
		return "the campaign"
	}
	return by
}

// tried tells of a mail that the server put off, or that could not reach it.
func (d *diagnosis) tried(r *candidateRow, gate string, till time.Time) error {
	what, err := d.lastTry(r)
	if err != nil {
		return err
	}
	if what = "mail " + r.out.Step + ": " + what; till.After(r.out.Expires) {
		what += "; it expires before it is tried again, " + day(r.out.Expires)
	} else {
		what += "; tried again " + day(till)
	}
	d.holds(gate, what)
	return nil
}

// lastTry is what came of the mail's last try.
func (d *diagnosis) lastTry(r *candidateRow) (string, error) {
	var said string
	err := d.reader().QueryRowContext(d.ctx, `SELECT `+saidOf+` FROM messages WHERE id = $1`, r.out.ID).Scan(&said)
	if err != nil {
		return "", fmt.Errorf("read what the mail server said: %w", err)
	}
	if r.gate == campaign.GateConnection {
		return "the mail server was not reached" + quoted(said), nil
	}
	return "the mail server put it off" + quoted(said), nil
}

// quoted is what a server said, without addresses, behind a sentence.
func quoted(said string) string {
	if said == "" {
		return ""
	}
	return " (" + campaign.WithoutAddresses(said) + ")"
}

// underway tells of the pass's mails that are on their way, or of which nobody knows
// whether they arrived.
func (d *diagnosis) underway() error {
	rows, err := d.reader().QueryContext(d.ctx, `SELECT m.id, m.step, m.state, m.uncertain >= $3 OR k.hold_uncertain, m.uncertain_at, `+saidOf+`
		FROM messages m JOIN enrollments e ON e.id = m.enrollment_id JOIN campaigns k ON k.id = m.campaign_id
		WHERE e.campaign_id = $1 AND e.key = $2 AND m.state IN ('queued', 'claimed', 'handoff', 'uncertain') ORDER BY m.id`, d.id, d.occasion.Key, campaign.MaxUncertain)
	type mail struct {
		id         int64
		step, said string
		state      campaign.State
		unresolved bool
		since      sql.NullInt64
	}
	mails, err := collect(rows, err, func(rows *sql.Rows) (m mail, err error) {
		return m, rows.Scan(&m.id, &m.step, &m.state, &m.unresolved, &m.since, &m.said)
	})
	if err != nil {
		return fmt.Errorf("find mails on their way: %w", err)
	}
	for _, m := range mails {
		switch m.state {
		case campaign.Queued:
			d.check("mail", true, "", "mail "+m.step+" is in the queue for a worker")
			continue
		case campaign.Claimed:
			d.check("mail", true, "", "mail "+m.step+" is with a worker")
			continue
		case campaign.Handoff:
			d.check("mail", true, "", "mail "+m.step+" was handed over; the mail server's answer is awaited")
			continue
		}
		what := fmt.Sprintf("mail %s may have arrived: no answer came when it was handed over%s; ", m.step, quoted(m.said))
		reason := WaitsEvidence
		if m.unresolved {
			reason = WaitsPerson
			what += fmt.Sprintf("say `tidings queue retry %[1]d`, `accept %[1]d` or `cancel %[1]d`", m.id)
		} else {
			what += "without a sign that it did it is sent again " + day(campaign.FromMicros(m.since.Int64).Add(evidenceGrace))
		}
		d.check("mail", false, reason, what)
		d.out.Blocker = reason
		d.out.Detail += "; its mail is uncertain"
	}
	return nil
}
