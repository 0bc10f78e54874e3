package schema

import (
	"slices"

	"tidings/internal/campaign"
)

// kindRules say, of the attributes whose kind every workspace knows, which
// operators fit it and what they are compared with.
func kindRules() []*node {
	var rules []*node
	byKind := map[campaign.Kind][]string{campaign.Text: toldTexts()}
	for _, name := range computedNames() {
		c, _ := (&campaign.Workspace{}).ComputedAttribute(name)
		if len(c.In) > 0 {
			rules = append(rules, rule(words(name), campaign.Text, words(c.In...)))
			continue
		}
		byKind[c.Kind] = append(byKind[c.Kind], name)
	}
	return append(rules,
		rule(words(byKind[campaign.Text]...), campaign.Text, &node{Type: "string"}),
		rule(words(byKind[campaign.Number]...), campaign.Number, amount()),
		rule(words(byKind[campaign.DaysKind]...), campaign.DaysKind, quantity()),
		rule(words(byKind[campaign.Time]...), campaign.Time, moment()),
		rule(&node{Pattern: `^consent\.`}, campaign.Bool, yes()),
		&node{If: naming(&node{Pattern: `^(orders|rfm|mail|favourite)\.`}), Then: naming(words(computedNames()...))},
	)
}

// fitting are the operators of a kind, beside exists and same_as that all have.
func fitting(kind campaign.Kind) []string {
	equals := []string{"is", "is_not", "in", "not_in"}
	switch kind {
	case campaign.Bool:
		return equals
	case campaign.Text:
		return append(equals, "contains", "starts_with", "matches")
	case campaign.Time:
		return []string{"before", "after", "between", "within", "within_next", "anniversary_within"}
	}
	return append(equals, "at_least", "at_most", "above", "below", "between")
}

func naming(names *node) *node {
	return &node{Properties: properties{{name: "attribute", value: names}}, Required: []string{"attribute"}}
}

// rule lets the attributes of these names have no other operators than those of
// their kind, and be compared with no other values.
func rule(names *node, kind campaign.Kind, value *node) *node {
	then := &node{}
	var others []string
	for _, op := range operatorNames() {
		operand := value
		switch {
		case op == "exists" || op == "same_as":
			continue
		case !slices.Contains(fitting(kind), op):
			others = append(others, op)
			continue
		case op == "in" || op == "not_in":
			operand = listOf(value)
		case op == "between":
			operand = listOfN(value, 2)
		case op == "contains" || op == "starts_with" || op == "matches" || kind == campaign.Time:
			continue // as for any other attribute
		}
		then.Properties = append(then.Properties, property{name: op, value: operand})
	}
	then.PropertyNames = &node{Not: words(others...)}
	return &node{If: naming(names), Then: then}
}
