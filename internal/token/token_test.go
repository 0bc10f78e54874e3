package token

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

const (
	keyA = "first key, long enough"
	keyB = "second key, long enough"
)

func setup(t testing.TB, keys ...string) *Signer {
	t.Helper()
	s, err := New(keys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRoundTrip(t *testing.T) {
	s := setup(t, keyA)
	for _, m := range []int64{0, 1, 127, 128, 1 << 40, math.MaxInt64, -1, math.MinInt64} {
		for _, l := range []int64{0, 5, 1<<63 - 1} {
			for _, p := range []Purpose{Open, Click, Unsubscribe, Preferences, Manage, Managing, Confirm} {
				tok := s.Sign(p, m, l)
				gm, gl, err := s.Verify(p, tok)
				if err != nil || gm != m || gl != l {
					t.Fatalf("%s %d %d: got %d %d %v from %s", p, m, l, gm, gl, err, tok)
				}
				if strings.ContainsAny(tok, "+/=") || len(tok) > maxLen {
					t.Fatalf("token %q is not compact base64url", tok)
				}
			}
		}
	}
}

func TestPurposes(t *testing.T) {
	s := setup(t, keyA)
	all := []Purpose{Open, Click, Unsubscribe, Bounce, Preferences, Manage, Managing, Confirm}
	for _, p := range all {
		for _, q := range append(all, "other", "") {
			if _, _, err := s.Verify(q, s.Sign(p, 7, 9)); (err == nil) != (p == q) {
				t.Errorf("token for %q verified as %q: err %v", p, q, err)
			}
		}
	}
	if _, _, err := s.Verify("other", s.Sign("other", 1, 1)); err == nil {
		t.Error("a purpose that does not exist verified")
	}
}

func TestRotation(t *testing.T) {
	old := setup(t, keyA).Sign(Click, 3, 4)
	if m, l, err := setup(t, keyB, keyA).Verify(Click, old); err != nil || m != 3 || l != 4 {
		t.Errorf("an older key no longer verifies: %v", err)
	}
	if _, _, err := setup(t, keyB).Verify(Click, old); err == nil {
		t.Error("a token of a key that is gone verified")
	}
	if got, want := setup(t, keyB, keyA).Sign(Click, 3, 4), setup(t, keyB).Sign(Click, 3, 4); got != want {
		t.Error("the first key does not sign")
	}
}

func TestKeys(t *testing.T) {
	for _, keys := range [][]string{nil, {}, {""}, {"15 bytes, short"}, {keyA, "short"}} {
		if _, err := New(keys); err == nil {
			t.Errorf("New(%q) gave no error", keys)
		}
	}
	if _, err := New([]string{"exactly 16 bytes"}); err != nil {
		t.Error(err)
	}
}

// Every bit of the bytes and every character of the text counts.
func TestAltered(t *testing.T) {
	s := setup(t, keyA)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=\n\r "
	for _, m := range []int64{1, 300, 1 << 40} { // three lengths, so each number of spare bits
		tok := s.Sign(Click, m, 12345)
		for i := range tok {
			for _, c := range alphabet {
				if string(c) == tok[i:i+1] {
					continue
				}
				if _, _, err := s.Verify(Click, tok[:i]+string(c)+tok[i+1:]); err == nil {
					t.Fatalf("%s altered at %d to %q verified", tok, i, c)
				}
				if _, _, err := s.Verify(Click, tok[:i]+string(c)+tok[i:]); err == nil {
					t.Fatalf("%s with %q put in at %d verified", tok, c, i)
				}
			}
			if _, _, err := s.Verify(Click, tok[:i]); err == nil {
				t.Fatalf("%s cut at %d verified", tok, i)
			}
		}
	}
}

func TestLongVarint(t *testing.T) {
	s := setup(t, keyA)
	raw, err := base64.RawURLEncoding.DecodeString(s.Sign(Open, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	// 1 as 0x81 0x00, with the MAC that belongs to 1.
	long := append([]byte{raw[0], 0x81, 0x00}, raw[2:]...)
	if m, n := binary.Uvarint(long[1:]); m != 1 || n != 2 {
		t.Fatalf("the long form reads as %d in %d bytes", m, n)
	}
	if _, _, err := s.Verify(Open, base64.RawURLEncoding.EncodeToString(long)); err == nil {
		t.Error("a long varint verified")
	}
}

func FuzzVerify(f *testing.F) {
	s := setup(f, keyA, keyB)
	f.Add(s.Sign(Open, 1, 0))
	f.Add(s.Sign(Click, 1<<40, 1<<62))
	f.Add("")
	f.Add("AAAA\n")
	f.Fuzz(func(t *testing.T, tok string) {
		for _, p := range []Purpose{Open, Click, Unsubscribe, Preferences, Manage, Managing, Confirm} {
			m, l, err := s.Verify(p, tok)
			if err != nil {
				continue
			}
			if a, b := s.Sign(p, m, l), s.keys[1].sign(p, m, l); tok != a && tok != b {
				t.Fatalf("%q verified as %d %d, which is written %q", tok, m, l, a)
			}
		}
	})
}

func BenchmarkSign(b *testing.B) {
	s := setup(b, keyA)
	b.ReportAllocs()
	for b.Loop() {
		s.Sign(Click, 123456, 1<<62+5)
	}
}
