package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"tidings/internal/campaign"
)

// factBatch bounds the facts of one statement.
const factBatch = 5000

// fact is an attribute's value from a moment on, typed as both engines compare
// it.
type fact struct {
	customer int64
	name     string
	at       int64 // from when on it holds
	begin    int64 // the same, where it is among the customer's first facts
	kind     string
	text     string
	num      *float64
	moment   *int64
}

// typed sets a fact's value. Text that reads as a date is a time.
func (f fact) typed(v any) (fact, error) {
	switch v := v.(type) {
	case nil:
		f.kind = "null"
	case string:
		f.kind, f.text = string(campaign.Text), v
		if t, ok := campaign.ParseMoment(v, nil); ok {
			us := campaign.Micros(t)
			f.kind, f.moment = string(campaign.Time), &us
		}
	case float64:
		f.kind, f.text, f.num = string(campaign.Number), campaign.NumberValue(v).Text, &v
	case bool:
		f.kind, f.text = string(campaign.Bool), strconv.FormatBool(v)
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return f, fmt.Errorf("encode attribute: %w", err)
		}
		f.kind, f.text = "object", string(text)
		if _, list := v.([]any); list {
			f.kind = "list"
		}
	}
	return f, nil
}

// facts are the facts that attributes state of a customer.
func facts(customer, at, begin int64, attributes map[string]any) ([]fact, error) {
	out := make([]fact, 0, len(attributes))
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		f, err := fact{customer: customer, name: name, at: at, begin: begin}.typed(attributes[name])
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// learn stores the facts that say something new, that is another value than was
// known as of their moment, and brings the customers up to date. It tells whose
// facts they were. No two facts may be about one attribute of one customer.
func (s *Store) learn(ctx context.Context, tx *sql.Tx, fs []fact, h said) (map[int64]bool, error) {
	// Read before anything is stored, so that all of a customer's first facts
	// begin together.
	known, err := s.withFacts(ctx, tx, fs)
	if err != nil {
		return nil, fmt.Errorf("read what is known: %w", err)
	}
	changed := map[int64]bool{}
	for part := range slices.Chunk(fs, factBatch) {
		in := make([][]any, len(part))
		for i, f := range part {
			at := f.begin
			if known[f.customer] {
				at = f.at
			}
			in[i] = []any{f.customer, f.name, at, f.kind, f.text, f.num, f.moment}
		}
		// A fact that says what is known is left out; null says that nothing is.
		rows, err := tx.QueryContext(ctx, `INSERT INTO attribute_facts (customer_id, name, at, kind, text, num, moment)
			SELECT x.customer_id, x.name, x.at, x.kind, x.text, x.num, x.moment
			FROM `+s.rows("$1", "customer_id bigint", "name text", "at bigint", "kind text", "text text", "num double precision", "moment bigint")+` x
			WHERE x.kind || ' ' || x.text <> coalesce((SELECT f.kind || ' ' || f.text FROM attribute_facts f
				WHERE f.customer_id = x.customer_id AND f.name = x.name AND f.at <= x.at
				ORDER BY f.at DESC, f.id DESC LIMIT 1), 'null ')
			RETURNING customer_id`, array(in))
		ids, err := collect(rows, err, scanID)
		if err != nil {
			return nil, fmt.Errorf("store attributes: %w", err)
		}
		for _, id := range ids {
			changed[id] = true
		}
	}
	moved, err := s.refresh(ctx, tx, slices.Sorted(maps.Keys(changed)))
	if err != nil {
		return nil, err
	}
	return changed, s.readdress(ctx, tx, moved, h)
}

// withFacts tells of which customers anything is known.
func (s *Store) withFacts(ctx context.Context, tx *sql.Tx, fs []fact) (map[int64]bool, error) {
	ids := make([]int64, 0, len(fs))
	for _, f := range fs {
		ids = append(ids, f.customer)
	}
	slices.Sort(ids)
	rows, err := tx.QueryContext(ctx, `SELECT c.id FROM customers c WHERE c.id IN `+s.ids("$1")+`
		AND EXISTS (SELECT 1 FROM attribute_facts f WHERE f.customer_id = c.id)`, array(slices.Compact(ids)))
	found, err := collect(rows, err, scanID)
	known := make(map[int64]bool, len(found))
	for _, id := range found {
		known[id] = true
	}
	return known, err
}

// latest is what a customer's row shows of the facts.
type latest struct {
	attributes map[string]any
	createdAt  any // null: the row keeps its own
}

// refresh brings the rows of customers up to date with their latest facts, and tells who
// has another address since.
func (s *Store) refresh(ctx context.Context, tx *sql.Tx, ids []int64) (moved []int64, err error) {
	for part := range slices.Chunk(ids, factBatch) {
		of, err := s.latestFacts(ctx, tx, part)
		if err != nil {
			return nil, fmt.Errorf("read attributes: %w", err)
		}
		in := make([][]any, len(part))
		for i, id := range part {
			l := of[id]
			email, hash := any(nil), any(nil)
			if address, _ := l.attributes["email"].(string); address != "" {
				email, hash = address, campaign.AddressHash(address)
			}
			locale, _ := l.attributes["locale"].(string)
			timezone, _ := l.attributes["timezone"].(string)
			if l.attributes == nil {
				l.attributes = map[string]any{}
			}
			in[i] = []any{id, email, hash, locale, timezone, l.createdAt, l.attributes}
		}
		movers, err := s.movers(ctx, tx, in)
		if err != nil {
			return nil, err
		}
		moved = append(moved, movers...)
		if err := s.takeBackMoved(ctx, tx, movers); err != nil {
			return nil, err
		}
		_, err = tx.ExecContext(ctx, `UPDATE customers SET email = x.email, email_hash = x.hash, locale = x.locale,
				timezone = x.timezone, created_at = coalesce(x.created_at, customers.created_at), attributes = x.attributes
			FROM `+s.rows("$1", "id bigint", "email text", "hash text", "locale text", "timezone text", "created_at bigint", "attributes json")+` x
			WHERE customers.id = x.id`, array(in))
		if err != nil {
			return nil, fmt.Errorf("update customers: %w", err)
		}
	}
	return moved, nil
}

// takeBackMoved takes back what was let out for customers who are about to get another
// address: it counts for the domain of the old one, and goes out at the new one's pace.
func (s *Store) takeBackMoved(ctx context.Context, tx *sql.Tx, movers []int64) error {
	if len(movers) == 0 || !s.counts() {
		return nil
	}
	if _, err := s.putBack(ctx, tx, fenceOff, `m.stage = 'moving' AND m.state IN ('queued', 'claimed') AND m.customer_id IN `+s.ids("$1"), array(movers)); err != nil {
		return fmt.Errorf("take back what goes to another address: %w", err)
	}
	return nil
}

func (s *Store) latestFacts(ctx context.Context, tx *sql.Tx, ids []int64) (map[int64]latest, error) {
	rows, err := tx.QueryContext(ctx, `SELECT customer_id, name, kind, text, num, moment FROM (
			SELECT f.customer_id, f.name, f.kind, f.text, f.num, f.moment,
				row_number() OVER (PARTITION BY f.customer_id, f.name ORDER BY f.at DESC, f.id DESC) AS n
			FROM attribute_facts f WHERE f.customer_id IN `+s.ids("$1")+`) l
		WHERE n = 1 AND kind <> 'null'`, array(ids))
	out := make(map[int64]latest, len(ids))
	_, err = collect(rows, err, func(rows *sql.Rows) (f fact, err error) {
		if err := rows.Scan(&f.customer, &f.name, &f.kind, &f.text, &f.num, &f.moment); err != nil {
			return f, err
		}
		l := out[f.customer]
		if l.attributes == nil {
			l.attributes = map[string]any{}
		}
		l.attributes[f.name] = f.value()
		if f.name == "created_at" && f.moment != nil {
			l.createdAt = *f.moment
		}
		out[f.customer] = l
		return f, nil
	})
	return out, err
}

// value is the fact's value as JSON has it.
func (f fact) value() any {
	switch f.kind {
	case string(campaign.Number):
		return f.num
	case string(campaign.Bool):
		return f.text == "true"
	case "list", "object":
		return json.RawMessage(f.text)
	}
	return f.text
}
