package web

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"

	"tidings/internal/intake"
)

// Intake stores what came in. When it returns nil the items are durable; it
// stores all of them or none.
type Intake interface {
	Accept(ctx context.Context, items []intake.Item) error
}

// callKinds are the calls of the Segment HTTP API that are taken.
func callKinds() []string {
	return []string{"identify", "track", "page", "screen", "alias", "group", "batch", "import"}
}

// maxBody is the most that a call may hold, in bytes, as sent and unpacked.
func maxBody(kind string) int64 {
	if kind == "batch" || kind == "import" {
		return intake.MaxCall
	}
	return intake.MaxItem
}

// collector takes in calls in the shape of the Segment HTTP API.
type collector struct {
	*Server
	intake Intake
	keys   keys
}

// keys holds hashes of the write keys, so that looking one up takes the same
// time whatever was sent.
type keys [][sha256.Size]byte

func newKeys(list []string) keys {
	var out keys
	for _, k := range list {
		if k != "" {
			out = append(out, sha256.Sum256([]byte(k)))
		}
	}
	return out
}

// place is where a key stands, from 1 on; 0: it is none of them.
func (k keys) place(key string) int {
	sum := sha256.Sum256([]byte(key))
	place := 0
	for i, have := range k {
		place = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(have[:], sum[:]), i+1, place)
	}
	return place
}

// refusal is an answer other than 200.
type refusal struct {
	status int
	why    string
}

func (r *refusal) Error() string { return r.why }

// handle answers calls of one kind.
func (c collector) handle(kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := c.take(kind, w, r)
		var no *refusal
		switch {
		case err == nil:
			answerJSON(w, http.StatusOK, map[string]bool{"success": true})
		case errors.As(err, &no):
			if no.status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Basic realm="Tidings"`)
			}
			if no.status == http.StatusServiceUnavailable {
				w.Header().Set("Retry-After", "5")
			}
			answerJSON(w, no.status, map[string]any{"success": false, "error": no.why})
		}
	}
}

func (c collector) take(kind string, w http.ResponseWriter, r *http.Request) error {
	key, _, ok := r.BasicAuth()
	place := c.keys.place(key)
	if !ok || place == 0 {
		return &refusal{http.StatusUnauthorized, "unknown write key; send it as the user name of basic authentication, with an empty password"}
	}
	body, err := readCall(w, r, maxBody(kind))
	if err != nil {
		return err
	}
	items, err := intake.ParseCall(kind, body, c.Now())
	if err != nil {
		return &refusal{http.StatusBadRequest, err.Error()}
	}
	if len(items) == 0 {
		return nil // a call that says nothing that is kept, as group does
	}
	for i := range items {
		items[i].Key = place
	}
	if err := c.intake.Accept(r.Context(), items); err != nil {
		c.Log.Error("events not stored", "kind", kind, "items", len(items), "error", err)
		return &refusal{http.StatusServiceUnavailable, "not stored; send the call again"}
	}
	return nil
}

// readCall reads the body, unpacked; most bounds it before and after.
func readCall(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	tooBig := &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the call holds more than %d KB; send less at once", most>>10)}
	raw := http.MaxBytesReader(w, r.Body, most)
	var src io.Reader = raw
	switch enc := r.Header.Get("Content-Encoding"); enc {
	case "", "identity":
	case "gzip":
		zr, err := gzip.NewReader(raw)
		if err != nil {
			return nil, badBody(err, tooBig)
		}
		src = zr
	default:
		return nil, &refusal{http.StatusUnsupportedMediaType, "a body is sent plain or with Content-Encoding: gzip"}
	}
	body, err := io.ReadAll(io.LimitReader(src, most+1))
	if err != nil {
		return nil, badBody(err, tooBig)
	}
	if int64(len(body)) > most {
		return nil, tooBig
	}
	return body, nil
}

func badBody(err error, tooBig *refusal) error {
	if big := (*http.MaxBytesError)(nil); errors.As(err, &big) {
		return tooBig
	}
	return &refusal{http.StatusBadRequest, "the body ends early or is not what Content-Encoding says"}
}
