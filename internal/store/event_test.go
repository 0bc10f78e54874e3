package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

func TestTrack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		order := `{"userId":"007","event":"Order Completed","messageId":"m1","timestamp":"2026-03-01T11:00:00Z","properties":{"total":"9.5","name":"café \"x\"","products":[{"sku":"1"}]}}`
		call(t, s, t0, "track", order)
		call(t, s, t1, "track", order) // sent again
		is(t, s, []string{fmt.Sprintf("id:m1 007 Order Completed %d %d 9.5 café \"x\" 1", campaign.Micros(t0)-3600e6, campaign.Micros(t0))},
			`SELECT e.uid, c.external_id, e.name, e.occurred_at, e.known_at, e.properties ->> 'total', e.properties ->> 'name', e.properties -> 'products' -> 0 ->> 'sku'
			FROM events e JOIN customers c ON c.id = e.customer_id`)
		is(t, s, []string{fmt.Sprintf("007 - %d {}", campaign.Micros(t0))}, `SELECT external_id, email, created_at, attributes FROM customers`)
	})
}

// A call is kept whole or not at all.
func TestAcceptIsOneTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		items, err := intake.ParseCall("batch", []byte(`{"batch":[{"type":"identify","userId":"u","traits":{"tier":"x"}},{"type":"track","userId":"u","event":"A"}]}`), t0)
		if err != nil {
			t.Fatal(err)
		}
		items[1].Event.Properties = map[string]any{"bad": "\x00"} // what intake never lets through
		if s.Engine().String() == "sqlite" {
			exec(t, s, `CREATE TRIGGER refuse BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'refused'); END`)
		}
		if err := s.Accept(context.Background(), items); err == nil {
			t.Fatal("the event was taken")
		}
		is(t, s, []string{"0 0"}, `SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM attribute_facts)`)
	})
}

func TestSubscriptions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		call(t, s, t0, "track", `{"userId":"u","event":"Subscribed","messageId":"s1","properties":{"topic":"offers"}}`)
		u := customerID(t, s, "u")
		offer := openMessage(t, s, u, "cart", "offers", "id:1", "claimed")
		news := openMessage(t, s, u, "letter", "news", "id:2", "pending")
		receipt := openMessage(t, s, u, "receipt", "", "id:3", "queued")
		mixed := openMessage(t, s, u, "receipt", "", "id:4", "pending")
		exec(t, s, `UPDATE messages SET topic = 'offers' WHERE id = $1`, mixed)
		handed := openMessage(t, s, u, "cart", "offers", "id:5", "handoff")
		states := func(want ...string) {
			t.Helper()
			is(t, s, want, `SELECT m.state, m.reason, m.token, e.state, e.reason, e.wake_at FROM messages m JOIN enrollments e ON e.id = m.enrollment_id
				WHERE m.id IN ($1, $2, $3, $4, $5) ORDER BY m.id`, offer, news, receipt, mixed, handed)
		}

		// Whoever subscribes again at once stays.
		call(t, s, t0, "batch", `{"batch":[{"type":"track","userId":"u","event":"Unsubscribed","messageId":"x1","timestamp":"2026-03-01T11:00:00Z","properties":{"topic":"offers"}}]}`)
		states("pending  6 running  -", "pending  5 running  -", "queued  5 running  -", "pending  5 running  -", "handoff  5 running  -")

		left := `{"userId":"u","event":"Unsubscribed","messageId":"x2","timestamp":"2026-03-01T13:04:00Z","properties":{"topic":"offers"}}`
		call(t, s, t1, "track", left)
		call(t, s, t2, "track", left)
		states("cancelled unsubscribed 7 exited unsubscribed -", "pending  5 running  -", "queued  5 running  -",
			fmt.Sprintf("cancelled unsubscribed 6 running  %d", campaign.Micros(t1)), "handoff  5 exited unsubscribed -")

		call(t, s, t2, "track", `{"userId":"u","event":"Unsubscribed","messageId":"x3"}`)
		is(t, s, []string{"cancelled unsubscribed"}, `SELECT state, reason FROM messages WHERE id = $1`, news)
		is(t, s, []string{"queued"}, `SELECT state FROM messages WHERE id = $1`, receipt)

		is(t, s, []string{
			fmt.Sprintf("offers 0 %d %d event id:x1", campaign.Micros(t0)-3600e6, campaign.Micros(t0)),
			fmt.Sprintf("offers 1 %d %d event id:s1", campaign.Micros(t0), campaign.Micros(t0)),
			fmt.Sprintf("offers 0 %d %d event id:x2", campaign.Micros(t1), campaign.Micros(t1)),
			fmt.Sprintf("* 0 %d %d event id:x3", campaign.Micros(t2), campaign.Micros(t2)),
		}, `SELECT topic, CASE WHEN given THEN 1 ELSE 0 END, at, recorded_at, source FROM consents ORDER BY at`)
	})
}

// An order that comes in while a worker holds a message fences it off.
func TestEventTakesBackWhatIsClaimed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		call(t, s, t0, "identify", `{"userId":"u"}`)
		call(t, s, t0, "identify", `{"userId":"v"}`)
		u := openMessage(t, s, customerID(t, s, "u"), "cart", "offers", "id:1", "claimed")
		v := openMessage(t, s, customerID(t, s, "v"), "cart", "offers", "id:2", "claimed")
		order := `{"userId":"u","event":"Order Completed","messageId":"m"}`
		call(t, s, t1, "track", order)
		want := []string{"pending 6 0 -", "claimed 5 1 7"}
		is(t, s, want, `SELECT state, token, attempt, slice_id FROM messages WHERE id IN ($1, $2) ORDER BY id`, u, v)
		exec(t, s, `UPDATE messages SET state = 'claimed', attempt = 1, slice_id = 7 WHERE id = $1`, u)
		call(t, s, t2, "track", order) // nothing new
		is(t, s, []string{"claimed 6 1 7"}, `SELECT state, token, attempt, slice_id FROM messages WHERE id = $1`, u)
	})
}

// So does a change of what is known of the customer, by a call or by a file: the
// mail may have to go to another address, or to nobody.
func TestTraitsTakeBackWhatIsClaimed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		call(t, s, t0, "identify", `{"userId":"u","traits":{"email":"old@kape.example"}}`)
		call(t, s, t0, "identify", `{"userId":"v","traits":{"email":"v@kape.example"}}`)
		u := openMessage(t, s, customerID(t, s, "u"), "cart", "offers", "id:1", "claimed")
		v := openMessage(t, s, customerID(t, s, "v"), "cart", "offers", "id:2", "claimed")
		want := func(of int64, row string) {
			t.Helper()
			is(t, s, []string{row}, `SELECT state, token, attempt FROM messages WHERE id = $1`, of)
		}
		again := func() {
			exec(t, s, `UPDATE messages SET state = 'claimed', attempt = 1 WHERE id = $1`, u)
		}
		call(t, s, t1, "identify", `{"userId":"u","traits":{"email":"new@kape.example"}}`)
		want(u, "pending 6 0")
		again()
		call(t, s, t1, "identify", `{"userId":"u","traits":{"email":"new@kape.example"}}`) // nothing new
		want(u, "claimed 6 1")
		call(t, s, t2, "batch", `{"batch":[{"type":"identify","userId":"u","traits":{"country":"PH"}},{"type":"identify","userId":"u","traits":{"country":"MY"}}]}`)
		want(u, "pending 7 0")
		again()
		file := "id,email\nu,newer@kape.example\n"
		for _, row := range []string{"pending 8 0", "claimed 8 1"} { // the second time it says nothing new
			rows, err := intake.Customers(strings.NewReader(file), "customers.csv", intake.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.ImportCustomers(t.Context(), rows.All(), store.ImportOptions{Now: t2}); err != nil {
				t.Fatal(err)
			}
			want(u, row)
			again()
		}
		want(v, "claimed 5 1")
	})
}

// Calls about the same new customers, all at once and with merges among them,
// end as if they had come one after another.
func TestAcceptAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const callers, users = 6, 8
		var wg sync.WaitGroup
		for c := range callers {
			wg.Go(func() {
				for i := range users {
					// Half of them go through the users backwards.
					u := i
					if c%2 == 1 {
						u = users - 1 - i
					}
					for _, one := range []struct{ kind, body string }{
						{"track", fmt.Sprintf(`{"anonymousId":"d%d","event":"A","messageId":"a%d-%d"}`, u, u, c)},
						{"identify", fmt.Sprintf(`{"userId":"u%d","anonymousId":"d%d","traits":{"tier":"t%d"}}`, u, u, c)},
						{"track", fmt.Sprintf(`{"userId":"u%d","event":"A","messageId":"u%d-%d"}`, u, u, c)},
						{"track", fmt.Sprintf(`{"anonymousId":"d%d","event":"A","messageId":"b%d-%d"}`, u, u, c)},
					} {
						items, err := intake.ParseCall(one.kind, []byte(one.body), t0)
						if err == nil {
							err = s.Accept(context.Background(), items)
						}
						if err != nil {
							t.Errorf("%s: %v", one.body, err)
							return
						}
					}
				}
			})
		}
		wg.Wait()
		is(t, s, []string{fmt.Sprintf("%d %d %d", users, 2*users, 3*users*callers)},
			`SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM identities), (SELECT count(*) FROM events)`)
		is(t, s, nil, `SELECT c.external_id, count(*) FROM customers c JOIN events e ON e.customer_id = c.id GROUP BY c.external_id HAVING count(*) <> $1`, 3*callers)
	})
}

// A topic that no workspace has, of any form, neither fails the call nor stands
// for all topics.
func TestOddTopics(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for i, topic := range []string{`7`, `["x"]`, `""`, `null`, `"` + strings.Repeat("ä", 5000) + `"`} {
			call(t, s, t0, "track", fmt.Sprintf(`{"userId":"u%d","event":"Subscribed","properties":{"topic":%s}}`, i, topic))
		}
		is(t, s, []string{"u0 7", "u1 [x]", "u2 *", "u3 *", "u4 " + strings.Repeat("ä", 200)},
			`SELECT c.external_id, k.topic FROM consents k JOIN customers c ON c.id = k.customer_id ORDER BY 1`)
	})
}

// Texts that break programs come back as they were sent, as ids, attributes and
// properties.
func TestNaughtyStrings(t *testing.T) {
	data, err := os.ReadFile("../../../shared/data/unicode-names-addresses/blns.json")
	if err != nil {
		t.Skip("the list of naughty strings is not here")
	}
	var naughty []string
	if err := json.Unmarshal(data, &naughty); err != nil {
		t.Fatal(err)
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stored := 0
		for i, n := range naughty {
			body, err := json.Marshal(map[string]any{"batch": []any{
				map[string]any{"type": "identify", "userId": "x" + n, "traits": map[string]any{"note": n}},
				map[string]any{"type": "track", "userId": "x" + n, "event": "A", "messageId": fmt.Sprint(i), "properties": map[string]any{"note": n}},
			}})
			if err != nil {
				t.Fatal(err)
			}
			items, err := intake.ParseCall("batch", body, t0)
			if err != nil {
				continue // too long an id, or a NUL: refused with a reason
			}
			stored++
			if err := s.Accept(context.Background(), items); err != nil {
				t.Errorf("%q: %v", n, err)
				continue
			}
			var id, attribute, property string
			err = store.RawDB(s).QueryRow(`SELECT c.external_id, c.attributes ->> 'note', e.properties ->> 'note' FROM events e
				JOIN customers c ON c.id = e.customer_id WHERE e.uid = $1`, fmt.Sprint("id:", i)).Scan(&id, &attribute, &property)
			if err != nil {
				t.Fatal(err)
			}
			if id != strings.TrimSpace("x"+n) || attribute != n || property != n {
				t.Errorf("%q came back as id %q, attribute %q, property %q", n, id, attribute, property)
			}
		}
		if stored < 400 {
			t.Errorf("only %d of %d were taken", stored, len(naughty))
		}
	})
}

// BenchmarkAccept stores batches of 100 events of 50 customers, each batch
// durable by itself.
func BenchmarkAccept(b *testing.B) {
	for _, engine := range []struct {
		name string
		open func(testing.TB) *store.Store
	}{{"sqlite", storetest.SQLite}, {"postgres", storetest.Postgres}} {
		b.Run(engine.name, func(b *testing.B) {
			s := engine.open(b)
			n := 0
			for b.Loop() {
				items := make([]intake.Item, 100)
				for i := range items {
					n++
					items[i].Event = &campaign.Event{
						UID: fmt.Sprint("id:", n), Customer: campaign.Ref{ID: fmt.Sprint("c", n%50)}, Name: "Product Viewed",
						OccurredAt: t0, KnownAt: t0, Properties: map[string]any{"sku": "123", "price": 4.5, "currency": "EUR"},
					}
				}
				if err := s.Accept(context.Background(), items); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
