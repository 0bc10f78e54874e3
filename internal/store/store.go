// Package store keeps everything in SQL: customers and what was known of them,
// events, campaigns, passes and the ledger of messages. PostgreSQL and SQLite
// give the same answers, held to it by one conformance suite.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/internal/fault"
)

// Store is an open database. Open it with Open, close it with Close.
type Store struct {
	db     *sql.DB
	engine audience.Engine
	// writer admits one writing transaction at a time to SQLite, which has one
	// writer anyway: waiting here is cheaper and fairer than its busy polling.
	writer        chan struct{}
	id            string
	live          atomic.Bool // its mode is Live, as Fix found
	confirmHourly int
	bound         *sql.Tx // of a rehearsal: all happens in it, and nothing is kept

	catalog *campaign.Catalog
	eval    *audience.Evaluator
	links   linkCache
	targets targetCache
	hits    hitQueue
	often   oftenHit
	slowed  atomic.Bool  // somebody has asked for less mail, when this process last looked
	pruned  atomic.Int64 // when counts that no limit asks for were dropped last
	feeds   feeds
	breaker breaker

	removeMissing bool // see RemoveMissing
}

// Options set up a Store.
type Options struct {
	MaxConns int // open connections at most; 0: 8
	// Delay is added to each round trip to PostgreSQL, to see what a database far
	// away would cost.
	Delay time.Duration
	// Confirmations is how many questions to confirm one write key may have mailed within
	// an hour; 0: ConfirmHourly.
	Confirmations int
	// Throwaway: a SQLite file that need not survive a power cut, as of a test.
	Throwaway bool
}

// URLError tells that a database's address cannot be read.
type URLError string

func (e URLError) Error() string { return string(e) }

// Open connects to databaseURL: postgres://… (or postgresql://…), or
// sqlite:PATH. It neither creates nor migrates tables: see Migrate.
func Open(ctx context.Context, databaseURL string, o Options) (*Store, error) {
	if o.MaxConns == 0 {
		o.MaxConns = 8
	}
	s := &Store{confirmHourly: cmp.Or(o.Confirmations, ConfirmHourly)}
	switch scheme, rest, _ := strings.Cut(databaseURL, ":"); scheme {
	case "postgres", "postgresql":
		cfg, err := pgx.ParseConfig(databaseURL)
		if err != nil {
			// pgx puts the URL into its error; the password must not reach a log.
			return nil, URLError("DATABASE_URL is not a PostgreSQL address; write postgres://user:password@host:5432/name")
		}
		s.engine, s.hits.most = audience.Postgres, 2
		if o.Delay > 0 {
			cfg.DialFunc = slowDial(cfg.DialFunc, o.Delay)
		}
		// Compiling a long condition costs far more than it saves on a tick.
		setup := "SET jit = off"
		if cfg.RuntimeParams[idleLimit] == "" {
			setup += "; SET " + idleLimit + " = '60s'"
		}
		s.db = stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, setup)
			return err
		}))
	case "sqlite":
		if rest == "" {
			return nil, URLError("DATABASE_URL names no file; write sqlite:tidings.db")
		}
		s.engine = audience.SQLite
		s.writer = make(chan struct{}, 1)
		s.db = openSQLite(rest, o.Throwaway)
	default:
		return nil, URLError(fmt.Sprintf("DATABASE_URL begins with %q; write postgres://… or sqlite:PATH", scheme))
	}
	s.db.SetMaxOpenConns(o.MaxConns)
	s.db.SetMaxIdleConns(o.MaxConns)
	s.db.SetConnMaxIdleTime(4 * time.Minute)
	err := s.db.PingContext(ctx)
	for range 100 {
		// Of processes that open a new file at once, SQLite turns some away without
		// waiting while one of them switches it to write-ahead logging.
		if err == nil || !retryable(err) {
			break
		}
		time.Sleep(10 * time.Millisecond)
		err = s.db.PingContext(ctx)
	}
	if err != nil {
		s.db.Close()
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return s, nil
}

// idleLimit has PostgreSQL end a transaction whose process has gone silent, a
// frozen machine for example: its locks would keep every other one waiting. An
// address may set its own.
const idleLimit = "idle_in_transaction_session_timeout"

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Engine tells which of the two engines this is.
func (s *Store) Engine() audience.Engine { return s.engine }

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.PingContext(ctx) }

// write runs f in a transaction, again when the engine asks for it (a deadlock,
// a serialisation failure, a busy file). f must have no effect but through tx.
func (s *Store) write(ctx context.Context, f func(tx *sql.Tx) error) error {
	if s.bound != nil {
		return s.within(ctx, f)
	}
	if s.writer != nil {
		select {
		case s.writer <- struct{}{}:
			defer func() { <-s.writer }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var err error
	for range 5 {
		if err = s.attempt(ctx, f); err == nil || !retryable(err) {
			return err
		}
	}
	return err
}

// commitGrace is how long a commit is waited for once its caller has given up.
const commitGrace = 5 * time.Second

// attempt runs f in a transaction. What ends ctx ends f's statements, but not a
// commit that is on its way: whoever claimed mails must learn whether it did.
func (s *Store) attempt(ctx context.Context, f func(tx *sql.Tx) error) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(commitGrace, end) })()
	tx, err := s.db.BeginTx(life, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := fault.Err("store.before_commit"); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return fault.Err("store.after_commit")
}

func retryable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01" || pg.Code == "23503" // who was referred to is gone: merged, mostly
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}
