package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// SegmentSize is how many customers a condition holds for at a moment; nil: how
// many there are.
func (s *Store) SegmentSize(ctx context.Context, cond campaign.Condition, at time.Time) (int, error) {
	return s.eval.Count(ctx, s.reader(), cond, at)
}

// SegmentMembers are the customers for whom a condition holds at a moment, by id.
func (s *Store) SegmentMembers(ctx context.Context, cond campaign.Condition, at time.Time) ([]int64, error) {
	return s.eval.Members(ctx, s.reader(), cond, at)
}

// SegmentHistory is who is in a segment, and how it came to that.
type SegmentHistory struct {
	Members []int64
	Entered []int64 // who was not at the end of the day before
	Left    []int64 // who was, and is not
	Days    []DaySize
	// Excluded are the amounts that no sum holds, for want of a rate.
	Excluded []audience.ExcludedAmount
}

// DaySize is a segment's size at the end of a local day.
type DaySize struct {
	Date string `json:"date"` // 2026-12-01
	Size int    `json:"size"`
}

// SegmentHistory looks at a segment at a moment and at the ends of the days
// before it, as zone has them; the last day is that of the moment, as of then. All
// of it is read from one state of the database, as one day is found from the next.
func (s *Store) SegmentHistory(ctx context.Context, cond campaign.Condition, at time.Time, days int, zone *time.Location) (SegmentHistory, error) {
	local := at.In(zone)
	midnight := func(back int) time.Time {
		return time.Date(local.Year(), local.Month(), local.Day()-back, 0, 0, 0, 0, zone)
	}
	looks := []time.Time{at}
	for back := 1; back < max(days, 2); back++ {
		looks = append(looks, midnight(back-1).Add(-time.Microsecond))
	}
	var h SegmentHistory
	err := s.still(ctx, func(tx *sql.Tx) error {
		var before []int64
		back := 0
		if err := s.eval.Backwards(ctx, tx, cond, looks, func(members []int64) {
			switch back {
			case 0:
				h.Members = members
			case 1:
				before = members
			}
			if back < days {
				h.Days = append(h.Days, DaySize{midnight(back).Format(time.DateOnly), len(members)})
			}
			back++
		}); err != nil {
			return err
		}
		slices.Reverse(h.Days)
		h.Entered, h.Left = without(h.Members, before), without(before, h.Members)
		var err error
		h.Excluded, err = s.eval.Excluded(ctx, tx, at)
		return err
	})
	return h, err
}

// without are those of a that are not in b.
func without(a, b []int64) []int64 {
	in := make(map[int64]bool, len(b))
	for _, id := range b {
		in[id] = true
	}
	var out []int64
	for _, id := range a {
		if !in[id] {
			out = append(out, id)
		}
	}
	return out
}

// MemberRows are customers as rows of a table: what people call each, and the
// attributes named as they were known at a moment, empty where there is none.
func (s *Store) MemberRows(ctx context.Context, ids []int64, attributes []string, at time.Time) ([][]string, error) {
	out := make([][]string, 0, len(ids))
	for begin := 0; begin < len(ids); begin += insertBatch {
		part := ids[begin:min(begin+insertBatch, len(ids))]
		labels, err := s.Labels(ctx, part)
		if err != nil {
			return nil, err
		}
		values, err := s.known(ctx, part, attributes, at)
		if err != nil {
			return nil, err
		}
		for i, id := range part {
			row := []string{labels[i]}
			for _, name := range attributes {
				row = append(row, values[id][name])
			}
			out = append(out, row)
		}
	}
	return out, nil
}

// known are attributes of customers as of a moment, computed ones included.
func (s *Store) known(ctx context.Context, ids []int64, attributes []string, at time.Time) (map[int64]map[string]string, error) {
	out := make(map[int64]map[string]string, len(ids))
	passes := make([]audience.PassAt, len(ids))
	for i, id := range ids {
		out[id] = map[string]string{}
		passes[i] = audience.PassAt{ID: id, Customer: id, AsOf: at}
	}
	var told, computed []string
	for _, name := range attributes {
		if _, ok := s.catalog.Workspace.ComputedAttribute(name); ok {
			computed = append(computed, name)
		} else {
			told = append(told, name)
		}
	}
	if len(computed) > 0 {
		values, err := s.eval.ComputedValue(ctx, s.reader(), computed, passes)
		if err != nil {
			return nil, err
		}
		for id, by := range values {
			for name, v := range by {
				out[id][name] = plainText(v)
			}
		}
	}
	for _, name := range told {
		rows, err := s.reader().QueryContext(ctx, `SELECT x.id, f.kind, f.text FROM (SELECT i.id, (SELECT g.id FROM attribute_facts g
				WHERE g.customer_id = i.id AND g.name = $2 AND g.at <= $3 ORDER BY g.at DESC, g.id DESC LIMIT 1) AS fact
			FROM `+s.rows("$1", "id bigint")+` i) x JOIN attribute_facts f ON f.id = x.fact`, array(wrap(ids)), name, campaign.Micros(at))
		if _, err := collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
			var kind, text string
			if err = rows.Scan(&id, &kind, &text); kind != "null" {
				out[id][name] = text
			}
			return id, err
		}); err != nil {
			return nil, fmt.Errorf("read attribute %s: %w", name, err)
		}
	}
	return out, nil
}

// plainText writes a value for a table; nil is empty.
func plainText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return strings.Trim(string(text), `"`)
}
