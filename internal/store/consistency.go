package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// Violation is a rule of the ledger that does not hold.
type Violation struct {
	Rule  string  `json:"rule"`
	What  string  `json:"what"`
	Count int     `json:"count"`
	Of    string  `json:"of"`                 // what the ids are of
	IDs   []int64 `json:"examples,omitempty"` // the first ones
	Do    string  `json:"do"`                 // what a person can do about it
}

// Consistency holds the ledger to its rules as of a moment, in statements of their
// own, so that a store at work can be looked at. What is looked at row by row is so in
// one pass over the messages. rules is how many there are.
func (s *Store) Consistency(ctx context.Context, at time.Time) (violations []Violation, rules int, err error) {
	violations, err = s.holdEach(ctx, messageRules())
	if err != nil {
		return violations, 0, fmt.Errorf("rules of messages: %w", err)
	}
	all := append(passRules(), s.stallRules(at)...)
	for _, r := range keyRules() {
		stands, err := s.keyStands(ctx, r.table, r.columns)
		if err != nil {
			return violations, 0, fmt.Errorf("rule %s: %w", r.name, err)
		}
		if rules++; !stands {
			all, rules = append(all, r.ledgerRule), rules-1
		}
	}
	for _, r := range all {
		v, err := s.hold(ctx, r)
		if err != nil {
			return violations, len(all), fmt.Errorf("rule %s: %w", r.name, err)
		}
		if v.Count > 0 {
			violations = append(violations, v)
		}
	}
	rules += len(messageRules()) + len(all)
	for _, part := range []func(context.Context) ([]Violation, int, error){s.sentAgrees, s.countsAgree} {
		found, n, err := part(ctx)
		if violations, rules = append(violations, found...), rules+n; err != nil {
			return violations, rules, err
		}
	}
	return violations, rules, nil
}

// ledgerRule is a rule with the query that finds the ids of what breaks it.
type ledgerRule struct {
	name, what, of, do string
	query              string
	args               []any
}

// keyRule is a rule that a unique key keeps by itself: while it stands there is nothing
// to look for.
type keyRule struct {
	table, columns string // of the key
	ledgerRule
}

// messageRule is a rule that each message keeps or breaks by itself.
type messageRule struct {
	name, what, where, do string
}

// examples is how many ids stand for what breaks a rule.
const examples = 5

func (s *Store) hold(ctx context.Context, r ledgerRule) (Violation, error) {
	v := Violation{Rule: r.name, What: r.what, Of: r.of, Do: r.do}
	rows, err := s.db.QueryContext(ctx, `SELECT x.id, count(*) OVER () FROM (`+r.query+`) x ORDER BY x.id LIMIT `+fmt.Sprint(examples), r.args...)
	v.IDs, err = collect(rows, err, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id, &v.Count) })
	return v, err
}

// keyStands tells whether the database has a unique key on a table's columns, as in
// "campaign_id,key", all of whose rows are in it.
func (s *Store) keyStands(ctx context.Context, table, columns string) (stands bool, err error) {
	query := `SELECT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
		AND $2 = (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY k (attribute, n)
			JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attribute))`
	if s.engine == audience.SQLite {
		query = `SELECT EXISTS (SELECT 1 FROM pragma_index_list($1) l WHERE l."unique" AND NOT l.partial
			AND $2 = (SELECT group_concat(i.name, ',') FROM pragma_index_info(l.name) i))`
	}
	err = s.db.QueryRowContext(ctx, query, table, columns).Scan(&stands)
	return stands, err
}

// holdEach looks for what breaks rules of single messages, in one pass.
func (s *Store) holdEach(ctx context.Context, rules []messageRule) ([]Violation, error) {
	all := make([]Violation, len(rules))
	columns, where := "", ""
	for i, r := range rules {
		all[i] = Violation{Rule: r.name, What: r.what, Of: "messages", Do: r.do}
		columns += `, CASE WHEN ` + r.where + ` THEN 1 ELSE 0 END`
		where += map[bool]string{true: ` WHERE `, false: ` OR `}[i == 0] + `(` + r.where + `)`
	}
	rows, err := s.db.QueryContext(ctx, `SELECT id`+columns+` FROM messages`+where+` ORDER BY id`)
	_, err = collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		broken := make([]int, len(rules))
		into := []any{&id}
		for i := range broken {
			into = append(into, &broken[i])
		}
		err = rows.Scan(into...)
		for i, is := range broken {
			if all[i].Count += is; is > 0 && len(all[i].IDs) < examples {
				all[i].IDs = append(all[i].IDs, id)
			}
		}
		return id, err
	})
	return slices.DeleteFunc(all, func(v Violation) bool { return v.Count == 0 }), err
}

const (
	doReport  = "this is a fault of the program; nothing is lost by it, and no mail is sent for it: report it with the ids"
	doRetry   = "look whether the mail arrived, then `tidings queue retry ID` or `tidings queue cancel ID`"
	doWorkers = "see whether a scheduler and a worker run and reach the database, Redis and the mail server; `tidings queue` shows what is open"
)

// messageRules are what holds of each message whenever no transaction is open.
func messageRules() []messageRule {
	return []messageRule{
		{"done", "a message has an end exactly when it is accepted, failed or cancelled",
			`(state IN ('accepted', 'failed', 'cancelled')) <> (done_at IS NOT NULL)`, doReport},
		{"accepted", "an accepted message has the server's 2xx, evidence that it arrived, or a person's word for it",
			`state = 'accepted' AND reason NOT IN ('evidence', '` + byHand + `') AND smtp_code NOT BETWEEN 200 AND 299`, doReport},
		{"claimed", "a claimed message has a lease and a slice",
			`state = 'claimed' AND (lease_until IS NULL OR slice_id IS NULL)`, "no sweep finds it: `tidings queue cancel ID`, or report it with the ids"},
		{"handoff", "a message that is handed over has the moment, a lease and a slice",
			`state = 'handoff' AND (handoff_at IS NULL OR lease_until IS NULL OR slice_id IS NULL)`, doReport},
		{"queued", "a queued message has a slice that exists",
			`state = 'queued' AND NOT EXISTS (SELECT 1 FROM slices l WHERE l.id = messages.slice_id)`, "no worker finds it: `tidings queue cancel ID`, or report it with the ids"},
		{"pending", "a pending message is in no slice",
			`state = 'pending' AND slice_id IS NOT NULL`, doReport},
		{"uncertain", "an uncertain message has the moment from which on it is, and how often it was",
			`state = 'uncertain' AND (uncertain_at IS NULL OR uncertain < 1)`, doRetry},
		{"reason", "a message that failed or was cancelled says why",
			`state IN ('failed', 'cancelled') AND reason = ''`, doReport},
		{"duplicate", "a message is marked as possibly sent twice only after a hand-over without a reply",
			`duplicate AND uncertain = 0`, doReport},
		{"attempts", "an accepted message was tried at least once, and none less than never",
			`attempt < 0 OR state = 'accepted' AND attempt < 1`, doReport},
	}
}

// keyRules are what the tables' keys keep.
func keyRules() []keyRule {
	return []keyRule{
		{"messages", "enrollment_id,step", ledgerRule{"once", "of a pass and a step there is one message", "messages", "mails may have gone out twice: see `tidings queue log` and the server's log; restore the unique key on messages (enrollment_id, step)",
			`SELECT max(id) AS id FROM messages GROUP BY enrollment_id, step HAVING count(*) > 1`, nil}},
		{"enrollments", "campaign_id,key", ledgerRule{"occurrence", "of a campaign and an occurrence there is one pass", "passes", "customers may have entered twice; restore the unique key on enrollments (campaign_id, key)",
			`SELECT max(id) AS id FROM enrollments GROUP BY campaign_id, key HAVING count(*) > 1`, nil}},
	}
}

// passRules are what holds of passes and their messages whenever no transaction is
// open.
func passRules() []ledgerRule {
	return []ledgerRule{
		{"owner", "a message is of its pass's campaign and customer", "messages", doReport,
			`SELECT m.id FROM messages m JOIN enrollments e ON e.id = m.enrollment_id WHERE m.campaign_id <> e.campaign_id OR m.customer_id <> e.customer_id`, nil},
		{"held_out", "a pass that is held out has no message", "passes", "the comparison with the holdout is off by these: leave them out of it",
			`SELECT e.id FROM enrollments e WHERE e.state = 'held_out' AND EXISTS (SELECT 1 FROM messages m WHERE m.enrollment_id = e.id)`, nil},
		{"ended", "a pass has an end exactly when it does not run", "passes", doReport,
			`SELECT id FROM enrollments WHERE (state = 'running') <> (ended_at IS NULL)`, nil},
		{"stuck", "a pass that runs has a moment at which it goes on, or an open message at its step", "passes",
			"it never goes on by itself: report it with the ids",
			`SELECT e.id FROM enrollments e WHERE e.state = 'running' AND e.wake_at IS NULL AND NOT EXISTS (SELECT 1 FROM messages m
				WHERE m.enrollment_id = e.id AND m.step = e.step AND m.state IN ('pending', 'queued', 'claimed', 'handoff', 'uncertain'))`, nil},
	}
}

// stalled is how long what nothing holds may stay where it is.
const stalled = time.Hour

// stallRules find what should long have moved on. They need a scheduler that runs:
// of a store that has not ticked lately they tell that.
func (s *Store) stallRules(at time.Time) []ledgerRule {
	before := func(d time.Duration) int64 { return campaign.Micros(at.Add(-stalled - d)) }
	return []ledgerRule{
		{"waits", "nothing that is due and held by nothing waits for longer than an hour", "messages", doWorkers,
			`SELECT m.id FROM messages m JOIN campaigns k ON k.id = m.campaign_id
				WHERE m.stage = 'pending' AND m.due_at < $1 AND m.gate = '' AND m.domain = '' AND ` + campaignRuns("k") + `
				AND NOT EXISTS (SELECT 1 FROM throttles) AND NOT EXISTS (SELECT 1 FROM spent p WHERE p.at >= $1)`, []any{before(0)}},
		{"leases", "nothing is queued, claimed or handed over for an hour longer than its lease", "messages", doWorkers,
			`SELECT m.id FROM messages m LEFT JOIN slices l ON l.id = m.slice_id
				WHERE m.stage = 'moving' AND (m.state = 'queued' AND coalesce(l.lease_until, l.queued_at) < $1 OR m.state IN ('claimed', 'handoff') AND m.lease_until < $2)`,
			[]any{before(queueGrace), before(handoffGrace)}},
		{"evidence", "nothing is uncertain for an hour longer than evidence has, unless a person must decide", "messages", doWorkers,
			`SELECT m.id FROM messages m JOIN campaigns k ON k.id = m.campaign_id
				WHERE m.stage = 'uncertain' AND m.uncertain_at < $1 AND m.uncertain < $2 AND NOT k.hold_uncertain AND k.removed_at IS NULL`,
			[]any{before(evidenceGrace), campaign.MaxUncertain}},
	}
}

// countsAgree holds what is counted once to what is counted anew: entries of ticks
// to passes, the report to the ledger's rows. n is how many rules these are.
func (s *Store) countsAgree(ctx context.Context) (out []Violation, n int, err error) {
	v, err := s.hold(ctx, ledgerRule{"entries", "the ticks of a campaign have counted as many entries as it has passes", "campaigns",
		"the usual number of entries, by which the fuse goes, is off: report it with the ids",
		`SELECT k.id FROM campaigns k WHERE (SELECT coalesce(sum(t.entered), 0) FROM ticks t WHERE t.campaign_id = k.id)
			<> (SELECT count(*) FROM enrollments e WHERE e.campaign_id = k.id)`, nil})
	if err != nil {
		return nil, 2, fmt.Errorf("rule entries: %w", err)
	}
	if v.Count > 0 {
		out = append(out, v)
	}
	if v, err = s.reportAgrees(ctx); err != nil {
		return nil, 2, fmt.Errorf("rule report: %w", err)
	}
	if v.Count > 0 {
		out = append(out, v)
	}
	return out, 2, nil
}

// farFuture is later than all that is stored.
var farFuture = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

// reportAgrees compares the report's figures with the ledger's states.
func (s *Store) reportAgrees(ctx context.Context) (Violation, error) {
	v := Violation{Rule: "report", What: "the report's figures add up to the ledger's rows", Of: "campaigns", Do: doReport}
	rows, err := s.db.QueryContext(ctx, `SELECT campaign_id, count(*), count(CASE WHEN state = 'accepted' THEN 1 END), count(CASE WHEN state = 'failed' THEN 1 END),
			count(CASE WHEN state = 'cancelled' THEN 1 END), count(CASE WHEN state = 'uncertain' THEN 1 END) FROM messages GROUP BY campaign_id ORDER BY campaign_id`)
	type sums struct{ id, all, accepted, failed, cancelled, uncertain int64 }
	found, err := collect(rows, err, func(rows *sql.Rows) (c sums, err error) {
		return c, rows.Scan(&c.id, &c.all, &c.accepted, &c.failed, &c.cancelled, &c.uncertain)
	})
	if err != nil {
		return v, err
	}
	for _, is := range found {
		r := campaign.CampaignReport{FailedBy: map[string]int{}, CancelledBy: map[string]int{}}
		if _, err := s.reportMessages(ctx, &r, is.id, farFuture); err != nil {
			return v, err
		}
		cancelled, failed := 0, 0
		for _, n := range r.CancelledBy {
			cancelled += n
		}
		for _, n := range r.FailedBy {
			failed += n
		}
		told := sums{is.id, int64(r.Sent + failed + cancelled + r.Uncertain + r.Waiting), int64(r.Sent), int64(failed), int64(cancelled), int64(r.Uncertain)}
		if told != is || failed != r.Failed {
			if v.Count++; len(v.IDs) < examples {
				v.IDs = append(v.IDs, is.id)
			}
		}
	}
	return v, nil
}
