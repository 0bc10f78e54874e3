package token

import (
	"math"
	"strings"
	"testing"
)

func TestReturnAddress(t *testing.T) {
	t.Parallel()
	s, err := New([]string{strings.Repeat("k", 32)})
	if err != nil {
		t.Fatal(err)
	}
	other, err := New([]string{strings.Repeat("o", 32)})
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range []int64{1, 127, 128, 1 << 40, math.MaxInt64} {
		for _, p := range []Purpose{Bounce, Unsubscribe} {
			a := s.ReturnAddress(strings.Repeat("b", MaxReturnLocal)+"@mail.example.com", p, message)
			if local, _, _ := strings.Cut(a, "@"); len(local) > 64 || !strings.HasSuffix(a, "@mail.example.com") {
				t.Errorf("%s is no address", a)
			}
			for _, spelled := range []string{a, strings.ToUpper(a)} {
				if got, id, err := s.ReadReturn(spelled); got != p || id != message || err != nil {
					t.Errorf("%s: %s %d %v", spelled, got, id, err)
				}
			}
			if _, _, err := other.ReadReturn(a); err == nil {
				t.Errorf("%s is read with another key", a)
			}
			forged := strings.Replace(a, "+"+signs[p], "+"+signs[map[Purpose]Purpose{Bounce: Unsubscribe, Unsubscribe: Bounce}[p]], 1)
			if _, _, err := s.ReadReturn(forged); err == nil {
				t.Errorf("%s is read for another purpose", forged)
			}
		}
	}
	for _, a := range []string{"", "@", "a@b", "+b@b", "a+b@b", "a+x@b", "a+b1@b", "a+" + strings.Repeat("b", 500) + "@b"} {
		if _, _, err := s.ReadReturn(a); err == nil {
			t.Errorf("%q is read", a)
		}
	}
}
