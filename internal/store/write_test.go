package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// Whoever gives up while a commit is on its way learns what became of it: a worker
// that is asked to stop would else leave mails claimed that it knows nothing of.
func TestCommitOutlivesItsCaller(t *testing.T) {
	address := storetest.PostgresURL(t)
	s, err := store.Open(t.Context(), address, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// The commit of a row waits for a lock that the test holds.
	must(db.Exec("CREATE TABLE slow (id bigint)"))
	must(db.Exec("CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(4711, TG_RELID::integer); RETURN NULL; END'"))
	must(db.Exec("CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_test()"))
	holder, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Rollback()
	must(holder.Exec("SELECT pg_advisory_xact_lock(4711, 'slow'::regclass::oid::integer)"))

	ctx, giveUp := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- s.Write(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO slow VALUES (1)")
			return err
		})
	}()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for waits := false; !waits; {
		select {
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		case <-look.C:
		}
		if err := db.QueryRow("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = 4711 AND objid = 'slow'::regclass AND NOT granted)").Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
	giveUp()
	if err := holder.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("the commit that was on its way: %v", err)
	}
	n := 0
	if err := db.QueryRow("SELECT count(*) FROM slow").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d rows are stored (%v), want 1", n, err)
	}
}

// What was given up before its commit is not stored.
func TestWriteGivenUp(t *testing.T) {
	for name, s := range map[string]func(testing.TB) *store.Store{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			ctx, giveUp := context.WithCancel(t.Context())
			err := s(t).Write(ctx, func(*sql.Tx) error { giveUp(); return nil })
			if !errors.Is(err, context.Canceled) {
				t.Errorf("committed after all: %v", err)
			}
		})
	}
}

// A file's name may hold what means something in an address.
func TestFileName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "50% off #1.db")
	s, err := store.Open(t.Context(), "sqlite:"+path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
