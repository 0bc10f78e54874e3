package demo

import (
	"bytes"
	"encoding/csv"
	"io"
	"net/mail"
	"reflect"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"tidings/internal/intake"
)

func TestPeopleAreNobody(t *testing.T) {
	t.Parallel()
	h := mustLoad(t)
	people := People(h)
	emails, ways, locales, unnamed, orders := map[string]bool{}, map[Way]int{}, map[string]int{}, 0, 0
	for _, p := range people {
		addr, err := mail.ParseAddress(p.Email)
		if err != nil || addr.Address != p.Email || !strings.HasSuffix(p.Email, "@example.com") {
			t.Errorf("%s has the address %q", p.ID, p.Email)
		}
		if emails[p.Email] {
			t.Errorf("two people have the address %s", p.Email)
		}
		emails[p.Email] = true
		if _, err := time.LoadLocation(p.Timezone); err != nil {
			t.Errorf("%s: %v", p.ID, err)
		}
		if p.Since.Before(h.Begin()) || p.Since.After(h.End()) {
			t.Errorf("%s is known since %s", p.ID, p.Since)
		}
		if len(p.Orders) > 0 && p.Since.After(p.Orders[0].At) {
			t.Errorf("%s has ordered before being known", p.ID)
		}
		ways[p.Way]++
		locales[p.Locale]++
		orders += len(p.Orders)
		if p.First == "" {
			unnamed++
		}
	}
	if len(people) != 1767+lookers || orders != len(h.Orders) {
		t.Errorf("%d people with %d orders", len(people), orders)
	}
	for _, l := range []string{"en", "fil", "he", "hy", "el", "ms"} {
		if n := locales[l]; n < len(people)/20 {
			t.Errorf("%d of %d people read %s", n, len(people), l)
		}
	}
	for _, w := range []Way{OnTheList, AtCheckout, BySignUp, Silent} {
		if ways[w] < 100 {
			t.Errorf("%d people came by %s", ways[w], w)
		}
	}
	if ways[Silent] > len(people)/2 || unnamed < 50 || unnamed > len(people)/5 {
		t.Errorf("%d silent, %d without a name, of %d", ways[Silent], unnamed, len(people))
	}
}

func TestListIsImported(t *testing.T) {
	t.Parallel()
	people := People(mustLoad(t))
	want := 0
	for _, p := range people {
		if p.Way == OnTheList {
			want++
		}
	}
	rows, err := intake.Customers(List(people), "customers.csv", intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for row, err := range rows.All() {
		if err != nil {
			t.Fatal(err)
		}
		if row.Consent == "" {
			t.Errorf("line %d has no consent", row.Line)
		}
		got++
	}
	if got != want || want == 0 {
		t.Errorf("%d rows for %d people", got, want)
	}
}

func TestTheShowIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	one, two := mustLoad(t), mustLoad(t)
	a, b := People(one), People(two)
	if !reflect.DeepEqual(a, b) {
		t.Fatal("the people differ from run to run")
	}
	if !reflect.DeepEqual(Calls(one, a), Calls(two, b)) {
		t.Fatal("the calls differ from run to run")
	}
	m := Mail{To: a[0].Email, At: a[0].Since.Add(time.Hour), Campaign: "monthly-letter", Pixel: "p", Links: []string{"a", "b"}, Unsubscribe: "u"}
	if !reflect.DeepEqual(a[0].React(m), b[0].React(m)) {
		t.Fatal("a reader reacts otherwise from run to run")
	}
	first, err := io.ReadAll(List(a))
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(bytes.NewReader(first)).ReadAll()
	if err != nil || len(records) < 2 {
		t.Fatalf("list: %d records, %v", len(records), err)
	}
}
