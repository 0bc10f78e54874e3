package audience

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// limited holds for the first of a segment's members, as of the day's start.
func (b *builder) limited(s *campaign.Segment) (string, error) {
	days, err := b.rankDays()
	if err != nil {
		return "", err
	}
	kind, err := b.rankKind(ranking{limited: s})
	if err != nil {
		return "", err
	}
	var parts []string
	for _, day := range days {
		at := b.int(campaign.Micros(day))
		worked, err := b.firstOf(s, day)
		if err != nil {
			return "", err
		}
		parts = append(parts, b.keptOrWorked(kind, day,
			"SELECT v.day, CAST(v.value AS BIGINT) AS customer_id FROM (SELECT v.day, v.value FROM ranks v WHERE v.kind = "+b.text(kind)+" AND v.day = "+at+") v",
			"SELECT "+at+" AS day, q.customer_id FROM "+worked+" q")...)
	}
	first := b.with("first", "("+strings.Join(parts, " UNION ALL ")+")")
	if len(days) == 1 {
		if b.inSets() && b.engine == Postgres {
			return "(" + b.join("SELECT f.customer_id FROM "+first+" f") + ".customer_id IS NOT NULL)", nil
		}
		return "(x.customer_id IN (SELECT f.customer_id FROM " + first + " f))", nil
	}
	var starts [][]any
	for _, day := range days {
		starts = append(starts, []any{campaign.Micros(day)})
	}
	table, err := b.table([]column{{"day", "bigint"}}, starts)
	today := "(SELECT max(d.day) FROM " + b.with("days", table) + " d WHERE d.day <= " + b.now() + ")"
	return sure("((x.customer_id, " + today + ") IN (SELECT f.customer_id, f.day FROM " + first + " f))"), err
}

// firstOf is a subquery of the first of a segment's members as of a moment:
// customer_id, and n from 1. Values come in the order numbers, moments, texts,
// none; each highest or lowest first, texts by their bytes.
func (b *builder) firstOf(s *campaign.Segment, at time.Time) (string, error) {
	if slices.Contains(b.within, s.Name) {
		return "", fmt.Errorf("compile condition: segment %q contains itself (%s)", s.Name, strings.Join(b.within, " → "))
	}
	b.within = append(b.within, s.Name)
	outer := b.whole
	b.whole = &whole{at: at, facts: map[string]string{}}
	defer func() { b.within, b.whole = b.within[:len(b.within)-1], outer }()
	where, err := b.condition(s.Match)
	if err != nil {
		return "", err
	}
	values, err := b.sortValues(s.Limit.By)
	if err != nil {
		return "", err
	}
	direction, bytes := " DESC", ""
	if s.Limit.Lowest {
		direction = ""
	}
	if b.engine == Postgres {
		bytes = ` COLLATE "C"`
	}
	columns, order := []string{"x.customer_id", "x.external_id"}, []string{}
	for i, v := range values {
		columns = append(columns, fmt.Sprintf("%s AS k%d", v.sql, i))
		collate := ""
		if v.text {
			collate = bytes
		}
		order = append(order, fmt.Sprintf("q.k%d%s%s NULLS LAST", i, collate, direction))
	}
	order = append(order, "q.external_id"+bytes+" NULLS LAST", "q.customer_id")
	return "(SELECT q.customer_id, q.n FROM (SELECT q.customer_id, row_number() OVER (ORDER BY " + strings.Join(order, ", ") + ") AS n FROM (SELECT " +
		strings.Join(columns, ", ") + b.customers() + " WHERE " + where + ") q) q WHERE q.n <= " + b.int(int64(s.Limit.First)) + ")", nil
}

// sortValue is what customers are put in order by; of text, by its bytes.
type sortValue struct {
	sql  string
	text bool
}

func (b *builder) sortValues(name string) ([]sortValue, error) {
	if c, ok := b.cat.Workspace.ComputedAttribute(name); ok {
		value, err := b.computedValue(c.Name)
		if c.Kind == campaign.Bool {
			value = "(CASE WHEN " + value + " THEN 1 ELSE 0 END)"
		}
		return []sortValue{{value, c.Kind == campaign.Text}}, err
	}
	if !storable(name) {
		return nil, nil
	}
	latest := func(value string) string {
		return "(SELECT " + value + " FROM attribute_facts f WHERE f.customer_id = x.customer_id AND f.name = " + b.text(name) +
			" AND f.at <= " + b.now() + " ORDER BY f.at DESC, f.id DESC LIMIT 1)"
	}
	return []sortValue{
		{latest("CASE WHEN f.kind = 'number' THEN f.num END"), false},
		{latest("CASE WHEN f.kind = 'time' THEN f.moment END"), false},
		{latest("CASE WHEN f.kind IN ('text', 'bool') THEN f.text END"), true},
	}, nil
}
