package store_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// priced imports a CSV feed with id, title, price, stock, link at the desk's moment,
// and gives the facts that it brought.
func (d *desk) priced(rows ...string) (told []string) {
	d.t.Helper()
	_, all, err := intake.Products(strings.NewReader("id,title,price,stock,link\n"+strings.Join(rows, "\n")+"\n"), "feed.csv", intake.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	_, err = d.ImportProducts(d.t.Context(), all, false, store.ImportOptions{
		// The feed's own clock is another than the simulation's.
		Now: d.now.AddDate(1, 0, 0), FactsAt: d.now,
		Fact: func(e *campaign.Event) {
			told = append(told, fmt.Sprint(e.Name, " ", e.Properties["product_id"], " ", e.Properties["stock"], " ", e.Properties["was"], ">", e.Properties["price"]))
		},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return told
}

// A feed tells what is back and what has another price, once for each change; the
// same file again tells nothing, nor does one in which a product is new.
func TestFeedFacts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"back": backInStock("", "steps: [ { send: one } ]")})
		stored := 0
		for i, c := range []struct {
			rows []string
			want string
		}{
			{[]string{"a,A,10 EUR,0,", "b,B,5 EUR,3,"}, ""}, // the first time all is new
			{[]string{"a,A,10 EUR,0,", "b,B,5 EUR,3,"}, ""},
			{[]string{"a,A,10 EUR,8,", "b,B,4 EUR,0,", "c,C,1 EUR,1,"}, "Product Back In Stock a 8 <nil>>10, Product Price Changed b 0 5>4"},
			{[]string{"a,A,10 EUR,8,", "b,B,4 EUR,0,", "c,C,1 EUR,1,"}, ""},
			{[]string{"a,A,10 EUR,2,", "b,B,4 EUR,0,", "c,C,1 EUR,1,"}, ""},                                // fewer pieces are no news
			{[]string{"a,A,9 USD,2,", "b,Bb,4 EUR,0,", "c,C,,1,"}, ""},                                     // nor prices that compare with nothing
			{[]string{"b,B,6 EUR,1,"}, "Product Back In Stock b 1 <nil>>6, Product Price Changed b 1 4>6"}, // both at once
			{[]string{"b,B,6 EUR,1,", "a,A,10 EUR,1,"}, ""},                                                // a is new again
			{[]string{"b,B,6 EUR,0,", "a,A,10 EUR,1,"}, ""},
			{[]string{"b,B,6 EUR,1,", "a,A,10 EUR,1,"}, "Product Back In Stock b 1 <nil>>6"}, // the same change a second time
		} {
			d.now = d.now.Add(time.Minute)
			got := d.priced(c.rows...)
			if strings.Join(got, ", ") != c.want {
				t.Errorf("import %d: %q, want %q", i, got, c.want)
			}
			stored += len(got)
		}
		if got := table(t, s, `SELECT name FROM catalogue_events`); len(got) != stored || stored != 5 {
			t.Errorf("%d facts stored of %d: %q", len(got), stored, got)
		}
	})
}

// What the feed tells starts the campaigns that wait for it, with what the mail shows.
func TestFeedStartsCampaigns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{
			"back":    backInStock("", "steps: [ { send: one } ]"),
			"cheaper": "status: active\ntopic: offers\ntrigger: { price_drop: { by: 20% } }\nsteps: [ { send: one } ]\n",
		})
		d.join("ana")
		d.join("bob")
		d.priced("7,Mill,40 EUR,0,https://kape.example/7", "8,Pot,20 EUR,1,")
		d.track("ana", "Back In Stock Requested", `{"product_id":"7"}`)
		d.track("bob", "Price Drop Requested", `{"product_id":"8"}`)
		tick := func() string {
			all := d.tick(time.Minute)
			return fmt.Sprint(all["back"].Entered, all["cheaper"].Entered)
		}
		d.now = d.now.Add(time.Hour)
		for _, c := range []struct {
			name, want string
			rows       []string
		}{
			{"nothing new", "0 0", []string{"7,Mill,40 EUR,0,https://kape.example/7", "8,Pot,20 EUR,1,"}},
			{"a little cheaper", "0 0", []string{"7,Mill,40 EUR,0,https://kape.example/7", "8,Pot,19 EUR,1,"}},
			{"back, and cheaper", "1 1", []string{"7,Mill,40 EUR,5,https://kape.example/7", "8,Pot,10 EUR,1,"}},
			{"the same file", "0 0", []string{"7,Mill,40 EUR,5,https://kape.example/7", "8,Pot,10 EUR,1,"}},
		} {
			d.priced(c.rows...)
			if got := tick(); got != c.want {
				t.Errorf("%s: entered %s, want %s", c.name, got, c.want)
			}
		}
		d.relay()
		var got []string
		for _, o := range d.claim() {
			got = append(got, fmt.Sprint(o.Customer.ExternalID, " ", strings.Contains(string(o.Trigger), `"Mill"`), strings.Contains(string(o.Trigger), "https://kape.example/7")))
		}
		slices.Sort(got)
		if want := []string{"ana true true", "bob false false"}; !slices.Equal(got, want) {
			t.Errorf("claimed %q, want %q", got, want)
		}
	})
}

// Two imports of one file at the same time tell of each change once.
func TestFeedsAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
		put := func(now time.Time, rows ...string) {
			if _, err := s.ImportProducts(t.Context(), feed(t, rows...), false, store.ImportOptions{Now: now}); err != nil {
				t.Error(err)
			}
		}
		var before, after []string
		for i := range 40 {
			before, after = append(before, fmt.Sprintf("p%d,P,0", i)), append(after, fmt.Sprintf("p%d,P,1", i))
		}
		put(at, before...)
		var both sync.WaitGroup
		for i := range 4 {
			both.Go(func() { put(at.Add(time.Duration(i+1)*time.Second), after...) })
		}
		both.Wait()
		if got := table(t, s, `SELECT product_id FROM catalogue_events`); len(got) != 40 {
			t.Errorf("%d facts, want 40", len(got))
		}
	})
}
