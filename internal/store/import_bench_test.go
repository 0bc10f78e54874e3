package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

const benchRows = 100_000

// BenchmarkImportEvents imports 100,000 events of 5,000 customers from CSV, and
// beside it only inserts the same rows by the engine's quickest way (COPY, one
// prepared INSERT), without reading a file or looking for customers.
func BenchmarkImportEvents(b *testing.B) {
	file := eventsFile(benchRows, 5000)
	r, err := intake.Events(strings.NewReader(file), "events.csv", intake.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var rows []intake.EventRow
	for row, err := range r.All() {
		if err != nil {
			b.Fatal(err)
		}
		rows = append(rows, row)
	}
	for _, engine := range []struct {
		name  string
		open  func(testing.TB) *store.Store
		plain func(testing.TB, *store.Store, []intake.EventRow, int64)
	}{{"sqlite", storetest.SQLite, plainInsert}, {"postgres", storetest.Postgres, plainCopy}} {
		b.Run(engine.name+"/import", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				s := engine.open(b)
				b.StartTimer()
				if n := importEvents(b, s, file, store.ImportOptions{Now: t0}); n.Stored != benchRows {
					b.Fatalf("%+v", n)
				}
			}
			b.ReportMetric(benchRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
		b.Run(engine.name+"/plain", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				s := engine.open(b)
				exec(b, s, `INSERT INTO customers (external_id) VALUES ('c0')`)
				id := customerID(b, s, "c0")
				b.StartTimer()
				engine.plain(b, s, rows, id)
			}
			b.ReportMetric(benchRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func plainRow(e *campaign.Event, customer int64) []any {
	return []any{e.UID, customer, e.Name, campaign.Micros(e.OccurredAt), campaign.Micros(e.KnownAt),
		fmt.Sprintf(`{"order_id":%q,"total":%v,"currency":"EUR","category":"coffee"}`, e.Properties["order_id"], e.Properties["total"])}
}

func plainInsert(b testing.TB, s *store.Store, rows []intake.EventRow, customer int64) {
	tx, err := store.RawDB(s).Begin()
	if err != nil {
		b.Fatal(err)
	}
	st, err := tx.Prepare(`INSERT INTO events (uid, customer_id, name, occurred_at, known_at, properties) VALUES ($1, $2, $3, $4, $5, $6)`)
	if err != nil {
		b.Fatal(err)
	}
	for i := range rows {
		if _, err := st.Exec(plainRow(&rows[i].Event, customer)...); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}

func plainCopy(b testing.TB, s *store.Store, rows []intake.EventRow, customer int64) {
	ctx := context.Background()
	conn, err := store.RawDB(s).Conn(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer func(c *sql.Conn) { c.Close() }(conn)
	err = conn.Raw(func(driver any) error {
		_, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{"events"},
			[]string{"uid", "customer_id", "name", "occurred_at", "known_at", "properties"},
			pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) { return plainRow(&rows[i].Event, customer), nil }))
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}
