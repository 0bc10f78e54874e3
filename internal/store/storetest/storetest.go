// Package storetest opens empty stores for tests: SQLite always, PostgreSQL
// wherever TEST_DATABASE_URL names one.
package storetest

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver by which schemas are made

	"tidings/internal/store"
)

// Each runs f as a subtest on an empty, migrated store of each engine.
func Each(t *testing.T, f func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, Postgres(t)) })
}

// SQLite is an empty store in a file of the test's own.
func SQLite(t testing.TB) *store.Store {
	t.Helper()
	return open(t, "sqlite:"+SQLiteFile(t))
}

// Postgres is an empty store in a schema of its own; without TEST_DATABASE_URL
// the test is skipped.
func Postgres(t testing.TB) *store.Store {
	t.Helper()
	return open(t, PostgresURL(t))
}

// PostgresURL is the address of a schema of the test's own with all tables and no
// rows. Migrate gives it its identity.
func PostgresURL(t testing.TB) string {
	t.Helper()
	base := base(t)
	p, err := poolOf(context.Background(), base)
	if err != nil {
		t.Fatal(err)
	}
	address, err := inSchema(base, p.take(t))
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// BarePostgresURL is the address of a schema without tables, dropped after the
// test.
func BarePostgresURL(t testing.TB) string {
	t.Helper()
	base := base(t)
	schema := "t_" + random()
	admin, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
			t.Error(err)
		}
		admin.Close()
	})
	address, err := inSchema(base, schema)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// base is the database of the tests that need PostgreSQL.
func base(t testing.TB) string {
	t.Helper()
	base := os.Getenv("TEST_DATABASE_URL")
	if base == "" {
		t.Skip("TEST_DATABASE_URL is not set")
	}
	return base
}

// migrated is a SQLite file with all tables and no rows, made once a process.
var migrated struct {
	sync.Mutex
	file []byte
}

// SQLiteFile is the path of a file of the test's own with all tables and no rows.
// Migrate gives it its identity.
func SQLiteFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	migrated.Lock()
	defer migrated.Unlock()
	if migrated.file == nil {
		s := open(t, "sqlite:"+path)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.Exec("DELETE FROM meta")
		if db.Close(); err != nil {
			t.Fatal(err)
		}
		if migrated.file, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, migrated.file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, databaseURL string) *store.Store {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, databaseURL, store.Options{Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}
