package audience_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/internal/store/storetest"
)

// base lies just before the end of a short month, and on a whole hour.
var base = time.Date(2026, 2, 27, 12, 0, 0, 0, time.UTC)

func hours(n int) time.Time { return base.Add(time.Duration(n) * time.Hour) }

type fact struct {
	uid       string
	customer  int64
	name      string
	at, known time.Time
	props     map[string]any
}

type attribute struct {
	customer int64
	name     string
	at       time.Time
	kind     string
	text     string
	num      any
	moment   any // micros
}

type pass struct {
	campaign       string
	customer       int64
	entered, ended time.Time
	state          string
}

type customer struct {
	external, zone string
	created        time.Time
}

// world is a history; customers are numbered from 1 in order.
type world struct {
	customers  []customer
	facts      []fact // one uid may come twice: the first counts
	attributes []attribute
	passes     []pass
}

// database is a migrated, empty database of one engine.
type database struct {
	*sql.DB
	engine audience.Engine
}

func open(t testing.TB, engine audience.Engine) database {
	t.Helper()
	var driver, dsn string
	if engine == audience.SQLite {
		driver, dsn = "sqlite", "file:"+storetest.SQLiteFile(t)+"?_pragma=synchronous(OFF)&_pragma=foreign_keys(1)&_pragma=busy_timeout(15000)&_txlock=immediate"
	} else {
		driver, dsn = "pgx", storetest.PostgresURL(t)+"&jit=off"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return database{db, engine}
}

// each runs f on both engines, PostgreSQL where there is one.
func each(t *testing.T, f func(t *testing.T, db database)) {
	t.Helper()
	for _, engine := range []audience.Engine{audience.SQLite, audience.Postgres} {
		t.Run(engine.String(), func(t *testing.T) { f(t, open(t, engine)) })
	}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func (db database) must(t fataler, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// reset empties the database and begins its ids anew.
func (db database) reset(t fataler) {
	t.Helper()
	var do []string
	for _, table := range []string{"supplied", "supplies", "purchases", "usual_gaps", "ranks", "ranked", "consents"} {
		do = append(do, "DELETE FROM "+table)
	}
	for _, table := range []string{"enrollments", "campaigns", "events", "attribute_facts", "customers"} {
		do = append(do, "DELETE FROM "+table)
		if db.engine == audience.Postgres {
			do = append(do, "SELECT setval(pg_get_serial_sequence('"+table+"', 'id'), 1, false)")
		}
	}
	if db.engine == audience.SQLite {
		do = append(do, "DELETE FROM sqlite_sequence")
	}
	db.must(t, strings.Join(do, "; "))
}

// fill puts w in place of what is there.
func (db database) fill(t fataler, w world) {
	t.Helper()
	db.reset(t)
	tx, err := db.Begin()
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	defer tx.Rollback()
	must := func(query string, args ...any) {
		if _, err := tx.Exec(query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	for _, c := range w.customers {
		must("INSERT INTO customers (external_id, timezone, created_at) VALUES (NULLIF($1, ''), $2, $3)", c.external, c.zone, campaign.Micros(c.created))
	}
	for some := range slices.Chunk(w.facts, 50) {
		insertFacts(t, tx, some)
	}
	for _, a := range w.attributes {
		must("INSERT INTO attribute_facts (customer_id, name, at, kind, text, num, moment) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			a.customer, a.name, campaign.Micros(a.at), a.kind, a.text, a.num, a.moment)
	}
	ids := map[string]int{}
	for i, p := range w.passes {
		if ids[p.campaign] == 0 {
			ids[p.campaign] = len(ids) + 1
			must("INSERT INTO campaigns (name, seed, status, loaded_at) VALUES ($1, $1, 'active', 0)", p.campaign)
		}
		var ended any
		if !p.ended.IsZero() {
			ended = campaign.Micros(p.ended)
		}
		must("INSERT INTO enrollments (campaign_id, customer_id, key, anchor_at, entered_at, decided_at, anchor, state, ended_at) VALUES ($1, $2, $3, $4, $4, $4, '{}', $5, $6)",
			ids[p.campaign], p.customer, string(rune('a'+i)), campaign.Micros(p.entered), p.state, ended)
	}
	if err := tx.Commit(); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

type execer interface {
	Exec(query string, args ...any) (sql.Result, error)
}

func insertFact(t fataler, x execer, f fact) {
	t.Helper()
	insertFacts(t, x, []fact{f})
}

// insertFacts inserts several in one statement: one each takes most of the time of
// the tests that try many histories.
func insertFacts(t fataler, x execer, facts []fact) {
	t.Helper()
	var rows []string
	var args []any
	for _, f := range facts {
		props := []byte("{}")
		if f.props != nil {
			var err error
			if props, err = json.Marshal(f.props); err != nil {
				t.Fatalf("properties: %v", err)
			}
		}
		n := len(args)
		rows = append(rows, fmt.Sprintf("($%d, $%d, $%d, $%d, $%d, $%d)", n+1, n+2, n+3, n+4, n+5, n+6))
		args = append(args, f.uid, f.customer, f.name, campaign.Micros(f.at), campaign.Micros(f.known), string(props))
	}
	if _, err := x.Exec("INSERT INTO events (uid, customer_id, name, occurred_at, known_at, properties) VALUES "+strings.Join(rows, ", ")+" ON CONFLICT DO NOTHING", args...); err != nil {
		t.Fatalf("insert events from %s on: %v", facts[0].uid, err)
	}
}

// catalog is a workspace in Manila that counts in euro.
func catalog(segments map[string]campaign.Condition) *campaign.Catalog {
	zone, err := time.LoadLocation("Asia/Manila")
	if err != nil {
		panic(err)
	}
	cat := &campaign.Catalog{Workspace: campaign.Workspace{Zone: zone, Currency: "EUR"}, Segments: map[string]*campaign.Segment{}}
	for name, match := range segments {
		cat.Segments[name] = &campaign.Segment{Name: name, Match: match}
	}
	return cat
}

func test(op campaign.Op, values ...campaign.Value) campaign.Test {
	return campaign.Test{Op: op, Values: values}
}

func number(f float64) campaign.Value   { return campaign.NumberValue(f) }
func text(s string) campaign.Value      { return campaign.TextValue(s) }
func moment(t time.Time) campaign.Value { return campaign.Value{Kind: campaign.Time, Time: t} }
func boolean(b bool) campaign.Value     { return campaign.Value{Kind: campaign.Bool, Bool: b} }

func ptr[T any](v T) *T { return &v }
