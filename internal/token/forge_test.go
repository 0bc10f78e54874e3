package token

import (
	"encoding/base64"
	"math/rand/v2"
	"sync"
	"testing"
)

// A million tokens that are forged with all but the key known: the right key's id, a
// message and a link that there are, and any signature. None is taken.
func TestForged(t *testing.T) {
	t.Parallel()
	s := setup(t, keyA)
	real, err := base64.RawURLEncoding.DecodeString(s.Sign(Click, 42, 7))
	if err != nil {
		t.Fatal(err)
	}
	n := 1_000_000
	if testing.Short() {
		n /= 100
	}
	purposes := []Purpose{Open, Click, Unsubscribe, Preferences}
	var all sync.WaitGroup
	for i, p := range purposes {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			raw := append([]byte(nil), real...)
			for range n / len(purposes) {
				for k := range macSize {
					raw[len(raw)-1-k] = byte(random.Uint32())
				}
				if _, _, err := s.Verify(p, base64.RawURLEncoding.EncodeToString(raw)); err == nil {
					t.Errorf("a forged token of /%s was taken: %x", p, raw)
					return
				}
			}
		})
	}
	all.Wait()
}
