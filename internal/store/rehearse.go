package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/scheduler"
)

// Rehearse gives f a Store on which everything that a tick does can be done for
// real, judged by the catalog cat, and takes all of it back when f returns,
// whatever it returns. All that f reads is one state of the database. f may be
// called again when the engine asks for it, so it must have no effect but
// through its Store and what it assigns anew each time.
func (s *Store) Rehearse(ctx context.Context, cat *campaign.Catalog, f func(*Store) error) error {
	if s.bound != nil {
		return s.inside(ctx, cat, s.bound, f)
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
		if err = s.rehearse(ctx, cat, f); err == nil || !retryable(err) {
			return err
		}
	}
	return err
}

func (s *Store) rehearse(ctx context.Context, cat *campaign.Catalog, f func(*Store) error) error {
	// SQLite's transactions are serializable whatever they are asked for.
	var options *sql.TxOptions
	if s.writer == nil {
		options = &sql.TxOptions{Isolation: sql.LevelRepeatableRead}
	}
	tx, err := s.db.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("begin a rehearsal: %w", err)
	}
	defer tx.Rollback()
	return f(s.bind(cat, tx))
}

// bind is the same store within tx.
func (s *Store) bind(cat *campaign.Catalog, tx *sql.Tx) *Store {
	bound := &Store{db: s.db, engine: s.engine, id: s.id, bound: tx}
	bound.Use(cat)
	return bound
}

// inside rehearses within a rehearsal: what f does is taken back, what was done
// before it stands.
func (s *Store) inside(ctx context.Context, cat *campaign.Catalog, tx *sql.Tx, f func(*Store) error) error {
	if _, err := tx.ExecContext(ctx, `SAVEPOINT rehearsal`); err != nil {
		return fmt.Errorf("begin a part of a rehearsal: %w", err)
	}
	err := f(s.bind(cat, tx))
	if _, back := tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT rehearsal`); back != nil {
		return errors.Join(err, fmt.Errorf("take back a part of a rehearsal: %w", back))
	}
	_, released := tx.ExecContext(ctx, `RELEASE SAVEPOINT rehearsal`)
	return errors.Join(err, released)
}

// within is write for a rehearsal: a part that fails leaves nothing behind, and
// the rest goes on.
func (s *Store) within(ctx context.Context, f func(tx *sql.Tx) error) error {
	if _, err := s.bound.ExecContext(ctx, `SAVEPOINT part`); err != nil {
		return fmt.Errorf("begin a part of a rehearsal: %w", err)
	}
	err := f(s.bound)
	if err == nil {
		_, err = s.bound.ExecContext(ctx, `RELEASE SAVEPOINT part`)
		return err
	}
	if _, back := s.bound.ExecContext(ctx, `ROLLBACK TO SAVEPOINT part`); back != nil {
		return errors.Join(err, back)
	}
	return err
}

// reader is where to read what a rehearsal may have changed.
func (s *Store) reader() querier {
	if s.bound != nil {
		return s.bound
	}
	return s.db
}

// ActivateSince takes campaigns as active since a moment and as never evaluated.
// It is for rehearsals: a store that keeps what it does refuses it.
func (s *Store) ActivateSince(ctx context.Context, campaigns []string, since time.Time) error {
	if s.bound == nil {
		return errors.New("a campaign's activation can be set back in a rehearsal only")
	}
	_, err := s.bound.ExecContext(ctx, `UPDATE campaigns SET activated_at = $2, watermark = NULL, cursor = ''
		WHERE name IN (SELECT n.name FROM `+s.rows("$1", "name text")+` n)`, array(wrap(campaigns)), campaign.Micros(since))
	if err != nil {
		return fmt.Errorf("set the activation back: %w", err)
	}
	return nil
}

// Labels are what people call customers: the shop's id, or ours as "#1".
func (s *Store) Labels(ctx context.Context, ids []int64) ([]string, error) {
	rows, err := s.reader().QueryContext(ctx, `SELECT id, external_id FROM customers WHERE id IN `+s.ids("$1"), array(ids))
	labels := map[int64]string{}
	if _, err := collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var external sql.NullString
		err = rows.Scan(&id, &external)
		labels[id] = externalOr(external, id)
		return id, err
	}); err != nil {
		return nil, fmt.Errorf("name customers: %w", err)
	}
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		out = append(out, labels[id])
	}
	return out, nil
}

var (
	_ scheduler.Activating = (*Store)(nil)
)

// Standing counts the running passes of each campaign by the step at which they
// stand, "" before the first.
func (s *Store) Standing(ctx context.Context) (map[string]map[string]int, error) {
	rows, err := s.reader().QueryContext(ctx, `SELECT k.name, e.step, count(*) FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id
		WHERE e.state = 'running' AND k.removed_at IS NULL GROUP BY k.name, e.step`)
	out := map[string]map[string]int{}
	_, err = collect(rows, err, func(rows *sql.Rows) (n int, err error) {
		var name, step string
		if err := rows.Scan(&name, &step, &n); err != nil {
			return n, err
		}
		if out[name] == nil {
			out[name] = map[string]int{}
		}
		out[name][strings.TrimPrefix(step, enterPrefix)] += n
		return n, nil
	})
	if err != nil {
		return nil, fmt.Errorf("count running passes: %w", err)
	}
	return out, nil
}

// Lapsed counts the occurrences of a campaign's trigger that were due at or before
// a moment, of all time: those that a campaign activated then never lets in.
func (s *Store) Lapsed(ctx context.Context, c *campaign.Campaign, at time.Time) (int, error) {
	found, err := s.eval.Candidates(ctx, s.reader(), c, audience.Window{From: time.Unix(0, 0), To: at})
	if err != nil {
		return 0, fmt.Errorf("count what lapsed: %w", err)
	}
	return len(found), nil
}
