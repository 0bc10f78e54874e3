package audience_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// tablesOfCustomers are all tables with a customer's id, each with what becomes of
// its rows when the customer's goes: CASCADE, or nothing.
func (db database) tablesOfCustomers(t *testing.T) map[string]string {
	t.Helper()
	query := `SELECT m.name, COALESCE((SELECT f.on_delete FROM pragma_foreign_key_list(m.name) f WHERE f."from" = 'customer_id' AND f."table" = 'customers'), '')
		FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'customer_id' WHERE m.type = 'table'`
	if db.engine == audience.Postgres {
		query = `SELECT t.relname, COALESCE((SELECT CASE k.confdeltype WHEN 'c' THEN 'CASCADE' ELSE 'none' END FROM pg_constraint k
				WHERE k.conrelid = t.oid AND k.contype = 'f' AND k.confrelid = 'customers'::regclass AND k.conkey = ARRAY[c.attnum]), '')
			FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid AND c.attname = 'customer_id' AND NOT c.attisdropped
			WHERE t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace`
	}
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var table, then string
		if err := rows.Scan(&table, &then); err != nil {
			t.Fatal(err)
		}
		out[table] = then
	}
	return out
}

func (db database) count(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// Nothing that bears a customer's id, or was worked out with the customer's facts,
// is left once the customer is forgotten and the row is gone.
func TestForget(t *testing.T) {
	ctx := context.Background()
	each(t, func(t *testing.T, db database) {
		w := world{customers: []customer{{"ann", "", hours(-100)}, {"bob", "", hours(-100)}}, passes: []pass{{"cart", 1, hours(1), hours(5), "exited"}}}
		for i := range 8 {
			// Both buy q now and then, only bob buys r.
			product := []string{"q", "q", "q", "r"}[i%4]
			w.facts = append(w.facts, fact{fmt.Sprint("o", i), int64(2 - i%2), campaign.OrderCompleted, hours(24 * i), hours(24 * i),
				map[string]any{"total": 10, "products": []any{map[string]any{"product_id": product}}}})
		}
		w.facts[3].customer, w.facts[7].customer = 2, 2
		w.attributes = []attribute{{customer: 1, name: "tier", at: hours(0), kind: "text", text: "gold"}}
		db.fill(t, w)
		db.must(t, "INSERT INTO consents (customer_id, topic, given, at, recorded_at, source) VALUES (1, 'offers', TRUE, 0, 0, '')")
		db.must(t, "INSERT INTO identities (kind, value, customer_id) VALUES ('user', 'ann', 1)")
		db.must(t, `INSERT INTO messages (enrollment_id, campaign_id, customer_id, step, topic, lane, state, created_at, reached_at, due_at, expires_at)
			SELECT id, campaign_id, customer_id, 's', '', 'bulk', 'accepted', 0, 0, 0, 0 FROM enrollments`)
		e := audience.New(db.engine, catalog(nil))
		supply := &campaign.Campaign{Trigger: campaign.Replenishment{Gap: campaign.GapProduct, Fallback: campaign.Days(20)},
			Audience: campaign.Attribute{Name: "rfm.r", Test: test(campaign.OpAtLeast, number(1))}}
		window := audience.Window{From: hours(24 * 5), To: hours(24 * 9)}
		db.inTx(t, func(tx *sql.Tx) error {
			if err := e.Rank(ctx, tx, supply, window); err != nil {
				return err
			}
			_, err := e.Supply(ctx, tx, supply, window)
			return err
		})
		tables := db.tablesOfCustomers(t)
		for _, table := range []string{"attribute_facts", "consents", "enrollments", "events", "identities", "messages", "purchases", "supplies"} {
			if _, ok := tables[table]; !ok || db.count(t, "SELECT count(*) FROM "+table+" WHERE customer_id = 1") == 0 {
				t.Errorf("%s has nothing of the customer to begin with", table)
			}
		}
		for table, then := range tables {
			// A message goes with its pass; the store takes the customer's own links along.
			if then != "CASCADE" && table != "messages" && table != "links" {
				t.Errorf("%s keeps its rows when the customer goes: let customer_id refer to customers ON DELETE CASCADE", table)
			}
		}
		gaps := func(product string) int {
			return db.count(t, "SELECT count(*) FROM usual_gaps WHERE product = $1", product)
		}
		others := gaps("r")
		if gaps("q") == 0 || others == 0 || db.count(t, "SELECT count(*) FROM ranked") == 0 {
			t.Fatal("nothing was worked out")
		}
		db.inTx(t, func(tx *sql.Tx) error {
			if err := db.engine.Forget(ctx, tx, 1); err != nil {
				return err
			}
			_, err := tx.Exec("DELETE FROM customers WHERE id = 1")
			return err
		})
		for table := range tables {
			if n := db.count(t, "SELECT count(*) FROM "+table+" WHERE customer_id = 1"); n != 0 {
				t.Errorf("%s still has %d rows", table, n)
			}
		}
		if gaps("q") != 0 || gaps("r") != others {
			t.Errorf("usual gaps: %d of what both bought, %d of %d of the other's", gaps("q"), gaps("r"), others)
		}
		if n := db.count(t, "SELECT (SELECT count(*) FROM ranked) + (SELECT count(*) FROM ranks)"); n != 0 {
			t.Errorf("%d ranks are left", n)
		}
		// What is worked out anew is what it would have been without the customer.
		want, err := e.Candidates(ctx, db, supply, window)
		if err != nil {
			t.Fatal(err)
		}
		if got := db.kept(t, e, supply, window); len(want) != len(got) || strings.Contains(fmt.Sprint(got), "ann") {
			t.Errorf("kept %v, worked out %v", got, want)
		}
	})
}
