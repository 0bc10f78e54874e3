package audience

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A cursor marks what was visible at a moment. On SQLite, which has one writer at
// a time so that ids commit in their order, it is the last id of each table that
// ticks read by it, as "12/7/9/3/5". On PostgreSQL it is a snapshot, as
// pg_current_snapshot() prints it: "101:105:102,103" for the first transaction
// that still ran, the first that had not begun, and those running between.

// freshTable is a table whose rows a cursor tells apart, by its place there.
type freshTable int

const (
	freshEvents freshTable = iota
	freshCatalogue
	freshFacts
	freshCustomers // only their rowids, and on PostgreSQL what a row itself tells
	freshConsents
)

var (
	litePattern     = regexp.MustCompile(`^[0-9]{1,18}(/[0-9]{1,18}){4}$`)
	snapshotPattern = regexp.MustCompile(`^[0-9]{1,19}:[0-9]{1,19}:([0-9]{1,19}(,[0-9]{1,19})*)?$`)
)

// fresh is the condition that an event was committed since cursor, and the name
// column to use beside it: the rowid, not the name, must lead SQLite's search.
func (b *builder) fresh(alias, cursor string) (cond, name string, err error) {
	cond, err = b.freshIn(freshEvents, alias, cursor)
	return cond, b.unled(alias + ".name"), err
}

// unled keeps SQLite from searching by column; PostgreSQL's planner knows better.
func (b *builder) unled(column string) string {
	if b.engine == SQLite {
		return "+" + column
	}
	return column
}

// freshIn is the condition that a row of table was committed since cursor.
// Whatever a snapshot does not see either ran when it was taken or had not begun,
// which are ranges of the index on xid, however old the snapshot is and whatever
// else has been running since.
func (b *builder) freshIn(table freshTable, alias, cursor string) (string, error) {
	pattern := snapshotPattern
	if b.engine == SQLite {
		pattern = litePattern
	}
	if !pattern.MatchString(cursor) {
		return "", fmt.Errorf("read cursor %q: it is none of this database's; run the tick again without it", cursor)
	}
	if b.engine == SQLite {
		n, err := strconv.ParseInt(strings.Split(cursor, "/")[table], 10, 64)
		return alias + ".id > " + b.int(n), err
	}
	marks := strings.Split(cursor, ":")
	begun := alias + ".xid >= " + b.text(marks[1]) + "::xid8"
	if marks[2] == "" {
		return begun, nil
	}
	return "(" + begun + " OR " + alias + ".xid = ANY (" + b.text("{"+marks[2]+"}") + "::xid8[]))", nil
}

// Cursor marks what is visible now, for Window.Cursor of the next evaluation.
// Read it before evaluating, so that what commits meanwhile is read twice
// rather than never.
func (e *Evaluator) Cursor(ctx context.Context, q Querier) (string, error) {
	query := "SELECT pg_current_snapshot()::text"
	if e.engine == SQLite {
		last := func(table string) string { return "CAST(COALESCE((SELECT max(id) FROM " + table + "), 0) AS TEXT)" }
		query = "SELECT " + last("events") + " || '/' || " + last("catalogue_events") + " || '/' || " + last("attribute_facts") + " || '/' || " + last("customers") + " || '/' || " + last("consents")
	}
	var cursor string
	rows, err := q.QueryContext(ctx, query)
	if err := each(rows, err, func(rows *sql.Rows) error { return rows.Scan(&cursor) }); err != nil {
		return "", fmt.Errorf("read cursor: %w", err)
	}
	return cursor, nil
}
