package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"tidings/internal/audience"
)

//go:embed migrations
var migrations embed.FS

// Migrate brings the tables to this program's version. Two processes may do so
// at once.
func (s *Store) Migrate(ctx context.Context) error {
	dir, dialect := "migrations/sqlite", goose.DialectSQLite3
	var options []goose.ProviderOption
	if s.engine == audience.Postgres {
		dir, dialect = "migrations/postgres", goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	provider, err := goose.NewProvider(dialect, s.db, files, options...)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if s.engine == audience.Postgres {
		_, err = provider.Up(ctx)
	} else {
		err = upSQLite(ctx, provider)
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return s.identify(ctx)
}

// upSQLite migrates without a lock between processes, which SQLite's goose
// store has not: of two that start at once one fails on what the other has just
// created, and finds it done the next time it looks.
func upSQLite(ctx context.Context, provider *goose.Provider) error {
	var err error
	for range 5 {
		if _, err = provider.Up(ctx); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// Ready tells whether the tables are there, and reads the store's identity.
func (s *Store) Ready(ctx context.Context) error {
	id, err := s.meta(ctx, s.db, "store_id")
	if err == nil && id == "" {
		err = errors.New("it has no identity")
	}
	if err != nil {
		return fmt.Errorf("the database has no tables of Tidings yet; run `tidings migrate`: %w", err)
	}
	s.id = id
	return nil
}

// ID is a random name of this store, made when its tables were: it keeps the
// queue and the Message-IDs of two stores apart.
func (s *Store) ID() string { return s.id }

func (s *Store) identify(ctx context.Context) error {
	var b [5]byte
	rand.Read(b[:])
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ('store_id', $1) ON CONFLICT DO NOTHING`, hex.EncodeToString(b[:]))
		return err
	})
	if err != nil {
		return fmt.Errorf("name the store: %w", err)
	}
	return s.Ready(ctx)
}

// meta reads a value; it is "" when nothing was stored.
func (s *Store) meta(ctx context.Context, q querier, key string) (string, error) {
	var v string
	err := q.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = $1`, key).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return v, err
}

// setMeta stores a value.
func (s *Store) setMeta(ctx context.Context, q querier, key, value string) error {
	_, err := q.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	return err
}
