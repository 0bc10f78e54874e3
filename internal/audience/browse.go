package audience

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"tidings/internal/campaign"
)

// abandonedBrowses finds views that nothing followed. SQL finds the last views;
// which product they are about, and how often it was viewed, is folded here;
// audience and enter_when then see it in the anchor's properties.
func (e *Evaluator) abandonedBrowses(ctx context.Context, q Querier, c *campaign.Campaign, t campaign.AbandonedBrowse, w Window) ([]campaign.Candidate, error) {
	b := e.builder(c)
	left, err := b.found(ctx, q, t, w, and("NOT EXISTS (SELECT 1"+b.cancels(t)+")", "NOT EXISTS (SELECT 1"+b.laterSame(t.AnchorNames())+")"))
	if err != nil {
		return nil, err
	}
	var out []campaign.Candidate
	for part := range slices.Chunk(left, batch) {
		views, err := e.views(ctx, q, part)
		if err != nil {
			return nil, err
		}
		for i, one := range part {
			trigger, product := viewed(t, views[i], one.AsOf)
			if trigger == nil {
				continue
			}
			if one.Trigger, err = json.Marshal(trigger); err != nil {
				return nil, fmt.Errorf("encode views of %s: %w", one.Key, err)
			}
			one.Product = product
			out = append(out, one)
		}
	}
	return e.admitted(ctx, q, c, out)
}

// views are the properties of each candidate's views since the customer's last
// order, checkout or change of the cart, at most campaign.BrowseMemory before the
// anchor, in order, by the candidate's position.
func (e *Evaluator) views(ctx context.Context, q Querier, found []campaign.Candidate) (map[int][]map[string]any, error) {
	b := e.builder(nil)
	rows := make([][]any, len(found))
	for i, one := range found {
		rows[i] = []any{i, one.Customer, campaign.Micros(one.AsOf), campaign.Micros(one.Anchor)}
	}
	table, err := b.table([]column{{"id", "bigint"}, {"customer_id", "bigint"}, {"as_of", "bigint"}, {"anchor_at", "bigint"}}, rows)
	if err != nil {
		return nil, err
	}
	query := "WITH p AS MATERIALIZED " + table + ", s AS MATERIALIZED (SELECT p.*, COALESCE((SELECT max(+o.occurred_at) FROM events o WHERE " +
		and("o.customer_id = p.customer_id", "o.name IN "+b.names(cancelNames(campaign.AbandonedBrowse{})), "o.occurred_at <= p.anchor_at", "o.known_at <= p.as_of") +
		"), -9000000000000000000) AS since FROM p) SELECT s.id, k.properties FROM s CROSS JOIN events k WHERE " +
		and("k.customer_id = s.customer_id", "k.name = "+b.text(campaign.ProductViewed), "k.occurred_at > s.since",
			"k.occurred_at >= s.anchor_at - "+b.int(campaign.BrowseMemory.Microseconds()), "k.occurred_at <= s.anchor_at", "k.known_at <= s.as_of") +
		" ORDER BY s.id, k.occurred_at, k.id"
	out := map[int][]map[string]any{}
	got, err := b.query(ctx, q, query)
	if err := each(got, err, func(rows *sql.Rows) error {
		var id int
		var properties []byte
		if err := rows.Scan(&id, &properties); err != nil {
			return err
		}
		out[id] = append(out[id], object(properties))
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read views: %w", err)
	}
	return out, nil
}

// mostProducts bounds the products that a trigger tells.
const mostProducts = 10

// viewed is the trigger that views come to: the properties of the last one whose
// product, or category, was viewed as often as t asks, with `views`, how often,
// and `products`, what was viewed, newest first, each as it was last viewed. It
// is nil when nothing was viewed often enough, or that view does not pass where.
func viewed(t campaign.AbandonedBrowse, views []map[string]any, asOf time.Time) (trigger map[string]any, product string) {
	key := func(view map[string]any) string {
		if t.SameCategory {
			category, _ := view["category"].(string)
			return category
		}
		return identifier(view["product_id"])
	}
	count := map[string]int{}
	for _, view := range views {
		count[key(view)]++
	}
	often := t.Views
	if often.Op == "" {
		often = *campaign.AtLeastOnce()
	}
	for _, view := range slices.Backward(views) {
		k := key(view)
		n := map[string]any{"views": float64(count[k])}
		if k == "" || !Match([]campaign.Property{{Path: "views", Test: often}}, n, asOf) {
			continue
		}
		if !Match(t.Where, view, asOf) {
			return nil, ""
		}
		trigger = maps.Clone(view)
		trigger["views"], trigger["products"] = count[k], newest(views)
		return trigger, identifier(view["product_id"])
	}
	return nil, ""
}

// newest are the products of views, each once, as it was last viewed.
func newest(views []map[string]any) []map[string]any {
	seen, out := map[string]bool{}, []map[string]any{}
	for _, view := range slices.Backward(views) {
		if id := identifier(view["product_id"]); id != "" && !seen[id] && len(out) < mostProducts {
			seen[id] = true
			out = append(out, view)
		}
	}
	return out
}

// identifier is an identifier in a property, as builder.id gives it; empty when
// there is none.
func identifier(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
