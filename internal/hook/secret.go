package hook

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// minSecret is the least length of a secret that we choose ourselves.
const minSecret = 16

// secrets are what a provider shows that cannot sign: the password of basic
// authentication under any user name, as in https://tidings:SECRET@host/hooks/…, a
// bearer token, or the parameter secret of the address.
type secrets [][sha256.Size]byte

func newSecrets(list []string) (secrets, error) {
	var out secrets
	for i, s := range list {
		if len(s) < minSecret {
			return nil, fmt.Errorf("secret %d has %d characters; it needs at least %d", i+1, len(s), minSecret)
		}
		out = append(out, sha256.Sum256([]byte(s)))
	}
	if len(out) == 0 {
		return nil, errors.New("there is no secret")
	}
	return out, nil
}

func (s secrets) has(given string) bool {
	sum := sha256.Sum256([]byte(given))
	found := 0
	for _, have := range s {
		found |= subtle.ConstantTimeCompare(have[:], sum[:])
	}
	return found == 1
}

// greet looks for the secret wherever it may stand.
func (s secrets) greet(r *http.Request) error {
	_, password, _ := r.BasicAuth()
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	ok := false
	for _, given := range []string{password, bearer, r.URL.Query().Get("secret")} {
		ok = s.has(given) || ok
	}
	if !ok {
		return errUnsigned
	}
	return nil
}

// trusted is a provider that shows a secret; parse reads its calls.
type trusted struct {
	secrets
	parse func(body []byte) ([]Report, error)
}

func (t trusted) open(_ context.Context, c call) (opened, error) {
	reports, err := t.parse(c.body)
	return opened{reports: reports}, err
}
