package content

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMentions has each place at which a workspace names something of its data, and
// none of what it names of its own or computes.
func TestMentions(t *testing.T) {
	t.Parallel()
	fsys := workspace(t, map[string]string{
		"tidings.yaml": baseWith(t, `attributes: { size: { type: text }, feet: { type: number } }
tiers: [ { name: big, when: { event: Order Completed, sum: { of: total, at_least: 5 } } } ]
`),
		"segments/a.yaml": `name: A
match:
  all:
    - { attribute: size, is: S }
    - { attribute: locale, in: [en, he] }
    - { attribute: orders.count, at_least: 3 }
    - { attribute: tier, is: big }
    - { attribute: consent.news, is: true }
    - { event: Quiz Taken, where: { "answers.colour": red, answers: { id: 5 } }, followed_by: { event: Quiz Left } }
    - { segment: b }
    - { sample: 10% }
limit: { first: 5, by: feet }
`,
		"segments/b.yaml": "match: { attribute: size, exists: true }\n",
		"campaigns/browse.yaml": `topic: news
trigger: { abandoned_browse: { after: 1h } }
audience: { all: [ { trigger: views, at_least: 2 }, { trigger: colour, is: red }, { trigger: products.price, above: 5 } ] }
steps: [ { send: welcome } ]
`,
		"campaigns/cart.yaml": `topic: news
trigger:
  abandoned_cart: { after: 1h, where: { value: { at_least: 5 } } }
exit_on: { event: Product Added }
steps: [ { send: welcome } ]
`,
		"campaigns/drop.yaml": "topic: news\ntrigger: { price_drop: { where: { colour: red } } }\nsteps: [ { send: welcome } ]\n",
	})
	mustLoad(t, fsys)
	kinds := map[MentionKind]string{
		MentionEvent: "event", MentionTrigger: "trigger", MentionAttribute: "attribute", MentionDeclared: "declared",
		MentionProperty: "property", MentionSegment: "segment", MentionAudience: "audience", MentionCurrency: "currency",
	}
	var got strings.Builder
	for _, m := range Mentions(fsys) {
		fmt.Fprintf(&got, "%s:%d:%d %s %q %s\n", m.File, m.Line, m.Column, kinds[m.Kind], m.Name, strings.Join(m.Events, "|"))
	}
	want := `campaigns/browse.yaml:2:12 trigger "abandoned_browse" Product Viewed
campaigns/browse.yaml:3:1 audience "browse" 
campaigns/browse.yaml:3:64 property "colour" Product Viewed
campaigns/cart.yaml:4:19 event "Product Added" 
campaigns/drop.yaml:2:12 trigger "price_drop" Product Price Changed
campaigns/drop.yaml:2:35 property "colour" Product Price Changed
campaigns/welcome.yaml:3:27 event "Subscribed" 
segments/a.yaml:2:1 segment "a" 
segments/a.yaml:4:20 declared "size" 
segments/a.yaml:5:20 declared "locale" 
segments/a.yaml:9:16 event "Quiz Taken" 
segments/a.yaml:9:37 property "answers.colour" Quiz Taken
segments/a.yaml:9:60 property "answers" Quiz Taken
segments/a.yaml:9:71 property "answers.id" Quiz Taken
segments/a.yaml:9:104 event "Quiz Left" 
segments/a.yaml:12:24 declared "feet" 
segments/b.yaml:1:1 segment "b" 
segments/b.yaml:1:21 declared "size" 
`
	_, after, _ := strings.Cut(got.String(), "segments/b.yaml:1:21 declared \"size\" \n")
	if diff := cmp.Diff(want, strings.TrimSuffix(got.String(), after)); diff != "" {
		t.Error(diff)
	}
	for _, line := range []string{`currency ""`, `event "Order Completed"`, `property "total" Order Completed`} {
		if !strings.Contains(after, " "+line) {
			t.Errorf("no mention of %s in\n%s", line, after)
		}
	}
}

// TestMentionFits holds what each operator takes for granted against values.
func TestMentionFits(t *testing.T) {
	t.Parallel()
	values := map[string]any{
		"text": "gold", "date": "2026-12-01", "day": "05-12", "number": 5.0, "bool": true,
		"texts": []any{"a"}, "numbers": []any{5.0}, "objects": []any{map[string]any{"a": 1.0}}, "object": map[string]any{"a": 1.0}, "none": []any{},
	}
	names := sorted(values)
	for test, want := range map[string]string{
		"is: gold":                "date day text",
		"is: 5":                   "number",
		"is_not: true":            "bool",
		"in: [5, gold]":           strings.Join(names, " "),
		"exists: true":            strings.Join(names, " "),
		"at_least: 5":             "number",
		"between: [1, 2]":         "number",
		"contains: a":             "date day text",
		"within: 7d":              "date",
		"after: now":              "date",
		"anniversary_within: 7d":  "date day",
		"has: a":                  "texts",
		"has_any: [5]":            "numbers",
		"same_as: trigger.colour": strings.Join(names, " "),
	} {
		fsys := workspace(t, map[string]string{"campaigns/a.yaml": `topic: news
trigger: { event: { name: Quiz Taken } }
audience: { attribute: x, ` + test + ` }
steps: [ { send: welcome } ]
`})
		mustLoad(t, fsys)
		for _, m := range Mentions(fsys) {
			if m.Kind != MentionAttribute {
				continue
			}
			var got []string
			for _, name := range names {
				if m.Fits(values[name]) {
					got = append(got, name)
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s fits %v, want %s", test, got, want)
			}
		}
	}
}
