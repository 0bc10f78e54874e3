package content

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const soundTests = `customers:
  ana: { tier: gold, since: 2020-01-01, sizes: [S, 7], consent: [offers], held_out: true }
  ben:
tests:
  - name: all that a test can say
    events:
      - { at: 2026-11-02 15:00, who: ana, event: Order Completed, total: 20.5, code: "0123", gift: true, products: [ { product_id: P1 } ] }
      - { at: 2026-11-02 10:00, who: ben, set: { tier: null } }
    expect:
      - { at: 2026-11-02 11:00, who: ana, send: welcome, subject_has: Hi, text_has_not: "{{" }
      - { at: 2026-11-02 12:00, who: ben, exit: finished }
      - { at: 2026-11-02 13:00, who: ben, exit: knows-us }
    until: 2026-12-01
`

func suitesOf(t testing.TB, text string) ([]Suite, string) {
	t.Helper()
	files := workspace(t, map[string]string{"campaigns/x.yaml": `topic: offers
trigger: { event: { name: Go } }
zone: Asia/Manila
steps: [ { send: welcome, subject: Hello }, { branch: [ { name: gold, when: { attribute: tier, is: gold }, steps: [ { exit: knows-us } ] } ] } ]
`})
	cat, problems := Load(files)
	if cat == nil {
		t.Fatal(listing(problems))
	}
	files["campaigns/x.test.yaml"] = &fstest.MapFile{Data: []byte(text)}
	suites, problems := Suites(files, cat)
	return suites, listing(problems)
}

func TestSuite(t *testing.T) {
	t.Parallel()
	suites, problems := suitesOf(t, soundTests)
	if problems != "" || len(suites) != 1 {
		t.Fatalf("%d suites:\n%s", len(suites), problems)
	}
	at := func(hour int) time.Time { return time.Date(2026, 11, 2, hour-8, 0, 0, 0, time.UTC) } // Manila
	topics := suites[0].Customers[1].Topics
	want := Suite{
		Campaign: "x", File: "campaigns/x.test.yaml",
		Customers: []Subject{
			{Name: "ana", HeldOut: true, Topics: []string{"offers"}, Attributes: map[string]any{"tier": "gold", "since": "2020-01-01", "sizes": []any{"S", 7.0}}},
			{Name: "ben", Topics: topics, Attributes: map[string]any{}},
		},
		Cases: []Case{{
			Name: "all that a test can say", Line: 5, Until: time.Date(2026, 11, 30, 16, 0, 0, 0, time.UTC),
			Happen: []Happening{
				{At: at(10), Who: "ben", Set: map[string]any{"tier": nil}},
				{At: at(15), Who: "ana", Event: "Order Completed", Properties: map[string]any{
					"total": 20.5, "code": "0123", "gift": true, "products": []any{map[string]any{"product_id": "P1"}}}},
			},
			Expect: []Expectation{
				{Line: 10, At: at(11), Who: "ana", Send: "welcome", SubjectHas: "Hi", TextHasNot: "{{"},
				{Line: 11, At: at(12), Who: "ben", Exit: "finished"},
				{Line: 12, At: at(13), Who: "ben", Exit: "knows-us"},
			},
		}},
	}
	if diff := cmp.Diff(want, suites[0]); diff != "" {
		t.Error(diff)
	}
	if len(topics) < 2 {
		t.Errorf("without consent: all topics, not %q", topics)
	}
}

// A fact of the catalogue belongs to nobody, so a test need not say whose it is.
func TestSuiteCatalogue(t *testing.T) {
	t.Parallel()
	suites, problems := suitesOf(t, "customers: { a: }\ntests: [ { name: x, expect: [], events: [ { at: 2026-01-01, event: Product Back In Stock, product_id: P1 }, { at: 2026-01-01, who: a, event: Product Price Changed, product_id: P1, price: 3 } ] } ]")
	if problems != "" || len(suites) != 1 {
		t.Fatalf("%d suites:\n%s", len(suites), problems)
	}
	for _, h := range suites[0].Cases[0].Happen {
		if h.Who != "" || h.Properties["product_id"] != "P1" {
			t.Errorf("%+v", h)
		}
	}
}

func TestSuiteProblems(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/suites/*.yaml")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// Its last line says what is wrong, as a comment.
		text := strings.TrimSpace(string(data))
		want := "campaigns/x.test.yaml:" + strings.TrimPrefix(text[strings.LastIndex(text, "\n")+1:], "# ") + "\n"
		if _, got := suitesOf(t, text); !strings.Contains(got, want) {
			t.Errorf("%s\nwant %s\ngot  %s", file, want, got)
		}
	}
	cat, _ := Load(workspace(t, nil))
	_, problems := Suites(workspace(t, map[string]string{"campaigns/nobody.test.yaml": "tests: [ { name: x, expect: [], until: 2026-01-01 } ]"}), cat)
	if got := listing(problems); !strings.HasPrefix(got, `campaigns/nobody.test.yaml: these tests are for a campaign "nobody", which there is not; there is `) {
		t.Error(got)
	}
}

// An event that no file names is said where its name is near another one. Only a slip
// of the pen keeps the tests from being played.
func TestSuiteEventNames(t *testing.T) {
	t.Parallel()
	for event, want := range map[string]string{
		"Go": "", "Order Completed": "", "Coupon Applied": "", "Something Of Our Own": "",
		"Product Liked":   `warning: campaigns/x.test.yaml:2:76: no file of the workspace names an event "Product Liked"; did you mean "Product Clicked"?` + "\n",
		"Order Complete":  `campaigns/x.test.yaml:2:76: no file of the workspace names an event "Order Complete"; did you mean "Order Completed"?` + "\n",
		"order completed": `campaigns/x.test.yaml:2:76: no file of the workspace names an event "order completed"; did you mean "Order Completed"?` + "\n",
	} {
		suites, got := suitesOf(t, "customers: { a: }\ntests: [ { name: x, expect: [], events: [ { at: 2026-01-01, who: a, event: "+event+" } ] } ]")
		played := want == "" || strings.HasPrefix(want, "warning: ")
		if got != want || (len(suites) == 1) != played {
			t.Errorf("%s: %d suites, %q", event, len(suites), got)
		}
	}
}

// FuzzSuite: whatever a file of tests holds, it is read or refused, and each
// problem of it stands at a place.
func FuzzSuite(f *testing.F) {
	f.Add(soundTests)
	f.Add("customers: { a: { orders.count: 1 } }\ntests: [ { name: x, expect: [ { at: 2026-01-01, who: a, exit: x } ] } ]")
	f.Fuzz(func(t *testing.T, text string) {
		suites, problems := suitesOf(t, text)
		errors := slices.ContainsFunc(strings.Split(problems, "\n"), func(l string) bool { return l != "" && !strings.HasPrefix(l, "warning: ") })
		if (len(suites) == 1) == errors {
			t.Errorf("%q: %d suites and\n%s", text, len(suites), problems)
		}
	})
}
