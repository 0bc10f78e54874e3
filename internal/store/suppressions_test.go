package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

func listed(name, scope, reason string, at time.Time) campaign.Suppression {
	return campaign.Suppression{Hash: campaign.AddressHash(name + "@kape.example"), Scope: scope, Reason: reason, At: at}
}

const wholeList = `SELECT coalesce((SELECT c.external_id FROM customers c WHERE c.email_hash = s.email_hash), '-') || ' ' || s.topic || ' ' || s.reason FROM suppressions s ORDER BY 1`

func TestSuppress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"offer": onGo(twoSteps), "must": "status: active\ntransactional: true\ntrigger: { event: { name: Go } }\n" + twoSteps + "\n"})
		d.join("ana", "bela", "dana")
		for _, name := range []string{"ana", "bela", "dana"} {
			d.track(name, "Go", "")
		}
		d.tick(0)
		add := func(want int, list ...campaign.Suppression) {
			t.Helper()
			if n, err := d.Suppress(t.Context(), list, "olga", "a test", d.now); err != nil || n != want {
				t.Errorf("%d, %v; want %d", n, err, want)
			}
		}
		add(1, listed("ana", "*", "by_hand", d.now))
		add(0, listed("ana", "*", "bad_address", d.now))
		// Of two rows for one address and scope the one that stays counts.
		add(2, listed("bela", "@marketing", "unsubscribed", d.now), listed("bela", "@marketing", "complained", d.now), listed("nobody", "news", "unsubscribed", d.now))
		is(t, s, []string{"- news unsubscribed", "ana * by_hand", "bela @marketing complained"}, wholeList)
		is(t, s, []string{"ana must exited", "ana offer exited", "bela must running", "bela offer exited", "dana must running", "dana offer running"},
			`SELECT c.external_id || ' ' || k.name || ' ' || e.state FROM enrollments e JOIN customers c ON c.id = e.customer_id JOIN campaigns k ON k.id = e.campaign_id ORDER BY 1`)
		is(t, s, []string{"olga suppress a test", "olga suppress a test"}, `SELECT who || ' ' || action || ' ' || detail FROM audit`)

		// It is the address's, not the customer's.
		if _, err := store.RawDB(s).Exec(`DELETE FROM customers WHERE external_id = 'ana'`); err != nil {
			t.Fatal(err)
		}
		d.join("ana")
		d.now = d.now.Add(time.Minute)
		d.track("ana", "Go", "")
		d.tick(0)
		is(t, s, nil, `SELECT e.state FROM enrollments e JOIN customers c ON c.id = e.customer_id WHERE c.external_id = 'ana' AND e.state = 'running'`)

		got, err := d.SuppressionsOf(t.Context(), campaign.AddressHash(" ANA@kape.example "))
		if err != nil || len(got) != 1 || got[0].Customer != "ana" || got[0].Email != "" {
			t.Errorf("%+v, %v", got, err)
		}
		for _, c := range []struct {
			scope string
			want  int
		}{{"news", 0}, {"*", 1}, {"", 0}} {
			gone, err := d.Unsuppress(t.Context(), campaign.AddressHash("ana@kape.example"), c.scope, "olga", "asked for it", d.now)
			if err != nil || len(gone) != c.want {
				t.Errorf("%q: %+v, %v", c.scope, gone, err)
			}
		}
		is(t, s, []string{"olga asked for it"}, `SELECT who || ' ' || detail FROM audit WHERE action = 'unsuppress'`)
		is(t, s, []string{"- news unsubscribed", "bela @marketing complained"}, wholeList)
	})
}

// Who has subscribed after an unsubscribe gets mail, whenever the file comes.
func TestSuppressTakenBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"offer": onGo(twoSteps)})
		d.join("ana", "bela")
		d.now = d.now.Add(time.Minute)
		before, after := d.now.Add(-time.Hour), d.now
		d.track("ana", "Go", "")
		d.track("bela", "Go", "")
		d.tick(0)
		if _, err := d.Suppress(t.Context(), []campaign.Suppression{listed("ana", "@marketing", "unsubscribed", before), listed("bela", "@marketing", "unsubscribed", after)}, "olga", "", d.now); err != nil {
			t.Fatal(err)
		}
		is(t, s, []string{"ana running", "bela exited"}, `SELECT c.external_id || ' ' || e.state FROM enrollments e JOIN customers c ON c.id = e.customer_id ORDER BY 1`)
		for name, want := range map[string]string{"ana": "[*]", "bela": "[]"} {
			got, err := d.SuppressionsOf(t.Context(), campaign.AddressHash(name+"@kape.example"))
			if err != nil || len(got) != 1 || fmt.Sprint(got[0].Back) != want {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	})
}

func TestImportSuppressions(t *testing.T) {
	t.Parallel()
	file := "Email Address,Suppression Reason,Created\nANA@kape.example,HardBounce,1767225600\nbela@kape.example,SpamComplaint,2026-01-02\nnot an address,x,\neva@kape.example,,\n"
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo(sendOne)})
		d.join("ana")
		run := func(want store.Counts) {
			t.Helper()
			_, rows, err := intake.Suppressions(strings.NewReader(file), "list.csv", "by_hand", "", d.now)
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.ImportSuppressions(t.Context(), rows, "olga", "import of list.csv", store.ImportOptions{Now: d.now})
			if err != nil || got != want {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
		}
		run(store.Counts{Read: 4, Stored: 3, Rejected: 1})
		run(store.Counts{Read: 4, Known: 3, Rejected: 1})
		is(t, s, []string{"olga import of list.csv:3 entries"}, `SELECT who || ' ' || detail FROM audit`)
		counts, err := d.CountSuppressions(t.Context(), store.SuppressionFilter{})
		if want := "[{* bad_address 1} {@marketing by_hand 1} {@marketing complained 1}]"; err != nil || fmt.Sprint(counts) != want {
			t.Errorf("%v, %v; want %s", counts, err, want)
		}
		// A page at a time, in an order that lasts.
		var last campaign.Suppression
		for i := range 4 {
			page, err := d.Suppressions(t.Context(), store.SuppressionFilter{}, last, 1, true)
			if err != nil || len(page) != min(1, 3-i) {
				t.Fatalf("%d: %+v, %v", i, page, err)
			}
			if len(page) > 0 {
				if page[0].Hash <= last.Hash || (page[0].Email == "ana@kape.example") != (page[0].Customer == "ana") {
					t.Errorf("%+v", page)
				}
				last = page[0]
			}
		}
		if one, err := d.Suppressions(t.Context(), store.SuppressionFilter{Reason: "complained", Scope: "@marketing"}, campaign.Suppression{}, 10, false); err != nil || len(one) != 1 || !one[0].At.Equal(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%+v, %v", one, err)
		}
	})
}

// What an import has stored before it ends halfway is in the log.
func TestImportSuppressionsHalfway(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const some = 5000
		torn := errors.New("the file is torn")
		rows := func(yield func(intake.SuppressionRow, error) bool) {
			for i := range some {
				if !yield(intake.SuppressionRow{Suppression: listed(fmt.Sprint(i), "*", "by_hand", t0)}, nil) {
					return
				}
			}
			yield(intake.SuppressionRow{}, torn)
		}
		n, err := s.ImportSuppressions(t.Context(), rows, "olga", "import of list.csv", store.ImportOptions{Now: t0})
		if !errors.Is(err, torn) || n.Stored == 0 {
			t.Fatalf("%+v, %v", n, err)
		}
		logged := 0
		for _, detail := range table(t, s, `SELECT detail FROM audit`) {
			var batch int
			if _, err := fmt.Sscanf(detail, "import of list.csv:%d entries", &batch); err != nil {
				t.Errorf("%q: %v", detail, err)
			}
			logged += batch
		}
		if logged != n.Stored {
			t.Errorf("%d entries in the log, %d stored", logged, n.Stored)
		}
	})
}

// Who puts an address on the list while what came back of a mail to it is recorded
// waits for the customer, and holds nothing meanwhile that the other needs.
func TestSuppressMeetsReturn(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	d := newDesk(t, s, map[string]string{"offer": onGo(twoSteps)})
	d.join("ana")
	d.track("ana", "Go", "")
	d.tick(0)
	tx, pid := other(t, s, `SELECT id FROM customers WHERE external_id = 'ana' FOR NO KEY UPDATE`)
	done := make(chan error, 1)
	go func() {
		_, err := s.Suppress(t.Context(), []campaign.Suppression{listed("ana", "*", "by_hand", d.now)}, "olga", "a test", d.now)
		done <- err
	}()
	waitBlocked(t, s, pid)
	if _, err := tx.Exec(`SET LOCAL lock_timeout = '300ms'; INSERT INTO suppressions (email_hash, topic, reason, at) VALUES ('` + campaign.AddressHash("ana@kape.example") + `', '*', 'bad_address', 0)`); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	is(t, s, []string{"ana * bad_address"}, wholeList)
}
