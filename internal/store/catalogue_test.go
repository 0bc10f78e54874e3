package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// stocked is a fact of the catalogue, now.
func (d *desk) stocked(product string, more string) {
	d.t.Helper()
	call(d.t, d.Store, d.now, "track", fmt.Sprintf(`{"event":"Product Back In Stock","properties":{"product_id":%q%s}}`, product, more))
}

func backInStock(options string, more ...string) string {
	return "status: active\ntopic: offers\ntrigger: { back_in_stock: { " + options + " } }\n" + strings.Join(more, "\n") + "\n"
}

// Who asked gets the one mail that they asked for, though they said nothing of
// the topic; not who only looked, nor who has said no, nor a second mail.
func TestAskedIsConsent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"back": backInStock("viewed: 30d", twoSteps)})
		d.join("ana")
		for _, name := range []string{"bob", "cleo", "dan", "eve", "fay"} {
			d.identify(name, fmt.Sprintf(`{"email":"%s@kape.example"}`, name))
		}
		d.track("dan", "Unsubscribed", `{"topic":"offers"}`)
		d.suppress("eve", "*")
		for _, name := range []string{"ana", "bob", "dan", "eve", "fay"} {
			d.track(name, "Back In Stock Requested", `{"product_id":7}`)
		}
		d.track("cleo", "Product Viewed", `{"product_id":"7"}`)
		d.now = d.now.Add(time.Hour)
		d.stocked("7", "")
		decided := d.tick(time.Minute)["back"]
		if decided.Entered != 3 || decided.Held["no_consent"] != 1 || decided.Held["suppressed"] != 2 {
			t.Fatalf("decided %+v", decided)
		}
		d.relay()
		d.track("fay", "Unsubscribed", "") // between entry and the last look
		d.send(d.claim()...)
		d.send(d.work(25 * time.Hour)...)
		d.messages("ana one accepted", "ana two accepted", "bob one accepted", "bob two cancelled no_consent", "fay one cancelled unsubscribed")
	})
}

// Two products, each with its own fortnight; a fact that comes twice is one, and
// found again it enters nobody.
func TestReEntryPerProduct(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"back": backInStock("", "overlap: both", "steps: [ { send: one } ]")})
		d.join("ana")
		ask := func(product string) {
			d.now = d.now.Add(time.Hour)
			d.track("ana", "Back In Stock Requested", fmt.Sprintf(`{"product_id":%q}`, product))
		}
		back := func(product string) string {
			d.now = d.now.Add(time.Hour)
			d.stocked(product, "")
			c := d.tick(time.Hour)["back"]
			return fmt.Sprint(c.Entered, c.Held)
		}
		ask("p")
		ask("q")
		if got := back("p"); got != "1 map[]" {
			t.Errorf("p: %s", got)
		}
		if got := back("q"); got != "1 map[]" {
			t.Errorf("q, of another product: %s", got)
		}
		if got := back("p"); got != "0 map[]" {
			t.Errorf("p again, for which nobody has asked since: %s", got)
		}
		ask("p")
		if got := back("p"); got != "0 map[re_entry:1]" {
			t.Errorf("p asked for again: %s", got)
		}
		d.now = d.now.Add(14 * 24 * time.Hour)
		if got := back("p"); got != "1 map[]" {
			t.Errorf("p after a fortnight: %s", got)
		}
		got := table(t, s, `SELECT product || ' ' || key FROM enrollments ORDER BY id`)
		if len(got) != 3 || !strings.HasPrefix(got[1], "q new:") || !strings.HasSuffix(got[1], "@ana") {
			t.Errorf("passes %q", got)
		}
	})
}

// Of nine who wait the pieces in stock serve some; a tick that looks at the fact
// again serves nobody else.
func TestFirstAskedFirstServed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"back": backInStock("per_unit: 3", "steps: [ { send: one } ]")})
		var names []string
		for i := range 9 {
			names = append(names, fmt.Sprint("c", (i*4)%9)) // not in the order of their ids
		}
		d.join(names...)
		slices.Sort(names)
		for _, name := range names {
			d.now = d.now.Add(time.Minute)
			d.track(name, "Back In Stock Requested", `{"product_id":"p"}`)
		}
		d.now = d.now.Add(time.Minute)
		d.stocked("p", `,"stock":2`)
		if n := d.tick(time.Minute)["back"].Entered; n != 6 {
			t.Fatalf("%d entered", n)
		}
		exec(t, s, `UPDATE campaigns SET watermark = watermark - 3600000000, cursor = ''`)
		if n := d.tick(time.Minute)["back"].Entered; n != 0 {
			t.Fatalf("%d entered when looked at again", n)
		}
		got := table(t, s, `SELECT c.external_id FROM enrollments e JOIN customers c ON c.id = e.customer_id ORDER BY 1`)
		if !slices.Equal(got, names[:6]) {
			t.Errorf("served %q", got)
		}
		d.now = d.now.Add(time.Minute)
		d.stocked("p", "") // one more piece
		d.tick(time.Minute)
		if got := table(t, s, `SELECT c.external_id FROM enrollments e JOIN customers c ON c.id = e.customer_id ORDER BY 1`); !slices.Equal(got, names) {
			t.Errorf("served %q", got)
		}
	})
}

// Whom no mail may reach takes no piece from those behind them, and is told of.
func TestPiecesGoToWhomMailMayReach(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"back": backInStock("viewed: 30d, per_unit: 1", "steps: [ { send: one } ]")})
		d.join("gone", "bad", "ana", "late", "looked")
		d.identify("bob", `{"email":"bob@kape.example"}`) // said nothing
		d.identify("cleo", `{"email":"cleo@kape.example"}`)
		d.identify("mute", `{}`)
		d.track("gone", "Unsubscribed", `{"topic":"offers"}`)
		d.suppress("bad", "*")
		for _, name := range []string{"gone", "bad", "mute", "ana", "bob", "late"} {
			d.now = d.now.Add(time.Minute)
			d.track(name, "Back In Stock Requested", `{"product_id":"p"}`)
		}
		for _, name := range []string{"cleo", "looked"} {
			d.now = d.now.Add(time.Minute)
			d.track(name, "Product Viewed", `{"product_id":"p"}`)
		}
		for _, want := range []string{"ana", "ana bob", "ana bob late", "ana bob late looked", "ana bob late looked"} {
			d.now = d.now.Add(time.Hour)
			d.stocked("p", `,"stock":1`)
			held := d.tick(time.Minute)["back"].Held
			if got := fmt.Sprint(held); got != "map[no_address:1 no_consent:1 suppressed:2]" {
				t.Errorf("held %s", got)
			}
			got := table(t, s, `SELECT c.external_id FROM enrollments e JOIN customers c ON c.id = e.customer_id ORDER BY e.id`)
			if strings.Join(got, " ") != want {
				t.Errorf("served %q, want %s", got, want)
			}
		}
	})
}

func TestCatalogueImport(t *testing.T) {
	const file = `{"name":"Product Price Changed","occurred_at":"2026-03-01T10:00:00Z","product_id":"p","price":8,"event_id":"e1"}
{"name":"Product Back In Stock","occurred_at":"2026-03-01T10:00:00Z","product_id":"q"}
{"name":"Product Viewed","occurred_at":"2026-03-01T10:00:00Z","customer_id":"ana","product_id":"q"}
`
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, want := range []int{3, 0} {
			r, err := intake.Events(strings.NewReader(file), "e", intake.Options{})
			if err != nil {
				t.Fatal(err)
			}
			n, err := s.ImportEvents(t.Context(), r.All(), store.ImportOptions{Now: t0})
			if err != nil || n.Stored != want || n.Known != 3-want || n.Rejected != 0 {
				t.Fatalf("%+v, %v; want %d stored", n, err, want)
			}
		}
		// The same event by its id, as a call.
		call(t, s, t0, "track", `{"event":"Product Price Changed","messageId":"e1","userId":"bob","properties":{"product_id":"p","price":7}}`)
		if got := table(t, s, `SELECT name || ' ' || product_id FROM catalogue_events ORDER BY id`); !slices.Equal(got, []string{"Product Price Changed p", "Product Back In Stock q"}) {
			t.Errorf("catalogue %q", got)
		}
		if got := table(t, s, `SELECT external_id FROM customers`); !slices.Equal(got, []string{"ana"}) {
			t.Errorf("customers %q", got)
		}
	})
}
