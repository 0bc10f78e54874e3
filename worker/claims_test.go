package worker

import (
	"testing"
	"time"
)

// A claim is what a connection sends in two seconds: it grows in steps, shrinks at
// once and stays within its bounds.
func TestClaimSizes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		most int
		each []time.Duration // what a message of each claim takes
		want []int           // the sizes, the first before any claim
	}{
		{"fast", 200, []time.Duration{0, time.Millisecond, time.Millisecond}, []int{20, 80, 200, 200}},
		{"slow", 200, []time.Duration{500 * time.Millisecond, time.Second, 10 * time.Second}, []int{20, 4, 2, 1}},
		{"slow for a while", 200, []time.Duration{time.Second, time.Millisecond, time.Millisecond}, []int{20, 2, 8, 32}},
		{"few", 3, []time.Duration{0, 0}, []int{3, 3, 3}},
	} {
		s := newClaims(c.most)
		for i, want := range c.want {
			n := s.size()
			if n != want {
				t.Errorf("%s: claim %d is of %d, want %d", c.name, i+1, n, want)
			}
			if i < len(c.each) {
				s.took(n, time.Duration(n)*c.each[i])
			}
		}
	}
	s := newClaims(200)
	if s.took(0, time.Hour); s.size() != firstClaim {
		t.Error("an empty claim says nothing")
	}
}
