package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// Act is what a person does to messages.
type Act string

// The acts.
const (
	ActRelease Act = auditRelease // a pending one waits no longer, as far as that is for a person to say
	ActRetry   Act = auditRetry   // a failed or uncertain one is sent again
	ActAccept  Act = auditAccept  // an uncertain one has arrived
	ActCancel  Act = auditCancel  // an open one is not sent
)

// Chosen says which messages a person means: those named by their ids, or those of
// a campaign.
type Chosen struct {
	IDs      []int64
	Campaign string
	States   []campaign.State // of a campaign's; none: all that the act is for
}

// Acted is what became of an act.
type Acted struct {
	Done []int64
	Left []LeftAlone
}

// LeftAlone is a message to which an act was not done.
type LeftAlone struct {
	ID    int64
	State campaign.State // empty: there is none
	Why   string         // a reason of the ledger, or one of the Not… words
}

// Why an act was not done, where no reason of the ledger says it.
const (
	NotThere   = "unknown"      // there is no such message
	NotWaiting = "not_waiting"  // nothing holds it
	NotInState = "wrong_state"  // it is in a state that the act is not for
	NotGoneOn  = "gone_on"      // its pass has sent a later mail
	NotTwice   = "another_pass" // the customer is in the campaign anew
)

// byHand is the reason of what a person has settled.
const byHand = "by_hand"

const (
	// What is sent again by hand has at least this long before it expires.
	retryFor = 24 * time.Hour
	// So many messages are acted on in one transaction.
	actBatch = 5000
)

// actStates are the states in which a message can be acted on.
var actStates = map[Act][]campaign.State{
	ActRelease: {campaign.Pending},
	ActRetry:   {campaign.Uncertain, campaign.Failed},
	ActAccept:  {campaign.Uncertain},
	ActCancel:  {campaign.Pending, campaign.Queued, campaign.Claimed, campaign.Uncertain},
}

// Act does what a person asks for to the messages chosen, each one if its state
// allows it at that moment, and writes it down: messages with an id one by one,
// those of a campaign as a count.
func (s *Store) Act(ctx context.Context, act Act, chosen Chosen, who string, now time.Time) (Acted, error) {
	var out Acted
	if chosen.Campaign == "" {
		for ids := range slices.Chunk(chosen.IDs, actBatch) {
			if err := s.actOn(ctx, act, ids, "", who, now, &out); err != nil {
				return out, err
			}
		}
		return out, nil
	}
	for last := int64(0); ; {
		ids, err := s.Choose(ctx, act, chosen, last, actBatch)
		if err != nil || len(ids) == 0 {
			return out, err
		}
		if err := s.actOn(ctx, act, ids, chosen.Campaign, who, now, &out); err != nil {
			return out, err
		}
		last = ids[len(ids)-1]
	}
}

// Choose lists a campaign's messages that an act is for, by id, after one.
func (s *Store) Choose(ctx context.Context, act Act, chosen Chosen, after int64, limit int) ([]int64, error) {
	states := chosen.States
	if len(states) == 0 {
		states = actStates[act]
	}
	rows, err := s.db.QueryContext(ctx, s.chooseQuery(states), chosen.Campaign, array(wrap(states)), after, limit)
	ids, err := collect(rows, err, scanID)
	if err != nil {
		return nil, fmt.Errorf("choose messages: %w", err)
	}
	return ids, nil
}

// chooseQuery reads a campaign's messages in some states by messages_campaign, which
// knows their stages alone: no order by id must lead through the whole ledger.
func (s *Store) chooseQuery(states []campaign.State) string {
	return `SELECT m.id FROM messages m JOIN campaigns k ON k.id = m.campaign_id
		WHERE k.name = $1 AND m.stage IN (` + stagesOf(states) + `) AND m.state IN (SELECT x.state FROM ` + s.rows("$2", "state text") + ` x) AND +m.id > $3 ORDER BY +m.id LIMIT $4`
}

// stagesOf is the SQL list of the stages that messages in some states are at. Of what
// is no state there is none.
func stagesOf(states []campaign.State) string {
	stages := map[string]bool{`''`: true}
	for _, state := range states {
		switch state {
		case campaign.Queued, campaign.Claimed, campaign.Handoff:
			stages[`'moving'`] = true
		case campaign.Pending, campaign.Uncertain, campaign.Accepted, campaign.Failed, campaign.Cancelled:
			stages[`'`+string(state)+`'`] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(stages)), ", ")
}

// actOn acts on messages in one transaction.
func (s *Store) actOn(ctx context.Context, act Act, ids []int64, of, who string, now time.Time, out *Acted) error {
	var one Acted
	err := s.write(ctx, func(tx *sql.Tx) error {
		one = Acted{}
		rows, err := s.lockActed(ctx, tx, act, ids, now)
		if err != nil {
			return err
		}
		var do []actRow
		for _, id := range ids {
			r, ok := rows[id]
			if why := r.refuses(act, now); !ok {
				one.Left = append(one.Left, LeftAlone{ID: id, Why: NotThere})
			} else if why != "" {
				one.Left = append(one.Left, LeftAlone{id, r.state, why})
			} else {
				one.Done, do = append(one.Done, id), append(do, r)
			}
		}
		if len(do) == 0 {
			return nil
		}
		if err := s.do(ctx, tx, act, one.Done, do, now); err != nil {
			return err
		}
		return s.audit(ctx, tx, who, now, auditOf(act, do, of)...)
	})
	if err != nil {
		return fmt.Errorf("%s messages: %w", act, err)
	}
	out.Done, out.Left = append(out.Done, one.Done...), append(out.Left, one.Left...)
	return nil
}

// auditOf is what the log says of an act: the state that each message was in, or
// which ones of a campaign there were.
func auditOf(act Act, done []actRow, of string) []auditRow {
	if of != "" {
		return []auditRow{{action: string(act), campaign: done[0].campaignID, detail: auditMany(done)}}
	}
	out := make([]auditRow, len(done))
	for i, r := range done {
		out[i] = auditRow{string(act), r.campaignID, r.id, string(r.state)}
		if held := r.gate; held != "" && r.state == campaign.Pending {
			out[i].detail += ", " + held
		}
	}
	return out
}

// actRow is a message that a person names.
type actRow struct {
	id, campaignID, customer int64
	campaign, step           string
	state                    campaign.State
	reason, gate             string
	due                      int64
	passState, passReason    string
	goneOn, anew, removed    bool
	unreachable              string
}

// lockActed reads messages and locks them. A retry may take a pass back to its
// step, so it keeps ticks of its campaign out.
func (s *Store) lockActed(ctx context.Context, tx *sql.Tx, act Act, ids []int64, now time.Time) (map[int64]actRow, error) {
	if act == ActRetry && s.forNoKeyUpdate() != "" {
		rows, err := tx.QueryContext(ctx, `SELECT id FROM campaigns WHERE id IN (SELECT campaign_id FROM messages WHERE id IN `+s.ids("$1")+`) ORDER BY id`+s.forNoKeyUpdate(), array(ids))
		if _, err = collect(rows, err, scanID); err != nil {
			return nil, fmt.Errorf("lock campaigns: %w", err)
		}
	}
	rows, err := tx.QueryContext(ctx, `SELECT m.id, m.campaign_id, m.customer_id, k.name, m.step, m.state, m.reason, m.gate, m.due_at,
			e.state, e.reason, k.removed_at IS NOT NULL,
			EXISTS (SELECT 1 FROM messages n WHERE n.enrollment_id = m.enrollment_id AND n.id > m.id AND n.state <> 'cancelled'),
			EXISTS (SELECT 1 FROM enrollments o WHERE o.campaign_id = m.campaign_id AND o.customer_id = m.customer_id AND o.id <> e.id AND o.state = 'running'),
			`+reachableFor("m.topic", "$2", askedFor)+`
		FROM messages m JOIN campaigns k ON k.id = m.campaign_id JOIN enrollments e ON e.id = m.enrollment_id JOIN customers c ON c.id = m.customer_id
		WHERE m.id IN `+s.ids("$1")+` ORDER BY m.id`+s.forUpdate("OF m"), array(ids), campaign.Micros(now))
	out := map[int64]actRow{}
	_, err = collect(rows, err, func(rows *sql.Rows) (r actRow, err error) {
		err = rows.Scan(&r.id, &r.campaignID, &r.customer, &r.campaign, &r.step, &r.state, &r.reason, &r.gate, &r.due,
			&r.passState, &r.passReason, &r.removed, &r.goneOn, &r.anew, &r.unreachable)
		out[r.id] = r
		return r, err
	})
	return out, err
}

// refuses tells why an act is not for a message; empty: it is.
func (r actRow) refuses(act Act, now time.Time) string {
	if !slices.Contains(actStates[act], r.state) {
		if r.state == campaign.Cancelled && r.reason != "" {
			return r.reason
		}
		return NotInState
	}
	switch {
	case act == ActRelease && r.gate == "" && r.due <= campaign.Micros(now):
		return NotWaiting
	case act != ActRetry:
		return ""
	case r.removed:
		return campaign.ExitCampaignRemoved
	case r.passState == string(campaign.PassExited):
		return r.passReason
	case r.unreachable != "":
		return r.unreachable
	case r.goneOn:
		return NotGoneOn
	case r.anew && r.passState != string(campaign.PassRunning):
		return NotTwice
	}
	return ""
}

// do changes the rows, all of which are locked and in a state for it.
func (s *Store) do(ctx context.Context, tx *sql.Tx, act Act, ids []int64, done []actRow, now time.Time) error {
	us := campaign.Micros(now)
	switch act {
	case ActRelease:
		_, err := tx.ExecContext(ctx, `UPDATE messages SET due_at = CASE WHEN due_at > $2 THEN $2 ELSE due_at END,
			gate = CASE gate WHEN '' THEN '' ELSE $3 END, gate_by = '' WHERE id IN `+s.ids("$1"), array(ids), us, campaign.GateByHand)
		if err != nil {
			return err
		}
		return s.notify(ctx, tx)
	case ActRetry:
		if _, err := tx.ExecContext(ctx, `UPDATE enrollments SET state = 'running', reason = '', step = m.step, wake_at = NULL, deadline = NULL, waits_since = NULL, ended_at = NULL
			FROM messages m WHERE m.id IN `+s.ids("$1")+` AND m.state = 'failed' AND enrollments.id = m.enrollment_id`, array(ids)); err != nil {
			return fmt.Errorf("take passes back to their step: %w", err)
		}
		_, err := tx.ExecContext(ctx, `UPDATE messages SET state = 'pending', reason = '', due_at = $2, done_at = NULL, slice_id = NULL, lease_until = NULL, token = token + 1,
			expires_at = CASE WHEN expires_at < $3 THEN $3 ELSE expires_at END, duplicate = duplicate OR uncertain > 0, gate = $4, gate_by = ''
			WHERE id IN `+s.ids("$1"), array(ids), us, campaign.Micros(now.Add(retryFor)), campaign.GateByHand)
		if err != nil {
			return err
		}
		return s.notify(ctx, tx)
	case ActAccept:
		if _, err := tx.ExecContext(ctx, `UPDATE messages SET state = 'accepted', reason = $3, done_at = $2, token = token + 1 WHERE id IN `+s.ids("$1"), array(ids), us, byHand); err != nil {
			return err
		}
		sent := make([][]any, len(done))
		for i, r := range done {
			sent[i] = []any{fmt.Sprintf("sent:%d", r.id), r.customer, mailProperties(r.campaign, r.step, r.id)}
		}
		if err := s.mailEvents(ctx, tx, campaign.EmailSent, sent, now); err != nil {
			return err
		}
	case ActCancel:
		if _, err := tx.ExecContext(ctx, `UPDATE messages SET state = 'cancelled', reason = $3, done_at = $2, token = token + 1, lease_until = NULL WHERE id IN `+s.ids("$1"), array(ids), us, byHand); err != nil {
			return err
		}
	}
	return s.wake(ctx, tx, ids, now)
}

// Lift ends what holds back the mail to a domain, or with none all of the
// provider's and its senders', because it was asked for: the next mail goes at once.
// It is false when nothing does.
func (s *Store) Lift(ctx context.Context, domain, who string, now time.Time) (lifted bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		lifted = false
		if err := s.lockThrottles(ctx, tx); err != nil {
			return err
		}
		throttles, err := s.throttles(ctx, tx)
		if err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(throttles)) {
			_, sender := refusedSender(key)
			if domain != "" && key != domainKey(domain) || domain == "" && key != providerKey && !sender {
				continue
			}
			lifted = true
			if err := s.dropThrottle(ctx, tx, key); err != nil {
				return err
			}
			if err := s.audit(ctx, tx, who, now, auditRow{action: auditRelease, detail: key}); err != nil {
				return err
			}
		}
		if !lifted {
			return nil
		}
		return s.notify(ctx, tx)
	})
	if err != nil {
		return false, fmt.Errorf("lift a throttle: %w", err)
	}
	return lifted, nil
}
