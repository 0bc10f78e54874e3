package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// FindCustomers are the customers whom a person means by ref: the shop's id, ours
// as "#1", an earlier or anonymous id, or an address. Several have one address.
func (s *Store) FindCustomers(ctx context.Context, ref string) ([]campaign.Customer, error) {
	for _, look := range []struct {
		where string
		arg   any
	}{
		{"c.external_id = $1", ref},
		{"c.id = $1", ours(ref)},
		{"c.id IN (SELECT i.customer_id FROM identities i WHERE i.value = $1)", ref},
		{"c.email_hash = $1", campaign.AddressHash(ref)},
	} {
		rows, err := s.reader().QueryContext(ctx, `SELECT c.id, c.external_id, coalesce(c.email, ''), c.locale, c.timezone FROM customers c WHERE `+look.where+` ORDER BY c.id LIMIT 20`, look.arg)
		found, err := collect(rows, err, func(rows *sql.Rows) (c campaign.Customer, err error) {
			var external sql.NullString
			err = rows.Scan(&c.ID, &external, &c.Email, &c.Locale, &c.Timezone)
			c.ExternalID = externalOr(external, c.ID)
			return c, err
		})
		if err != nil {
			return nil, fmt.Errorf("find the customer: %w", err)
		}
		if len(found) > 0 {
			return found, nil
		}
	}
	return nil, nil
}

// ours reads "#1"; 0, nobody's id, for anything else.
func ours(ref string) int64 {
	digits, ok := strings.CutPrefix(ref, "#")
	id, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil {
		return 0
	}
	return id
}

// PassStories are the customer's passes through a campaign as they were at a
// moment, the first first, with what is known of their mails by then.
func (s *Store) PassStories(ctx context.Context, c *campaign.Campaign, customer int64, at time.Time) ([]campaign.PassStory, error) {
	us := campaign.Micros(at)
	names := append([]string{c.Name}, c.Was...)
	rows, err := s.reader().QueryContext(ctx, `SELECT e.id, e.key, e.entered_at, e.ended_at, e.state, e.reason, e.step, e.wake_at
		FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id
		WHERE e.customer_id = $1 AND e.entered_at <= $2 AND e.decided_at <= $2 AND k.name IN (SELECT n.name FROM `+s.rows("$3", "name text")+` n)
		ORDER BY e.entered_at, e.id`, customer, us, array(wrap(names)))
	var ids []int64
	out, err := collect(rows, err, func(rows *sql.Rows) (p campaign.PassStory, err error) {
		var id, entered int64
		var ended, wakes sql.NullInt64
		err = rows.Scan(&id, &p.Key, &entered, &ended, &p.State, &p.Reason, &p.Step, &wakes)
		ids = append(ids, id)
		p.Entered, p.Ended, p.Wakes = campaign.FromMicros(entered), momentOf(ended), momentOf(wakes)
		p.Step = strings.TrimPrefix(p.Step, enterPrefix)
		if p.Ended != nil && p.Ended.After(at) && p.State != campaign.PassHeldOut {
			p.State, p.Reason, p.Ended = campaign.PassRunning, "", nil
		}
		if p.State != campaign.PassRunning {
			p.Step, p.Wakes = "", nil
		}
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the customer's passes: %w", err)
	}
	for i := range out {
		if out[i].Mails, err = s.mailStories(ctx, ids[i], us); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// saidOf is an SQL expression: what was said of a message the last time.
const saidOf = `CASE WHEN detail <> '' OR smtp_code = 0 THEN detail ELSE trim(replace(smtp_code || ' ' || smtp_enhanced || ' ' || smtp_text, '  ', ' ')) END`

func (s *Store) mailStories(ctx context.Context, pass, at int64) ([]campaign.MailStory, error) {
	rows, err := s.reader().QueryContext(ctx, `SELECT step, `+stateAsOf+`, CASE WHEN done_at <= $2 THEN reason ELSE '' END, CASE WHEN done_at <= $2 THEN done_at END,
			CASE WHEN state = 'failed' AND done_at <= $2 OR state = 'uncertain' AND uncertain_at <= $2 THEN `+saidOf+` ELSE '' END
		FROM messages WHERE enrollment_id = $1 AND created_at <= $2 ORDER BY created_at, id`, pass, at)
	out, err := collect(rows, err, func(rows *sql.Rows) (m campaign.MailStory, err error) {
		var done sql.NullInt64
		err = rows.Scan(&m.Step, &m.State, &m.Reason, &done, &m.Said)
		m.Done, m.Said = momentOf(done), campaign.WithoutAddresses(m.Said)
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the customer's mails: %w", err)
	}
	return out, nil
}

func momentOf(us sql.NullInt64) *time.Time {
	if !us.Valid {
		return nil
	}
	t := campaign.FromMicros(us.Int64)
	return &t
}
