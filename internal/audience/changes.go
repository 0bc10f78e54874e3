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

// stretch is the moments in (from, to], and where a cursor is given those in
// (late, from] that facts committed since then bring.
type stretch struct {
	from, to, late time.Time
	cursor         string
}

func (s stretch) has(t time.Time, fresh bool) bool {
	from := s.from
	if fresh {
		from = s.late
	}
	return t.After(from) && !t.After(s.to)
}

// first is what the moments looked for are all after.
func (s stretch) first() time.Time {
	if s.cursor == "" {
		return s.from
	}
	return minTime(s.late, s.from)
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// moments are, by customer, the moments at which something may change, in order.
type moments map[int64][]int64

func (m moments) add(customer int64, t time.Time) {
	m[customer] = append(m[customer], campaign.Micros(t))
}

func (m moments) sort() {
	for customer, at := range m {
		slices.Sort(at)
		m[customer] = slices.Compact(at)
	}
}

// scope limits a search to customers; the zero one is all, found by what happened
// in the span alone.
type scope struct {
	// from is a table expression with a column id of customers, empty: all.
	from string
}

// table is FROM, with the customers first, and WHERE up to the next condition.
func (s scope) table(table string) string {
	if s.from == "" {
		return " FROM " + table + " k WHERE "
	}
	return " FROM " + s.from + " l CROSS JOIN " + table + " k WHERE k.customer_id = l.id AND "
}

// among is the scope of the customers given.
func (b *builder) among(customers []int64) (scope, error) {
	param, err := b.json(customers)
	if b.engine == SQLite {
		return scope{"(SELECT CAST(value AS INTEGER) AS id FROM json_each(" + param + "))"}, err
	}
	return scope{"(SELECT value::bigint AS id FROM jsonb_array_elements_text(" + param + "))"}, err
}

// changes are the moments in s at which the truth of what w watches may change,
// for the customers given, or nil for all who have such a moment. Moments at
// which nothing changes may be among them, none is missing. What is ranked anew
// each day is not in the answer for all customers: see dayStarts.
func (e *Evaluator) changes(ctx context.Context, q Querier, w *watch, customers []int64, s stretch) (moments, error) {
	out := moments{}
	if customers != nil && len(customers) == 0 {
		return out, nil
	}
	b := e.builder(nil)
	var in scope
	var err error
	if customers != nil {
		if in, err = b.among(customers); err != nil {
			return nil, err
		}
	}
	parts, err := b.parts(w, in, in, s)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(parts, maxParts) {
		rows, err := b.query(ctx, q, strings.Join(some, " UNION ALL "))
		if err := each(rows, err, func(rows *sql.Rows) error { return out.read(rows, w, s) }); err != nil {
			return nil, fmt.Errorf("find moments of change: %w", err)
		}
	}
	if w.daily {
		for _, day := range dayStarts(e.cat.Workspace.Zone, s.from, s.to) {
			for _, customer := range customers {
				out.add(customer, day)
			}
		}
	}
	if err := e.overdueMoments(ctx, q, w, customers, s, out); err != nil {
		return nil, err
	}
	out.sort()
	return out, nil
}

// maxParts keeps a statement below SQLite's 500 parts.
const maxParts = 200

// read takes one row of parts: which source, whether it is of the facts committed
// late, the customer, two moments and a document.
func (m moments) read(rows *sql.Rows, w *watch, s stretch) error {
	var n, customer int64
	var fresh bool
	var t1, t2 sql.NullInt64
	var doc sql.NullString
	if err := rows.Scan(&n, &fresh, &customer, &t1, &t2, &doc); err != nil {
		return err
	}
	src := w.sources[n]
	add := func(t time.Time) {
		if s.has(t, fresh) {
			m.add(customer, t)
		}
	}
	// What is known of the fact from when on: nothing changes before.
	since := campaign.FromMicros(t1.Int64)
	if src.kind == ofEvents || src.kind == ofEventDates {
		since = campaign.FromMicros(t2.Int64)
	}
	around := func(t time.Time) {
		for _, e := range src.edges {
			for _, at := range e.moments(t) {
				if !at.Before(since) {
					add(at)
				}
			}
		}
	}
	yearly := func(t time.Time) {
		for _, length := range src.anniversaries {
			for _, at := range anniversaries(t, length, s.first(), s.to) {
				add(at)
			}
		}
	}
	switch src.kind {
	case ofEvents:
		around(campaign.FromMicros(t1.Int64))
		if src.has(atOnce) {
			add(since)
		}
	case ofFactDates:
		if t2.Valid {
			around(campaign.FromMicros(t2.Int64))
			yearly(campaign.FromMicros(t2.Int64))
		} else if t, ok := dayNamed(doc.String); ok {
			yearly(t)
		}
	case ofEventDates, ofNested:
		for _, text := range textsIn(doc.String, src.path) {
			if t, ok := textMoment(text); ok {
				around(t)
			}
			if t, ok := dayNamed(text); ok {
				yearly(t)
			}
		}
	case ofPasses:
		around(since)
		if t2.Valid {
			add(campaign.FromMicros(t2.Int64))
		}
	default: // ofFacts, ofConsents, ofCustomers
		add(since)
	}
	return nil
}
