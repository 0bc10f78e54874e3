package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// What was ever stored, by name; of each the latest.
func TestSeen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		names := func(list func(context.Context) ([]string, error)) string {
			t.Helper()
			found, err := list(ctx)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(found)
			return strings.Join(found, ",")
		}
		if got := names(s.EventNames) + names(s.AttributeNames); got != "" {
			t.Errorf("an empty store has seen %s", got)
		}
		for i, event := range []string{"B", "A", "Ünder", "A", "", "A"} {
			if event != "" {
				call(t, s, t0.Add(time.Duration(i)*time.Minute), "track", fmt.Sprintf(`{"userId":"ana","event":%q,"properties":{"n":%d}}`, event, i))
			}
		}
		call(t, s, t1, "track", `{"event":"Product Back In Stock","properties":{"product_id":"7","stock":3}}`)
		call(t, s, t1, "identify", `{"userId":"ana","traits":{"tier":"gold","day":"2026-01-02","n":5,"yes":true,"tags":["a",1],"home":{"city":"Iloilo"}}}`)
		call(t, s, t2, "identify", `{"userId":"ana","traits":{"tier":"silver","n":null}}`)
		if got := names(s.EventNames); got != "A,B,Product Back In Stock,Ünder" {
			t.Errorf("events: %s", got)
		}
		if got := names(s.AttributeNames); got != "day,home,n,tags,tier,yes" {
			t.Errorf("attributes: %s", got)
		}
		events := func(name string) string {
			t.Helper()
			found, err := s.LatestEvents(ctx, name, 2)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := json.Marshal(found)
			return string(text)
		}
		if got := events("A"); got != `[{"n":5},{"n":3}]` {
			t.Errorf("events A: %s", got)
		}
		if got := events("Product Back In Stock"); got != `[{"product_id":"7","stock":3}]` {
			t.Errorf("a fact of the catalogue: %s", got)
		}
		if got := events("a"); got != `null` {
			t.Errorf("events a: %s", got)
		}
		for name, want := range map[string][]any{
			"tier": {"silver", "gold"}, "n": {nil, 5.0}, "day": {"2026-01-02"}, "yes": {true},
			"tags": {[]any{"a", 1.0}}, "home": {map[string]any{"city": "Iloilo"}}, "none": nil,
		} {
			got, err := s.LatestValues(ctx, name, 2)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("values of %s: %s", name, diff)
			}
		}
		if got, err := s.LatestValues(ctx, "tier", 1); err != nil || len(got) != 1 || got[0] != "silver" {
			t.Errorf("the latest value: %v, %v", got, err)
		}
	})
}

// Names are found by going through an index, and so are the latest of a name: no
// statement reads a table whole or sorts.
func TestSeenUsesIndexes(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	for _, query := range append(store.SeenQueries(), store.NamesQuery("events"), store.NamesQuery("catalogue_events"), store.NamesQuery("attribute_facts")) {
		plan := strings.Join(table(t, s, "EXPLAIN QUERY PLAN "+strings.NewReplacer("$1", "'A'", "$2", "10").Replace(strings.ReplaceAll(query, "LIMIT $1", "LIMIT 10"))), "; ")
		// n is the list of names itself.
		if strings.Contains(strings.ReplaceAll(plan, "SCAN n", ""), "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\nplan: %s", query, plan)
		}
	}
}

func TestMatchingAndExcluded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		s.Use(&campaign.Catalog{Workspace: campaign.Workspace{Currency: "EUR", Zone: time.UTC}})
		call(t, s, t0, "identify", `{"userId":"ana","traits":{"tier":"gold"}}`)
		call(t, s, t0, "track", `{"userId":"bob","event":"Order Completed","properties":{"order_id":"1","total":5,"currency":"USD"}}`)
		gold := campaign.Attribute{Name: "tier", Test: campaign.Test{Op: campaign.OpIs, Values: []campaign.Value{campaign.TextValue("gold")}}}
		for _, c := range []struct {
			cond campaign.Condition
			want int
		}{{nil, 2}, {gold, 1}} {
			if n, err := s.Matching(ctx, c.cond, t1); err != nil || n != c.want {
				t.Errorf("%v: %d, %v; want %d", c.cond, n, err, c.want)
			}
		}
		got, err := s.Excluded(ctx, t1)
		if diff := cmp.Diff([]audience.ExcludedAmount{{Currency: "USD", Events: 1}}, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}

// Tables of another version are told apart, and none are made.
func TestCurrent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		if err := s.Current(ctx); err != nil {
			t.Fatal(err)
		}
		exec(t, s, `UPDATE goose_db_version SET version_id = version_id + 1000 WHERE version_id > 0`)
		if err := s.Current(ctx); err == nil || !strings.Contains(err.Error(), "tables are of version 1001") {
			t.Errorf("newer tables: %v", err)
		}
		exec(t, s, `DROP TABLE meta`)
		if err := s.Current(ctx); err == nil || !strings.Contains(err.Error(), "no tables") {
			t.Errorf("no tables: %v", err)
		}
		if got := table(t, s, `SELECT count(*) FROM goose_db_version WHERE version_id > 0`); got[0] != "1" {
			t.Errorf("migrated: %v", got)
		}
	})
}
