package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

func importCustomers(t testing.TB, s *store.Store, file string, o store.ImportOptions) store.Counts {
	t.Helper()
	r, err := intake.Customers(strings.NewReader(file), "customers.csv", intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.ImportCustomers(context.Background(), r.All(), o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func importEvents(t testing.TB, s *store.Store, file string, o store.ImportOptions) store.Counts {
	t.Helper()
	r, err := intake.Events(strings.NewReader(file), "events.csv", intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.ImportEvents(context.Background(), r.All(), o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// everything is the content of all tables that an import may touch.
func everything(t testing.TB, s *store.Store) []string {
	t.Helper()
	var all []string
	for _, q := range []string{
		`SELECT * FROM customers ORDER BY id`, `SELECT * FROM identities ORDER BY kind, value`, `SELECT * FROM attribute_facts ORDER BY id`,
		`SELECT * FROM events ORDER BY id`, `SELECT * FROM consents ORDER BY id`, `SELECT * FROM messages ORDER BY id`,
	} {
		all = append(append(all, q), table(t, s, q)...)
	}
	return all
}

func unchanged(t testing.TB, s *store.Store, f func()) {
	t.Helper()
	before := everything(t, s)
	f()
	if d := cmp.Diff(before, everything(t, s)); d != "" {
		t.Errorf("something changed:\n%s", d)
	}
}

func counts(t testing.TB, got, want store.Counts) {
	t.Helper()
	if got != want {
		t.Errorf("counts are %+v, want %+v", got, want)
	}
}

func TestImportCustomers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		file := "id,email,tier,created_at,consent\n" +
			"1,a@kape.example,gold,2020-01-01,shop 2020\n" +
			"2,b@kape.example,,,\n" +
			"3,nobody,,,\n" +
			"2,b@kape.example,,,\n" +
			"1,a@kape.example,silver,2020-01-01,shop 2020\n"
		var rejected []string
		o := store.ImportOptions{Now: t0, Topics: []string{"offers", "news"}, Reject: func(r *intake.Rejected) {
			rejected = append(rejected, fmt.Sprint(r.Line, " ", r.Raw))
		}}
		counts(t, importCustomers(t, s, file, o), store.Counts{Read: 5, Stored: 2, Known: 1, Rejected: 2})
		if d := cmp.Diff([]string{"4 3,nobody,,,", "6 1,a@kape.example,silver,2020-01-01,shop 2020"}, rejected); d != "" {
			t.Error(d)
		}
		is(t, s, []string{"1 created_at 0 time 2020-01-01T00:00:00Z - 1577836800000000", "1 email 0 text a@kape.example - -", "1 tier 0 text gold - -", "2 email 0 text b@kape.example - -"}, allFacts)
		is(t, s, []string{"1 a@kape.example 1577836800000000", "2 b@kape.example 0"}, `SELECT external_id, email, created_at FROM customers ORDER BY external_id`)
		consents := `SELECT c.external_id, k.topic, k.at, k.recorded_at, k.source FROM consents k JOIN customers c ON c.id = k.customer_id WHERE k.given ORDER BY 1, 2`
		is(t, s, []string{fmt.Sprintf("1 news 0 %d shop 2020", campaign.Micros(t0)), fmt.Sprintf("1 offers 0 %d shop 2020", campaign.Micros(t0))}, consents)

		// Again: nothing.
		unchanged(t, s, func() {
			o.Now = t1
			counts(t, importCustomers(t, s, file, o), store.Counts{Read: 5, Known: 3, Rejected: 2})
		})

		// Later, with another value, a new column and a consent for those without one.
		later := "id,email,tier,points\n1,a@kape.example,silver,\n2,b@kape.example,,5\n"
		counts(t, importCustomers(t, s, later, store.ImportOptions{Now: t2, Consent: "fair 2026", Topics: []string{"offers"}}), store.Counts{Read: 2, Stored: 2})
		us := campaign.Micros(t2)
		is(t, s, []string{fmt.Sprintf("1 tier %d text silver - -", us), fmt.Sprintf("2 points %d number 5 5 -", us)},
			strings.Replace(allFacts, "ORDER BY", "WHERE f.at > 0 ORDER BY", 1))
		is(t, s, []string{fmt.Sprintf("1 news 0 %d shop 2020", campaign.Micros(t0)), fmt.Sprintf("1 offers 0 %d shop 2020", campaign.Micros(t0)), fmt.Sprintf("2 offers 0 %d fair 2026", us)}, consents)
		is(t, s, []string{"silver", "-"}, `SELECT attributes ->> 'tier' FROM customers ORDER BY external_id`)
	})
}

// No file subscribes anybody again.
func TestImportRespectsUnsubscribed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		call(t, s, t0, "track", `{"userId":"1","event":"Unsubscribed","messageId":"x"}`)
		call(t, s, t0, "track", `{"userId":"2","event":"Unsubscribed","messageId":"y","properties":{"topic":"news"}}`)
		importCustomers(t, s, "id,email,consent\n1,a@kape.example,fair\n2,b@kape.example,fair\n", store.ImportOptions{Now: t1})
		importCustomers(t, s, "id,email,consent\n1,a@kape.example,fair\n2,b@kape.example,fair\n", store.ImportOptions{Now: t1, Topics: []string{"news", "offers"}})
		// What holds of a topic as of now is the latest about it or about all.
		now := `SELECT c.external_id, (SELECT CASE WHEN k.given THEN 'yes' ELSE 'no' END FROM consents k WHERE k.customer_id = c.id AND k.topic IN ('*', $1)
			ORDER BY k.at DESC, k.id DESC LIMIT 1) FROM customers c ORDER BY 1`
		is(t, s, []string{"1 no", "2 no"}, now, "news")
		is(t, s, []string{"1 no", "2 yes"}, now, "offers")
	})
}

func TestImportEvents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		importCustomers(t, s, "id,email\n007,a@kape.example\n", store.ImportOptions{Now: t0})
		file := "event_id,customer_id,name,occurred_at,total,topic\n" +
			"e1,007,Order Completed,2020-01-01,5,\n" +
			",8,Order Completed,2020-01-02,6,\n" +
			",8,Order Completed,2020-01-02,6,\n" +
			",,Order Completed,2020-01-02,6,\n" +
			",007,Unsubscribed,2020-01-03,,news\n"
		want := store.Counts{Read: 5, Stored: 3, Known: 1, Rejected: 1}
		counts(t, importEvents(t, s, file, store.ImportOptions{Now: t0}), want)
		is(t, s, []string{"007 Order Completed 1577836800000000 1577836800000000 5", "007 Unsubscribed 1578009600000000 1578009600000000 -", "8 Order Completed 1577923200000000 1577923200000000 6"},
			`SELECT c.external_id, e.name, e.occurred_at, e.known_at, e.properties ->> 'total' FROM events e JOIN customers c ON c.id = e.customer_id ORDER BY 1, 3`)
		is(t, s, []string{"007 a@kape.example 0", "8 - 0"}, `SELECT external_id, email, created_at FROM customers ORDER BY 1`)
		is(t, s, []string{"news 1578009600000000"}, `SELECT topic, at FROM consents WHERE NOT given`)
		unchanged(t, s, func() {
			counts(t, importEvents(t, s, file, store.ImportOptions{Now: t1}), store.Counts{Read: 5, Known: 4, Rejected: 1})
			call(t, s, t1, "track", `{"userId":"007","event":"Order Completed","messageId":"e1"}`)
		})
		// The customer comes after the events.
		counts(t, importCustomers(t, s, "id,email\n8,b@kape.example\n", store.ImportOptions{Now: t1}), store.Counts{Read: 1, Stored: 1})
		is(t, s, []string{"8 email 0 text b@kape.example - -"}, strings.Replace(allFacts, "ORDER BY", "WHERE c.external_id = '8' ORDER BY", 1))
	})
}

// An import that breaks off keeps what it had, and is taken up by running it
// again.
func TestImportResumes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const n = 4500
		file := eventsFile(n, 100)
		broken := io.MultiReader(strings.NewReader(file[:len(file)*2/3]), failing{})
		r, err := intake.Events(broken, "events.csv", intake.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var progress []int
		o := store.ImportOptions{Now: t0, Progress: func(c store.Counts) { progress = append(progress, c.Stored) }}
		first, err := s.ImportEvents(context.Background(), r.All(), o)
		if err == nil || !strings.Contains(err.Error(), "the disk is gone") {
			t.Errorf("the import ended with %v", err)
		}
		if first.Stored != 2000 {
			t.Errorf("%d rows were kept of a file that broke off", first.Stored)
		}
		counts(t, importEvents(t, s, file, o), store.Counts{Read: n, Stored: n - first.Stored, Known: first.Stored})
		if d := cmp.Diff([]int{2000, 0, 2000, 2500}, progress); d != "" {
			t.Error(d)
		}
		is(t, s, []string{fmt.Sprintf("%d 100", n)}, `SELECT count(*), count(DISTINCT customer_id) FROM events`)
	})
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

// eventsFile has n orders of customers, a minute apart.
func eventsFile(n, customers int) string {
	var b strings.Builder
	b.WriteString("event_id,customer_id,name,occurred_at,order_id,total,currency,category\n")
	for i := range n {
		fmt.Fprintf(&b, "e%d,c%d,Order Completed,%s,o%d,%d.5,EUR,coffee\n", i, i%customers, t0.Add(time.Duration(-i)*time.Minute).Format(time.RFC3339), i, i%90+1)
	}
	return b.String()
}
