package intake_test

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/intake"
)

// What happened to a product needs no customer, and one that is named is no
// matter.
func TestCatalogueCalls(t *testing.T) {
	for _, who := range []string{``, `"userId":"u",`, `"anonymousId":7,`} {
		items, err := intake.ParseCall("track", []byte(`{`+who+`"event":"Product Price Changed","messageId":"m","properties":{"product_id":7,"price":"8.50","was":"10"}}`), now)
		if err != nil {
			t.Fatal(err)
		}
		want := []intake.Item{{Event: &campaign.Event{UID: "id:m", Name: "Product Price Changed", OccurredAt: now, KnownAt: now,
			Properties: map[string]any{"product_id": "7", "price": 8.5, "was": 10.0}}}}
		if d := cmp.Diff(want, items); d != "" {
			t.Error(d)
		}
	}
	for body, want := range map[string]string{
		`{"event":"Product Back In Stock"}`:                                                                "properties.product_id is missing: Product Back In Stock is about a product",
		`{"event":"Product Back In Stock","properties":{"product_id":""}}`:                                 "properties.product_id is missing: Product Back In Stock is about a product",
		`{"event":"Product Back In Stock","properties":{"product_id":["p"]}}`:                              "properties.product_id is not text",
		`{"event":"Product Back In Stock","properties":{"product_id":"` + strings.Repeat("x", 201) + `"}}`: "properties.product_id is longer than 200 characters",
		`{"event":"Product Price Changed","properties":{"product_id":"p"}}`:                                "properties.price is missing",
		`{"event":"Product Price Changed","userId":"u","properties":{"product_id":"p","price":"much"}}`:    "properties.price is not a number",
		`{"event":"Product Viewed","properties":{"product_id":"p"}}`:                                       "userId is missing, and so is anonymousId",
		`{"event":"Product Back In Stock","properties":{"product_id":"p"},"timestamp":"yesterday"}`:        "",
	} {
		_, err := intake.ParseCall("track", []byte(body), now)
		if want == "" {
			if err == nil || !strings.HasPrefix(err.Error(), "timestamp") {
				t.Errorf("%s: %v", body, err)
			}
			continue
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

func TestCatalogueFiles(t *testing.T) {
	files := map[string]string{
		"csv":    "name,occurred_at,product_id,price,was\nProduct Price Changed,2026-03-01T10:00:00Z,007,8.5,10\nProduct Back In Stock,2026-03-01T10:00:00Z,,,\nProduct Viewed,2026-03-01T10:00:00Z,007,,\n",
		"ndjson": `{"name":"Product Price Changed","occurred_at":"2026-03-01T10:00:00Z","product_id":"007","price":8.5,"was":10}` + "\n" + `{"event":"Product Back In Stock","timestamp":"2026-03-01T10:00:00Z"}` + "\n" + `{"name":"Product Viewed","occurred_at":"2026-03-01T10:00:00Z"}` + "\n",
	}
	for name, text := range files {
		r, err := intake.Events(strings.NewReader(text), name, intake.Options{})
		if err != nil {
			t.Fatal(err)
		}
		row, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		want := campaign.Event{UID: row.Event.UID, Name: "Product Price Changed", OccurredAt: at("2026-03-01T10:00:00Z"), KnownAt: at("2026-03-01T10:00:00Z"),
			Properties: map[string]any{"product_id": "007", "price": 8.5, "was": 10.0}}
		if d := cmp.Diff(want, row.Event); d != "" || !strings.HasPrefix(row.Event.UID, "row:") {
			t.Error(name, d)
		}
		for _, want := range []string{"product_id is missing", "customer_id is missing"} {
			if _, err := r.Next(); err == nil || err == io.EOF || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
	for _, misspelt := range []string{"customer", "Custmer_ID", "user_id"} {
		_, err := intake.Events(strings.NewReader(misspelt+",name,occurred_at,product_id\n"), "x.csv", intake.Options{})
		if err == nil || !strings.Contains(err.Error(), "did you mean "+misspelt+"? Rename it to customer_id") {
			t.Errorf("customers in a column %s: %v", misspelt, err)
		}
	}
	if _, err := intake.Events(strings.NewReader("name,occurred_at\n"), "x.csv", intake.Options{}); err == nil || !strings.Contains(err.Error(), "customer_id") {
		t.Errorf("a file of neither customers nor products: %v", err)
	}
}
