package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// What an open message waits for when no gate holds it. The words of gates and
// these stand in the same place.
const (
	WaitsDue      = "not_due"    // its moment is still to come
	WaitsTurn     = "turn"       // the relay takes it with one of its next rounds
	WaitsWorker   = "worker"     // it is in the queue
	WaitsSending  = "sending"    // a worker has it
	WaitsReply    = "reply"      // its last byte may be out
	WaitsEvidence = "evidence"   // whether it arrived, then the campaign's policy
	WaitsPerson   = "unresolved" // a person must say whether it is sent again
)

// OpenMessage is a message that is not done with, and what it waits for.
type OpenMessage struct {
	ID       int64
	Campaign string
	Step     string
	Customer string // the shop's id, or ours as "#1"
	Lane     campaign.Lane
	State    campaign.State
	Waiting
	Attempt   int
	Since     time.Time // when its pass came to the step
	Due       time.Time
	Expires   time.Time
	Next      time.Time // when it is looked at next; zero: not before a person does something
	Duplicate bool      // may arrive twice
	Detail    string    // what the server said the last time
}

// Waiting is what a message waits for.
type Waiting struct {
	Reason string // a campaign.Gate… or one of the Waits…
	By     string // the campaign, event, domain or provider at which it stands
	Why    string // what a person or the server said about it
}

// OpenCount counts open messages that are alike.
type OpenCount struct {
	Campaign string
	State    campaign.State
	Waiting
	Count int
	Since time.Time // of the oldest
}

// OpenQuestion says which open messages are asked for.
type OpenQuestion struct {
	Campaign string         // empty: of all
	State    campaign.State // empty: in any
	All      bool           // also those that are due later and held by nothing
	Limit    int            // at most so many, the oldest first
}

// OpenMessages lists the ledger's open messages as of a moment, all of them
// counted, and the first ones by themselves.
func (s *Store) OpenMessages(ctx context.Context, q OpenQuestion, at time.Time) (counts []OpenCount, rows []OpenMessage, err error) {
	v := &openView{s: s, at: at, q: q}
	if err := v.read(ctx); err != nil {
		return nil, nil, fmt.Errorf("read what holds messages: %w", err)
	}
	if counts, err = v.counts(ctx); err != nil {
		return nil, nil, fmt.Errorf("count open messages: %w", err)
	}
	if rows, err = v.rows(ctx); err != nil {
		return nil, nil, fmt.Errorf("list open messages: %w", err)
	}
	return counts, rows, nil
}

// openView is one look at the open messages.
type openView struct {
	s       *Store
	at      time.Time
	q       OpenQuestion
	names   map[int64]string     // of campaigns
	rests   map[int64]Waiting    // campaigns that do not run
	server  *Block               // what holds all mail
	daily   *Block               // what holds all bulk mail
	domains map[string]Block     // what holds bulk mail to a domain
	paces   map[int64]Block      // what holds a campaign's mail
	limits  *limits              // by which a step's sender is known
	refused map[*allowance]Block // what holds the mail of a sender
}

// openQuery is the part that both statements begin with. Each part of it reads an
// index of open rows alone: how long the ledger is does not matter.
func (v *openView) openQuery() string {
	columns := `id, campaign_id, customer_id, step, lane, state, attempt, reached_at, due_at, expires_at, slice_id, lease_until, uncertain, uncertain_at, duplicate, gate, gate_by, domain,
		CASE WHEN detail <> '' OR smtp_code = 0 THEN detail ELSE trim(replace(smtp_code || ' ' || smtp_enhanced || ' ' || smtp_text, '  ', ' ')) END AS detail`
	return `WITH o AS (
		SELECT ` + columns + ` FROM messages WHERE stage = 'pending' AND (due_at <= $1 OR gate <> '' OR $2)
		UNION ALL SELECT ` + columns + ` FROM messages WHERE stage = 'moving'
		UNION ALL SELECT ` + columns + ` FROM messages WHERE stage = 'uncertain'),
	m AS (SELECT o.*, k.name AS campaign, c.external_id,
			CASE WHEN o.state = 'uncertain' THEN o.uncertain >= $5 OR k.hold_uncertain ELSE FALSE END AS unresolved,
			` + v.domain() + ` AS held_domain
		FROM o JOIN campaigns k ON k.id = o.campaign_id LEFT JOIN customers c ON c.id = o.customer_id
		WHERE ($3 = '' OR k.name = $3) AND ($4 = '' OR o.state = $4)) `
}

func (v *openView) args(more ...any) []any {
	return append([]any{campaign.Micros(v.at), v.q.All, v.q.Campaign, string(v.q.State), campaign.MaxUncertain}, more...)
}

// domain is an SQL expression: the recipient's domain, where one is held at all, as
// it stands in the address. AddressDomain makes it that of a throttle: neither engine
// knows how names in other scripts are written in DNS.
func (v *openView) domain() string {
	if len(v.domains) == 0 {
		return `''`
	}
	of := `split_part(coalesce(c.email, ''), '@', 2)`
	if v.s.engine == audience.SQLite {
		of = `substr(coalesce(c.email, ''), instr(coalesce(c.email, ''), '@') + 1)`
	}
	return `CASE WHEN o.domain <> '' AND o.domain NOT LIKE '` + stepPrefix + `%' THEN o.domain ELSE ` + of + ` END`
}

func (v *openView) counts(ctx context.Context) ([]OpenCount, error) {
	rows, err := v.s.db.QueryContext(ctx, v.openQuery()+`SELECT campaign_id, campaign, step, lane, state, due_at <= $1 AS due, gate, gate_by, unresolved, held_domain, count(*), min(reached_at)
		FROM m GROUP BY campaign_id, campaign, step, lane, state, due, gate, gate_by, unresolved, held_domain ORDER BY campaign, state, gate, gate_by, held_domain`, v.args()...)
	type key struct {
		campaign string
		state    campaign.State
		Waiting
	}
	at := map[key]int{}
	var out []OpenCount
	_, err = collect(rows, err, func(rows *sql.Rows) (struct{}, error) {
		var r openRow
		var n int
		var since int64
		err := rows.Scan(&r.campaignID, &r.Campaign, &r.Step, &r.Lane, &r.State, &r.isDue, &r.gate, &r.gateBy, &r.unresolved, &r.domain, &n, &since)
		r.domain = campaign.AddressDomain(r.domain)
		k := key{r.Campaign, r.State, v.waiting(r)}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, OpenCount{Campaign: k.campaign, State: k.state, Waiting: k.Waiting, Since: campaign.FromMicros(since)})
		}
		out[i].Count += n
		if t := campaign.FromMicros(since); t.Before(out[i].Since) {
			out[i].Since = t
		}
		return struct{}{}, err
	})
	return out, err
}

// openRow is a message as the ledger has it.
type openRow struct {
	OpenMessage
	campaignID         int64
	isDue, unresolved  bool
	gate, gateBy       string
	domain             string
	lease, uncertainAt sql.NullInt64
	queuedAt, sliceEnd sql.NullInt64
}

func (v *openView) rows(ctx context.Context) ([]OpenMessage, error) {
	if v.q.Limit <= 0 {
		return nil, nil
	}
	rows, err := v.s.db.QueryContext(ctx, v.openQuery()+`SELECT m.id, m.campaign_id, m.campaign, m.step, m.external_id, m.customer_id, m.lane, m.state, m.due_at <= $1,
			m.gate, m.gate_by, m.unresolved, m.held_domain, m.attempt, m.reached_at, m.due_at, m.expires_at, m.duplicate, m.detail,
			m.lease_until, m.uncertain_at, l.queued_at, l.lease_until
		FROM m LEFT JOIN slices l ON l.id = m.slice_id ORDER BY m.reached_at, m.id LIMIT $6`, v.args(v.q.Limit)...)
	return collect(rows, err, func(rows *sql.Rows) (OpenMessage, error) {
		var r openRow
		var customer, since, due, expires int64
		var external sql.NullString
		err := rows.Scan(&r.ID, &r.campaignID, &r.Campaign, &r.Step, &external, &customer, &r.Lane, &r.State, &r.isDue,
			&r.gate, &r.gateBy, &r.unresolved, &r.domain, &r.Attempt, &since, &due, &expires, &r.Duplicate, &r.Detail,
			&r.lease, &r.uncertainAt, &r.queuedAt, &r.sliceEnd)
		r.Customer, r.Detail = externalOr(external, customer), campaign.WithoutAddresses(r.Detail)
		r.domain = campaign.AddressDomain(r.domain)
		r.Since, r.Due, r.Expires = campaign.FromMicros(since), campaign.FromMicros(due), campaign.FromMicros(expires)
		r.Waiting = v.waiting(r)
		r.Next = v.next(r)
		return r.OpenMessage, err
	})
}

// waiting tells what holds a message: the first thing that would have to change.
func (v *openView) waiting(r openRow) Waiting {
	switch r.State {
	case campaign.Queued:
		return Waiting{Reason: WaitsWorker}
	case campaign.Claimed:
		return Waiting{Reason: WaitsSending}
	case campaign.Handoff:
		return Waiting{Reason: WaitsReply}
	case campaign.Uncertain:
		if r.unresolved {
			return Waiting{Reason: WaitsPerson}
		}
		return Waiting{Reason: WaitsEvidence}
	}
	if w, rests := v.rests[r.campaignID]; rests {
		return w
	}
	if !r.isDue {
		if r.gate == "" {
			return Waiting{Reason: WaitsDue}
		}
		return Waiting{Reason: r.gate, By: r.gateBy}
	}
	blocks := v.blocks(r)
	if len(blocks) == 0 {
		return Waiting{Reason: WaitsTurn}
	}
	b := blocks[0]
	for _, other := range blocks[1:] {
		// Of two rates the one that has room later.
		if b.Gate == campaign.GateRate && other.Gate == b.Gate && other.Until.After(b.Until) {
			b = other
		}
	}
	return Waiting{b.Gate, b.By, b.Why}
}

// blocks are what holds back all mail of a kind, as far as it holds the message.
// Transactional mail waits for the provider and its sender alone.
func (v *openView) blocks(r openRow) []Block {
	var out []Block
	if v.server != nil {
		out = append(out, *v.server)
	}
	if b, ok := v.refused[v.limits.sender(r.campaignID, r.Step)]; ok {
		out = append(out, b)
	}
	if r.Lane == campaign.LaneTransactional {
		return out
	}
	if b, ok := v.domains[r.domain]; ok {
		out = append(out, b)
	}
	if v.daily != nil {
		out = append(out, *v.daily)
	}
	if b, ok := v.paces[r.campaignID]; ok {
		out = append(out, b)
	}
	return out
}

// next is when a message is looked at next without a person's doing.
func (v *openView) next(r openRow) time.Time {
	after := func(us sql.NullInt64, d time.Duration) time.Time {
		if !us.Valid {
			return v.at
		}
		return later(v.at, campaign.FromMicros(us.Int64).Add(d))
	}
	switch r.State {
	case campaign.Queued:
		if r.sliceEnd.Valid {
			return after(r.sliceEnd, 0)
		}
		return after(r.queuedAt, queueGrace)
	case campaign.Claimed:
		return after(r.lease, 0)
	case campaign.Handoff:
		return after(r.lease, handoffGrace)
	case campaign.Uncertain:
		if r.unresolved {
			return time.Time{}
		}
		return after(r.uncertainAt, evidenceGrace)
	}
	if _, rests := v.rests[r.campaignID]; rests {
		return time.Time{}
	}
	next := later(v.at, r.Due)
	for _, b := range v.blocks(r) {
		next = later(next, b.Until)
	}
	return next
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
