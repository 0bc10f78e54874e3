package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// What was done by hand or by the breaker, as the audit log names it.
const (
	auditPause   = "pause"
	auditResume  = "resume"
	auditAlarm   = "alarm"
	auditRelease = "release"
	auditRetry   = "retry"
	auditAccept  = "accept"
	auditCancel  = "cancel"
	auditErase   = "erase"
)

// auditRow is what somebody did: to a message, or to a campaign when there is none.
type auditRow struct {
	action            string
	campaign, message int64 // 0: none
	detail            string
}

// audit writes down who did what.
func (s *Store) audit(ctx context.Context, tx *sql.Tx, who string, now time.Time, done ...auditRow) error {
	in := make([][]any, len(done))
	for i, r := range done {
		in[i] = []any{r.action, orNull(r.campaign), orNull(r.message), clip(r.detail)}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO audit (at, who, action, campaign_id, message_id, detail)
		SELECT $2, $3, x.action, x.campaign_id, x.message_id, x.detail
		FROM `+s.rows("$1", "action text", "campaign_id bigint", "message_id bigint", "detail text")+` x`,
		array(in), campaign.Micros(now), clip(who))
	if err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

// orNull is an id as a parameter; 0 is null.
func orNull(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// auditRanges is how many runs of ids the log keeps of one act.
const auditRanges = 20

// auditMany says how many messages an act was done to, in which states they were,
// and which ones: ids one after the other as 4–9, the first runs of very many.
func auditMany(done []actRow) string {
	states := map[string]int{}
	var runs [][2]int64
	for _, r := range done {
		states[string(r.state)]++
		if n := len(runs); n > 0 && runs[n-1][1]+1 == r.id {
			runs[n-1][1] = r.id
		} else {
			runs = append(runs, [2]int64{r.id, r.id})
		}
	}
	out := fmt.Sprintf("%d mails", len(done))
	if len(done) == 1 {
		out = "1 mail"
	}
	for i, state := range campaign.Most(states) {
		out += map[bool]string{true: ", ", false: " and "}[i == 0] + state
	}
	for i, run := range runs {
		switch {
		case i == auditRanges:
			return out + ", …"
		case i == 0:
			out += ": "
		default:
			out += ", "
		}
		if out += fmt.Sprint(run[0]); run[1] > run[0] {
			out += fmt.Sprintf("–%d", run[1])
		}
	}
	return out
}

// Done is an entry of the audit log.
type Done struct {
	At       time.Time `json:"at"`
	Who      string    `json:"who"`
	Action   string    `json:"action"`
	Campaign string    `json:"campaign,omitempty"`
	Message  int64     `json:"message,omitempty"`
	Step     string    `json:"step,omitempty"`     // of the message
	Customer string    `json:"customer,omitempty"` // the shop's id, or ours as "#1"
	// Detail is why a campaign was paused, in which state a message was, how many they
	// were and which, or what was let go.
	Detail string `json:"detail,omitempty"`
}

// Audit is the audit log up to a moment, the latest first, at most limit entries;
// more is how many there are beyond them.
func (s *Store) Audit(ctx context.Context, at time.Time, limit int) (done []Done, more int, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT a.at, a.who, a.action, coalesce(k.name, ''), coalesce(a.message_id, 0), a.detail,
			coalesce(m.step, ''), coalesce(m.customer_id, 0), c.external_id
		FROM audit a LEFT JOIN campaigns k ON k.id = a.campaign_id LEFT JOIN messages m ON m.id = a.message_id LEFT JOIN customers c ON c.id = m.customer_id WHERE a.at <= $1 ORDER BY a.at DESC, a.id DESC LIMIT $2`,
		campaign.Micros(at), limit)
	done, err = collect(rows, err, func(rows *sql.Rows) (d Done, err error) {
		var at, customer int64
		var external sql.NullString
		err = rows.Scan(&at, &d.Who, &d.Action, &d.Campaign, &d.Message, &d.Detail, &d.Step, &customer, &external)
		if d.At = campaign.FromMicros(at); customer != 0 {
			d.Customer = externalOr(external, customer)
		}
		return d, err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read the audit log: %w", err)
	}
	if err := s.db.QueryRowContext(ctx, `SELECT count(*) FROM audit WHERE at <= $1`, campaign.Micros(at)).Scan(&more); err != nil {
		return nil, 0, fmt.Errorf("count the audit log: %w", err)
	}
	return done, more - len(done), nil
}
