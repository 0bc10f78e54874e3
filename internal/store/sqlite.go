package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"modernc.org/sqlite"
)

// openSQLite opens a database file whose connections keep their prepared
// statements. The driver prepares every statement anew, which for the short
// ones of a tick costs more than running them.
func openSQLite(path string, throwaway bool) *sql.DB {
	c := sqliteConnector{sqliteDSN(path, throwaway), &sqlite.Driver{}}
	// A driver of one's own does not know the functions that conditions call; the
	// library's, which has a name, does. This opens no connection.
	if db, err := sql.Open("sqlite", c.dsn); err == nil {
		c.driver = db.Driver()
		db.Close()
	}
	return sql.OpenDB(c)
}

// uriPath escapes what means something in SQLite's URI of a file, but for what
// parts the path from pragmas of one's own.
var uriPath = strings.NewReplacer("%", "%25", "#", "%23")

// sqliteDSN asks for write-ahead logging, for commits that survive a power cut
// (the ledger is worth nothing otherwise), and for write locks from a
// transaction's start, so that two writers queue rather than deadlock.
func sqliteDSN(path string, throwaway bool) string {
	q := url.Values{}
	synchronous := "synchronous(FULL)"
	if throwaway {
		synchronous = "synchronous(OFF)"
	}
	for _, p := range []string{"busy_timeout(15000)", "journal_mode(WAL)", synchronous, "foreign_keys(1)", "temp_store(MEMORY)", "cache_size(-65536)"} {
		q.Add("_pragma", p)
	}
	q.Set("_txlock", "immediate")
	return "file:" + uriPath.Replace(path) + "?" + q.Encode()
}

type sqliteConnector struct {
	dsn    string
	driver driver.Driver
}

func (c sqliteConnector) Driver() driver.Driver { return c.driver }

func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	full, ok := conn.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("open sqlite: %T lacks what a connection needs", conn), conn.Close())
	}
	return &preparingConn{sqliteConn: full, kept: map[string]*keptStmt{}}, nil
}

// sqliteConn is what the driver's connections can do and database/sql uses.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// preparingConn keeps prepared statements by their text. database/sql lets one
// goroutine at a time use a connection, so it needs no lock.
type preparingConn struct {
	sqliteConn
	kept map[string]*keptStmt
}

// keptStmt is a prepared statement; one that is being read from cannot be run
// again at the same time.
type keptStmt struct {
	driver.Stmt
	busy bool
}

// maxKept bounds a connection's statements. Their texts are the program's own,
// with a few more per campaign, so it is hardly ever reached.
const maxKept = 500

// stmt finds or prepares a statement; nil means that it is to be run without
// being kept.
func (c *preparingConn) stmt(ctx context.Context, query string) (*keptStmt, error) {
	if s, ok := c.kept[query]; ok {
		if s.busy {
			return nil, nil
		}
		return s, nil
	}
	if len(c.kept) >= maxKept {
		return nil, nil
	}
	prepared, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s := &keptStmt{Stmt: prepared}
	c.kept[query] = s
	return s, nil
}

func (c *preparingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (c *preparingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &keptRows{Rows: rows, stmt: s}, nil
}

// Close ends the kept statements before their connection.
func (c *preparingConn) Close() error {
	var errs []error
	for _, s := range c.kept {
		errs = append(errs, s.Stmt.Close())
	}
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

// keptRows gives its statement back when it is closed.
type keptRows struct {
	driver.Rows
	stmt *keptStmt
}

func (r *keptRows) Close() error {
	err := r.Rows.Close()
	r.stmt.busy = false
	return err
}
