package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/worker"
)

// resultStates is an SQL expression: the state that a result leads to, by its verdict.
const resultStates = `CASE x.verdict
	WHEN 'accepted' THEN 'accepted' WHEN 'failed' THEN 'failed'
	WHEN 'uncertain' THEN 'uncertain' ELSE 'pending' END`

// Commit records results, then admits hand-overs, in one transaction: see
// worker.Ledger.
func (s *Store) Commit(ctx context.Context, b worker.Batch, now time.Time) (map[campaign.Claim]bool, error) {
	links := s.links.unknown(b.Handoffs)
	if s.simple(b) {
		admitted, err := s.commitFast(ctx, b, links, now)
		if err != nil {
			return nil, fmt.Errorf("record results and admit hand-overs: %w", err)
		}
		s.links.learn(links)
		return admitted, nil
	}
	var admitted map[campaign.Claim]bool
	err := s.write(ctx, func(tx *sql.Tx) error {
		now, err := s.stamp(ctx, tx, now)
		if err != nil {
			return err
		}
		if len(b.Results) > 0 {
			if err := s.heed(ctx, tx, b.Results, now); err != nil {
				return fmt.Errorf("heed what the server said: %w", err)
			}
			if err := s.record(ctx, tx, b.Results, now); err != nil {
				return fmt.Errorf("record results: %w", err)
			}
		}
		if admitted, err = s.admit(ctx, tx, b.Handoffs, links, now); err != nil {
			return fmt.Errorf("admit hand-overs: %w", err)
		}
		return nil
	})
	if err == nil {
		s.links.learn(links)
	}
	return admitted, err
}

// settled is a message that a result has moved.
type settled struct {
	id, customer          int64
	state, campaign, step string
	hash                  sql.NullString // of the address that it was claimed for
}

// record stores what became of attempts. A hand-over that was given up as
// uncertain is settled by its reply after all.
func (s *Store) record(ctx context.Context, tx *sql.Tx, results []campaign.Result, now time.Time) error {
	in := make([][]any, len(results))
	suppress, last, reasons := map[int64]bool{}, map[int64]bool{}, map[int64]string{}
	for i, r := range results {
		in[i] = []any{r.ID, r.Token, string(r.Verdict), r.Reason, clip(r.Detail), r.Reply.Code, r.Reply.Enhanced, clip(r.Reply.Text),
			again(r, now)}
		suppress[r.ID], last[r.ID], reasons[r.ID] = r.Suppress, r.Last, r.Reason
	}
	rows, err := tx.QueryContext(ctx, `UPDATE messages SET state = `+resultStates+`,
			reason = x.reason, detail = x.detail, smtp_code = x.code, smtp_enhanced = x.enhanced, smtp_text = x.text, lease_until = NULL,
			done_at = CASE WHEN x.verdict IN ('accepted', 'failed') THEN CAST($2 AS BIGINT) END,
			due_at = CASE WHEN x.verdict IN ('retry', 'release') THEN coalesce(x.due_at, messages.due_at) ELSE messages.due_at END,
			attempt = CASE x.verdict WHEN 'release' THEN messages.attempt - 1 ELSE messages.attempt END,
			uncertain = CASE x.verdict WHEN 'uncertain' THEN messages.uncertain + 1 ELSE messages.uncertain END,
			uncertain_at = CASE x.verdict WHEN 'uncertain' THEN CAST($2 AS BIGINT) ELSE messages.uncertain_at END,
			slice_id = CASE WHEN x.verdict IN ('retry', 'release') THEN NULL ELSE messages.slice_id END,
			gate = CASE WHEN x.verdict = 'retry' OR x.verdict = 'release' AND x.due_at IS NOT NULL
				THEN CASE x.reason WHEN 'connection' THEN 'connection' ELSE 'retry' END ELSE '' END
		FROM `+s.rows("$1", "id bigint", "token bigint", "verdict text", "reason text", "detail text", "code int", "enhanced text", "text text", "due_at bigint")+` x
		WHERE messages.id = x.id AND messages.token = x.token
			AND (messages.state IN ('claimed', 'handoff') OR messages.state = 'uncertain' AND x.verdict IN ('accepted', 'failed'))
		RETURNING messages.id, messages.customer_id, messages.state,
			(SELECT k.name FROM campaigns k WHERE k.id = messages.campaign_id), messages.step, messages.email_hash`,
		array(in), campaign.Micros(now))
	moved, err := collect(rows, err, func(rows *sql.Rows) (m settled, err error) {
		return m, rows.Scan(&m.id, &m.customer, &m.state, &m.campaign, &m.step, &m.hash)
	})
	if err != nil {
		return err
	}
	if err := s.settle(ctx, tx, moved, suppress, last, now); err != nil {
		return err
	}
	dead, err := s.softened(ctx, tx, moved, reasons, now)
	if err != nil {
		return err
	}
	for _, m := range dead {
		if err := s.suppressDead(ctx, tx, m.customer, m.hash.String, reasons[m.id], now); err != nil {
			return err
		}
	}
	return nil
}

// again is when a message that goes back is due; null: when it was.
func again(r campaign.Result, now time.Time) any {
	if r.Verdict == campaign.WasRelease && r.RetryIn <= 0 {
		return nil
	}
	return campaign.Micros(now.Add(r.RetryIn))
}

// settle does what follows from a message's end: its pass goes on, or is finished, its sending
// is an event like any other, and a dead address is not written to again.
func (s *Store) settle(ctx context.Context, tx *sql.Tx, moved []settled, suppress, last map[int64]bool, now time.Time) error {
	var done, finished []int64
	var dead []settled
	var sent [][]any
	for _, m := range moved {
		switch {
		case last[m.id] && m.state == string(campaign.Accepted):
			finished = append(finished, m.id)
		case campaign.State(m.state).Terminal():
			done = append(done, m.id)
		}
		if m.state == string(campaign.Accepted) {
			sent = append(sent, []any{fmt.Sprintf("sent:%d", m.id), m.customer, mailProperties(m.campaign, m.step, m.id)})
		}
		if suppress[m.id] && m.state == string(campaign.Failed) {
			dead = append(dead, m)
		}
	}
	if len(done) > 0 {
		if err := s.wake(ctx, tx, done, now); err != nil {
			return err
		}
	}
	if len(finished) > 0 {
		if err := s.finish(ctx, tx, finished, now); err != nil {
			return err
		}
	}
	if len(sent) > 0 {
		if err := s.mailEvents(ctx, tx, campaign.EmailSent, sent, now); err != nil {
			return err
		}
	}
	for _, m := range dead {
		if err := s.suppressDead(ctx, tx, m.customer, m.hash.String, campaign.ReasonBadAddress, now); err != nil {
			return err
		}
	}
	return nil
}

// finish ends the passes whose last message was accepted, as the next tick would. One
// whose campaign is of another version by now may go on.
func (s *Store) finish(ctx context.Context, tx *sql.Tx, messages []int64, now time.Time) error {
	res, err := tx.ExecContext(ctx, `UPDATE enrollments SET state = 'finished', wake_at = NULL, ended_at = $2
		FROM messages m WHERE m.id IN `+s.ids("$1")+` AND enrollments.id = m.enrollment_id AND `+sameVersion+`
		AND enrollments.state || '' = 'running' AND enrollments.step = m.step AND enrollments.wake_at IS NULL`, array(messages), campaign.Micros(now))
	if err != nil {
		return fmt.Errorf("finish passes: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || int(n) == len(messages) {
		return err
	}
	return s.wake(ctx, tx, messages, now)
}

// sameVersion is an SQL condition: message m was claimed by the version of its campaign
// that stands.
const sameVersion = `coalesce(m.version_id = (SELECT k.version_id FROM campaigns k WHERE k.id = m.campaign_id), FALSE)`

// mailProperties are what every event of a mail carries.
func mailProperties(campaignName, step string, message int64) map[string]any {
	return map[string]any{"campaign": campaignName, "step": step, "message": message}
}

// mailEvents inserts events about mails: rows of uid, customer, properties.
func (s *Store) mailEvents(ctx context.Context, tx *sql.Tx, name string, rows [][]any, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO events (uid, customer_id, name, occurred_at, known_at, properties)
		SELECT x.uid, x.customer_id, $2, $3, $3, x.properties
		FROM `+s.rows("$1", "uid text", "customer_id bigint", "properties json")+` x
		WHERE TRUE ON CONFLICT (uid) DO NOTHING`, array(rows), name, campaign.Micros(now))
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// admit moves claims to handoff. It refuses those whose token was raised by an
// unsubscribe, an order or a sweep, and those whose lease has run out.
func (s *Store) admit(ctx context.Context, tx *sql.Tx, handoffs []worker.Handoff, links []sentLink, now time.Time) (map[campaign.Claim]bool, error) {
	admitted := make(map[campaign.Claim]bool, len(handoffs))
	if len(handoffs) == 0 {
		return admitted, nil
	}
	in := make([][]any, len(handoffs))
	for i, h := range handoffs {
		in[i] = []any{h.ID, h.Token, len(h.Links)}
	}
	rows, err := tx.QueryContext(ctx, `UPDATE messages SET state = 'handoff', handoff_at = $2, links = x.links
		FROM `+s.rows("$1", "id bigint", "token bigint", "links int")+` x
		WHERE messages.id = x.id AND messages.token = x.token AND messages.state = 'claimed' AND messages.lease_until >= $2
		RETURNING messages.id, messages.token`, array(in), campaign.Micros(now))
	claims, err := collect(rows, err, func(rows *sql.Rows) (c campaign.Claim, err error) { return c, rows.Scan(&c.ID, &c.Token) })
	if err != nil {
		return nil, err
	}
	for _, c := range claims {
		admitted[c] = true
	}
	// Behind the mails' rows, as an erasure locks first those and then their customer.
	if err := s.saveLinks(ctx, tx, links); err != nil {
		return nil, err
	}
	return admitted, s.savePages(ctx, tx, handoffs, admitted, now)
}

// saveLinks stores the targets of tracked links, before a mail with them leaves.
func (s *Store) saveLinks(ctx context.Context, tx *sql.Tx, links []sentLink) error {
	if len(links) == 0 {
		return nil
	}
	in := make([][]any, len(links))
	for i, l := range links {
		in[i] = []any{l.id, l.url, l.customer}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO links (id, url, customer_id) SELECT x.id, x.url, `+linkOwner+` FROM `+s.rows("$1", "id bigint", "url text", "customer_id bigint")+` x
		WHERE `+linkStands(s.forKeyShare())+` ORDER BY x.id`+keepLinks, array(in))
	if err != nil {
		return fmt.Errorf("store links: %w", err)
	}
	return nil
}

// storable is what both engines take as text: PostgreSQL refuses a whole commit for
// one byte that it does not.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// clip bounds what a server or a template may put into a row.
func clip(s string) string {
	const most = 500
	s = storable(s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}
