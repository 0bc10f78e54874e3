package bench

import (
	"bufio"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver

	"tidings/internal/audience"
	"tidings/internal/store"
)

// place is a database of the benchmark's own: a schema, or a file.
type place struct {
	engine audience.Engine
	db     *sql.DB
	store  *store.Store
	remove func()
	// address is its DATABASE_URL, name that of the schema or file.
	address, name string
}

// newPlace makes it beside the database at address, whose own tables it leaves
// alone. remove drops it with all that is in it.
func newPlace(ctx context.Context, address string) (*place, error) {
	p := &place{engine: audience.Postgres}
	own, driver, dsn, err := p.own(ctx, address)
	if err != nil {
		return nil, err
	}
	p.address = own
	if p.store, err = store.Open(ctx, own, store.Options{Throwaway: p.engine == audience.SQLite}); err == nil {
		err = p.store.Migrate(ctx)
	}
	if err == nil {
		p.db, err = sql.Open(driver, dsn)
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("make a database to measure in: %w", err)
	}
	return p, nil
}

func (p *place) own(ctx context.Context, address string) (own, driver, dsn string, err error) {
	if strings.HasPrefix(address, "sqlite:") {
		p.engine = audience.SQLite
		dir, err := os.MkdirTemp(filepath.Dir(strings.TrimPrefix(address, "sqlite:")), "bench-")
		if err != nil {
			return "", "", "", fmt.Errorf("make a folder to measure in: %w", err)
		}
		p.remove = func() { os.RemoveAll(dir) }
		file := filepath.Join(dir, "bench.db")
		return "sqlite:" + file, "sqlite", "file:" + file + "?_pragma=synchronous(OFF)&_pragma=busy_timeout(15000)&_pragma=cache_size(-262144)&_txlock=immediate", nil
	}
	var b [6]byte
	rand.Read(b[:])
	schema := "bench_" + hex.EncodeToString(b[:])
	p.name = schema
	admin, err := sql.Open("pgx", address)
	if err != nil {
		return "", "", "", store.URLError("DATABASE_URL is not a PostgreSQL address; write postgres://user:password@host:5432/name")
	}
	if _, err := admin.ExecContext(ctx, "CREATE SCHEMA "+schema); err != nil {
		admin.Close()
		return "", "", "", fmt.Errorf("make a schema to measure in: %w", err)
	}
	p.remove = func() {
		// What was measured goes even when the measuring was broken off.
		admin.ExecContext(context.WithoutCancel(ctx), "DROP SCHEMA "+schema+" CASCADE")
		admin.Close()
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", "", "", store.URLError("DATABASE_URL is not a PostgreSQL address; write postgres://user:password@host:5432/name")
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String(), "pgx", u.String() + "&jit=off", nil
}

// named is its address for connections that the database shall know by a name.
func (p *place) named(application string) string {
	if p.engine == audience.SQLite {
		return p.address
	}
	return p.address + "&application_name=" + application
}

func (p *place) close() {
	if p.db != nil {
		p.db.Close()
	}
	if p.store != nil {
		p.store.Close()
	}
	if p.remove != nil {
		p.remove()
	}
}

// load fills the place: customers with an address, every fifth of whom wants mail,
// and their events. PostgreSQL's indexes on events are made afterwards.
func (p *place) load(ctx context.Context, customers int, events func(yield func(event) bool)) error {
	series := fmt.Sprintf("generate_series(1, %d) AS s(i)", customers)
	if p.engine == audience.SQLite {
		series = fmt.Sprintf("(WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < %d) SELECT i FROM r) s", customers)
	}
	for _, statement := range []string{
		"INSERT INTO customers (external_id, email, email_hash) SELECT 'c' || i, 'c' || i || '@kape.example', 'h' || i FROM " + series,
		"INSERT INTO consents (customer_id, topic, given, at, recorded_at, source) SELECT i, 'offers', TRUE, 0, 0, 'bench' FROM " + series + " WHERE i % 5 = 0",
	} {
		if _, err := p.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("load customers: %w", err)
		}
	}
	restore, err := p.dropIndexes(ctx)
	if err != nil {
		return err
	}
	if err := p.add(ctx, events); err != nil {
		return err
	}
	// The tables that are still empty stay unknown to the planner, as they would be:
	// told so it would plan for empty ones from then on.
	restore = append(restore, "ANALYZE customers", "ANALYZE consents", "ANALYZE events")
	for _, statement := range restore {
		if _, err := p.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("make indexes: %w", err)
		}
	}
	return nil
}

// dropIndexes takes the plain indexes off the table of events, and gives the
// statements that make them again.
func (p *place) dropIndexes(ctx context.Context) (restore []string, err error) {
	if p.engine == audience.SQLite {
		return nil, nil
	}
	rows, err := p.db.QueryContext(ctx, "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = 'events' AND indexdef NOT LIKE 'CREATE UNIQUE%'")
	if err != nil {
		return nil, fmt.Errorf("list indexes: %w", err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name, definition string
		if err := rows.Scan(&name, &definition); err != nil {
			return nil, fmt.Errorf("list indexes: %w", err)
		}
		names, restore = append(names, name), append(restore, definition)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list indexes: %w", err)
	}
	for _, name := range names {
		if _, err := p.db.ExecContext(ctx, "DROP INDEX "+name); err != nil {
			return nil, fmt.Errorf("take indexes off: %w", err)
		}
	}
	return restore, nil
}

// add puts events in: by COPY, or by large inserts in one transaction.
func (p *place) add(ctx context.Context, events func(yield func(event) bool)) error {
	var err error
	if p.engine == audience.Postgres {
		err = p.copy(ctx, events)
	} else {
		err = p.insert(ctx, events)
	}
	if err != nil {
		return fmt.Errorf("load events: %w", err)
	}
	return nil
}

func (p *place) copy(ctx context.Context, events func(yield func(event) bool)) error {
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		var raw *pgx.Conn = driver.(*stdlib.Conn).Conn()
		r, w := io.Pipe()
		go func() {
			buffered := bufio.NewWriterSize(w, 1<<20)
			err := copyText(buffered, events)
			if err == nil {
				err = buffered.Flush()
			}
			w.CloseWithError(err)
		}()
		_, err := raw.PgConn().CopyFrom(ctx, r, "COPY events (uid, customer_id, name, occurred_at, known_at, properties) FROM STDIN")
		r.CloseWithError(err)
		return err
	})
}

// insertRows is how many rows one statement of SQLite carries.
const insertRows = 500

func (p *place) insert(ctx context.Context, events func(yield func(event) bool)) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	const head, row = "INSERT INTO events (uid, customer_id, name, occurred_at, known_at, properties) VALUES ", "(?, ?, ?, ?, ?, ?)"
	full, err := tx.PrepareContext(ctx, head+strings.Repeat(row+", ", insertRows-1)+row)
	if err != nil {
		return err
	}
	defer full.Close()
	var args []any
	var failed error
	events(func(e event) bool {
		args = append(args, e.uid, e.customer, e.name, e.at, e.at, e.properties)
		if len(args) == insertRows*6 {
			_, failed = full.ExecContext(ctx, args...)
			args = args[:0]
		}
		return failed == nil
	})
	if failed == nil && len(args) > 0 {
		_, failed = tx.ExecContext(ctx, head+strings.Repeat(row+", ", len(args)/6-1)+row, args...)
	}
	if failed != nil {
		return failed
	}
	return tx.Commit()
}
