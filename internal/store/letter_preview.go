package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"time"
)

// LetterSource says what of a preview's data is the store's own.
type LetterSource int

// The sources, the best first.
const (
	FromPass     LetterSource = iota // a pass that the customer has gone into
	FromOccasion                     // an occurrence of the trigger that has let nobody in
	FromCustomer                     // the customer alone: nothing has begun
)

// LetterOf is what a mail of a campaign to one customer would be made of at a moment:
// by the running pass, else the latest one, else the latest occurrence of the trigger,
// whoever the audience is. The Step is where the pass stands. It only reads.
func (s *Store) LetterOf(ctx context.Context, c *campaign.Campaign, customer int64, at time.Time) (campaign.Outgoing, LetterSource, error) {
	found, err := s.letters(ctx, c, at, `c.id = $2 AND e.entered_at <= $3
		ORDER BY CASE WHEN e.state = 'running' THEN 0 ELSE 1 END, e.id DESC LIMIT 1`, customer, campaign.Micros(at))
	if err != nil {
		return campaign.Outgoing{}, 0, fmt.Errorf("find the customer's pass through %s: %w", c.Name, err)
	}
	if len(found) > 0 {
		return found[0], FromPass, nil
	}
	o := campaign.Outgoing{Campaign: c.Name, Now: at, Attempt: 1, Anchor: at}
	people, err := s.customersBy(ctx, `c.id = $1`, customer)
	if err != nil || len(people) == 0 {
		return o, 0, fmt.Errorf("read the customer: %w", err)
	}
	o.Customer = people[0]
	open := *c
	open.Audience, open.EnterWhen = nil, nil
	occasions, err := s.eval.Candidates(ctx, s.reader(), &open, audience.Window{
		From: at.Add(-lookback), To: c.Trigger.Delay().After(at), Customer: customer,
	})
	if err != nil || len(occasions) == 0 {
		return o, FromCustomer, err
	}
	out, err := s.occasionLetters(ctx, c, at, occasions[len(occasions)-1:], map[int64]campaign.Customer{customer: o.Customer})
	if err != nil {
		return o, 0, err
	}
	return out[0], FromOccasion, nil
}

// occasionLetters are what mails for occurrences of a campaign's trigger would be made
// of at a moment, to those of their customers who are known.
func (s *Store) occasionLetters(ctx context.Context, c *campaign.Campaign, at time.Time, occasions []campaign.Candidate, known map[int64]campaign.Customer) ([]campaign.Outgoing, error) {
	var out []campaign.Outgoing
	var asked []audience.PassAt
	for _, one := range occasions {
		to, ok := known[one.Customer]
		if !ok {
			continue
		}
		asked = append(asked, audience.PassAt{ID: int64(len(out)), Customer: one.Customer, Anchor: one.Anchor, Entered: at, Trigger: one.Trigger, AsOf: at})
		out = append(out, campaign.Outgoing{Campaign: c.Name, Now: at, Attempt: 1, Customer: to, Key: one.Key, Anchor: one.Anchor, Trigger: one.Trigger})
	}
	cart, about := c.Trigger.(campaign.AbandonedCart)
	if !about {
		return out, nil
	}
	carts, err := s.eval.Carts(ctx, s.reader(), asked)
	if err != nil {
		return nil, fmt.Errorf("read carts: %w", err)
	}
	var gone map[string]bool
	if cart.OutOfStock != campaign.KeepGone {
		if gone, err = s.goneOf(ctx, s.reader(), carts); err != nil {
			return nil, err
		}
	}
	for i := range out {
		out[i].Cart = carts[int64(i)].Without(gone)
	}
	return out, nil
}

// customersBy are customers with an address, as templates see them.
func (s *Store) customersBy(ctx context.Context, which string, args ...any) ([]campaign.Customer, error) {
	rows, err := s.reader().QueryContext(ctx, `SELECT c.id, coalesce(c.external_id, ''), coalesce(c.email, ''), c.locale, c.timezone, c.attributes
		FROM customers c WHERE `+which, args...)
	return collect(rows, err, func(rows *sql.Rows) (c campaign.Customer, err error) {
		var attributes []byte
		if err := rows.Scan(&c.ID, &c.ExternalID, &c.Email, &c.Locale, &c.Timezone, &attributes); err != nil {
			return c, err
		}
		if err := json.Unmarshal(attributes, &c.Attributes); err != nil {
			return c, fmt.Errorf("attributes of customer %d: %w", c.ID, err)
		}
		return c, nil
	})
}

// SpreadCustomers are up to n customers with an address, from all over the store,
// each once. The cost is that of n look-ups, however many customers there are.
func (s *Store) SpreadCustomers(ctx context.Context, n int) ([]campaign.Customer, error) {
	var first, last sql.NullInt64
	if err := s.reader().QueryRowContext(ctx, `SELECT min(id), max(id) FROM customers`).Scan(&first, &last); err != nil || !first.Valid || n < 1 {
		return nil, err
	}
	span, points := last.Int64-first.Int64+1, [][]any{}
	for i := range int64(min(int64(n), span)) {
		points = append(points, []any{first.Int64 + i*span/min(int64(n), span)})
	}
	// A point that falls into a gap takes the next customer after it.
	found, err := s.customersBy(ctx, `c.id IN (SELECT (SELECT min(d.id) FROM customers d WHERE d.id >= p.at AND d.email IS NOT NULL)
		FROM `+s.rows("$1", "at bigint")+` p) ORDER BY c.id`, array(points))
	if err != nil {
		return nil, fmt.Errorf("sample customers: %w", err)
	}
	return found, nil
}
