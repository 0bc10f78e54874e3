package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/worker"
)

// candidateRow is a queued message at its last look.
type candidateRow struct {
	out        campaign.Outgoing
	campaignID int64
	topic      string
	ownTopic   bool // the campaign's own: losing it ends the pass
	passState  string
	passReason string
	passStep   string
	entered    time.Time
	why        string // not reachable
	runs       bool   // its campaign does
	versionID  sql.NullInt64
	hash       string // of the version in the store
	reached    time.Time
	due        time.Time
	gate       string // at which it has waited
	lessOften  bool   // the customer wants less mail
	pausedTill sql.NullInt64

	send   *campaign.Send // its step, once it was found
	cancel string         // why it is not to be sent
	wait   wait           // until when it is put back
	// recalled: it was let out before somebody asked for less, and goes back.
	recalled bool
}

// wait is what a message that may not go yet waits for.
type wait struct {
	till     time.Time // zero: it may go
	gate, by string
}

// open tells whether no gate has turned the row away or put it off.
func (r *candidateRow) open() bool {
	return r.runs && !r.recalled && r.cancel == "" && r.wait.till.IsZero()
}

// look is one claim: the rows taken, and what the last look decided.
type look struct {
	s    *Store
	tx   *sql.Tx
	now  time.Time
	rows []*candidateRow
	// picked is how many there were to look at, before they were locked.
	picked int
	// slowed tells whether anybody has asked for less mail.
	slowed bool
	// ends holds the passes that end with it, by reason.
	ends map[string][]int64
	// zones are those of the customers met so far, by name.
	zones map[string]*time.Location
	// foretells: nothing is sent, and what is open counts as if it were in its turn.
	foretells bool
}

// Claim takes up to n queued messages of a slice through the last look, under
// their customers' locks, and leases those that pass it.
func (s *Store) Claim(ctx context.Context, slice int64, n int, now time.Time) ([]campaign.Outgoing, error) {
	for {
		var out []campaign.Outgoing
		more := false
		err := s.write(ctx, func(tx *sql.Tx) error {
			out, more = nil, false
			l := &look{s: s, tx: tx, now: now, ends: map[string][]int64{}, zones: map[string]*time.Location{}}
			if err := l.take(ctx, slice, n); err != nil {
				return fmt.Errorf("take messages: %w", err)
			}
			if more = l.picked == n; l.picked == 0 {
				return nil
			}
			if err := l.recall(ctx, slice); err != nil {
				return fmt.Errorf("recall what is to go slower: %w", err)
			}
			if err := l.gates(ctx); err != nil {
				return fmt.Errorf("last look: %w", err)
			}
			if err := l.uncount(ctx, slice); err != nil {
				return fmt.Errorf("give back what is not sent: %w", err)
			}
			if err := l.store(ctx); err != nil {
				return err
			}
			var err error
			out, err = l.lease(ctx, slice)
			return err
		})
		// When all were turned away, or cancelled before they were locked, the slice may
		// have more. Fewer than asked for were all that it had.
		if err != nil || len(out) > 0 || !more {
			return out, err
		}
	}
}

func (l *look) take(ctx context.Context, slice int64, n int) error {
	s := l.s
	var messages []int64
	rows, err := l.tx.QueryContext(ctx, `SELECT id, customer_id, EXISTS (SELECT 1 FROM throttles) FROM messages
		WHERE slice_id = $1 AND stage = 'moving' AND state = 'queued' ORDER BY +customer_id LIMIT $2`, slice, n)
	customers, err := collect(rows, err, func(rows *sql.Rows) (customer int64, err error) {
		var id int64
		err = rows.Scan(&id, &customer, &l.slowed)
		messages = append(messages, id)
		return customer, err
	})
	if l.picked = len(customers); err != nil || l.picked == 0 {
		return err
	}
	// Customers are locked in the order of their ids, by everyone; what is read
	// afterwards is what they were at the lock, and so is the moment as of which
	// they are looked at.
	if lock := s.forUpdate(""); lock != "" {
		rows, err := l.tx.QueryContext(ctx, `SELECT id FROM customers WHERE id IN `+s.ids("$1")+` ORDER BY id FOR NO KEY UPDATE`, array(customers))
		if _, err = collect(rows, err, scanID); err != nil {
			return err
		}
	}
	// The rows are locked as well: whoever ends a pass does so without the
	// customer's lock, and what is cancelled meanwhile must not be claimed. They are
	// looked up by id.
	if l.now, err = s.stamp(ctx, l.tx, l.now); err != nil {
		return err
	}
	rows, err = l.tx.QueryContext(ctx, atLook("$3")+`
		WHERE m.id IN `+s.ids("$2")+` AND m.slice_id = $1 AND m.state = 'queued' ORDER BY m.customer_id, m.id`+s.forUpdate("OF m"),
		slice, array(messages), campaign.Micros(l.now))
	l.rows, err = collect(rows, err, l.scan)
	return err
}

// atLook reads messages as the last look judges them at a moment, a parameter.
func atLook(now string) string {
	return `SELECT m.id, m.token, m.attempt, m.step, m.topic, m.reached_at, m.due_at, m.expires_at, m.gate, m.duplicate,
			m.campaign_id, k.name, k.topic, ` + campaignRuns("k") + `, k.version_id, coalesce(v.hash, ''),
			e.id, e.key, e.anchor_at, e.entered_at, e.anchor, e.state, e.reason, e.step,
			c.id, coalesce(c.external_id, ''), coalesce(c.email, ''), c.locale, c.timezone, c.attributes,
			c.less_often, c.paused_till, ` + reachableFor("m.topic", now, askedFor) + `
		FROM messages m JOIN campaigns k ON k.id = m.campaign_id JOIN enrollments e ON e.id = m.enrollment_id
		JOIN customers c ON c.id = m.customer_id LEFT JOIN campaign_versions v ON v.id = k.version_id`
}

func (l *look) scan(rows *sql.Rows) (*candidateRow, error) {
	r := &candidateRow{}
	o := &r.out
	var campaignTopic string
	var reached, due, expires, anchor, entered int64
	var trigger, attributes []byte
	err := rows.Scan(&o.ID, &o.Token, &o.Attempt, &o.Step, &r.topic, &reached, &due, &expires, &r.gate, &o.Duplicate,
		&r.campaignID, &o.Campaign, &campaignTopic, &r.runs, &r.versionID, &r.hash,
		&o.Pass, &o.Key, &anchor, &entered, &trigger, &r.passState, &r.passReason, &r.passStep,
		&o.Customer.ID, &o.Customer.ExternalID, &o.Customer.Email, &o.Customer.Locale, &o.Customer.Timezone, &attributes,
		&r.lessOften, &r.pausedTill, &r.why)
	if err != nil {
		return nil, err
	}
	o.Now, o.Expires = l.now, campaign.FromMicros(expires)
	r.reached, r.due = campaign.FromMicros(reached), campaign.FromMicros(due)
	o.Anchor, r.entered = campaign.FromMicros(anchor), campaign.FromMicros(entered)
	o.Trigger = trigger
	r.ownTopic = r.topic == campaignTopic
	if err := json.Unmarshal(attributes, &o.Customer.Attributes); err != nil {
		return nil, fmt.Errorf("attributes of customer %d: %w", o.Customer.ID, err)
	}
	return r, nil
}

// askedFor holds for the mail that the customer asked for: the first of the pass,
// of the campaign's own topic.
const askedFor = `e.asked AND m.topic = k.topic AND NOT EXISTS (SELECT 1 FROM messages n
	WHERE n.enrollment_id = e.id AND n.id <> m.id AND n.state = 'accepted')`

// lease claims the rows that passed and reads what it takes to render them.
func (l *look) lease(ctx context.Context, slice int64) ([]campaign.Outgoing, error) {
	var ids []int64
	var rows []*candidateRow
	for _, r := range l.rows {
		if r.open() {
			ids, rows = append(ids, r.out.ID), append(rows, r)
		}
	}
	till := l.now.Add(worker.Lease)
	if _, err := l.tx.ExecContext(ctx, `UPDATE slices SET lease_until = $2 WHERE id = $1`, slice, campaign.Micros(till)); err != nil {
		return nil, fmt.Errorf("lease the slice: %w", err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	if _, err := l.tx.ExecContext(ctx, `UPDATE messages SET state = 'claimed', token = token + 1, attempt = attempt + 1, lease_until = $2, version_id = $3, gate = '', gate_by = '',
			email_hash = (SELECT c.email_hash FROM customers c WHERE c.id = messages.customer_id)
		WHERE id IN `+l.s.ids("$1"), array(ids), campaign.Micros(till), rows[0].versionID); err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	if err := l.readdress(ctx, rows); err != nil {
		return nil, fmt.Errorf("find the new address: %w", err)
	}
	if err := l.carts(ctx, rows); err != nil {
		return nil, fmt.Errorf("read carts: %w", err)
	}
	out := make([]campaign.Outgoing, len(rows))
	for i, r := range rows {
		r.out.Last = l.last(r)
		r.out.Token++
		r.out.Attempt++
		r.out.LeaseTill = till
		out[i] = r.out
	}
	return out, nil
}

// last tells whether nothing follows the message in its pass. A process that does
// not have the version in the store leaves that to the scheduler.
func (l *look) last(r *candidateRow) bool {
	c, ok := l.s.catalog.Campaign(r.out.Campaign)
	if !ok || c.Hash != r.hash {
		return false
	}
	i, ok := c.Program.Index(r.out.Step)
	return ok && c.Program.Nodes[i].Next == campaign.End
}

// carts reads the present content of the carts that the messages are about.
func (l *look) carts(ctx context.Context, rows []*candidateRow) error {
	var passes []audience.PassAt
	for _, r := range rows {
		c, _ := l.s.catalog.Campaign(r.out.Campaign)
		if _, about := c.Trigger.(campaign.AbandonedCart); about && r.out.Cart == nil {
			passes = append(passes, audience.PassAt{ID: r.out.Pass, Customer: r.out.Customer.ID, Anchor: r.out.Anchor, Entered: r.entered, Trigger: r.out.Trigger, AsOf: l.now})
		}
	}
	if len(passes) == 0 {
		return nil
	}
	carts, err := l.s.eval.Carts(ctx, l.tx, passes)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.out.Cart == nil {
			r.out.Cart = carts[r.out.Pass]
		}
	}
	return nil
}
