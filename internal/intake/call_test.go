package intake_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/intake"
)

var now = at("2026-03-01T12:00:00Z")

func TestTrack(t *testing.T) {
	items, err := intake.ParseCall("track", []byte(`{"userId":42,"anonymousId":"a","event":"Order Completed","messageId":"m",
		"timestamp":"2026-03-01T11:00:00Z","sentAt":"2026-03-01T11:30:00Z",
		"properties":{"total":"19.90","name":"x","products":[{"quantity":"2","sku":"007"}]}}`), now)
	if err != nil {
		t.Fatal(err)
	}
	want := []intake.Item{{Event: &campaign.Event{
		UID: "id:m", Customer: campaign.Ref{ID: "42", AnonymousID: "a"}, Name: "Order Completed",
		OccurredAt: at("2026-03-01T11:30:00Z"), KnownAt: now,
		Properties: map[string]any{"total": 19.9, "name": "x", "products": []any{map[string]any{"quantity": 2.0, "sku": "007"}}},
	}}}
	if d := cmp.Diff(want, items); d != "" {
		t.Error(d)
	}
}

func TestIdentifyLinks(t *testing.T) {
	items, err := intake.ParseCall("identify", []byte(`{"userId":"u","anonymousId":"a","traits":{"email":" A@b.example ","locale":"he","address":{"city":"X"},"phone":""},
		"context":{"locale":"en-US","timezone":"Asia/Jerusalem"}}`), now)
	if err != nil {
		t.Fatal(err)
	}
	ref := campaign.Ref{ID: "u", AnonymousID: "a"}
	want := []intake.Item{{Link: ref, Traits: &campaign.Traits{Customer: ref, At: now, KnownAt: now, Attributes: map[string]any{
		"email": "A@b.example", "locale": "he", "timezone": "Asia/Jerusalem", "address": map[string]any{"city": "X"}, "phone": "",
	}}}}
	if d := cmp.Diff(want, items); d != "" {
		t.Error(d)
	}
}

func TestWhenItHappened(t *testing.T) {
	cases := []struct{ fields, want string }{
		{``, "2026-03-01T12:00:00Z"},
		{`,"timestamp":"2020-01-01T00:00:00Z"`, "2020-01-01T00:00:00Z"},
		// The sender's clock is an hour slow, or an hour fast.
		{`,"timestamp":"2026-03-01T10:59:00Z","sentAt":"2026-03-01T11:00:00Z"`, "2026-03-01T11:59:00Z"},
		{`,"timestamp":"2026-03-01T12:59:00Z","sentAt":"2026-03-01T13:00:00Z"`, "2026-03-01T11:59:00Z"},
		{`,"originalTimestamp":"2026-03-01T10:59:00Z","timestamp":"2026-03-01T11:58:00Z","sentAt":"2026-03-01T11:00:00Z"`, "2026-03-01T11:59:00Z"},
		// Segment has corrected it.
		{`,"originalTimestamp":"2026-03-01T10:59:00Z","timestamp":"2026-03-01T11:58:00Z","sentAt":"2026-03-01T11:00:00Z","receivedAt":"2026-03-01T11:59:00Z"`, "2026-03-01T11:58:00Z"},
		// A little ahead is kept, more is now.
		{`,"timestamp":"2026-03-01T12:05:00Z"`, "2026-03-01T12:05:00Z"},
		{`,"timestamp":"2026-03-01T12:05:00.001Z"`, "2026-03-01T12:00:00Z"},
		{`,"timestamp":"2015-2-02T00:30:08.276Z"`, "2015-02-02T00:30:08.276Z"},
	}
	for _, c := range cases {
		items, err := intake.ParseCall("track", []byte(`{"userId":"u","event":"A"`+c.fields+`}`), now)
		if err != nil {
			t.Errorf("%s: %v", c.fields, err)
			continue
		}
		if e := items[0].Event; !e.OccurredAt.Equal(at(c.want)) || !e.KnownAt.Equal(now) {
			t.Errorf("%s: occurred %v, known %v, want %s", c.fields, e.OccurredAt, e.KnownAt, c.want)
		}
	}
}

func TestBatch(t *testing.T) {
	items, err := intake.ParseCall("batch", []byte(`{"sentAt":"2026-03-01T11:00:00Z","batch":[
		{"type":"track","userId":"u","event":"A","timestamp":"2026-03-01T10:00:00Z"},
		{"type":"page","anonymousId":"a","name":"Home","properties":{"path":"/"}},
		{"type":"screen","anonymousId":"a"},
		{"type":"group","userId":"u","groupId":"g"},
		{"type":"alias","userId":"u","previousId":"a"}]}`), now)
	if err != nil {
		t.Fatal(err)
	}
	if len(items) != 4 {
		t.Fatalf("%d items", len(items))
	}
	if e := items[0].Event; !e.OccurredAt.Equal(at("2026-03-01T11:00:00Z")) || !strings.HasPrefix(e.UID, "new:") {
		t.Errorf("the batch's sentAt corrects its items: %+v", e)
	}
	if e := items[1].Event; e.Name != "Page Viewed" || e.Properties["name"] != "Home" || e.Properties["path"] != "/" {
		t.Errorf("page: %+v", e)
	}
	if e := items[2].Event; e.Name != "Screen Viewed" || e.UID == items[1].Event.UID {
		t.Errorf("screen: %+v", e)
	}
	if l := items[3].Link; l != (campaign.Ref{ID: "u", AnonymousID: "a"}) {
		t.Errorf("alias: %+v", l)
	}
}

func TestCallErrors(t *testing.T) {
	track := func(s string) string { return `{"userId":"u","event":"A",` + s + `}` }
	cases := []struct{ kind, body, want string }{
		{"track", ``, "the body is not JSON: it breaks off"},
		{"track", `{} {}`, "the body is not JSON: something follows the value"},
		{"track", `[]`, "the body is not an object"},
		{"track", `{"event":"A"}`, "userId is missing, and so is anonymousId"},
		{"track", `{"userId":"u"}`, "event is missing"},
		{"track", `{"userId":"u","event":""}`, "event is empty"},
		{"track", `{"userId":"u","event":["A"]}`, "event is not text"},
		{"track", `{"userId":"u","event":"` + strings.Repeat("x", 201) + `"}`, "event is longer than 200 characters"},
		{"track", track(`"properties":[]`), "properties is not an object"},
		{"track", track(`"properties":{"products":[{"x":1},{"x":1e999}]}`), "properties.products[1].x is a number out of range: 1e999"},
		{"track", track(`"properties":{"x":` + strings.Repeat(`{"x":`, 10) + `1` + strings.Repeat(`}`, 11)), "lies more than 10 levels deep"},
		{"track", track(`"properties":{"x":"` + strings.Repeat("x", intake.MaxItem) + `"}`), "the call has "},
		{"track", track(`"timestamp":"yesterday"`), `timestamp "yesterday" is not a date`},
		{"track", track(`"timestamp":1700000000`), "timestamp is not a date in text"},
		{"track", track(`"timestamp":"2026-01-01T00:00:00Z","sentAt":"x"`), `sentAt "x" is not a date`},
		{"identify", `{"userId":"u","traits":{"email":"x"}}`, `traits.email "x" is not an email address`},
		{"identify", `{"userId":"u","traits":{"timezone":"Mars"}}`, `traits.timezone "Mars" is not an IANA time zone`},
		{"alias", `{"userId":"u"}`, "previousId is missing"},
		{"import", `{}`, "batch is missing"},
		{"batch", `{"batch":{}}`, "batch is not a list"},
		{"batch", `{"batch":[{"type":"track","userId":"u","event":"A"},{"userId":"u"}]}`, "batch[1].type is missing"},
		{"batch", `{"batch":[{"type":"track","userId":"u"}]}`, "batch[0].event is missing"},
		{"batch", `{"batch":[{"type":"purchase","userId":"u"}]}`, `batch[0].type "purchase" is not a call; taken are track, identify, page, screen, alias, group`},
		{"batch", `{"batch":[3]}`, "batch[0] is not an object"},
		{"batch", `{"batch":[{"x":"` + strings.Repeat("x", intake.MaxItem) + `"}]}`, "batch[0] has "},
		{"batch", `{"batch":["` + strings.Repeat("x", intake.MaxCall) + `"]}`, "the batch has "},
		{"purchase", `{}`, `the path "purchase" is not a call`},
	}
	for _, c := range cases {
		items, err := intake.ParseCall(c.kind, []byte(c.body), now)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.80s: %v, want %q", c.kind, c.body, err, c.want)
		}
		if items != nil {
			t.Errorf("%s %.80s: items beside an error", c.kind, c.body)
		}
	}
}

// Every documented payload that names its customer is taken.
func TestDocumentedPayloads(t *testing.T) {
	root := "../../../shared/data/webhooks/segment"
	if _, err := os.Stat(root); err != nil {
		t.Skip("the documented payloads are not here")
	}
	taken := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".json" {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var call map[string]any
		if json.Unmarshal(body, &call) != nil {
			return nil // a fragment of a payload
		}
		kind, _ := call["type"].(string)
		switch {
		case call["batch"] != nil:
			kind = "batch"
		case kind == "" && filepath.Base(filepath.Dir(path)) == "http-api":
			kind, _, _ = strings.Cut(filepath.Base(path), "-")
		}
		if call["userId"] == nil && call["anonymousId"] == nil && kind != "batch" {
			return nil // shortened in the document
		}
		if kind == "" || kind == "selecting" {
			return nil
		}
		taken++
		items, err := intake.ParseCall(kind, body, now)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, it := range items {
			if it.Event != nil && it.Event.OccurredAt.After(now.Add(300e9)) {
				t.Errorf("%s: an event of the future", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if taken < 15 {
		t.Errorf("only %d payloads were found", taken)
	}
}

func FuzzParseCall(f *testing.F) {
	f.Add("track", `{"userId":"u","event":"A","properties":{"total":"1"}}`)
	f.Add("identify", `{"userId":"u","anonymousId":"a","traits":{"email":"a@b.example","timezone":"UTC"}}`)
	f.Add("batch", `{"batch":[{"type":"page","userId":"u"},{"type":"alias","userId":"u","previousId":"v"}],"sentAt":"2026-01-01T00:00:00Z"}`)
	f.Fuzz(func(t *testing.T, kind, body string) {
		items, err := intake.ParseCall(kind, []byte(body), now)
		if err != nil && items != nil {
			t.Error("items beside an error")
		}
		for _, it := range items {
			if it.Event == nil && it.Traits == nil && it.Link == (campaign.Ref{}) {
				t.Error("an empty item")
			}
			var v any
			if it.Event != nil {
				v = it.Event.Properties
			} else if it.Traits != nil {
				v = it.Traits.Attributes
			}
			text, err := json.Marshal(v)
			if err != nil || strings.Contains(fmt.Sprint(v), "\x00") {
				t.Errorf("cannot be stored: %s %v", text, err)
			}
		}
	})
}
