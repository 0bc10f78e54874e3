package store_test

import (
	"fmt"
	"testing"

	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for i, email := range []string{"ana@Shop.example", "bela@shop.example", "INFO@gmial.com", "sales+x@gmial.com", "salesman@gmial.com"} {
			call(t, s, t0, "identify", fmt.Sprintf(`{"userId":"c%d","traits":{"email":%q}}`, i, email))
		}
		call(t, s, t0, "identify", `{"userId":"nobody","traits":{"first_name":"N"}}`)
		got := map[string]int{}
		if err := s.EmailDomains(t.Context(), func(domain string, n int) { got[domain] += n }); err != nil {
			t.Fatal(err)
		}
		if want := map[string]int{"shop.example": 2, "gmial.com": 3}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}
		if n, err := s.CountLocals(t.Context(), []string{"info", "sales", "bel"}); err != nil || n != 2 {
			t.Errorf("%d, %v", n, err)
		}
	})
}
