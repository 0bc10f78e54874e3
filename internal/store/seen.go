package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// Current tells whether the tables are there and of this program's version. It
// changes nothing.
func (s *Store) Current(ctx context.Context) error {
	if err := s.Ready(ctx); err != nil {
		return err
	}
	var have int64
	if err := s.db.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&have); err != nil {
		return fmt.Errorf("read the version of the tables: %w", err)
	}
	want, err := newestMigration()
	if err == nil && have != want {
		err = fmt.Errorf("the database's tables are of version %d, this program's of %d; run `tidings migrate` with the newer program", have, want)
	}
	return err
}

func newestMigration() (int64, error) {
	var newest int64
	err := fs.WalkDir(migrations, "migrations/sqlite", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		number, _, _ := strings.Cut(d.Name(), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		newest = max(newest, n)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("list migrations: %w", err)
	}
	return newest, nil
}

// ManyNames is at most how many names of a kind are listed.
const ManyNames = 2000

// EventNames lists the names of the events that are stored, in the database's
// order, of very many the first ones.
func (s *Store) EventNames(ctx context.Context) ([]string, error) {
	shop, err := s.distinctNames(ctx, "events")
	if err != nil {
		return nil, err
	}
	catalogue, err := s.distinctNames(ctx, "catalogue_events")
	return append(shop, catalogue...), err
}

// AttributeNames lists the names of the attributes that were ever stored, as
// EventNames does.
func (s *Store) AttributeNames(ctx context.Context) ([]string, error) {
	return s.distinctNames(ctx, "attribute_facts")
}

// distinctNames goes from name to name through an index, so that it costs what the
// names are, not the rows.
func (s *Store) distinctNames(ctx context.Context, table string) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, namesQuery(table), ManyNames)
	names, err := collect(rows, err, func(rows *sql.Rows) (name string, err error) { return name, rows.Scan(&name) })
	if err != nil {
		return nil, fmt.Errorf("list names of %s: %w", table, err)
	}
	return names, nil
}

func namesQuery(table string) string {
	return `WITH RECURSIVE n AS (
			SELECT min(name) AS name FROM ` + table + `
			UNION ALL SELECT (SELECT min(t.name) FROM ` + table + ` t WHERE t.name > n.name) FROM n WHERE n.name IS NOT NULL)
		SELECT name FROM n WHERE name IS NOT NULL LIMIT $1`
}

func latestEventsQuery(table string) string {
	return `SELECT properties FROM ` + table + ` WHERE name = $1 ORDER BY occurred_at DESC LIMIT $2`
}

const latestValuesQuery = `SELECT kind, text, num FROM attribute_facts WHERE name = $1 ORDER BY at DESC LIMIT $2`

// LatestEvents are the properties of the latest events of a name, newest first.
func (s *Store) LatestEvents(ctx context.Context, name string, limit int) ([]map[string]any, error) {
	for _, table := range []string{"events", "catalogue_events"} {
		rows, err := s.db.QueryContext(ctx, latestEventsQuery(table), name, limit)
		found, err := collect(rows, err, func(rows *sql.Rows) (properties map[string]any, err error) {
			var text []byte
			if err := rows.Scan(&text); err != nil {
				return nil, err
			}
			return properties, json.Unmarshal(text, &properties)
		})
		if err != nil {
			return nil, fmt.Errorf("read the latest events: %w", err)
		}
		if len(found) > 0 {
			return found, nil
		}
	}
	return nil, nil
}

// LatestValues are the values that an attribute took latest, newest first, as
// encoding/json decodes them; nil where it was removed.
func (s *Store) LatestValues(ctx context.Context, name string, limit int) ([]any, error) {
	rows, err := s.db.QueryContext(ctx, latestValuesQuery, name, limit)
	found, err := collect(rows, err, func(rows *sql.Rows) (v any, err error) {
		var kind, text string
		var num sql.NullFloat64
		if err := rows.Scan(&kind, &text, &num); err != nil {
			return nil, err
		}
		switch kind {
		case "null":
		case string(campaign.Number):
			v = num.Float64
		case string(campaign.Bool):
			v = text == "true"
		case "list", "object":
			err = json.Unmarshal([]byte(text), &v)
		default:
			v = text
		}
		return v, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the latest values of an attribute: %w", err)
	}
	return found, nil
}

// Matching is how many customers a condition holds for as of a moment; nil holds
// for all.
func (s *Store) Matching(ctx context.Context, cond campaign.Condition, asOf time.Time) (int, error) {
	return s.eval.Count(ctx, s.db, cond, asOf)
}

// Excluded are the amounts as of a moment that add to nothing for want of a rate.
func (s *Store) Excluded(ctx context.Context, asOf time.Time) ([]audience.ExcludedAmount, error) {
	return s.eval.Excluded(ctx, s.db, asOf)
}
