package scheduler_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite" // the driver by which tests look into tables

	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/scheduler"
	"tidings/worker"
)

var t0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) // a Monday

// world is a scheduler on a store, with a test that plays the shop and the
// worker. Its clock moves only when told.
type world struct {
	*store.Store
	t     *testing.T
	db    *sql.DB // the same database, for looking
	now   time.Time
	sched *scheduler.Scheduler
	queue *queue
	facts int
}

type queue struct{ slices []int64 }

func (q *queue) Enqueue(_ context.Context, _ campaign.Lane, slice int64) error {
	q.slices = append(q.slices, slice)
	return nil
}

func (*queue) Epoch(context.Context) (string, error) { return "one", nil }

// database is an empty store and a second way into it.
type database struct{ address, driver, dsn string }

func (d database) open(t testing.TB) (*store.Store, *sql.DB) {
	t.Helper()
	s, err := store.Open(context.Background(), d.address, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open(d.driver, d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return s, db
}

func sqlite(t testing.TB) database {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	return database{"sqlite:" + path, "sqlite", "file:" + path + "?_pragma=busy_timeout(15000)"}
}

func postgres(t testing.TB) database {
	t.Helper()
	address := storetest.PostgresURL(t)
	return database{address, "pgx", address}
}

// each runs f on a database of each engine.
func each(t *testing.T, f func(t *testing.T, d database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, sqlite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, postgres(t)) })
}

// newWorld loads campaigns, by name, and ticks at t0, which activates them.
func newWorld(t *testing.T, d database, campaigns map[string]string) *world {
	t.Helper()
	s, db := d.open(t)
	w := &world{Store: s, t: t, db: db, now: t0, queue: &queue{}}
	w.sched = newScheduler(s, w.queue)
	w.load(campaigns)
	w.tick(0)
	return w
}

func newScheduler(s *store.Store, q scheduler.Queue) *scheduler.Scheduler {
	return &scheduler.Scheduler{
		Store: s, Queue: q, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Relay: scheduler.RelayOptions{MaxQueued: 5000, SliceSize: 100, Workers: 2},
	}
}

const workspace = `name: Kape & Co
zone: Asia/Manila
locales: [en]
currency: EUR
brand: { address: "12 Calle Real, Iloilo" }
senders: { hello: { from: hello@mail.kape.example } }
topics: { offers: {}, news: {} }
defaults: { from: hello }
`

func catalog(t testing.TB, campaigns map[string]string) *campaign.Catalog {
	t.Helper()
	files := fstest.MapFS{"tidings.yaml": {Data: []byte(workspace)}}
	for _, name := range []string{"one", "two", "three"} {
		files["templates/"+name+".html"] = &fstest.MapFile{Data: []byte("---\nsubject: Hello\n---\n<p>Hello</p>\n")}
	}
	files["segments/busy.yaml"] = &fstest.MapFile{Data: []byte("match: { event: Go, within: 30m }\n")}
	for name, text := range campaigns {
		files["campaigns/"+name+".yaml"] = &fstest.MapFile{Data: []byte(text)}
	}
	cat, problems := content.Load(files)
	for _, p := range problems {
		if !p.Warning {
			t.Fatal(p)
		}
	}
	return cat
}

func (w *world) load(campaigns map[string]string) {
	w.t.Helper()
	cat := catalog(w.t, campaigns)
	w.Use(cat)
	w.sched.Catalog = cat
}

// on is an active campaign of offers with a trigger and more keys.
func on(trigger string, more ...string) string {
	return "status: active\ntopic: offers\ntrigger: { " + trigger + " }\n" + strings.Join(more, "\n") + "\n"
}

const onGo = "event: { name: Go }"

// call accepts one call of the HTTP API, received now.
func (w *world) call(kind, body string) {
	w.t.Helper()
	items, err := intake.ParseCall(kind, []byte(body), w.now)
	if err == nil {
		err = w.Accept(w.t.Context(), items)
	}
	if err != nil {
		w.t.Fatalf("%s %s: %v", kind, body, err)
	}
}

// join makes customers of Athens who can be written to.
func (w *world) join(names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.identify(name, fmt.Sprintf(`{"email":"%s@kape.example","timezone":"Europe/Athens"}`, name))
		w.track(name, "Subscribed", "")
	}
}

func (w *world) identify(name, traits string) {
	w.t.Helper()
	w.call("identify", fmt.Sprintf(`{"userId":%q,"traits":%s}`, name, traits))
}

// track is an event, now; its uid is the number of the call.
func (w *world) track(name, event, properties string) {
	w.t.Helper()
	if properties == "" {
		properties = "{}"
	}
	w.facts++
	w.call("track", fmt.Sprintf(`{"userId":%q,"event":%q,"messageId":"%03d","properties":%s}`, name, event, w.facts, properties))
}

// tick lets time pass and ticks.
func (w *world) tick(after time.Duration) map[string]scheduler.Decided {
	w.t.Helper()
	w.now = w.now.Add(after)
	decided, err := w.sched.Tick(w.t.Context(), w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	return decided
}

// send relays what is due, and the server takes all of it.
func (w *world) send() (sent []string) {
	w.t.Helper()
	ctx := w.t.Context()
	if _, err := w.sched.RelayDue(ctx, w.now); err != nil {
		w.t.Fatal(err)
	}
	for _, slice := range w.queue.slices {
		out, err := w.Claim(ctx, slice, 1000, w.now)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, o := range out {
			if _, err := w.Commit(ctx, worker.Batch{Handoffs: []worker.Handoff{{Claim: campaign.Claim{ID: o.ID, Token: o.Token}}}}, w.now); err != nil {
				w.t.Fatal(err)
			}
			if _, err := w.Commit(ctx, worker.Batch{Results: []campaign.Result{{ID: o.ID, Token: o.Token, Verdict: campaign.WasAccepted}}}, w.now); err != nil {
				w.t.Fatal(err)
			}
			sent = append(sent, o.Customer.ExternalID+" "+o.Step)
		}
	}
	w.queue.slices = nil
	return sent
}

// rows reads a query, each row as its values with a space between.
func (w *world) rows(query string, args ...any) []string {
	w.t.Helper()
	rows, err := w.db.Query(query, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	var out []string
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			w.t.Fatal(err)
		}
		var parts []string
		for _, v := range values {
			if v.Valid && v.String != "" {
				parts = append(parts, v.String)
			}
		}
		out = append(out, strings.Join(parts, " "))
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// passes compares all passes: customer, state, reason, and where a running one
// stands.
func (w *world) passes(want ...string) {
	w.t.Helper()
	w.same(want, w.rows(`SELECT c.external_id, e.state, e.reason, CASE WHEN e.state = 'running' THEN e.step END
		FROM enrollments e JOIN customers c ON c.id = e.customer_id ORDER BY c.id, e.entered_at, e.key`))
}

// messages compares all messages: customer, step, state, reason.
func (w *world) messages(want ...string) {
	w.t.Helper()
	w.same(want, w.rows(`SELECT c.external_id, m.step, m.state, m.reason FROM messages m JOIN customers c ON c.id = m.customer_id ORDER BY c.id, m.id`))
}

func (w *world) same(want, got []string) {
	w.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("at %s (-want +got):\n%s", w.now.Format(time.DateTime), diff)
	}
}

// wakes tells when a customer's pass goes on.
func (w *world) wakes(name string) time.Time {
	w.t.Helper()
	var us int64
	err := w.db.QueryRow(`SELECT e.wake_at FROM enrollments e JOIN customers c ON c.id = e.customer_id
		WHERE c.external_id = $1 AND e.state = 'running'`, name).Scan(&us)
	if err != nil {
		w.t.Fatal(err)
	}
	return campaign.FromMicros(us)
}
