// Package audience is the one evaluator: it turns conditions and triggers into
// SQL and runs it, for the tick, the last look, plan, explain and backtest
// alike. It knows the tables of events, attribute facts, enrollments and
// customers; everything else in SQL is the store's.
package audience

import (
	"context"
	"database/sql"
)

// Engine is one of the two SQL engines.
type Engine int

// The engines.
const (
	Postgres Engine = iota + 1
	SQLite
)

func (e Engine) String() string {
	if e == SQLite {
		return "sqlite"
	}
	return "postgres"
}

// Querier is what the evaluator runs on: a database or a transaction.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}
