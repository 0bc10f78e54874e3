package audience_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// crowd fills the database with customers who each view, fill carts, order and
// get refunds at their own hours: events in all, 10 a customer.
func (db database) crowd(t testing.TB, customers int) {
	t.Helper()
	series := func(n int) string {
		if db.engine == audience.Postgres {
			return fmt.Sprintf("generate_series(0, %d) AS s(i)", n-1)
		}
		return fmt.Sprintf("(WITH RECURSIVE r(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < %d) SELECT i FROM r) s", n-1)
	}
	db.must(t, "INSERT INTO customers (external_id) SELECT 'c' || i FROM "+series(customers))
	cast := ""
	if db.engine == audience.Postgres {
		cast = "::jsonb"
	}
	const hour = 3600 * 1000000
	// A prime spreads the hours; one event in fifty became known two hours late.
	db.must(t, fmt.Sprintf(`INSERT INTO events (uid, customer_id, name, occurred_at, known_at, properties)
		SELECT 'e' || i, i %% %d + 1, CASE i %% 7 WHEN 0 THEN 'Order Completed' WHEN 1 THEN 'Product Added' WHEN 2 THEN 'Product Removed' WHEN 3 THEN 'Order Refunded' WHEN 4 THEN 'Checkout Started' ELSE 'Page Viewed' END,
		 %d + i * 7919 %% 8760 * CAST(%d AS BIGINT), %d + i * 7919 %% 8760 * CAST(%d AS BIGINT) + CASE WHEN i %% 50 = 0 THEN %d ELSE 0 END,
		 ('{"product_id": "p' || (i %% 9) || '", "price": 5, "total": ' || (i %% 90) || ', "points": ' || (i %% 90) || ', "order_id": "o' || (i %% 1000) || '", "products": [{"category": "c' || (i %% 7) || '"}]}')%s
		FROM (SELECT CAST(i AS BIGINT) AS i FROM %s) n`, customers, campaign.Micros(base), hour, campaign.Micros(base), hour, 2*hour, cast, series(customers*10)))
	db.must(t, fmt.Sprintf("INSERT INTO attribute_facts (customer_id, name, at, kind, text) SELECT i / 2 + 1, 'tier', %d + i, 'text', CASE WHEN i %% 3 = 0 THEN 'gold' ELSE 'silver' END FROM %s",
		campaign.Micros(base), series(customers)))
	if db.engine == audience.Postgres { // which does so by itself; a SQLite file never gets statistics
		db.must(t, "ANALYZE")
	}
}

// explainer asks for the plan of each query before it runs it.
type explainer struct {
	db      database
	verbose bool // what each step hands on is in the plans: PostgreSQL only
	plans   []string
}

func (x *explainer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	explain := "EXPLAIN "
	if x.verbose {
		explain = "EXPLAIN VERBOSE "
	}
	if x.db.engine == audience.SQLite {
		explain = "EXPLAIN QUERY PLAN "
	}
	rows, err := x.db.QueryContext(ctx, explain+query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		dest := []any{&line}
		if x.db.engine == audience.SQLite {
			var n int
			dest = []any{&n, &n, &n, &line}
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		x.plans = append(x.plans, line)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return x.db.QueryContext(ctx, query, args...)
}

var busyTriggers = []campaign.Trigger{
	campaign.PastPurchase{After: campaign.Days(1)}, campaign.AbandonedCart{After: campaign.Of(time.Hour)},
	campaign.Inactivity{After: campaign.Days(30), Of: []string{campaign.OrderCompleted, "Page Viewed"}},
	campaign.OnEvent{Name: campaign.OrderRefunded, After: campaign.Duration{Months: 1}},
}

// busyAudience looks at what a customer did in three ways.
var busyAudience = campaign.All{
	campaign.EventMatch{Event: campaign.OrderCompleted, Window: campaign.Window{Within: campaign.Days(365)}},
	campaign.Not{Of: campaign.EventMatch{Event: campaign.OrderCancelled, Window: campaign.Window{Within: campaign.Days(90)}}},
	campaign.EventMatch{Event: "Page Viewed", Aggregate: &campaign.Aggregate{Func: campaign.Sum, Property: "total", Test: test(campaign.OpAtLeast, number(1))}},
}

// A tick costs what changed: no statement of it goes through all events.
func TestNoFullScans(t *testing.T) {
	ctx := context.Background()
	each(t, func(t *testing.T, db database) {
		db.crowd(t, 8000)
		e := audience.New(db.engine, catalog(nil))
		x := &explainer{db: db}
		cursor, err := e.Cursor(ctx, x)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			insertFact(t, db, fact{fmt.Sprint("new", i), int64(i + 1), campaign.OrderCompleted, hours(3000), hours(3000), nil})
		}
		for _, trigger := range busyTriggers {
			c := &campaign.Campaign{Name: trigger.Verb(), Trigger: trigger, Audience: busyAudience,
				ExitOn: []campaign.Condition{campaign.EventMatch{Event: campaign.OrderCompleted, Window: campaign.Window{Since: campaign.SinceAnchor}}}}
			w := audience.Window{From: hours(5000), To: hours(5001), Cursor: cursor, LateFrom: hours(5000 - 48)}
			x.plans = nil
			found, err := e.Candidates(ctx, x, c, w)
			if err != nil {
				t.Fatal(err)
			}
			if len(found) == 0 {
				t.Errorf("%s found nobody", c.Name)
			}
			var passes []audience.PassAt
			for i, one := range found {
				passes = append(passes, audience.PassAt{ID: int64(i), Customer: one.Customer, Anchor: one.Anchor, Entered: one.AsOf, Trigger: one.Trigger, AsOf: one.AsOf})
			}
			search := len(x.plans)
			if _, err := e.Holds(ctx, x, c, c.Audience, passes); err != nil {
				t.Fatal(err)
			}
			if _, err := e.Exits(ctx, x, c, passes); err != nil {
				t.Fatal(err)
			}
			if about := strings.Join(x.plans[search:], "\n"); db.engine == audience.SQLite && strings.Contains(about, "events_due") {
				t.Errorf("%s: a pass is judged by everybody's events:\n%s", c.Name, about)
			}
			if _, err := e.FreshPasses(ctx, x, c, 1, w); err != nil {
				t.Fatal(err)
			}
			for _, line := range x.plans {
				line = strings.TrimSpace(line)
				events := strings.HasPrefix(line, "SCAN e") || strings.HasPrefix(line, "SCAN k") || strings.HasPrefix(line, "SCAN o") || strings.HasPrefix(line, "SCAN r")
				scans := strings.Contains(line, "Seq Scan on events") || events && !strings.Contains(line, "VIRTUAL TABLE")
				if scans {
					t.Errorf("%s: %s, in\n%s", c.Name, line, strings.Join(x.plans, "\n"))
					break
				}
			}
		}
	})
}

func BenchmarkCandidates(b *testing.B) {
	for _, engine := range []audience.Engine{audience.SQLite, audience.Postgres} {
		b.Run(engine.String(), func(b *testing.B) {
			db := open(b, engine)
			db.crowd(b, 100_000)
			e := audience.New(engine, catalog(nil))
			for _, trigger := range busyTriggers {
				b.Run(trigger.Verb(), func(b *testing.B) {
					c := &campaign.Campaign{Trigger: trigger, Audience: busyAudience}
					n := 0
					for i := 0; b.Loop(); i++ {
						from := hours(4000 + i%1000)
						found, err := e.Candidates(context.Background(), db, c, audience.Window{From: from, To: from.Add(time.Hour)})
						if err != nil {
							b.Fatal(err)
						}
						n += len(found)
					}
					b.ReportMetric(float64(n)/float64(b.N), "candidates/op")
				})
			}
		})
	}
}

// behaviour is three conditions on what customers did, and the same by hand.
var behaviour = campaign.All{
	campaign.EventMatch{Event: campaign.OrderCompleted, Count: ptr(test(campaign.OpAtLeast, number(2))), Window: campaign.Window{Within: campaign.Days(365)}},
	campaign.Not{Of: campaign.EventMatch{Event: campaign.OrderRefunded, Window: campaign.Window{Within: campaign.Days(90)}}},
	campaign.EventMatch{Event: "Page Viewed", Aggregate: &campaign.Aggregate{Func: campaign.Sum, Property: "points", Test: test(campaign.OpAtLeast, number(50))}},
}

const behaviourByHand = `SELECT count(*) FROM customers c
	JOIN (SELECT customer_id FROM events WHERE name = 'Order Completed' AND occurred_at > %[2]d AND occurred_at <= %[1]d AND known_at <= %[1]d GROUP BY customer_id HAVING count(*) >= 2) o ON o.customer_id = c.id
	JOIN (SELECT customer_id FROM events WHERE name = 'Page Viewed' AND occurred_at <= %[1]d AND known_at <= %[1]d GROUP BY customer_id HAVING sum(%[4]s) >= 50) v ON v.customer_id = c.id
	WHERE c.created_at <= %[1]d AND NOT EXISTS (SELECT 1 FROM events r WHERE r.customer_id = c.id AND r.name = 'Order Refunded' AND r.occurred_at > %[3]d AND r.occurred_at <= %[1]d AND r.known_at <= %[1]d)`

func (db database) byHand(at time.Time) string {
	points := "CAST(properties ->> 'points' AS NUMERIC)"
	if db.engine == audience.SQLite {
		points = "properties ->> 'points'"
	}
	return fmt.Sprintf(behaviourByHand, campaign.Micros(at), campaign.Micros(at.AddDate(0, 0, -365)), campaign.Micros(at.AddDate(0, 0, -90)), points)
}

// All customers are judged by going through the events of each name once, not by
// looking up those of each customer; and as many are found as by hand.
func TestCountGoesThroughEventsOnce(t *testing.T) {
	ctx := context.Background()
	each(t, func(t *testing.T, db database) {
		db.crowd(t, 4000)
		e := audience.New(db.engine, catalog(nil))
		at := hours(8000)
		for name, cond := range map[string]campaign.Condition{"all": behaviour, "any": campaign.Any{behaviour[0], behaviour[1], behaviour[2]}, "segment": campaign.All{campaign.InSegment{Segment: "busy"}, behaviour[2]}} {
			x := &explainer{db: db}
			if name == "segment" {
				e = audience.New(db.engine, catalog(map[string]campaign.Condition{"busy": behaviour}))
			}
			n, err := e.Count(ctx, x, cond, at)
			if err != nil {
				t.Fatal(err)
			}
			var want int
			if err := db.QueryRow(db.byHand(at)).Scan(&want); err != nil {
				t.Fatal(err)
			}
			if name != "any" && n != want || n == 0 {
				t.Errorf("%s: %d, by hand %d", name, n, want)
			}
			plan := strings.Join(x.plans, "\n")
			if strings.Contains(plan, "Index Cond: ((customer_id =") || strings.Contains(plan, "CORRELATED") || strings.Contains(plan, "(customer_id=?") {
				t.Errorf("%s: each customer is looked up:\n%s", name, plan)
			}
		}
	})
}

// What holds for one customer after the other holds for all at once.
func TestMembersAreWhoHolds(t *testing.T) {
	ctx := context.Background()
	each(t, func(t *testing.T, db database) {
		const customers = 300
		db.crowd(t, customers)
		e := audience.New(db.engine, catalog(map[string]campaign.Condition{"some": behaviour[0]}))
		rapid.Check(t, func(t *rapid.T) {
			at := hours(rapid.IntRange(0, 9000).Draw(t, "hour"))
			conds := []campaign.Condition{behaviour, campaign.Any{behaviour[0], behaviour[1]}}
			for range 3 {
				conds = append(conds, genCondition(t, 2))
			}
			var asked []audience.PassAt
			for id := range int64(customers) {
				asked = append(asked, audience.PassAt{ID: id + 1, Customer: id + 1, AsOf: at})
			}
			held, err := e.HoldsEach(ctx, db, nil, conds, asked)
			if err != nil {
				t.Fatalf("holds: %v", err)
			}
			for i, cond := range conds {
				var want []int64
				for id := range int64(customers) {
					if held[id+1][i] {
						want = append(want, id+1)
					}
				}
				if got, err := e.Members(ctx, db, cond, at); err != nil || !slices.Equal(got, want) {
					t.Fatalf("%s: members %v (%v), one by one %v", spelled(cond), got, err, want)
				}
			}
		})
	})
}

// The money of everybody's orders is added up without a look at each order's
// refunds, so that processes may share the work.
func TestMoneyIsSummedWithoutSubqueries(t *testing.T) {
	db := open(t, audience.Postgres)
	db.crowd(t, 1000)
	e, x := audience.New(db.engine, catalog(nil)), &explainer{db: db}
	cond := campaign.EventMatch{Event: campaign.OrderCompleted, Aggregate: &campaign.Aggregate{Func: campaign.Sum, Property: "total", Test: test(campaign.OpAtLeast, number(1))}}
	if n, err := e.Count(context.Background(), x, cond, hours(8000)); err != nil || n == 0 {
		t.Fatalf("%d, %v", n, err)
	}
	if plan := strings.Join(x.plans, "\n"); strings.Contains(plan, "SubPlan") {
		t.Errorf("each order is asked about:\n%s", plan)
	}
}

func BenchmarkCount(b *testing.B) {
	for _, engine := range []audience.Engine{audience.SQLite, audience.Postgres} {
		b.Run(engine.String(), func(b *testing.B) {
			db := open(b, engine)
			db.crowd(b, 100_000)
			e := audience.New(engine, catalog(nil))
			at := hours(8000)
			var want int
			b.Run("by hand", func(b *testing.B) {
				for b.Loop() {
					if err := db.QueryRow(db.byHand(at)).Scan(&want); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("compiled", func(b *testing.B) {
				for b.Loop() {
					if n, err := e.Count(context.Background(), db, behaviour, at); err != nil || n != want {
						b.Fatalf("%d, by hand %d (%v)", n, want, err)
					}
				}
			})
			for name, cond := range map[string]campaign.Condition{
				"attribute": campaign.Attribute{Name: "tier", Test: test(campaign.OpIs, text("gold"))},
				"either":    campaign.Any{behaviour[0], campaign.Not{Of: behaviour[1]}, behaviour[2]},
				"products":  campaign.EventMatch{Event: "Page Viewed", Where: []campaign.Property{{Path: "products.category", Test: test(campaign.OpIs, text("c5"))}}},
				"sample":    campaign.Sample{Share: 0.1, Seed: "a"},
			} {
				b.Run(name, func(b *testing.B) {
					for b.Loop() {
						if n, err := e.Count(context.Background(), db, cond, at); err != nil || n == 0 {
							b.Fatal(n, err)
						}
					}
				})
			}
		})
	}
}
