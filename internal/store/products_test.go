package store_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// feed is a CSV feed with id, title and stock.
func feed(t *testing.T, rows ...string) iter.Seq2[campaign.Product, error] {
	t.Helper()
	_, all, err := intake.Products(strings.NewReader("id,title,stock\n"+strings.Join(rows, "\n")+"\n"), "feed.csv", intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A feed is the whole catalogue, unless it is said to be a part; one that cannot be
// read takes nothing away.
func TestImportProducts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
		put := func(keep bool, want store.Counts, listed string, rows ...string) {
			t.Helper()
			at = at.Add(time.Minute)
			n, err := s.ImportProducts(t.Context(), feed(t, rows...), keep, store.ImportOptions{Now: at})
			if err != nil || n != want {
				t.Errorf("%+v, %v, want %+v", n, err, want)
			}
			list, _, err := s.Products(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range list {
				got = append(got, fmt.Sprint(p.ID, " ", p.Properties["name"], " ", p.InStock))
			}
			if strings.Join(got, ", ") != listed {
				t.Errorf("got %q, want %q", got, listed)
			}
		}
		put(false, store.Counts{Read: 2, Stored: 2}, "b B true, a A true", "b,B,2", "a,A,")
		put(false, store.Counts{Read: 2, Known: 2}, "b B true, a A true", "b,B,2", "a,A,")
		put(false, store.Counts{Read: 4, Stored: 2, Known: 1, Rejected: 1}, "a A true, c C true, b B false", "a,A,", "c,C,1", ",x,", "b,B,0")
		put(true, store.Counts{Read: 1, Stored: 1}, "a A true, d D true, c C true, b B false", "d,D,")
		put(false, store.Counts{Read: 1, Rejected: 1}, "a A true, d D true, c C true, b B false", "x,,")
		put(false, store.Counts{Read: 1, Known: 1}, "a A true", "a,A,")
		broken := func(yield func(campaign.Product, error) bool) { yield(campaign.Product{}, errors.New("cut off")) }
		if _, err := s.ImportProducts(t.Context(), broken, false, store.ImportOptions{Now: at.Add(time.Hour)}); err == nil {
			t.Error("a broken feed passes")
		}
		if list, _, err := s.Products(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("%v, %v", list, err)
		}
	})
}

// What is gone from the shop drops out of a cart's mail, or cancels it, by the
// campaign's rule; a mail of which nothing is left is cancelled.
func TestOutOfStock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, rule, feed, want string }{
		{"none", "", "", "P1 P2"},
		{"unlisted", "", "P1,One,3", "P1 P2"}, // P2 is not listed: a variant, say
		{"one", "", "P1,One,0\nP2,Two,1", "P2"},
		{"all", "", "P1,One,0\nP2,Two,0", "cancelled out_of_stock"},
		{"cancel", ", out_of_stock: cancel", "P1,One,0\nP2,Two,1", "cancelled out_of_stock"},
		{"cancel none", ", out_of_stock: cancel", "P1,One,1\nP2,Two,1", "P1 P2"},
		{"keep", ", out_of_stock: keep", "P1,One,0\nP2,Two,0", "P1 P2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := newDesk(t, s, map[string]string{"cart": "status: active\ntopic: offers\nfresh: off\ntrigger: { abandoned_cart: { after: 1h" + c.rule + " } }\nsteps: [ { send: one } ]\n"})
				d.join("ana")
				d.track("ana", "Product Added", `{"product_id":"P1","price":2}`)
				d.track("ana", "Product Added", `{"product_id":"P2","price":3}`)
				d.tick(time.Hour)
				if c.feed != "" { // between entry and the last look
					if _, err := s.ImportProducts(t.Context(), feed(t, c.feed), false, store.ImportOptions{Now: d.now}); err != nil {
						t.Fatal(err)
					}
				}
				d.relay()
				var got []string
				for _, o := range d.claim() {
					for _, l := range o.Cart.Lines {
						got = append(got, l.ProductID)
					}
				}
				if len(got) == 0 {
					for _, line := range d.ledger() {
						if i := strings.Index(line, "cancelled"); i >= 0 {
							got = append(got, line[i:])
						}
					}
				}
				slices.Sort(got)
				if strings.Join(got, " ") != c.want {
					t.Errorf("%s with %q: %q, ledger %q, want %q", c.rule, c.feed, got, d.ledger(), c.want)
				}
			})
		})
	}
}
