package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// Letters are what mails to the customers of up to n passes of a campaign would be
// made of, the latest first: passes that are running, or that a tick at the moment
// has begun. The Step of each is where its pass stands. Called within a rehearsal,
// after its tick.
func (s *Store) Letters(ctx context.Context, c *campaign.Campaign, at time.Time, n int) ([]campaign.Outgoing, error) {
	out, err := s.letters(ctx, c, at, `c.email IS NOT NULL AND (e.state = 'running' OR e.decided_at = $2 AND e.state = 'finished')
		ORDER BY e.id DESC LIMIT $3`, campaign.Micros(at), n)
	if err != nil {
		return nil, fmt.Errorf("find who is to get mails of %s: %w", c.Name, err)
	}
	return out, nil
}

// letters are what mails of passes of a campaign would be made of at a moment; which
// says of which passes, by the names e and c for passes and customers and by args,
// from $2 on.
func (s *Store) letters(ctx context.Context, c *campaign.Campaign, at time.Time, which string, args ...any) ([]campaign.Outgoing, error) {
	var passes []audience.PassAt
	rows, err := s.reader().QueryContext(ctx, `SELECT e.id, e.key, e.anchor_at, e.entered_at, e.anchor, e.step,
			c.id, coalesce(c.external_id, ''), coalesce(c.email, ''), c.locale, c.timezone, c.attributes
		FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id JOIN customers c ON c.id = e.customer_id
		WHERE k.name = $1 AND k.removed_at IS NULL AND `+which, append([]any{c.Name}, args...)...)
	out, err := collect(rows, err, func(rows *sql.Rows) (campaign.Outgoing, error) {
		o := campaign.Outgoing{Campaign: c.Name, Now: at, Attempt: 1}
		var anchor, entered int64
		var trigger, attributes []byte
		err := rows.Scan(&o.Pass, &o.Key, &anchor, &entered, &trigger, &o.Step,
			&o.Customer.ID, &o.Customer.ExternalID, &o.Customer.Email, &o.Customer.Locale, &o.Customer.Timezone, &attributes)
		if err != nil {
			return o, err
		}
		o.Anchor, o.Trigger, o.Step = campaign.FromMicros(anchor), trigger, strings.TrimPrefix(o.Step, enterPrefix)
		if err := json.Unmarshal(attributes, &o.Customer.Attributes); err != nil {
			return o, fmt.Errorf("attributes of customer %d: %w", o.Customer.ID, err)
		}
		passes = append(passes, audience.PassAt{
			ID: o.Pass, Customer: o.Customer.ID, Anchor: o.Anchor, Entered: campaign.FromMicros(entered), Trigger: trigger, AsOf: at})
		return o, nil
	})
	if err != nil {
		return nil, err
	}
	if _, about := c.Trigger.(campaign.AbandonedCart); !about {
		return out, nil
	}
	carts, err := s.eval.Carts(ctx, s.reader(), passes)
	if err != nil {
		return nil, fmt.Errorf("read carts: %w", err)
	}
	var gone map[string]bool
	if cart, _ := c.Trigger.(campaign.AbandonedCart); cart.OutOfStock != campaign.KeepGone {
		if gone, err = s.goneOf(ctx, s.reader(), carts); err != nil {
			return nil, err
		}
	}
	for i := range out {
		out[i].Cart = carts[out[i].Pass].Without(gone)
	}
	return out, nil
}
