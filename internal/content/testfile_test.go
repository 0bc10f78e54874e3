package content

import (
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
	for _, c := range []struct{ text, want string }{
		{"tests: []", "1:8: tests is an empty list; put something into it, or take it out"},
		{"customers: {}", "1:1: the file has no tests; add tests: and a list of them"},
		{"test: []", `1:1: unknown key "test" in a test file; did you mean "tests"?`},
		{"tests: [ { expect: [] } ]", "1:10: a test has no name; add name: and what must hold"},
		{"tests: [ { name: x } ]", "1:10: a test does not say what it expects; add expect: and everything that is sent, or expect: [] for nothing"},
		{"tests: [ { name: x, expect: [] } ]", "1:10: a test in which nothing happens has no moment to look at; add events:, or until: and a moment"},
		{"tests: [ { name: x, expect: [ { who: ana } ] } ]", "1:31: an expectation does not say when; add at: 2026-11-02 10:00"},
		{"tests: [ { name: x, expect: [ { who: ana } ] } ]", `1:38: unknown customer "ana"; add customers: { ana: {} }`},
		{"customers: { a: }\ntests: [ { name: x, expect: [ { at: 2026-01-01, who: a, exit: finishd } ] } ]", `2:63: no pass of the campaign ends with "finishd"; did you mean "finished"?`},
		{"customers: { a: }\ntests: [ { name: x, expect: [ { at: 2026-01-01, who: a, exit: knows_us } ] } ]", `2:63: no pass of the campaign ends with "knows_us"; did you mean "knows-us"?`},
		{"customers: { a: }\ntests: [ { name: x, expect: [ { who: a, exit: finished } ], events: [ { at: 2026-01-01, event: Order Completed } ] } ]", "2:71: an event does not say whose it is; add who: and a name of customers:"},
		{"customers: { a: }\ntests: [ { name: x, expect: [ { at: 2026-01-01, who: a, exit: x, text_has: y } ] } ]", "2:66: text_has is about a mail; add send:"},
		{"customers: { a: }\ntests: [ { name: x, expect: [], events: [ { at: 2026-01-01, who: a } ] } ]", "2:43: it does not say what happened; add event: Order Completed, or set: { tier: gold }"},
	} {
		if _, got := suitesOf(t, c.text); !strings.Contains(got, "campaigns/x.test.yaml:"+c.want+"\n") {
			t.Errorf("%s\nwant %s\ngot  %s", c.text, c.want, got)
		}
	}
	cat, _ := Load(workspace(t, nil))
	_, problems := Suites(workspace(t, map[string]string{"campaigns/nobody.test.yaml": "tests: [ { name: x, expect: [], until: 2026-01-01 } ]"}), cat)
	if got := listing(problems); !strings.HasPrefix(got, `campaigns/nobody.test.yaml: these tests are for a campaign "nobody", which there is not; there is `) {
		t.Error(got)
	}
}

// FuzzSuite: whatever a file of tests holds, it is read or refused, and each
// problem of it stands at a place.
func FuzzSuite(f *testing.F) {
	f.Add(soundTests)
	f.Add("customers: { a: { orders.count: 1 } }\ntests: [ { name: x, expect: [ { at: 2026-01-01, who: a, exit: x } ] } ]")
	f.Fuzz(func(t *testing.T, text string) {
		suites, problems := suitesOf(t, text)
		if (len(suites) == 1) == (problems != "") {
			t.Errorf("%q: %d suites and\n%s", text, len(suites), problems)
		}
	})
}
