package content

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestKindsAcrossFiles: the later place names the first; the order of files is
// tidings.yaml, segments, campaigns.
func TestKindsAcrossFiles(t *testing.T) {
	t.Parallel()
	body := "topic: news\nsteps: [ { send: welcome } ]\n"
	_, problems := Load(workspace(t, map[string]string{
		"tidings.yaml":    baseWith(t, "tiers: [ { name: big, when: { attribute: address.floor, above: 3 } } ]\n"),
		"segments/a.yaml": "match:\n  all:\n    - { attribute: shoe, is: 42 }\n    - { event: Quiz Taken, where: { result: good } }\n",
		"segments/b.yaml": "match: { attribute: address.floor, starts_with: ground }\n",
		"campaigns/a.yaml": body + `trigger: { event: { name: Quiz Taken, where: { result: { at_least: 5 } } } }
audience: { attribute: shoe, is: "42" }
`,
		"campaigns/b.yaml": body + `trigger: { event: { name: Quiz Taken } }
audience: { trigger: result, before: 2026-01-01 }
goal: { event: Quiz Taken, within: 5d, value: result }
`,
		// The same property of another event is another property.
		"campaigns/c.yaml": body + "trigger: { event: { name: Quiz Begun, where: { result: { at_least: 5 } } } }\n",
		"campaigns/d.yaml": body + `trigger: { date: { attribute: shoe } }
enter_when: { trigger: anything, is: 5 }
`,
	}))
	want := `campaigns/a.yaml:3:68: property result of Quiz Taken is tested as a number here and as a text in segments/a.yaml:4; test it as the same in both; a number in quotes is a text
campaigns/a.yaml:4:34: attribute shoe is tested as a text here and as a number in segments/a.yaml:3; test it as the same in both; a number in quotes is a text
campaigns/b.yaml:4:38: property result of Quiz Taken is tested as a date here and as a text in segments/a.yaml:4; test it as the same in both; a number in quotes is a text
campaigns/b.yaml:5:47: property result of Quiz Taken is tested as a number here and as a text in segments/a.yaml:4; test it as the same in both; a number in quotes is a text
campaigns/d.yaml:3:31: attribute shoe is tested as a date here and as a number in segments/a.yaml:3; test it as the same in both; a number in quotes is a text
segments/b.yaml:1:49: attribute address.floor is tested as a text here and as a number in tidings.yaml:13; test it as the same in both; a number in quotes is a text
`
	if diff := cmp.Diff(want, listing(problems)); diff != "" {
		t.Error(diff)
	}
}

// TestKindsThatAgree has tests that take different things for granted which may
// well be true together.
func TestKindsThatAgree(t *testing.T) {
	t.Parallel()
	mustLoad(t, workspace(t, map[string]string{"segments/x.yaml": `match:
  all:
    - { attribute: birthday, is: 05-12 }
    - { attribute: birthday, is_not: 2026-12-01 }
    - { attribute: birthday, anniversary_within: 7d }
    - { attribute: birthday, exists: true }
    - { attribute: town, is: 2026-12-01 }
    - { attribute: town, contains: a }
    - { attribute: size, in: [S, 42] }
    - { attribute: size, is: S }
    - { attribute: tags, has: 5 }
    - { attribute: tags, has_any: [5, a] }
    - { attribute: created_at, is_not: 2026-12-01 }
    - { event: Order Completed, where: { products.category: { has: tea }, order_id: 5 } }
    - { event: Order Completed, where: { products.category: tea, order_id: A5, products: { category: tea } } }
    - { event: Quiz Taken, where: { answers.colour: { has: red } } }
    - { event: Quiz Taken, where: { answers.colour: red, total: none }, distinct: { of: total, at_least: 2 } }
limit: { first: 5, by: birthday }
`}))
}

// TestDeclaredAttributes: with attributes declared, only they, the computed ones
// and those that everybody has can be named.
func TestDeclaredAttributes(t *testing.T) {
	t.Parallel()
	mustLoad(t, workspace(t, map[string]string{
		"tidings.yaml": baseWith(t, `attributes:
  size: { type: text, in: [S, M, "42"] }
  age: { type: number, in: [18, 19] }
  born: { type: date, pii: true }
  tags: { type: list, in: [tea, 5] }
  vip: { type: bool }
tiers: [ { name: gold, when: { segment: vip } }, { name: none } ]
`),
		"segments/x.yaml": `match:
  all:
    - { attribute: size, in: [S, "42"] }
    - { attribute: age, is_not: 18 }
    - { attribute: born, is: 05-12 }
    - { attribute: tags, has_any: [tea, 5] }
    - { attribute: vip, is: true }
    - { attribute: tier, is: gold }
    - { attribute: stage, is: lapsed }
    - { attribute: consent.news, is: false }
    - { attribute: timezone, starts_with: Asia/ }
limit: { first: 5, by: age, order: lowest }
`,
	}))
}

// TestCycles: segments can also be made of each other by what limits them and by
// the tiers.
func TestCycles(t *testing.T) {
	t.Parallel()
	_, problems := Load(workspace(t, map[string]string{
		"tidings.yaml":    baseWith(t, "tiers: [ { name: gold, when: { not: { segment: a } } }, { name: none } ]\n"),
		"segments/a.yaml": "match: { segment: b }\n",
		"segments/b.yaml": "match: { segment: vip }\nlimit: { first: 5, by: tier }\n",
		"segments/c.yaml": "match: { segment: a }\n",
	}))
	want := `segments/b.yaml:2:24: tiers and segments are made of each other: tier → a → b → tier; take one of them out
segments/b.yaml:2:24: attribute tier is a text and cannot put customers in an order; name a number or a date, such as orders.total
`
	if diff := cmp.Diff(want, listing(problems)); diff != "" {
		t.Error(diff)
	}
}
