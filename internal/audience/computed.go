package audience

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

const dayMicros = "86400000000.0"

// computed tests an attribute that is worked out from the customer's history.
// Where there is nothing to work it out from, it satisfies no operator but
// `exists: false`, `is_not` and `not_in`.
func (b *builder) computed(c campaign.Computed, t campaign.Test) (string, error) {
	negative, test := positive(t)
	if !storable(c.Name) {
		return answer(negative, sqlFalse), nil
	}
	value, err := b.computedValue(c.Name)
	if err != nil {
		return "", err
	}
	// The value is worked out once, however often the test names it.
	v := b.alias("v")
	found := sure("(SELECT " + b.test(b.computedSubject(c.Kind, v+".v"), test) + " FROM (SELECT " + value + " AS v" + b.fence() + ") " + v + ")")
	return answer(negative, found), nil
}

func (b *builder) computedSubject(kind campaign.Kind, value string) subject {
	s := subject{present: value + " IS NOT NULL"}
	switch kind {
	case campaign.Number, campaign.DaysKind:
		s.number, s.numeric = value, b.float
	case campaign.Time:
		s.moment = func() string { return value }
	case campaign.Bool:
		s.boolean = "CASE WHEN " + value + " THEN 'true' WHEN NOT " + value + " THEN 'false' END"
	default:
		s.text = value
	}
	return s
}

// computedValue is the SQL of a computed attribute for the customer x as of the
// moment of looking: a number, a text, a boolean, or microseconds of a moment;
// null when there is none. Amounts are in the workspace's currency, lengths of
// time in days. What happened or became known later does not count, and an order
// counts unless it was taken back whole by then.
//
//	orders.count         how many orders, 0 at least
//	orders.total         what they came to, less what was given back; 0 without
//	orders.average       the total by the number of orders that have an amount
//	orders.first_at      when the first was; orders.last_at: the last
//	orders.gap           the usual gap in days: the median of the gaps between the
//	                     moments of consecutive orders, from three on
//	orders.overdue_by    days since the last order beyond the usual gap, at least 0
//	rfm.r rfm.f rfm.m    scores, 1 to 5: see rfm
//	stage                where the customer stands: see stage
//	favourite.category   what was bought most, by quantity, of lines of orders;
//	favourite.product    of equals the one bought last. A product goes by its
//	                     product_id, else its sku, else its name
//	mail.sent            mails that were accepted for the customer, of any kind
//	mail.last_sent_at    when the last was
//	mail.clicked         clicks by a person; those graded as a machine's don't count
//	mail.last_clicked_at when the last was
//	tier                 the first of the workspace's tiers whose condition holds
//	consent.TOPIC        whether the last word about the topic, or about all, was yes
func (b *builder) computedValue(name string) (string, error) {
	switch name {
	case "orders.count":
		return b.ofOrders(name, "count(*)", "0")
	case "orders.total":
		total, err := b.ofOrders(name, ordersTotal, "0")
		return b.units(total), err
	case "orders.average":
		average, err := b.ofOrders(name, ordersAverage, "NULL")
		return b.units(average), err
	case "orders.first_at":
		return b.ofOrders(name, "min(n.at)", "NULL")
	case "orders.last_at":
		return b.ofOrders(name, "max(n.at)", "NULL")
	case "orders.gap":
		gap, err := b.gap()
		return b.inDays(gap), err
	case "orders.overdue_by":
		overdue, err := b.overdue()
		return b.inDays(overdue), err
	case "rfm.r", "rfm.f", "rfm.m":
		return b.rfmScore(name[len("rfm."):])
	case "stage":
		return b.stage()
	case "favourite.category":
		return b.favouriteCategory()
	case "favourite.product":
		return b.favouriteProduct()
	case "mail.sent":
		return b.mails("count(*)", campaign.EmailSent), nil
	case "mail.last_sent_at":
		return b.mails("max(+e.occurred_at)", campaign.EmailSent), nil
	case "mail.clicked":
		return b.mails("count(*)", campaign.EmailClicked, b.byPerson()), nil
	case "mail.last_clicked_at":
		return b.mails("max(+e.occurred_at)", campaign.EmailClicked, b.byPerson()), nil
	case "tier":
		return b.tier()
	}
	if topic, ok := strings.CutPrefix(name, "consent."); ok {
		return b.consent(topic), nil
	}
	return "", fmt.Errorf("compile condition: there is no computed attribute %q", name)
}

// units turns millionths into units of money: the float nearest to the decimal.
func (b *builder) units(millionths string) string {
	return "(" + millionths + " / " + b.real("1000000.0") + ")"
}

// inDays turns microseconds into days.
func (b *builder) inDays(micros string) string { return "(" + micros + " / " + b.real(dayMicros) + ")" }

// mails is something over the customer's events of one name about our mail.
func (b *builder) mails(what, event string, more ...string) string {
	conds := append([]string{"e.customer_id = x.customer_id", "e.name = " + b.text(event)}, b.happenedBy("e")...)
	return "(SELECT " + what + " FROM events e WHERE " + and(append(conds, more...)...) + ")"
}

// byPerson leaves out the clicks that were graded as a machine's.
func (b *builder) byPerson() string {
	grade := b.jsonSubject(doc{"e.properties", []string{"grade"}})
	return "(NOT " + sure(grade.present) + " OR " + sure("("+grade.text+") = 'human'") + ")"
}

// consent is the last word about a topic, as the last look takes it; no where nothing
// was said.
func (b *builder) consent(topic string) string {
	return Consented("x.customer_id", b.text(topic), b.now(), sqlFalse)
}

// tier is the name of the first tier whose condition holds.
func (b *builder) tier() (string, error) {
	const itself = "tiers of tidings.yaml"
	if slices.Contains(b.within, itself) {
		return "", fmt.Errorf("compile condition: the tiers ask for the tier itself (%s)", strings.Join(b.within, " → "))
	}
	b.within = append(b.within, itself)
	defer func() { b.within = b.within[:len(b.within)-1] }()
	s := "(CASE"
	for _, t := range b.cat.Workspace.Tiers {
		held, err := b.apart(func() (string, error) { return b.condition(t.When) })
		if err != nil {
			return "", err
		}
		if !storable(t.Name) {
			continue
		}
		s += " WHEN " + held + " THEN " + b.text(t.Name)
	}
	if !strings.Contains(s, " WHEN ") {
		return "NULL", nil
	}
	return s + " END)", nil
}

// ComputedValue gives the values of computed attributes of customers, each as of
// its AsOf, by PassAt.ID and name: a float64, a string, a bool or a time.Time,
// nil where there is none. A name that the workspace does not have is an error.
func (e *Evaluator) ComputedValue(ctx context.Context, q Querier, names []string, customers []PassAt) (map[int64]map[string]any, error) {
	kinds := make([]campaign.Kind, len(names))
	for i, name := range names {
		c, ok := e.cat.Workspace.ComputedAttribute(name)
		if !ok {
			return nil, fmt.Errorf("work out attribute: there is no computed attribute %q", name)
		}
		kinds[i] = c.Kind
	}
	out := make(map[int64]map[string]any, len(customers))
	for part := range e.byDay(customers) {
		if err := e.computedValues(ctx, q, names, kinds, part, out); err != nil {
			return nil, fmt.Errorf("work out attributes: %w", err)
		}
	}
	return out, nil
}

func (e *Evaluator) computedValues(ctx context.Context, q Querier, names []string, kinds []campaign.Kind, customers []PassAt, out map[int64]map[string]any) error {
	b := e.builder(nil)
	query, err := b.passTable(customers)
	if err != nil {
		return err
	}
	query += "SELECT x.id"
	for _, name := range names {
		value, err := b.computedValue(name)
		if err != nil {
			return err
		}
		query += ", " + value
	}
	rows, err := b.query(ctx, q, query+" FROM x")
	return each(rows, err, func(rows *sql.Rows) error {
		var id int64
		dest := []any{&id}
		for _, kind := range kinds {
			dest = append(dest, scanner(kind))
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		values := make(map[string]any, len(names))
		for i, name := range names {
			values[name] = scanned(dest[i+1])
		}
		out[id] = values
		return nil
	})
}

func scanner(kind campaign.Kind) any {
	switch kind {
	case campaign.Number, campaign.DaysKind:
		return new(sql.NullFloat64)
	case campaign.Time:
		return new(sql.Null[int64])
	case campaign.Bool:
		return new(sql.NullBool)
	}
	return new(sql.NullString)
}

func scanned(v any) any {
	switch v := v.(type) {
	case *sql.NullFloat64:
		if v.Valid {
			return v.Float64
		}
	case *sql.Null[int64]:
		if v.Valid {
			return campaign.FromMicros(v.V)
		}
	case *sql.NullBool:
		if v.Valid {
			return v.Bool
		}
	case *sql.NullString:
		if v.Valid {
			return v.String
		}
	}
	return nil
}

const (
	day = 24 * time.Hour
	// usualGap stands in for the gap of customers whose own is unknown.
	usualGap = 90 * day
	// A customer is at risk, or lapsed, after so many usual gaps without an order,
	// but not before so long.
	atRiskGaps, atRiskFrom = 2, 60 * day
	lapsedGaps, lapsedFrom = 4, 180 * day
	// newFor is how long a first purchase is just that.
	newFor = 14 * day
	// considering is how long looking at products counts.
	considering = 30 * day
)

// stage is where a customer stands on the way that texts on lifecycle marketing
// draw, from awareness to advocacy: the first that holds of
//
//	lapsed         the last order is more than 4 usual gaps (90 days each where
//	               the customer's own is unknown) and 180 days ago
//	at_risk        more than 2 usual gaps and 60 days ago
//	advocacy       2 orders or more, and a product reviewed with 4 points or more
//	               or a referral completed
//	retention      3 orders or more
//	engagement     2 orders
//	purchase       1 order, at most 14 days ago
//	onboarding     1 order
//	consideration  a product viewed or put into the cart, or a checkout started,
//	               in the last 30 days
//	awareness      anything else
func (b *builder) stage() (string, error) {
	gap, err := b.gap()
	if err != nil {
		return "", err
	}
	count, err := b.ofOrders("orders.count", "count(*)", "0")
	if err != nil {
		return "", err
	}
	last, err := b.ofOrders("orders.last_at", "max(n.at)", "NULL")
	if err != nil {
		return "", err
	}
	micros := func(d time.Duration) string { return fmt.Sprint(d.Microseconds()) }
	beyond := func(gaps int, from time.Duration) string {
		return "s.since > " + b.greatest(fmt.Sprintf("%d * COALESCE(s.gap, %s)", gaps, micros(usualGap)), micros(from))
	}
	some := func(conds ...string) string {
		conds = append(append([]string{"e.customer_id = x.customer_id"}, b.happenedBy("e")...), conds...)
		return "EXISTS (SELECT 1 FROM events e WHERE " + and(conds...) + ")"
	}
	rating := b.jsonSubject(doc{"e.properties", []string{"rating"}})
	praised := some("e.name = "+b.text(campaign.ProductReviewed), sure("("+rating.number+") >= "+rating.numeric(4)))
	referred := some("e.name = " + b.text("Referral Completed"))
	looked := some("e.name IN "+b.names([]string{campaign.ProductViewed, campaign.ProductAdded, campaign.CheckoutStarted}),
		"e.occurred_at > "+b.ago(campaign.Of(considering)))
	return "(SELECT CASE WHEN s.n > 0 AND " + beyond(lapsedGaps, lapsedFrom) + " THEN 'lapsed' WHEN s.n > 0 AND " + beyond(atRiskGaps, atRiskFrom) + " THEN 'at_risk'" +
		" WHEN s.n >= 2 AND (" + praised + " OR " + referred + ") THEN 'advocacy' WHEN s.n >= 3 THEN 'retention' WHEN s.n = 2 THEN 'engagement'" +
		" WHEN s.n = 1 AND s.since <= " + micros(newFor) + " THEN 'purchase' WHEN s.n = 1 THEN 'onboarding' WHEN " + looked + " THEN 'consideration' ELSE 'awareness' END" +
		" FROM (SELECT " + count + " AS n, " + b.now() + " - " + last + " AS since, CASE WHEN " + count + " > 2 THEN " + gap + " END AS gap" + b.fence() + ") s)", nil
}
