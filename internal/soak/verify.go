package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// ended is a message as the ledger has it in the end.
type ended struct {
	id             int64
	customer, kind string
	state          campaign.State
	reason         string
	duplicate      bool
	uncertain      int
}

// wrong tells what does not fit a message that the mail server took n times.
func (m ended) wrong(n int) string {
	done := m.state == campaign.Failed || m.state == campaign.Cancelled
	switch {
	case n > 1 && !m.duplicate:
		return "is not marked as sent again"
	case n > campaign.MaxUncertain:
		return "was sent too often"
	case m.state == campaign.Accepted && n == 0:
		return "never came to the server"
	case done && m.reason == "":
		return "has no reason"
	case done && n > 0 && m.uncertain == 0:
		return "was sent after all"
	case m.state == campaign.Uncertain && m.uncertain != campaign.MaxUncertain:
		return "is left uncertain"
	case !m.state.Terminal() && m.state != campaign.Uncertain:
		return "is not at rest"
	}
	return ""
}

// verdict is what a rig looks like when it has come to rest.
type verdict struct {
	Messages   int            `json:"messages"`
	States     map[string]int `json:"states"`
	Taken      int            `json:"taken"`      // by the mail server
	Twice      int            `json:"twice"`      // taken by it a second time
	Bound      int            `json:"bound"`      // as many may be
	Unresolved int            `json:"unresolved"` // left for a person
	Problems   []string       `json:"problems"`
}

func (v *verdict) problem(format string, args ...any) {
	const most = 20
	if len(v.Problems) < most {
		v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
	}
}

// verify compares what the ledger says with what the mail server has.
func (r *rig) verify(ctx context.Context) (*verdict, error) {
	v := &verdict{States: map[string]int{}, Problems: r.mail.complaints()}
	all, err := r.ends(ctx)
	if err != nil {
		return nil, err
	}
	taken := r.mail.Counts()
	v.Messages, v.Taken = len(all), r.mail.Total()
	kinds := map[string]map[string]int{}
	for _, m := range all {
		id := strconv.FormatInt(m.id, 10)
		n := taken[id]
		delete(taken, id)
		if wrong := m.wrong(n); wrong != "" {
			v.problem("message %d to %s, %s (%s), taken %d times, %s", m.id, m.customer, m.state, m.reason, n, wrong)
		}
		if who, gone := r.left[m.id]; gone && n > 0 {
			v.problem("message %d was sent to %s, who had unsubscribed", m.id, who)
		}
		v.Twice += max(0, n-1)
		v.States[string(m.state)]++
		if m.state == campaign.Uncertain {
			v.Unresolved++
		}
		if kinds[m.customer] == nil {
			kinds[m.customer] = map[string]int{}
		}
		kinds[m.customer][m.kind]++
	}
	for id, n := range taken {
		v.problem("message %q, which is in no ledger, was taken %d times", id, n)
	}
	dead, err := r.names(ctx, `SELECT c.external_id FROM customers c WHERE EXISTS (SELECT 1 FROM suppressions s WHERE s.email_hash = c.email_hash)`)
	if err != nil {
		return nil, err
	}
	r.decided(v, kinds, dead)
	unheard, _ := r.mail.counts()
	if v.Bound = r.doubts + unheard; v.Twice > v.Bound {
		v.problem("%d mails came twice; %d connections were cut in the moment of doubt, and %d replies held back", v.Twice, r.doubts, unheard)
	}
	if err := r.events(ctx, v); err != nil {
		return nil, err
	}
	if err := r.capped(ctx, v); err != nil {
		return nil, err
	}
	if code, said := r.run(ctx, "doctor", "--ledger"); code != 0 {
		v.problem("doctor --ledger: exit code %d: %s", code, said)
	}
	slices.Sort(v.Problems)
	return v, nil
}

// decided wants every customer's first mails decided, once each; those who had
// unsubscribed before perhaps not, nor those whose address was found dead.
func (r *rig) decided(v *verdict, kinds map[string]map[string]int, dead map[string]bool) {
	for i := range r.made {
		who := fmt.Sprintf("c%d", i+1)
		for _, kind := range []string{"series/letter", "receipt/letter"} {
			if n := kinds[who][kind]; n > 1 || n == 0 && !dead[who] && !(r.gone[who] && strings.HasPrefix(kind, "series/")) {
				v.problem("%s of %s was decided %d times", kind, who, n)
			}
		}
		if n := kinds[who]["series/again"]; n > 1 {
			v.problem("series/again of %s was decided %d times", who, n)
		}
	}
}

// names is the one column of a query, as a set.
func (r *rig) names(ctx context.Context, query string) (map[string]bool, error) {
	rows, err := r.db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		out[name] = true
	}
	return out, rows.Err()
}

// capMost mails within capSpan is the cap of the soak's workspace.
const (
	capMost = 2
	capSpan = 3 * time.Hour
)

// capped wants nobody sent more than the cap allows.
func (r *rig) capped(ctx context.Context, v *verdict) error {
	rows, err := r.db.QueryContext(ctx, `SELECT c.external_id, m.done_at FROM messages m JOIN customers c ON c.id = m.customer_id
		WHERE m.topic <> '' AND m.state = 'accepted' ORDER BY c.id, m.done_at`)
	if err != nil {
		return fmt.Errorf("read what was sent: %w", err)
	}
	defer rows.Close()
	var who string
	var last []time.Time
	for rows.Next() {
		var customer string
		var done int64
		if err := rows.Scan(&customer, &done); err != nil {
			return fmt.Errorf("read what was sent: %w", err)
		}
		if customer != who {
			who, last = customer, nil
		}
		last = append(last, campaign.FromMicros(done))
		if n := len(last); n > capMost && last[n-1].Sub(last[n-1-capMost]) < capSpan {
			v.problem("%s was sent %d mails within %s, up to %s", who, capMost+1, last[n-1].Sub(last[n-1-capMost]), last[n-1].Format(time.RFC3339))
		}
	}
	return rows.Err()
}

func (r *rig) ends(ctx context.Context) ([]ended, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT m.id, c.external_id, k.name || '/' || m.step, m.state, m.reason, m.duplicate, m.uncertain
		FROM messages m JOIN customers c ON c.id = m.customer_id JOIN campaigns k ON k.id = m.campaign_id ORDER BY m.id`)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	defer rows.Close()
	var out []ended
	for rows.Next() {
		var m ended
		if err := rows.Scan(&m.id, &m.customer, &m.kind, &m.state, &m.reason, &m.duplicate, &m.uncertain); err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

// events wants one event for every mail that was accepted, and none besides.
func (r *rig) events(ctx context.Context, v *verdict) error {
	var lacking, beyond sql.NullInt64
	err := r.db.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM messages m WHERE m.state = 'accepted' AND NOT EXISTS (SELECT 1 FROM events e WHERE e.uid = 'sent:' || m.id)),
		(SELECT count(*) FROM events e WHERE e.name = 'Email Sent' AND NOT EXISTS
			(SELECT 1 FROM messages m WHERE e.uid = 'sent:' || m.id AND m.state = 'accepted'))`).Scan(&lacking, &beyond)
	if err != nil {
		return fmt.Errorf("compare mails with events: %w", err)
	}
	if lacking.Int64+beyond.Int64 > 0 {
		v.problem("%d accepted mails have no event, %d events no accepted mail", lacking.Int64, beyond.Int64)
	}
	return nil
}
