package audience_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// market adds to a crowd what the triggers on products and dates look at: views
// and requests of products, birthdays spread over the year, the catalogue's facts.
func (db database) market(t *testing.T, customers int) {
	t.Helper()
	series, cast := "WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < %d) ", ""
	if db.engine == audience.Postgres {
		cast = "::jsonb"
	}
	const hour = 3600 * 1000000
	db.must(t, fmt.Sprintf(`INSERT INTO events (uid, customer_id, name, occurred_at, known_at, properties)
		`+series+`SELECT 'w' || i, i %% %d + 1, CASE i %% 5 WHEN 0 THEN 'Back In Stock Requested' WHEN 1 THEN 'Price Drop Requested' ELSE 'Product Viewed' END,
		%d + i * 7919 %% 8760 * CAST(%d AS BIGINT), %d + i * 7919 %% 8760 * CAST(%d AS BIGINT), ('{"product_id": "w' || (i %% 700) || '"}')%s FROM s`,
		customers*3, customers, campaign.Micros(base), hour, campaign.Micros(base), hour, cast))
	db.must(t, fmt.Sprintf(`INSERT INTO attribute_facts (customer_id, name, at, kind, text)
		`+series+`SELECT i + 1, 'birthday', 0, 'text', substr('0' || (1 + i %% 12), -2 + length('0' || (1 + i %% 12)) + 1, 2) || '-' || (10 + i %% 18) FROM s`, customers-1))
	db.must(t, fmt.Sprintf("INSERT INTO attribute_facts (customer_id, name, at, kind, text) "+series+`SELECT i %% %d + 1, 'n' || (i / %d), i, 'text', 'x' FROM s`, customers*12-1, customers, customers))
	db.must(t, fmt.Sprintf(`INSERT INTO catalogue_events (uid, name, product_id, occurred_at, known_at, properties)
		`+series+`SELECT 'k' || i, CASE i %% 2 WHEN 0 THEN 'Product Back In Stock' ELSE 'Product Price Changed' END, 'w' || (i %% 700),
		%d + i * 7919 %% 8760 * CAST(%d AS BIGINT), %d + i * 7919 %% 8760 * CAST(%d AS BIGINT), ('{"product_id": "w' || (i %% 700) || '", "price": ' || (100 - i %% 90) || ', "was": 100}')%s FROM s`,
		customers*3, campaign.Micros(base), hour, campaign.Micros(base), hour, cast))
	db.must(t, "INSERT INTO campaigns (name, seed, status, loaded_at) VALUES ('back_in_stock', 'x', 'active', 0), ('price_drop', 'y', 'active', 0)")
	db.must(t, fmt.Sprintf("INSERT INTO enrollments (campaign_id, customer_id, key, anchor_at, entered_at, decided_at, anchor, state, product) "+series+`
		SELECT (SELECT min(id) FROM campaigns) + i %% 2, i %% %d + 1, 'k' || i, 0, i, i, '{}'%s, 'finished', 'w' || (i %% 700) FROM s`, customers*3, customers, cast))
	if db.engine == audience.Postgres {
		db.must(t, "ANALYZE")
	}
}

var wholeTable = regexp.MustCompile(`Seq Scan on (events|attribute_facts|catalogue_events|enrollments)|^SCAN (e|k|r|f|n)( USING.*)?$`)

// A tick costs what is due: no statement of these triggers goes through all
// events, facts or passes.
func TestTriggersScanNothing(t *testing.T) {
	ctx := context.Background()
	triggers := []campaign.Trigger{
		campaign.PastPurchase{After: campaign.Days(1), Nth: 2}, campaign.AbandonedCheckout{After: campaign.Of(time.Hour)}, campaign.AbandonedBrowse{After: campaign.Of(time.Hour)},
		campaign.OnProduct{Asked: campaign.Days(180), Viewed: campaign.Days(30), PerUnit: 3}, campaign.OnProduct{Asked: campaign.Days(180), Drop: 0.1},
		campaign.OnDate{Attribute: "birthday", Yearly: true, At: 540},
	}
	each(t, func(t *testing.T, db database) {
		db.crowd(t, 2000)
		db.market(t, 2000)
		e := audience.New(db.engine, catalog(nil))
		x := &explainer{db: db}
		cursor, err := e.Cursor(ctx, x)
		if err != nil {
			t.Fatal(err)
		}
		for _, trigger := range triggers {
			c := &campaign.Campaign{Name: trigger.Verb(), Trigger: trigger, Zone: "customer", MaxLateness: 24 * time.Hour}
			w := audience.Window{From: hours(5000), To: hours(5024), Cursor: cursor, LateFrom: hours(5000 - 24)}
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
			if _, err := e.Exits(ctx, x, c, passes); err != nil {
				t.Fatal(err)
			}
			for _, line := range x.plans {
				if line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "->")); wholeTable.MatchString(strings.TrimSpace(line)) {
					t.Errorf("%s: %s, in\n%s", c.Name, line, strings.Join(x.plans, "\n"))
					break
				}
			}
		}
	})
}
