package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

var (
	t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	t1 = t0.Add(time.Hour)
	t2 = t0.Add(2 * time.Hour)
)

// table reads a query's rows, each as its values with a space between.
func table(t testing.TB, s *store.Store, query string, args ...any) []string {
	t.Helper()
	rows, err := store.RawDB(s).Query(query, args...)
	if err != nil {
		t.Fatal(err)
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
			t.Fatal(err)
		}
		parts := make([]string, len(values))
		for i, v := range values {
			if parts[i] = "-"; v.Valid {
				parts[i] = strings.ReplaceAll(v.String, ": ", ":")
			}
		}
		out = append(out, strings.Join(parts, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func is(t testing.TB, s *store.Store, want []string, query string, args ...any) {
	t.Helper()
	if d := cmp.Diff(want, table(t, s, query, args...)); d != "" {
		t.Errorf("%s (-want +got):\n%s", query, d)
	}
}

func exec(t testing.TB, s *store.Store, query string, args ...any) {
	t.Helper()
	if _, err := store.RawDB(s).Exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// call accepts a call of the HTTP API received at now.
func call(t testing.TB, s *store.Store, now time.Time, kind, body string) {
	t.Helper()
	items, err := intake.ParseCall(kind, []byte(body), now)
	if err == nil {
		err = s.Accept(context.Background(), items)
	}
	if err != nil {
		t.Fatalf("%s %s: %v", kind, body, err)
	}
}

func customerID(t testing.TB, s *store.Store, external string) (id int64) {
	t.Helper()
	if err := store.RawDB(s).QueryRow(`SELECT id FROM customers WHERE external_id = $1`, external).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// open begins a campaign of a topic, and a pass of a customer in it with a
// message in a state. It gives the message's id.
func openMessage(t testing.TB, s *store.Store, customer int64, name, topic, key, state string) (message int64) {
	t.Helper()
	exec(t, s, `INSERT INTO campaigns (name, seed, topic, status, loaded_at) VALUES ($1, $1, $2, 'active', 0) ON CONFLICT DO NOTHING`, name, topic)
	var pass int64
	db := store.RawDB(s)
	err := db.QueryRow(`INSERT INTO enrollments (campaign_id, customer_id, key, anchor_at, entered_at, decided_at, anchor, state, step)
		SELECT id, $2, $3, 0, 0, 0, '{}', 'running', 'one' FROM campaigns WHERE name = $1 RETURNING id`, name, customer, key).Scan(&pass)
	if err != nil {
		t.Fatal(err)
	}
	err = db.QueryRow(`INSERT INTO messages (enrollment_id, campaign_id, customer_id, step, topic, lane, state, created_at, reached_at, due_at, expires_at, token, attempt, slice_id)
		SELECT $1, id, $2, 'one', topic, 'bulk', $4, 0, 0, 0, 9, 5, 1, 7 FROM campaigns WHERE name = $3 RETURNING id`, pass, customer, name, state).Scan(&message)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

const allFacts = `SELECT c.external_id, f.name, f.at, f.kind, f.text, f.num, f.moment FROM attribute_facts f
	JOIN customers c ON c.id = f.customer_id ORDER BY c.external_id, f.name, f.at, f.id`

func TestIdentify(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		call(t, s, t1, "identify", `{"userId":"u","timestamp":"2026-03-01T12:00:00Z","traits":{"email":" Ana@Kape.example","locale":"he","timezone":"Asia/Jerusalem",
			"createdAt":"2020-01-02T00:00:00Z","score":1.50,"vip":true,"tags":["a","b"],"zip":"0123","none":null}}`)
		us := func(t time.Time) int64 { return campaign.Micros(t) }
		want := []string{
			fmt.Sprintf("u created_at %d time 2020-01-02T00:00:00Z - 1577923200000000", us(t0)),
			fmt.Sprintf("u email %d text Ana@Kape.example - -", us(t0)),
			fmt.Sprintf("u locale %d text he - -", us(t0)),
			fmt.Sprintf("u score %d number 1.5 1.5 -", us(t0)),
			fmt.Sprintf(`u tags %d list ["a","b"] - -`, us(t0)),
			fmt.Sprintf("u timezone %d text Asia/Jerusalem - -", us(t0)),
			fmt.Sprintf("u vip %d bool true - -", us(t0)),
			fmt.Sprintf("u zip %d text 0123 - -", us(t0)),
		}
		is(t, s, want, allFacts)
		is(t, s, []string{"u Ana@Kape.example " + campaign.AddressHash("ana@kape.example") + " he Asia/Jerusalem 1577923200000000 true 1.5 0123"},
			`SELECT external_id, email, email_hash, locale, timezone, created_at, attributes -> 'vip',
				attributes ->> 'score', attributes ->> 'zip' FROM customers`)

		// The same again, and what was so before: nothing. A new value, null: facts.
		call(t, s, t2, "identify", `{"userId":"u","timestamp":"2026-03-01T12:30:00Z","traits":{"locale":"he","score":1.5}}`)
		is(t, s, want, allFacts)
		call(t, s, t2, "identify", `{"userId":"u","timestamp":"2026-03-01T13:00:00Z","traits":{"locale":"en","zip":null}}`)
		is(t, s, []string{"en -"}, `SELECT locale, attributes ->> 'zip' FROM customers`)

		// What comes late takes its place in the past and does not undo the present.
		call(t, s, t2, "identify", `{"userId":"u","timestamp":"2026-03-01T12:15:00Z","traits":{"locale":"fr"}}`)
		is(t, s, []string{"en"}, `SELECT locale FROM customers`)
		is(t, s, []string{"he", "fr", "en"}, `SELECT text FROM attribute_facts WHERE name = 'locale' ORDER BY at`)
	})
}

func TestIdentifyTwiceInABatch(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		call(t, s, t1, "batch", `{"batch":[{"type":"identify","userId":"u","traits":{"tier":"silver"}},
			{"type":"identify","userId":"u","traits":{"tier":"gold"}},{"type":"identify","userId":"v","traits":{"tier":"iron"}}]}`)
		is(t, s, []string{"u gold", "v iron"}, `SELECT external_id, attributes ->> 'tier' FROM customers ORDER BY 1`)
	})
}

func TestMerge(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		call(t, s, t0, "track", `{"anonymousId":"device","event":"Product Added","messageId":"a1","properties":{"price":"2"}}`)
		call(t, s, t0, "identify", `{"anonymousId":"device","traits":{"tier":"anonymous","colour":"red"}}`)
		call(t, s, t0, "identify", `{"userId":"u","traits":{"tier":"known","email":"u@kape.example"}}`)
		call(t, s, t0, "track", `{"userId":"u","event":"Order Completed","messageId":"u1"}`)
		call(t, s, t0, "track", `{"anonymousId":"device","event":"Unsubscribed","messageId":"a2","properties":{"topic":"news"}}`)
		var from int64
		if err := store.RawDB(s).QueryRow(`SELECT customer_id FROM identities WHERE kind = 'anonymous'`).Scan(&from); err != nil {
			t.Fatal(err)
		}
		to := customerID(t, s, "u")
		ref := fmt.Sprintf("#%d", from)
		moved := openMessage(t, s, from, "cart", "offers", "id:a1", "claimed")
		openMessage(t, s, from, "win-back", "offers", ref+"@17", "pending")
		openMessage(t, s, from, "letter", "offers", "2026-03-01T09:00@"+ref, "queued")
		openMessage(t, s, to, "letter", "offers", "2026-03-01T09:00@u", "queued")
		var cursor, factCursor string
		fresh, freshFacts := `SELECT uid FROM events WHERE id > $1 ORDER BY id`, `SELECT name FROM attribute_facts WHERE id > $1`
		cursorSQL := `SELECT max(id), (SELECT max(id) FROM attribute_facts) FROM events`
		if s.Engine().String() == "postgres" {
			cursorSQL = `SELECT pg_current_xact_id(), pg_current_xact_id()`
			fresh, freshFacts = `SELECT uid FROM events WHERE xid > $1::xid8 ORDER BY id`, `SELECT name FROM attribute_facts WHERE xid > $1::xid8`
		}
		if err := store.RawDB(s).QueryRow(cursorSQL).Scan(&cursor, &factCursor); err != nil {
			t.Fatal(err)
		}

		call(t, s, t1, "identify", `{"userId":"u","anonymousId":"device"}`)

		is(t, s, []string{fmt.Sprintf("%d u u@kape.example known red", to)},
			`SELECT id, external_id, email, attributes ->> 'tier', attributes ->> 'colour' FROM customers`)
		is(t, s, []string{fmt.Sprintf("anonymous device %d", to), fmt.Sprintf("user u %d", to)}, `SELECT kind, value, customer_id FROM identities ORDER BY kind`)
		is(t, s, []string{"id:a1", "id:a2", "id:u1"}, `SELECT uid FROM events WHERE customer_id = $1 ORDER BY uid`, to)
		is(t, s, []string{"id:a1", "id:a2"}, fresh, cursor)
		is(t, s, []string{"colour"}, freshFacts, factCursor)
		is(t, s, []string{fmt.Sprint(to)}, `SELECT DISTINCT customer_id FROM attribute_facts`)
		is(t, s, []string{fmt.Sprint(to)}, `SELECT DISTINCT customer_id FROM consents`)
		is(t, s, []string{
			"cart id:a1 running  pending ", "letter 2026-03-01T09:00@" + ref + " exited merged cancelled merged",
			"letter 2026-03-01T09:00@u running  queued ", "win-back u@17 running  pending ",
		}, `SELECT k.name, e.key, e.state, e.reason, m.state, m.reason FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id
			JOIN messages m ON m.enrollment_id = e.id WHERE e.customer_id = $1 AND m.customer_id = $1 ORDER BY 1, 2`, to)
		is(t, s, []string{"6 0 -"}, `SELECT token, attempt, slice_id FROM messages WHERE id = $1`, moved)

		// What the device does from now on is the customer's, and merging again nothing.
		call(t, s, t2, "track", `{"anonymousId":"device","event":"Product Viewed","messageId":"a3"}`)
		call(t, s, t2, "alias", `{"userId":"u","previousId":"device"}`)
		is(t, s, []string{fmt.Sprint(to)}, `SELECT customer_id FROM events WHERE uid = 'id:a3'`)
		is(t, s, []string{"1"}, `SELECT count(*) FROM customers`)
	})
}

// An event or a fact stored after a merge still gets a higher rowid than all before.
func TestMergeKeepsOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for i, name := range []string{"first", "second", "third"} {
			d := fmt.Sprint("d", i)
			call(t, s, t0, "identify", `{"anonymousId":"`+d+`","traits":{"`+name+`":1}}`)
			call(t, s, t0, "track", `{"anonymousId":"`+d+`","event":"A","messageId":"`+d+`"}`)
			call(t, s, t0, "track", `{"anonymousId":"`+d+`","event":"A","messageId":"`+d+`b"}`)
			call(t, s, t0, "identify", `{"userId":"u","anonymousId":"`+d+`"}`)
		}
		call(t, s, t0, "track", `{"userId":"u","event":"A","messageId":"last"}`)
		call(t, s, t0, "identify", `{"userId":"u","traits":{"last":1}}`)
		got := table(t, s, `SELECT uid FROM events ORDER BY id`)
		want := []string{"id:d0", "id:d0b", "id:d1", "id:d1b", "id:d2", "id:d2b", "id:last"}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		is(t, s, []string{"first", "second", "third", "last"}, `SELECT name FROM attribute_facts ORDER BY id`)
	})
}

func TestSharedDevice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		call(t, s, t0, "identify", `{"userId":"mother","anonymousId":"tablet","traits":{"email":"m@kape.example"}}`)
		call(t, s, t0, "track", `{"anonymousId":"tablet","event":"A","messageId":"1"}`)
		call(t, s, t1, "identify", `{"userId":"son","anonymousId":"tablet"}`)
		call(t, s, t1, "track", `{"anonymousId":"tablet","event":"A","messageId":"2"}`)
		is(t, s, []string{"id:1 mother", "id:2 son"}, `SELECT e.uid, c.external_id FROM events e JOIN customers c ON c.id = e.customer_id ORDER BY 1`)
	})
}
