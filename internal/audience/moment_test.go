package audience

import (
	"database/sql"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
	"pgregory.net/rapid"

	"tidings/internal/campaign"
)

// bare opens each engine without any table, for expressions.
func bare(t *testing.T, f func(t *testing.T, name string, b *builder, db *sql.DB)) {
	t.Helper()
	open := func(t *testing.T, engine Engine, driver, dsn string) {
		db, err := sql.Open(driver, dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		f(t, engine.String(), New(engine, &campaign.Catalog{}).builder(nil), db)
	}
	t.Run("sqlite", func(t *testing.T) { open(t, SQLite, "sqlite", ":memory:") })
	t.Run("postgres", func(t *testing.T) {
		url := os.Getenv("TEST_DATABASE_URL")
		if url == "" {
			t.Skip("TEST_DATABASE_URL is not set")
		}
		open(t, Postgres, "pgx", url)
	})
}

// Both engines count months as campaign.Duration does, the month's end included.
func TestShift(t *testing.T) {
	bare(t, func(t *testing.T, name string, b *builder, db *sql.DB) {
		rapid.Check(t, func(t *rapid.T) {
			day := time.Date(rapid.IntRange(1901, 2150).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.SampledFrom([]int{1, 15, 28, 29, 30, 31}).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
			at := day.Add(time.Duration(rapid.Int64Range(0, 24*3600*1000000-1).Draw(t, "micros")) * time.Microsecond)
			d := campaign.Duration{Months: rapid.IntRange(0, 1200).Draw(t, "months"), Fixed: time.Duration(rapid.IntRange(0, 100000).Draw(t, "minutes")) * time.Minute}
			var before, after int64
			query := "SELECT " + b.before("v", d) + ", " + b.after("v", d) + " FROM (SELECT CAST(" + fmt.Sprint(campaign.Micros(at)) + " AS BIGINT) AS v) x"
			if err := db.QueryRow(query).Scan(&before, &after); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			if want := d.Before(at); before != campaign.Micros(want) {
				t.Fatalf("%s: %s before %s is %s, got %s", name, d, at, want, campaign.FromMicros(before))
			}
			if want := d.After(at); after != campaign.Micros(want) {
				t.Fatalf("%s: %s after %s is %s, got %s", name, d, at, want, campaign.FromMicros(after))
			}
		})
	})
}

func sqlMoment(t interface{ Fatalf(string, ...any) }, b *builder, db *sql.DB, text string) (time.Time, bool) {
	cast := ""
	if b.engine == Postgres {
		cast = "::text"
	}
	var got sql.NullInt64
	if err := db.QueryRow("SELECT "+b.textMomentSQL("$1"+cast), text).Scan(&got); err != nil {
		t.Fatalf("%s: %q: %v", b.engine, text, err)
	}
	return campaign.FromMicros(got.Int64), got.Valid
}

// A text is a date to both engines when it is one to Go, and the same.
func TestTextMoment(t *testing.T) {
	// What is a date to campaign.ParseMoment and not here: forms that nobody sends.
	outside := regexp.MustCompile(`^0000|,|\.[0-9]{10}|[+-](1[5-9]|2[0-9]):`)
	bare(t, func(t *testing.T, name string, b *builder, db *sql.DB) {
		check := func(t interface{ Fatalf(string, ...any) }, text string) {
			got, ok := sqlMoment(t, b, db, text)
			want, is := textMoment(text)
			if ok != is || ok && !got.Equal(want) {
				t.Fatalf("%s: %q is %s (%v), Go says %s (%v)", name, text, got, ok, want, is)
			}
			if parsed, could := campaign.ParseMoment(text, nil); could != is && !outside.MatchString(text) || is && !parsed.Equal(want) {
				t.Fatalf("%q is %s (%v), ParseMoment says %s (%v)", text, want, is, parsed, could)
			}
		}
		for _, text := range []string{"", "2026-12-01", "2026-02-29", "2024-02-29", "1900-02-29", "2000-02-29", "2026-04-31", "2026-00-10", "2026-13-01", "2026-01-00", "0001-01-01", "0000-01-01",
			"2026-12-01 09:00", "2026-12-01T09:00", "2026-12-01 24:00", "2026-12-01 09:60", "2026-12-01 09:00:59", "2026-12-01 09:00:60", "2026-12-01T09:00:00", "2026-12-01T09:00:00Z", "2026-12-01 09:00:00Z",
			"2026-12-01T09:00:00.1Z", "2026-12-01T09:00:00.123456789+05:30", "2026-12-01T09:00:00-14:59", "2026-12-01T09:00:00+15:00", "2026-12-01T09:00:00.", "2026-12-01T09:00:00.Z", "2026-12-01T09:00:00,5Z",
			"2026-12-01T09:00:00+0530", "2026-12-01x", "2026-12-01 ", " 2026-12-01", "2026-12-01T09:00:00.1234567890Z", "٢٠٢٦-12-01", "2026-1-01", "9999-12-31T23:59:59.999999Z", "1969-12-31 23:59", "2026-12-01T09:00:00é", "2026-12-01\n"} {
			check(t, text)
		}
		rapid.Check(t, func(t *rapid.T) {
			part := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
			number := func(label string, low, high int) string {
				return fmt.Sprintf("%02d", rapid.IntRange(low, high).Draw(t, label))
			}
			text := part("century", "20", "19", "00", "99") + number("year", 0, 99) + "-" + number("month", 0, 13) + "-" + number("day", 0, 32)
			if rapid.Bool().Draw(t, "clock") {
				text += part("T", " ", "T", "T", "t") + number("hour", 0, 24) + ":" + number("minute", 0, 60)
				if rapid.IntRange(0, 3).Draw(t, "seconds") > 0 {
					text += ":" + number("second", 0, 60) + part("fraction", "", "", ".5", ".000001", ".1234567", ".")
				}
				text += part("zone", "", "Z", "+02:00", "-03:30", "+14:59", "-00:00", "z", "+24:00", "+1:00")
			}
			check(t, strings.TrimSpace(text))
		})
	})
}

// Any text at all is a date to SQLite exactly when it is one to Go.
func FuzzTextMoment(f *testing.F) {
	for _, s := range []string{"2026-12-01", "2026-12-01T09:00:00.123Z", "2026-12-01 09:00", "soon", "2026-12-01T09:00:00+02:00"} {
		f.Add(s)
	}
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	b := New(SQLite, &campaign.Catalog{}).builder(nil)
	f.Fuzz(func(t *testing.T, s string) {
		if !storable(s) {
			return
		}
		got, ok := sqlMoment(t, b, db, s)
		if want, is := textMoment(s); ok != is || ok && !got.Equal(want) {
			t.Fatalf("%q is %s (%v), Go says %s (%v)", s, got, ok, want, is)
		}
	})
}
