package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"tidings/internal/audience"
)

// querier is what a *sql.DB and a *sql.Tx have in common.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// rows is a table expression over a parameter that holds a JSON array of
// arrays, so that one statement takes any number of rows on both engines.
// Columns are "name type" with PostgreSQL's type names; a type of json gives
// the value as JSON text.
//
//	rows("$1", "id bigint", "reason text")  with  [[1,"a"],[2,"b"]]
func (s *Store) rows(param string, columns ...string) string {
	var b strings.Builder
	b.WriteString("(SELECT ")
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		name, typ, _ := strings.Cut(c, " ")
		switch {
		case s.engine == audience.SQLite && typ == "json":
			fmt.Fprintf(&b, "r.value -> %d AS %s", i, name)
		case s.engine == audience.SQLite:
			fmt.Fprintf(&b, "r.value ->> %d AS %s", i, name)
		case typ == "json":
			fmt.Fprintf(&b, "r.value -> %d AS %s", i, name)
		default:
			fmt.Fprintf(&b, "(r.value ->> %d)::%s AS %s", i, typ, name)
		}
	}
	if s.engine == audience.SQLite {
		fmt.Fprintf(&b, " FROM json_each(%s) r)", param)
	} else {
		fmt.Fprintf(&b, " FROM jsonb_array_elements(%s::jsonb) r)", param)
	}
	return b.String()
}

// ids is a subquery over a parameter that holds a JSON array of numbers.
func (s *Store) ids(param string) string {
	if s.engine == audience.SQLite {
		return "(SELECT value FROM json_each(" + param + "))"
	}
	// The brackets are all that tells such an array from one of PostgreSQL's own,
	// which is read faster, and taken for short: its rows are looked up by index.
	return "(SELECT unnest(translate(" + param + "::text, '[]', '{}')::bigint[]))"
}

// forUpdate is the row lock that PostgreSQL takes; SQLite's transaction is the
// only writer already.
func (s *Store) forUpdate(how string) string {
	if s.engine == audience.SQLite {
		return ""
	}
	return " FOR UPDATE " + how
}

// forNoKeyUpdate is the lock that keeps other writers of a row out, but not the
// inserts of rows that refer to it.
func (s *Store) forNoKeyUpdate() string {
	if s.engine == audience.SQLite {
		return ""
	}
	return " FOR NO KEY UPDATE"
}

// array encodes a parameter for rows and ids.
func array(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only our own numbers, texts and raw JSON come here
	}
	return string(b)
}

// collect scans every row of a query.
func collect[T any](rows *sql.Rows, err error, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
