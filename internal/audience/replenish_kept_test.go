package audience_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// kept are the candidates of a window by what is kept, as a tick finds them.
func (db database) kept(t fataler, e *audience.Evaluator, c *campaign.Campaign, w audience.Window) (out []campaign.Candidate) {
	t.Helper()
	db.inTx(t, func(tx *sql.Tx) error {
		in, err := e.Supply(context.Background(), tx, c, w)
		if err == nil {
			out, err = e.Candidates(context.Background(), tx, c, in)
		}
		return err
	})
	return out
}

// move gives a customer's events to another, as a merge does.
func (db database) move(t fataler, from, to int64) {
	t.Helper()
	if db.engine == audience.Postgres {
		db.must(t, "UPDATE events SET customer_id = $2, xid = pg_current_xact_id() WHERE customer_id = $1", from, to)
	} else {
		db.must(t, "UPDATE events SET customer_id = $2, id = id + (SELECT max(id) FROM events) WHERE customer_id = $1", from, to)
		db.must(t, "UPDATE sqlite_sequence SET seq = (SELECT max(id) FROM events) WHERE name = 'events'")
	}
	db.must(t, "DELETE FROM customers WHERE id = $1", from)
}

// What runs out is found the same by what is kept and from all orders, whatever
// comes in between, in whatever order: orders of long ago, and a customer's that
// turn out to be another's.
func TestKeptSuppliesAreThoseWorkedOut(t *testing.T) {
	ctx := context.Background()
	each(t, func(t *testing.T, db database) {
		n := 0
		rapid.Check(t, func(t *rapid.T) {
			w := genSupplies(t)
			if rapid.Bool().Draw(t, "many of few") {
				w.facts = genPurchases(t)
			}
			facts := w.facts
			w.facts = nil
			db.fill(t, w)
			e := audience.New(db.engine, catalog(nil))
			var campaigns []*campaign.Campaign
			for range 3 {
				c := genCampaign(t)
				c.Audience, c.EnterWhen, c.Trigger = genProfile(t), nil, genReplenishment(t)
				campaigns = append(campaigns, c)
			}
			cursor := ""
			merged := false
			for i := 0; ; {
				if rapid.IntRange(0, 4).Draw(t, "merge") == 0 && !merged && len(w.customers) > 1 {
					merged = true
					db.move(t, 1, 2)
				}
				c := pick(t, "campaign", campaigns...)
				from := genMoment(t).AddDate(0, 0, -rapid.IntRange(0, 60).Draw(t, "earlier"))
				in := audience.Window{From: from, To: from.Add(time.Duration(rapid.IntRange(1, 24*60).Draw(t, "hours")) * time.Hour)}
				if cursor != "" && rapid.Bool().Draw(t, "late") {
					in.Cursor, in.LateFrom = cursor, in.From.AddDate(0, 0, -3)
				}
				want, err := e.Candidates(ctx, db, c, in)
				if err != nil {
					t.Fatal(err)
				}
				got := db.kept(t, e, c, in)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%+v in %+v with %d orders (-worked out +kept):\n%s", c.Trigger, in, i, diff)
				}
				n += len(got)
				if cursor, err = e.Cursor(ctx, db); err != nil {
					t.Fatal(err)
				}
				if i == len(facts) {
					break
				}
				for range min(rapid.IntRange(1, 9).Draw(t, "come in"), len(facts)-i) {
					f := facts[i]
					if i++; merged && f.customer == 1 {
						f.customer = 2
					}
					insertFact(t, db, f)
				}
			}
		})
		if n == 0 {
			t.Error("nothing ran out")
		}
	})
}

// genPurchases are so many orders of one product or two that these have usual gaps.
func genPurchases(t *rapid.T) (out []fact) {
	for i := range rapid.IntRange(10, 40).Draw(t, "orders") {
		f := fact{uid: fmt.Sprint("u", i), customer: int64(rapid.IntRange(1, 3).Draw(t, "customer")), name: campaign.OrderCompleted}
		f.at = hours(rapid.IntRange(-24*60, 24*5).Draw(t, "hour"))
		f.known = f.at.Add(time.Duration(pick(t, "late", 0, 0, 0, 30)) * time.Hour)
		line := map[string]any{"product_id": pick(t, "product", "p", "p", "q"), "quantity": pick(t, "quantity", 1.0, 1.0, 2.0)}
		f.props = map[string]any{"products": []any{line}}
		out = append(out, f)
	}
	return out
}

// orders puts n orders of a year up to base into a history: each of a customer's
// every four months or so, of two products of a hundred.
func (db database) orders(t testing.TB, n int) {
	t.Helper()
	series, cast := "(WITH RECURSIVE r(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < %d) SELECT i FROM r) s", ""
	if db.engine == audience.Postgres {
		series, cast = "generate_series(0, %d) AS s(i)", "::jsonb"
	}
	customers := n / 4
	db.must(t, "INSERT INTO customers (external_id) SELECT 'c' || i FROM "+fmt.Sprintf(series, customers-1))
	at := fmt.Sprintf("%d - (CAST(i AS BIGINT) * 7919 %% 525600) * 60000000", campaign.Micros(base))
	db.must(t, fmt.Sprintf(`INSERT INTO events (uid, customer_id, name, occurred_at, known_at, properties)
		SELECT 'e' || i, i %% %d + 1, 'Order Completed', %s, %s,
		('{"order_id": "o' || i || '", "total": 30, "products": [{"product_id": "p' || (i * 31 %% 100) || '", "quantity": 2, "price": 10, "category": "tea"}, {"product_id": "p' || (i * 17 %% 100) || '", "price": 10, "category": "coffee"}]}')%s
		FROM `+series, customers, at, at, cast, n-1))
	if db.engine == audience.Postgres {
		db.must(t, "ANALYZE")
	}
}

// What is due is found by its moment: no statement goes through all that is kept,
// or all orders.
func TestKeptSuppliesScanNothing(t *testing.T) {
	ctx := context.Background()
	each(t, func(t *testing.T, db database) {
		n := 40_000 // of fewer PostgreSQL reads all, as that is cheaper
		if db.engine == audience.SQLite {
			n = 4000
		}
		db.orders(t, n)
		e := audience.New(db.engine, catalog(nil))
		for _, gap := range []campaign.ReplenishmentGap{campaign.GapFixed, campaign.GapCustomer, campaign.GapProduct} {
			c := &campaign.Campaign{Trigger: campaign.Replenishment{Gap: gap, Length: campaign.Days(20), Fallback: campaign.Days(20)}}
			cursor, err := e.Cursor(ctx, db)
			if err != nil {
				t.Fatal(err)
			}
			w := audience.Window{From: base, To: base.Add(12 * time.Hour), Cursor: cursor, LateFrom: base.AddDate(0, 0, -3)}
			if w, err = e.Supply(ctx, db, c, w); err != nil {
				t.Fatal(err)
			}
			if db.engine == audience.Postgres {
				db.must(t, "ANALYZE")
			}
			x := &explainer{db: db}
			found, err := e.Candidates(ctx, x, c, w)
			if err != nil || len(found) == 0 {
				t.Fatalf("%s: found %d, %v", gap, len(found), err)
			}
			for _, line := range x.plans {
				line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "->"))
				if strings.Contains(line, "Seq Scan on") || wholeTable.MatchString(line) || strings.HasPrefix(line, "SCAN s") || strings.HasPrefix(line, "SCAN g") {
					t.Errorf("%s: %s, in\n%s", gap, line, strings.Join(x.plans, "\n"))
					break
				}
			}
			if !slices.ContainsFunc(x.plans, func(line string) bool { return strings.Contains(line, "supplies_due") }) {
				t.Errorf("%s: supplies are not found by when they are due:\n%s", gap, strings.Join(x.plans, "\n"))
			}
		}
	})
}

// A tick of a minute after 200,000 orders: what is kept brought up to date with
// three orders that came in, and what is due found; and the same from all orders of
// a year.
func BenchmarkReplenishment(b *testing.B) {
	ctx := context.Background()
	for _, engine := range []audience.Engine{audience.SQLite, audience.Postgres} {
		db := open(b, engine)
		db.orders(b, 200_000)
		e := audience.New(engine, catalog(nil))
		for _, gap := range []campaign.ReplenishmentGap{campaign.GapFixed, campaign.GapCustomer, campaign.GapProduct} {
			c := &campaign.Campaign{Trigger: campaign.Replenishment{Gap: gap, Length: campaign.Days(20), Fallback: campaign.Days(20)}}
			name := fmt.Sprint(engine, "/", gap)
			b.Run(name+"/all", func(b *testing.B) {
				for b.Loop() {
					if _, err := e.Candidates(ctx, db, c, audience.Window{From: base, To: base.Add(time.Minute)}); err != nil {
						b.Fatal(err)
					}
				}
			})
			began := time.Now()
			db.kept(b, e, c, audience.Window{From: base, To: base.Add(time.Minute)})
			b.Logf("%s: kept for the first time in %s", name, time.Since(began).Round(time.Millisecond))
			if engine == audience.Postgres {
				db.must(b, "ANALYZE")
			}
			n := 0
			b.Run(name+"/kept", func(b *testing.B) {
				for b.Loop() {
					at := base.Add(time.Duration(n) * time.Minute)
					for i := range 3 {
						insertFact(b, db, fact{fmt.Sprint(name, n, i), int64(n%1000 + i + 1), campaign.OrderCompleted, at, at,
							map[string]any{"products": []any{map[string]any{"product_id": fmt.Sprint("p", (n+i)%100)}}}})
					}
					n++
					db.kept(b, e, c, audience.Window{From: at, To: at.Add(time.Minute)})
				}
			})
		}
	}
}
