package cli_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tidings/internal/cli"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// shop is a workspace and a database, worked on by commands as a person would.
type shop struct {
	dir     string
	env     map[string]string
	drained bool // the last tick worked the queue off
}

// answer is what `tick --json` prints.
type answer struct {
	At        time.Time
	Campaigns map[string]struct {
		Entered int
		Held    map[string]int
	}
	Messages struct {
		Accepted, Failed, Uncertain, Unresolved, Waiting, Later int
		Cancelled                                               map[string]int
	}
}

const letter = `---
subject: "A letter for {{ customer.id }}"
---
<p>Hello. {{ brand.address }} <a href="{{ links.unsubscribe }}">Unsubscribe</a> <a href="{{ links.preferences }}">Choose</a></p>
`

// newShop is an empty shop on a database, with the workspace that init writes and
// no campaigns.
func newShop(t testing.TB, databaseURL string) *shop {
	t.Helper()
	s := &shop{dir: filepath.Join(t.TempDir(), "shop"), env: map[string]string{"DATABASE_URL": databaseURL}}
	s.run(t, "init", s.dir)
	s.env["WORKSPACE"] = s.dir
	s.write(t, "templates/letter.html", letter)
	s.campaigns(t, nil)
	t.Cleanup(func() { s.sound(t) })
	return s
}

// sound demands that the ledger keeps its rules, as it must after every scenario.
// A shop that has no tables has no ledger either.
func (s *shop) sound(t testing.TB) {
	t.Helper()
	code, stdout, stderr := s.command("doctor", "--ledger", "--json")
	if code != 1 {
		return
	}
	var found struct {
		Ledger struct{ Violations []store.Violation }
	}
	if err := json.Unmarshal([]byte(stdout), &found); err != nil {
		t.Fatalf("read %q: %v", stdout, err)
	}
	for _, v := range found.Ledger.Violations {
		// Where nobody sends, what is due waits.
		if v.Rule != "waits" || s.drained {
			t.Errorf("tidings doctor --ledger: %+v\n%s", v, stderr)
		}
	}
}

// sqliteURL is a database file of the test's own.
func sqliteURL(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "shop.db") }

// engines runs f on SQLite and, where there is one, on PostgreSQL, each time
// with the address of an empty database.
func engines(t *testing.T, f func(t *testing.T, databaseURL string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, sqliteURL(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, postgresURL(t)) })
}

// postgresURL is an empty schema of the test's own; without a server the test is
// skipped.
func postgresURL(t testing.TB) string { return storetest.PostgresURL(t) }

func (s *shop) write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, path), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// campaigns makes these the only ones, by name.
func (s *shop) campaigns(t testing.TB, texts map[string]string) {
	t.Helper()
	dir := filepath.Join(s.dir, "campaigns")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range texts {
		s.write(t, filepath.Join("campaigns", name+".yaml"), text)
	}
}

// command runs one and returns its exit code and what it printed.
func (s *shop) command(args ...string) (code int, stdout, stderr string) {
	var out, told bytes.Buffer
	code = cli.Run(context.Background(), args, &out, &told, func(k string) string { return s.env[k] }, fstest.MapFS{})
	return code, out.String(), told.String()
}

// run is command for one that must do.
func (s *shop) run(t testing.TB, args ...string) string {
	t.Helper()
	code, stdout, stderr := s.command(args...)
	if code != 0 {
		t.Fatalf("tidings %s: exit code %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

func (s *shop) tick(t testing.TB, at time.Time, flags ...string) answer {
	t.Helper()
	s.drained = slices.Contains(flags, "--drain")
	return parse(t, s.run(t, append([]string{"tick", "--json", "--at", at.Format(time.RFC3339)}, flags...)...))
}

func parse(t testing.TB, stdout string) answer {
	t.Helper()
	var a answer
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		t.Fatalf("read %q: %v", stdout, err)
	}
	return a
}

// open looks into the database beside the commands.
func (s *shop) open(t testing.TB) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", s.env["DATABASE_URL"]
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		driver, dsn = "sqlite", path
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// count is the one number that a query gives.
func (s *shop) count(t testing.TB, query string) (n int) {
	t.Helper()
	if err := s.open(t).QueryRow(query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// pass is who entered a campaign, and by what.
type pass struct {
	customer string
	anchor   time.Time
}

// passes counts a campaign's entries.
func (s *shop) passes(t testing.TB, campaign string) map[pass]int {
	t.Helper()
	rows, err := s.open(t).Query(`SELECT c.external_id, e.anchor_at, count(*) FROM enrollments e JOIN customers c ON c.id = e.customer_id
		JOIN campaigns k ON k.id = e.campaign_id WHERE k.name = $1 GROUP BY c.external_id, e.anchor_at`, campaign)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[pass]int{}
	for rows.Next() {
		var customer string
		var anchor int64
		var n int
		if err := rows.Scan(&customer, &anchor, &n); err != nil {
			t.Fatal(err)
		}
		out[pass{customer, time.UnixMicro(anchor).UTC()}] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// sameCounts compares two counts by key and tells a few differences.
func sameCounts[K comparable](t testing.TB, what string, got, want map[K]int) {
	t.Helper()
	missing, extra := 0, 0
	tell := func(k K) {
		if missing+extra <= 5 {
			t.Errorf("%s: %v %d times, want %d", what, k, got[k], want[k])
		}
	}
	for k, n := range want {
		if got[k] < n {
			missing++
			tell(k)
		}
	}
	for k, n := range got {
		if want[k] < n {
			extra++
			tell(k)
		}
	}
	if missing+extra > 0 {
		t.Errorf("%s: %d keys, want %d; %d too few, %d too many", what, len(got), len(want), missing, extra)
	}
}
