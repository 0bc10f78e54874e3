package store

import (
	"cmp"
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
	active     bool
	versionID  sql.NullInt64
	hash       string // of the version in the store
}

// look is one claim: the rows taken, and what the last look decided.
type look struct {
	s    *Store
	tx   *sql.Tx
	now  time.Time
	rows []*candidateRow
	// cancelled holds the rows that are not to be sent, with their reason.
	cancelled map[*candidateRow]string
	// ends holds the passes that end with it, by reason.
	ends map[string][]int64
}

// Claim takes up to n queued messages of a slice through the last look, under
// their customers' locks, and leases those that pass it.
func (s *Store) Claim(ctx context.Context, slice int64, n int, now time.Time) ([]campaign.Outgoing, error) {
	for {
		var out []campaign.Outgoing
		more := false
		err := s.write(ctx, func(tx *sql.Tx) error {
			out, more = nil, false
			l := &look{s: s, tx: tx, now: now, cancelled: map[*candidateRow]string{}, ends: map[string][]int64{}}
			if err := l.take(ctx, slice, n); err != nil {
				return fmt.Errorf("take messages: %w", err)
			}
			more = len(l.rows) > 0
			if err := l.gates(ctx); err != nil {
				return fmt.Errorf("last look: %w", err)
			}
			if err := l.store(ctx); err != nil {
				return err
			}
			var err error
			out, err = l.lease(ctx, slice)
			return err
		})
		// When all were turned away, the slice may have more.
		if err != nil || len(out) > 0 || !more {
			return out, err
		}
	}
}

func (l *look) take(ctx context.Context, slice int64, n int) error {
	s := l.s
	rows, err := l.tx.QueryContext(ctx, `SELECT customer_id FROM messages WHERE slice_id = $1 AND state = 'queued' ORDER BY customer_id LIMIT $2`, slice, n)
	customers, err := collect(rows, err, scanID)
	if err != nil || len(customers) == 0 {
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
	// customer's lock, and what is cancelled meanwhile must not be claimed.
	if l.now, err = s.stamp(ctx, l.tx, l.now); err != nil {
		return err
	}
	rows, err = l.tx.QueryContext(ctx, `SELECT m.id, m.token, m.attempt, m.step, m.topic, m.expires_at, m.duplicate,
			m.campaign_id, k.name, k.topic, k.status = 'active' AND k.removed_at IS NULL, k.version_id, coalesce(v.hash, ''),
			e.id, e.key, e.anchor_at, e.entered_at, e.anchor, e.state, e.reason, e.step,
			c.id, coalesce(c.external_id, ''), coalesce(c.email, ''), c.locale, c.timezone, c.attributes,
			`+reachableFor("m.topic", "$3", askedFor)+`
		FROM messages m JOIN campaigns k ON k.id = m.campaign_id JOIN enrollments e ON e.id = m.enrollment_id
		JOIN customers c ON c.id = m.customer_id LEFT JOIN campaign_versions v ON v.id = k.version_id
		WHERE m.slice_id = $1 AND m.state = 'queued' AND m.customer_id IN `+s.ids("$2")+` ORDER BY m.customer_id, m.id`+s.forUpdate("OF m"),
		slice, array(customers), campaign.Micros(l.now))
	l.rows, err = collect(rows, err, l.scan)
	return err
}

func (l *look) scan(rows *sql.Rows) (*candidateRow, error) {
	r := &candidateRow{}
	o := &r.out
	var campaignTopic string
	var expires, anchor, entered int64
	var trigger, attributes []byte
	err := rows.Scan(&o.ID, &o.Token, &o.Attempt, &o.Step, &r.topic, &expires, &o.Duplicate,
		&r.campaignID, &o.Campaign, &campaignTopic, &r.active, &r.versionID, &r.hash,
		&o.Pass, &o.Key, &anchor, &entered, &trigger, &r.passState, &r.passReason, &r.passStep,
		&o.Customer.ID, &o.Customer.ExternalID, &o.Customer.Email, &o.Customer.Locale, &o.Customer.Timezone, &attributes,
		&r.why)
	if err != nil {
		return nil, err
	}
	o.Now, o.Expires = l.now, campaign.FromMicros(expires)
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

// gates turns rows away in the language's one order of decision: pause →
// suppression, consent → exit_on → audience → when → expires.
func (l *look) gates(ctx context.Context) error {
	for _, r := range l.rows {
		switch {
		case !r.active:
			continue // goes back to pending, see store
		case r.passState != string(campaign.PassRunning):
			// A pass that finished without this message left the step behind.
			l.cancelled[r] = cmp.Or(r.passReason, campaign.CancelStepRemoved)
		case r.passStep != r.out.Step:
			l.cancelled[r] = campaign.CancelStepRemoved
		case r.why != "":
			l.turnAway(r, r.why)
			if r.ownTopic {
				l.endWith(r, campaign.ExitUnsubscribed)
			}
		}
	}
	for name, rows := range l.left() {
		c, ok := l.s.catalog.Campaign(name)
		if !ok {
			return fmt.Errorf("campaign %s is in the store but not in this process's workspace", name)
		}
		if err := l.conditions(ctx, c, rows); err != nil {
			return err
		}
	}
	for _, r := range l.rows {
		if l.cancelled[r] == "" && r.active && l.now.After(r.out.Expires) {
			l.turnAway(r, campaign.CancelExpired)
		}
	}
	return nil
}

// turnAway cancels a row; its pass goes on unless it is ended too.
func (l *look) turnAway(r *candidateRow, why string) { l.cancelled[r] = why }

func (l *look) endWith(r *candidateRow, reason string) {
	l.ends[reason] = append(l.ends[reason], r.out.Pass)
}

// left are the rows that no gate has turned away yet, by campaign.
func (l *look) left() map[string][]*candidateRow {
	out := map[string][]*candidateRow{}
	for _, r := range l.rows {
		if r.active && l.cancelled[r] == "" {
			out[r.out.Campaign] = append(out[r.out.Campaign], r)
		}
	}
	return out
}

// conditions looks at exit_on, the audience and the step's own when, all as of
// now.
func (l *look) conditions(ctx context.Context, c *campaign.Campaign, rows []*candidateRow) error {
	passes := make([]audience.PassAt, len(rows))
	for i, r := range rows {
		passes[i] = audience.PassAt{ID: r.out.Pass, Customer: r.out.Customer.ID, Anchor: r.out.Anchor, Entered: r.entered, Trigger: r.out.Trigger, AsOf: l.now}
	}
	exits, err := l.s.eval.Exits(ctx, l.tx, c, passes)
	if err != nil {
		return fmt.Errorf("exit_on: %w", err)
	}
	inside, err := l.holds(ctx, c, c.Audience, passes)
	if err != nil {
		return fmt.Errorf("audience: %w", err)
	}
	when := map[string]map[int64]bool{}
	for _, r := range rows {
		if e, ended := exits[r.out.Pass]; ended {
			l.turnAway(r, e.Reason)
			l.endWith(r, e.Reason)
			continue
		}
		if !inside[r.out.Pass] {
			l.turnAway(r, campaign.ExitAudience)
			l.endWith(r, campaign.ExitAudience)
			continue
		}
		i, ok := c.Program.Index(r.out.Step)
		if !ok && r.hash != c.Hash {
			return fmt.Errorf("step %s is not in this process's version of the campaign", r.out.Step)
		}
		if !ok {
			l.turnAway(r, campaign.CancelStepRemoved)
			continue
		}
		if when[r.out.Step] == nil {
			if when[r.out.Step], err = l.holds(ctx, c, c.Program.Nodes[i].When, passes); err != nil {
				return fmt.Errorf("when of step %s: %w", r.out.Step, err)
			}
		}
		if !when[r.out.Step][r.out.Pass] {
			l.turnAway(r, campaign.CancelWhen)
		}
	}
	return nil
}

func (l *look) holds(ctx context.Context, c *campaign.Campaign, cond campaign.Condition, passes []audience.PassAt) (map[int64]bool, error) {
	if cond != nil {
		return l.s.eval.Holds(ctx, l.tx, c, cond, passes)
	}
	all := make(map[int64]bool, len(passes))
	for _, p := range passes {
		all[p.ID] = true
	}
	return all, nil
}

// store writes what the gates decided.
func (l *look) store(ctx context.Context) error {
	var paused, done []int64
	var cancel [][]any
	for _, r := range l.rows {
		if why := l.cancelled[r]; why != "" {
			cancel = append(cancel, []any{r.out.ID, why})
			done = append(done, r.out.ID)
		} else if !r.active {
			paused = append(paused, r.out.ID)
		}
	}
	if len(cancel) > 0 {
		if _, err := l.tx.ExecContext(ctx, `UPDATE messages SET state = 'cancelled', reason = x.reason, done_at = $2, token = token + 1
			FROM `+l.s.rows("$1", "id bigint", "reason text")+` x WHERE messages.id = x.id`, array(cancel), campaign.Micros(l.now)); err != nil {
			return fmt.Errorf("cancel at the last look: %w", err)
		}
		if err := l.s.wake(ctx, l.tx, done, l.now); err != nil {
			return err
		}
	}
	for reason, ids := range l.ends {
		if err := l.s.endPasses(ctx, l.tx, ids, reason, l.now); err != nil {
			return err
		}
	}
	if len(paused) > 0 {
		if _, err := l.tx.ExecContext(ctx, `UPDATE messages SET state = 'pending', slice_id = NULL WHERE id IN `+l.s.ids("$1"), array(paused)); err != nil {
			return fmt.Errorf("put back what is paused: %w", err)
		}
	}
	return nil
}

// lease claims the rows that passed and reads what it takes to render them.
func (l *look) lease(ctx context.Context, slice int64) ([]campaign.Outgoing, error) {
	var ids []int64
	var rows []*candidateRow
	for _, r := range l.rows {
		if r.active && l.cancelled[r] == "" {
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
	if _, err := l.tx.ExecContext(ctx, `UPDATE messages SET state = 'claimed', token = token + 1, attempt = attempt + 1, lease_until = $2, version_id = $3,
			email_hash = (SELECT c.email_hash FROM customers c WHERE c.id = messages.customer_id)
		WHERE id IN `+l.s.ids("$1"), array(ids), campaign.Micros(till), rows[0].versionID); err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	if err := l.carts(ctx, rows); err != nil {
		return nil, fmt.Errorf("read carts: %w", err)
	}
	out := make([]campaign.Outgoing, len(rows))
	for i, r := range rows {
		r.out.Token++
		r.out.Attempt++
		r.out.LeaseTill = till
		out[i] = r.out
	}
	return out, nil
}

// carts reads the present content of the carts that the messages are about.
func (l *look) carts(ctx context.Context, rows []*candidateRow) error {
	var passes []audience.PassAt
	for _, r := range rows {
		c, _ := l.s.catalog.Campaign(r.out.Campaign)
		if _, about := c.Trigger.(campaign.AbandonedCart); about {
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
		r.out.Cart = carts[r.out.Pass]
	}
	return nil
}
