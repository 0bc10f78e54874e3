package audience

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// stage adds what the attribute stage is worked out from.
func (w *watch) stage() {
	var edges []edge
	for _, after := range []time.Duration{newFor, atRiskFrom, lapsedFrom, atRiskGaps * usualGap, lapsedGaps * usualGap} {
		edges = append(edges, edge{by: campaign.Of(after), past: true})
	}
	w.orders(edges...)
	w.overdue = append(w.overdue, overdue{gaps: atRiskGaps}, overdue{gaps: lapsedGaps})
	w.events(campaign.ProductReviewed)
	w.events("Referral Completed")
	for _, name := range []string{campaign.ProductViewed, campaign.ProductAdded, campaign.CheckoutStarted} {
		w.events(name, edge{by: campaign.Of(considering)})
	}
}

// overdueMoments adds the moments at which a customer becomes overdue. They hang
// on the customer's own usual gap, which no index knows: for all customers the
// orders of everybody are read.
func (e *Evaluator) overdueMoments(ctx context.Context, q Querier, w *watch, customers []int64, s stretch, out moments) error {
	if len(w.overdue) == 0 {
		return nil
	}
	if customers == nil {
		var err error
		if customers, err = e.mayBeOverdue(ctx, q, w, s); err != nil {
			return err
		}
	}
	// Last order and gap are what they were until the next moment of change.
	var asked []PassAt
	for _, customer := range customers {
		asked = append(asked, PassAt{ID: int64(len(asked)), Customer: customer, AsOf: s.from})
		for _, at := range out[customer] {
			asked = append(asked, PassAt{ID: int64(len(asked)), Customer: customer, AsOf: campaign.FromMicros(at)})
		}
	}
	values, err := e.ComputedValue(ctx, q, []string{"orders.last_at", "orders.gap"}, asked)
	if err != nil {
		return err
	}
	for _, p := range asked {
		last, known := values[p.ID]["orders.last_at"].(time.Time)
		gap, usual := values[p.ID]["orders.gap"].(float64)
		if !known || !usual {
			continue
		}
		for _, o := range w.overdue {
			at := o.fixed.After(last).Add(time.Duration(o.gaps * gap * float64(day)))
			// A length in days is rounded.
			for us := time.Duration(-2); us <= 3; us++ {
				if m := at.Add(us * time.Microsecond); s.has(m, false) {
					out.add(p.Customer, m)
				}
			}
		}
	}
	return nil
}

// mayBeOverdue are the customers with three orders or more, of whom some moment
// of w.overdue can lie in s. A median of gaps is at most half of them all.
func (e *Evaluator) mayBeOverdue(ctx context.Context, q Querier, w *watch, s stretch) ([]int64, error) {
	b := e.builder(nil)
	gaps, least, most := 0.0, w.overdue[0].fixed.Fixed, time.Duration(0)
	for _, o := range w.overdue {
		gaps, least, most = max(gaps, o.gaps), min(least, o.fixed.Fixed), max(most, o.fixed.Fixed)
	}
	query := "SELECT k.customer_id FROM events k WHERE " + and("k.name = "+b.text(campaign.OrderCompleted), "k.occurred_at <= "+b.int(campaign.Micros(s.to))) +
		fmt.Sprintf(" GROUP BY k.customer_id HAVING count(*) >= 3 AND min(k.occurred_at) + %d <= %s", least.Microseconds(), b.int(campaign.Micros(s.to))) +
		fmt.Sprintf(" AND max(k.occurred_at) + (max(k.occurred_at) - min(k.occurred_at)) / 2 * %d + %d >= %s", int64(gaps+1), most.Microseconds(), b.int(campaign.Micros(s.from)))
	var out []int64
	rows, err := b.query(ctx, q, query)
	if err := each(rows, err, func(rows *sql.Rows) error {
		var id int64
		defer func() { out = append(out, id) }()
		return rows.Scan(&id)
	}); err != nil {
		return nil, fmt.Errorf("find who may be overdue: %w", err)
	}
	return out, nil
}
