package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

const oneTrack = `{"userId":"u1","event":"Order Completed","messageId":"m1","timestamp":"2026-11-22T09:00:00Z","properties":{"total":12.5}}`

func key(k string) func(*http.Request) { return func(r *http.Request) { r.SetBasicAuth(k, "") } }

func TestCollect(t *testing.T) {
	batch := `{"batch":[{"type":"identify","userId":"u1","traits":{"email":"ana@example.com"}},{"type":"track","userId":"u1","event":"Cart Viewed"}]}`
	for name, c := range map[string]struct {
		path, body string
		edit       []func(*http.Request)
		status     int
		stored     int
	}{
		"OK track":           {"/v1/track", oneTrack, []func(*http.Request){key("wk_new")}, 200, 1},
		"OK older key":       {"/v1/track", oneTrack, []func(*http.Request){key("wk_old")}, 200, 1},
		"OK identify":        {"/v1/identify", `{"userId":"u1","traits":{"email":"ana@example.com"}}`, []func(*http.Request){key("wk_new")}, 200, 1},
		"OK batch":           {"/v1/batch", batch, []func(*http.Request){key("wk_new")}, 200, 2},
		"OK gzip":            {"/v1/track", zip(oneTrack), []func(*http.Request){key("wk_new"), header("Content-Encoding", "gzip")}, 200, 1},
		"ErrNoKey":           {"/v1/track", oneTrack, nil, 401, 0},
		"ErrWrongKey":        {"/v1/track", oneTrack, []func(*http.Request){key("wk_newer")}, 401, 0},
		"ErrEmptyKey":        {"/v1/track", oneTrack, []func(*http.Request){key("")}, 401, 0},
		"ErrNotJSON":         {"/v1/track", "total=12", []func(*http.Request){key("wk_new")}, 400, 0},
		"ErrBatchOneBad":     {"/v1/batch", strings.Replace(batch, `,"event":"Cart Viewed"`, "", 1), []func(*http.Request){key("wk_new")}, 400, 0},
		"ErrTooBig":          {"/v1/batch", `{"batch":[],"pad":"` + strings.Repeat("x", 500<<10) + `"}`, []func(*http.Request){key("wk_new")}, 413, 0},
		"ErrTooBigUnpacked":  {"/v1/batch", zip(`{"batch":[],"pad":"` + strings.Repeat("x", 5<<20) + `"}`), []func(*http.Request){key("wk_new"), header("Content-Encoding", "gzip")}, 413, 0},
		"ErrTrackTooBig":     {"/v1/track", `{"pad":"` + strings.Repeat("x", 33<<10) + `"}`, []func(*http.Request){key("wk_new")}, 413, 0},
		"ErrNotGzip":         {"/v1/track", oneTrack, []func(*http.Request){key("wk_new"), header("Content-Encoding", "gzip")}, 400, 0},
		"ErrGzipCut":         {"/v1/track", zip(oneTrack)[:40], []func(*http.Request){key("wk_new"), header("Content-Encoding", "gzip")}, 400, 0},
		"ErrUnknownEncoding": {"/v1/track", oneTrack, []func(*http.Request){key("wk_new"), header("Content-Encoding", "br")}, 415, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			w := b.do("POST", c.path, c.body, c.edit...)
			wantStatus(t, w, c.status)
			if len(b.accepted) != c.stored {
				t.Errorf("stored %d items, want %d", len(b.accepted), c.stored)
			}
			var reply struct {
				Success bool
				Error   string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
				t.Fatal(err)
			}
			if reply.Success != (c.status == 200) || (reply.Error == "") != (c.status == 200) {
				t.Errorf("reply %+v with status %d", reply, c.status)
			}
		})
	}
}

// What a call says bears the place of its write key, by which limits count.
func TestCollectKey(t *testing.T) {
	b := setup(t)
	for i, name := range []string{"wk_old", "wk_new"} {
		b.accepted = nil
		wantStatus(t, b.do("POST", "/v1/track", oneTrack, key(name)), 200)
		if len(b.accepted) != 1 || b.accepted[0].Key != i+1 {
			t.Errorf("%s: %+v", name, b.accepted)
		}
	}
}

func TestCollectStoreDown(t *testing.T) {
	b := setup(t)
	b.err = errDown
	w := b.do("POST", "/v1/track", oneTrack, key("wk_new"))
	wantStatus(t, w, 503)
	if w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), errDown.Error()) {
		t.Errorf("want Retry-After and no inner error, got %v %s", w.Header(), w.Body)
	}
}

func TestCollectWithoutKeysRefuses(t *testing.T) {
	b := setup(t, func(c *Config) { c.WriteKeys = []string{""} })
	wantStatus(t, b.do("POST", "/v1/track", oneTrack, key("")), 401)
	wantStatus(t, b.do("GET", "/v1/track", ""), 405)
}

func zip(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}
