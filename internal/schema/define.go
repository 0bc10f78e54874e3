package schema

import (
	"regexp"
	"strconv"
)

// definitions are what ref points to, by name: what stands in several places, and
// what stands within itself.
func definitions() map[string]*node {
	defs := scalars()
	defs["count"] = sized(object("Count", numericKeys(plain())...), 1)
	defs["measured"] = measured(amount())
	defs["distinct"] = measured(plain())
	defs["when"] = recency()
	defs["attribute-kinds"] = &node{AllOf: kindRules()}
	for _, in := range []scope{inSegment, inEntry, inStep} {
		defs["condition-"+string(in)] = conditions(in)
		defs["where-"+string(in)] = properWhere(in)
		defs["test-"+string(in)] = sized(object("Test", operatorKeys(in)...), 1)
		defs["sequence-"+string(in)] = sequence(in)
	}
	for level := range maxBranches + 1 {
		defs["steps-"+strconv.Itoa(level)] = list(level)
	}
	return defs
}

var pointed = regexp.MustCompile(`"#/\$defs/([a-z0-9-]+)"`)

// document makes a file's schema of its node, with those definitions that it, or
// one of them, points to.
func document(n *node, about string) (*node, error) {
	n.Dialect, n.Description, n.Defs = dialect, about, map[string]*node{}
	all := definitions()
	for more := true; more; {
		text, err := marshal(n)
		if err != nil {
			return nil, err
		}
		more = false
		for _, m := range pointed.FindAllSubmatch(text, -1) {
			name := string(m[1])
			if n.Defs[name] == nil {
				n.Defs[name], more = all[name], true
			}
		}
	}
	return n, nil
}
