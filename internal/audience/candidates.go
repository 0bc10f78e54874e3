package audience

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// Candidates are the occurrences of c's trigger that could first be decided in
// (w.From, w.To], each judged as of its own moment: not cancelled by then,
// matching the trigger's where, in the audience and holding enter_when. They
// come in the order of admission.
func (e *Evaluator) Candidates(ctx context.Context, q Querier, c *campaign.Campaign, w Window) ([]campaign.Candidate, error) {
	var found []campaign.Candidate
	parts, err := e.stretches(ctx, q, c, w)
	if err != nil {
		return nil, fmt.Errorf("find candidates of %s: %w", c.Name, err)
	}
	for _, part := range parts {
		some, err := e.candidates(ctx, q, c, part)
		if err != nil {
			return nil, fmt.Errorf("find candidates of %s: %w", c.Name, err)
		}
		found = append(found, some...)
	}
	campaign.SortCandidates(found)
	return found, nil
}

func (e *Evaluator) candidates(ctx context.Context, q Querier, c *campaign.Campaign, w Window) (found []campaign.Candidate, err error) {
	switch t := c.Trigger.(type) {
	case campaign.AbandonedCart:
		found, err = e.abandonedCarts(ctx, q, c, t, w)
	case campaign.AbandonedBrowse:
		found, err = e.abandonedBrowses(ctx, q, c, t, w)
	case campaign.Replenishment:
		found, err = e.replenishments(ctx, q, c, t, w)
	case campaign.OnProduct:
		found, err = e.onProduct(ctx, q, c, t, w)
	case campaign.OnDate:
		found, err = e.onDate(ctx, q, c, t, w)
	case campaign.Schedule:
		found, err = e.scheduled(ctx, q, c, t, w)
	case campaign.SegmentChange:
		found, err = e.segmentChanges(ctx, q, c, t, w)
	default:
		found, err = e.eventCandidates(ctx, q, c, w)
	}
	return found, err
}

// eventCandidates are those of the triggers that SQL decides whole.
func (e *Evaluator) eventCandidates(ctx context.Context, q Querier, c *campaign.Campaign, w Window) ([]campaign.Candidate, error) {
	b := e.builder(c)
	b.lookedAtIn(w)
	var where string
	switch t := c.Trigger.(type) {
	case campaign.PastPurchase:
		where = and("NOT EXISTS (SELECT 1"+b.cancels(t)+")", b.properties("x.anchor", t.Where), b.nth(t))
	case campaign.AbandonedCheckout:
		where = and("NOT EXISTS (SELECT 1"+b.cancels(t)+")", "NOT EXISTS (SELECT 1"+b.laterSame(t.AnchorNames())+")", b.properties("x.anchor", t.Where))
	case campaign.Inactivity:
		where = and("NOT EXISTS (SELECT 1"+b.cancels(t)+")", "NOT EXISTS (SELECT 1"+b.sooner(t)+")", b.properties("x.anchor", t.Where))
	case campaign.OnEvent:
		where = b.properties("x.anchor", t.Where)
	default:
		return nil, fmt.Errorf("%T is not a trigger of the language", t)
	}
	admitted, err := b.condition(admits(c))
	if err != nil {
		return nil, err
	}
	return b.found(ctx, q, c.Trigger, w, and(where, admitted))
}

// nth holds for the order that is the customer's nth of those that pass where and
// were not taken back whole, in the order in which they happened, as known at the
// moment.
func (b *builder) nth(t campaign.PastPurchase) string {
	if t.Nth < 1 {
		return sqlTrue
	}
	before := and("o.customer_id = x.customer_id", "o.name = "+b.text(campaign.OrderCompleted), "o.occurred_at <= x.anchor_at",
		"(o.occurred_at < x.anchor_at OR o.id < x.id)", "o.known_at <= x.as_of", b.properties("o.properties", t.Where),
		"NOT EXISTS (SELECT 1"+happened+and("k.name IN "+b.names(cancelNames(t)), "k.occurred_at > o.occurred_at", b.takesBack("o.occurred_at", "o.properties"))+")")
	if t.Nth == 1 {
		return "NOT EXISTS (SELECT 1 FROM events o WHERE " + before + ")"
	}
	return "(SELECT count(*) FROM (SELECT 1 FROM events o WHERE " + before + " LIMIT " + b.int(int64(t.Nth)) + ") earlier) = " + b.int(int64(t.Nth-1))
}

// admits is what must hold on entry.
func admits(c *campaign.Campaign) campaign.Condition {
	var all campaign.All
	for _, cond := range []campaign.Condition{c.Audience, c.EnterWhen} {
		if cond != nil {
			all = append(all, cond)
		}
	}
	return all
}

// admitted are those of found in whose moment c lets their customers in.
func (e *Evaluator) admitted(ctx context.Context, q Querier, c *campaign.Campaign, found []campaign.Candidate) ([]campaign.Candidate, error) {
	if len(admits(c).(campaign.All)) == 0 || len(found) == 0 {
		return found, nil
	}
	held, err := e.Holds(ctx, q, c, admits(c), passesOf(found))
	if err != nil {
		return nil, err
	}
	return keep(found, func(i int) bool { return held[int64(i)] }), nil
}

// passesOf are the passes that candidates would begin, by their positions.
func passesOf(found []campaign.Candidate) []PassAt {
	passes := make([]PassAt, len(found))
	for i, one := range found {
		passes[i] = PassAt{ID: int64(i), Customer: one.Customer, Anchor: one.Anchor, Entered: one.AsOf, Trigger: one.Trigger, AsOf: one.AsOf}
	}
	return passes
}

// keep is found without the positions that wanted refuses; it uses found up.
func keep(found []campaign.Candidate, wanted func(i int) bool) []campaign.Candidate {
	out := found[:0]
	for i, one := range found {
		if wanted(i) {
			out = append(out, one)
		}
	}
	return out
}

// found runs the search for anchors of t with where, and makes candidates.
func (b *builder) found(ctx context.Context, q Querier, t campaign.Trigger, w Window, where string) ([]campaign.Candidate, error) {
	x, err := b.anchorsIn(t.AnchorNames(), t.Delay(), w)
	if err != nil {
		return nil, err
	}
	_, inactive := t.(campaign.Inactivity)
	named, customers := "''", ""
	if inactive { // whose occurrences are named after their customers
		named, customers = "COALESCE(c.external_id, '')", " JOIN customers c ON c.id = x.customer_id"
	}
	query := "SELECT x.customer_id, x.uid, " + named + ", x.anchor_at, x.due, x.as_of, x.anchor FROM " + x + " x" + customers + " WHERE " + where
	var out []campaign.Candidate
	rows, err := b.query(ctx, q, query)
	err = each(rows, err, func(rows *sql.Rows) error {
		var one campaign.Candidate
		var external string
		var anchor, due, asOf int64
		var properties []byte
		if err := rows.Scan(&one.Customer, &one.Key, &external, &anchor, &due, &asOf, &properties); err != nil {
			return err
		}
		one.Anchor, one.Due, one.AsOf = campaign.FromMicros(anchor), campaign.FromMicros(due), campaign.FromMicros(asOf)
		one.Trigger = json.RawMessage(properties)
		if inactive {
			one.Key = InactivityKey(CustomerRef(one.Customer, external), one.Anchor)
		}
		out = append(out, one)
		return nil
	})
	return out, err
}

// scheduled are the local moments of a schedule for every customer there was.
func (e *Evaluator) scheduled(ctx context.Context, q Querier, c *campaign.Campaign, t campaign.Schedule, w Window) ([]campaign.Candidate, error) {
	moments, err := e.moments(ctx, q, c, t, w)
	if err != nil || len(moments) == 0 {
		return nil, err
	}
	b := e.builder(c)
	b.lookedAtIn(w)
	table, err := b.table([]column{{"n", "bigint"}, {"zone", "text"}, {"anchor_at", "bigint"}, {"as_of", "bigint"}, {"anchor", "json"}}, moments)
	if err != nil {
		return nil, err
	}
	zone := ""
	if c.Zone == "customer" {
		zone = "c.timezone = o.zone AND "
	}
	admitted, err := b.condition(admits(c))
	if err != nil {
		return nil, err
	}
	query := "WITH o AS MATERIALIZED " + table + " SELECT x.customer_id, x.n, COALESCE(x.external_id, '') FROM " +
		"(SELECT c.id AS customer_id, c.external_id, o.n, o.anchor_at, o.as_of, o.as_of AS entered_at, o.anchor FROM o JOIN customers c ON " +
		b.only("c.id", w) + zone + "c.created_at <= o.as_of) x WHERE " + admitted
	var out []campaign.Candidate
	rows, err := b.query(ctx, q, query)
	err = each(rows, err, func(rows *sql.Rows) error {
		var one campaign.Candidate
		var n int
		var external string
		if err := rows.Scan(&one.Customer, &n, &external); err != nil {
			return err
		}
		m := moments[n]
		one.Anchor, one.AsOf = campaign.FromMicros(m[2].(int64)), campaign.FromMicros(m[3].(int64))
		one.Due, one.Trigger = one.AsOf, m[4].(json.RawMessage)
		var anchor scheduleAnchor
		if err := json.Unmarshal(one.Trigger, &anchor); err != nil {
			return err
		}
		one.Key = ScheduleKey(anchor.Local, CustomerRef(one.Customer, external))
		out = append(out, one)
		return nil
	})
	return out, err
}

// scheduleAnchor is the anchor of a schedule: its moment in local time and the
// name of its occurrence, the month of a monthly one and the day of any other.
type scheduleAnchor struct {
	Local      string `json:"local"`
	Occurrence string `json:"occurrence"`
}

// scheduleSlack is more than any zone's clocks are away from UTC, a day lost at
// the date line included.
const scheduleSlack = 40 * time.Hour

// moments lists a schedule's moments due in w, as rows of position, zone name
// as customers have it, anchor, due moment and anchor object.
func (e *Evaluator) moments(ctx context.Context, q Querier, c *campaign.Campaign, t campaign.Schedule, w Window) ([][]any, error) {
	first, last := t.After.Before(w.From), t.After.Before(w.To)
	if t.After.Months != 0 {
		first, last = first.AddDate(0, 0, -4), last.AddDate(0, 0, 4)
	}
	anywhere, err := t.Occurrences(first.Add(-scheduleSlack), last.Add(scheduleSlack), time.UTC)
	if err != nil || len(anywhere) == 0 {
		return nil, err
	}
	zones := []string{""}
	if c.Zone == "customer" {
		zones, err = zoneNames(ctx, q)
		if err != nil {
			return nil, err
		}
	}
	var out [][]any
	for _, name := range zones {
		occurrences, err := t.Occurrences(first, last, c.ZoneFor(&e.cat.Workspace, name))
		if err != nil {
			return nil, err
		}
		for _, o := range occurrences {
			due := t.After.After(o.At)
			if !due.After(w.From) || due.After(w.To) {
				continue
			}
			local := o.Local.String()
			anchor := scheduleAnchor{local, local[:len("2006-01-02")]}
			if t.Every == campaign.EveryMonth {
				anchor.Occurrence = local[:len("2006-01")]
			}
			object, err := json.Marshal(anchor)
			if err != nil {
				return nil, fmt.Errorf("encode occurrence: %w", err)
			}
			out = append(out, []any{len(out), name, campaign.Micros(o.At), campaign.Micros(due), json.RawMessage(object)})
		}
	}
	return out, nil
}

// zoneNames are the time zones that customers have, as they have them: a step
// along an index for each zone, not for each customer.
func zoneNames(ctx context.Context, q Querier) ([]string, error) {
	var out []string
	rows, err := q.QueryContext(ctx, `WITH RECURSIVE z (name) AS (SELECT min(timezone) FROM customers
		UNION ALL SELECT (SELECT min(c.timezone) FROM customers c WHERE c.timezone > z.name) FROM z WHERE z.name IS NOT NULL)
		SELECT name FROM z WHERE name IS NOT NULL ORDER BY name`)
	err = each(rows, err, func(rows *sql.Rows) error {
		var name string
		defer func() { out = append(out, name) }()
		return rows.Scan(&name)
	})
	return out, err
}
