package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"tidings/internal/store"
)

// pool keeps migrated schemas of PostgreSQL from one test of this process to the
// next: making and dropping one costs far more than most tests do. A schema whose
// tables a test has changed is dropped.
type pool struct {
	sync.Mutex
	base  string
	admin *sql.DB
	// mark is a session that holds an advisory lock on each of this process's
	// schemas: those of processes that are gone are thereby known, and dropped.
	mark *sql.Conn
	free []pooled
}

type pooled struct{ name, shape string }

var pools struct {
	sync.Mutex
	of map[string]*pool
}

// poolOf is the pool in a database, made on first use.
func poolOf(ctx context.Context, base string) (*pool, error) {
	pools.Lock()
	defer pools.Unlock()
	if p := pools.of[base]; p != nil {
		return p, nil
	}
	admin, err := sql.Open("pgx", base)
	if err != nil {
		return nil, err
	}
	mark, err := admin.Conn(ctx)
	if err != nil {
		admin.Close()
		return nil, err
	}
	p := &pool{base: base, admin: admin, mark: mark}
	if pools.of == nil {
		pools.of = map[string]*pool{}
	}
	pools.of[base] = p
	return p, p.sweep(ctx)
}

// prefix begins the names of the pools' schemas.
const prefix = "tidings_pool_"

// sweep drops the schemas of processes that are gone.
func (p *pool) sweep(ctx context.Context) error {
	names, err := column(ctx, p.mark, `SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1) AND pg_try_advisory_lock(hashtext(nspname))`, prefix)
	for _, name := range names {
		if _, err := p.mark.ExecContext(ctx, "DROP SCHEMA IF EXISTS "+name+" CASCADE"); err != nil {
			return err
		}
		if _, err := p.mark.ExecContext(ctx, "SELECT pg_advisory_unlock(hashtext($1))", name); err != nil {
			return err
		}
	}
	return err
}

// take gives a migrated schema without rows to a test, and has it back after it.
func (p *pool) take(t testing.TB) string {
	t.Helper()
	ctx := context.Background()
	p.Lock()
	defer p.Unlock()
	var s pooled
	if n := len(p.free); n > 0 {
		s, p.free = p.free[n-1], p.free[:n-1]
	} else {
		var err error
		if s, err = p.make(ctx); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := p.giveBack(ctx, s); err != nil {
			t.Error(err)
		}
	})
	return s.name
}

func (p *pool) make(ctx context.Context) (pooled, error) {
	s := pooled{name: prefix + random()}
	if _, err := p.mark.ExecContext(ctx, "SELECT pg_advisory_lock(hashtext($1))", s.name); err != nil {
		return s, err
	}
	if _, err := p.mark.ExecContext(ctx, "CREATE SCHEMA "+s.name); err != nil {
		return s, err
	}
	address, err := inSchema(p.base, s.name)
	if err != nil {
		return s, err
	}
	db, err := store.Open(ctx, address, store.Options{})
	if err != nil {
		return s, err
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		return s, err
	}
	if s.shape, err = shape(ctx, p.admin, s.name); err != nil {
		return s, err
	}
	return s, empty(ctx, p.admin, s.name)
}

// giveBack empties a schema for the next test, or drops one that has changed.
func (p *pool) giveBack(ctx context.Context, s pooled) error {
	now, err := shape(ctx, p.admin, s.name)
	if err == nil && now == s.shape {
		err = empty(ctx, p.admin, s.name)
	}
	if err != nil {
		return err
	}
	if now != s.shape {
		_, err := p.admin.ExecContext(ctx, "DROP SCHEMA "+s.name+" CASCADE")
		return err
	}
	p.Lock()
	defer p.Unlock()
	p.free = append(p.free, s)
	return nil
}

// shape is all that a test might have changed of a schema but its rows.
func shape(ctx context.Context, db *sql.DB, schema string) (string, error) {
	parts, err := column(ctx, db, `
		SELECT concat_ws(' ', 'column', attrelid::regclass, attname, atttypid, attnotnull) AS what FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
			WHERE relnamespace = $1::regnamespace AND attnum > 0
		UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname) FROM pg_constraint WHERE connamespace = $1::regnamespace
		UNION ALL SELECT concat_ws(' ', 'trigger', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
			WHERE relnamespace = $1::regnamespace
		ORDER BY what`, schema)
	if err != nil || !strings.Contains(strings.Join(parts, "\n"), "goose_db_version") {
		return strings.Join(parts, "\n"), err
	}
	versions, err := column(ctx, db, "SELECT concat_ws(' ', version_id, is_applied) FROM "+schema+".goose_db_version ORDER BY 1")
	return strings.Join(append(parts, versions...), "\n"), err
}

// empty deletes all rows but those that say which migrations were applied, and
// begins all ids anew. Tables that have grown, or of which there are statistics,
// are cut off, so that the next test plans as in new ones; that is slower than
// deleting the few rows of most tests.
func empty(ctx context.Context, db *sql.DB, schema string) error {
	const tables = `SELECT format('%I.%I', $1::text, relname) FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r' AND relname <> 'goose_db_version' AND `
	const grown = `(reltuples > 0 OR relpages > 0 OR pg_relation_size(oid) > 65536)`
	large, err := column(ctx, db, tables+grown, schema)
	if err != nil {
		return err
	}
	small, err := column(ctx, db, tables+"NOT "+grown, schema)
	if err != nil {
		return err
	}
	var do []string
	if len(large) > 0 {
		do = append(do, "TRUNCATE "+strings.Join(large, ", ")+" CASCADE")
	}
	if len(small) > 0 {
		// In one statement, at whose end no row refers to one that is gone.
		var parts []string
		for i, table := range small {
			parts = append(parts, fmt.Sprintf("d%d AS (DELETE FROM %s)", i, table))
		}
		do = append(do, "WITH "+strings.Join(parts, ", ")+" SELECT 1")
	}
	do = append(do, fmt.Sprintf("SELECT setval(format('%%I.%%I', schemaname, sequencename), start_value, false) FROM pg_sequences WHERE schemaname = '%s' AND last_value IS NOT NULL AND sequencename NOT LIKE 'goose%%'", schema))
	for _, statement := range do {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("empty a test's schema: %w", err)
		}
	}
	return nil
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func column(ctx context.Context, q querier, query string, args ...any) (out []string, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

func random() string {
	var b [6]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// inSchema is the address of a schema in the database at base. Its commits need
// not survive a power cut.
func inSchema(base, schema string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set("search_path", schema)
	q.Set("synchronous_commit", "off")
	u.RawQuery = q.Encode()
	return u.String(), nil
}
