package content

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// scope is where a condition stands, which decides what it can look at and
// what its events count from when it does not say.
type scope string

const (
	inSegment scope = "a segment"
	inEntry   scope = "an audience" // or enter_when
	inExit    scope = "exit_on"
	inStep    scope = "a step's when"
	inWait    scope = "a wait's for"
	inTiers   scope = "the tiers"
	inTopic   scope = "a topic's when"
	inGoal    scope = "a goal"
	inTrigger scope = "a trigger's where"
)

// note is what a condition does that its scope may forbid.
type note struct {
	kind  noteKind
	scope scope
	name  string
	at    place
}

type noteKind int

const (
	untimedEvent noteKind = iota // an event condition without a time word
	sincePass                    // since: anchor or entry
	triggerAsked                 // trigger: PROPERTY
	sameAsked                    // same_as: trigger.PROPERTY
)

func (s *source) observe(kind noteKind, in scope, name string, n *yaml.Node) {
	s.notes = append(s.notes, note{kind, in, name, placeOf(n)})
}

// subjects are the keys that say what a condition is about.
var subjects = [...]string{"all", "any", "not", "segment", "attribute", "event", "trigger", "campaign", "sample"}

// maxDepth bounds how deep conditions nest: what is deeper is no longer read by
// people, and must not exhaust the statement that it becomes.
const maxDepth = 20

// condition reads a condition; nil when it is not one.
func (s *source) condition(n *yaml.Node, in scope) campaign.Condition {
	s.depth++
	defer func() { s.depth-- }()
	switch {
	case s.depth > maxDepth:
		s.errorf(n, "name a part of it in a segment of its own", "conditions nest deeper than %d levels", maxDepth)
		return nil
	case n.Kind == yaml.SequenceNode:
		s.errorf(n, "write all: […] or any: […]", "a list of conditions does not say whether all or any must hold")
		return nil
	case n.Kind == yaml.ScalarNode && !isNull(n):
		s.errorf(n, "write { segment: "+shortened(n.Value)+" } for the members of a segment", "a condition is a map, not %s", kindOf(n))
		return nil
	}
	subject, ok := s.verb(n, "a condition", subjects[:])
	if !ok {
		return nil
	}
	switch subject {
	case "all", "any", "not":
		return s.combination(n, subject, in)
	case "segment":
		f, _ := s.mapping(n, "a segment condition", "segment")
		name, _ := s.word(f.values["segment"], "segment")
		s.refer(segmentRef, name, f.values["segment"])
		return campaign.InSegment{Segment: name}
	case "attribute":
		return s.attribute(n, in)
	case "trigger":
		return s.triggerProperty(n, in)
	case "campaign":
		return s.campaignState(n)
	case "sample":
		return s.sample(n)
	}
	return s.event(n, in)
}

// verb finds the one key among verbs that says what the map n is. Unknown keys
// are left to mapping, unless nothing else is there to say.
func (s *source) verb(n *yaml.Node, what string, verbs []string) (string, bool) {
	if n.Kind != yaml.MappingNode || s.braces(n) {
		if n.Kind != yaml.MappingNode && n.Kind != yaml.AliasNode {
			s.errorf(n, "write one of "+strings.Join(verbs, ", ")+", a colon and its value", "%s is a map of keys and values, not %s", what, kindOf(n))
		}
		return "", false
	}
	var found []*yaml.Node
	for i := 0; i < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Kind == yaml.ScalarNode && contains(verbs, k.Value) && (len(found) == 0 || found[0].Value != k.Value) {
			found = append(found, k)
		}
	}
	switch len(found) {
	case 1:
		return found[0].Value, true
	case 0:
		for i := 0; i < len(n.Content); i += 2 {
			if k := n.Content[i]; k.Kind == yaml.ScalarNode && campaign.Nearest(k.Value, verbs) != "" {
				s.errorf(k, suggest(k.Value, verbs), "unknown key %q in %s", k.Value, what)
				return "", false
			}
		}
		s.errorf(n, "write one of "+strings.Join(verbs, ", "), "%s does not say what it is", what)
	default:
		s.errorf(found[1], "keep one of them", "%s has both %s and %s", what, found[0].Value, found[1].Value)
	}
	return "", false
}

func (s *source) combination(n *yaml.Node, subject string, in scope) campaign.Condition {
	f, _ := s.mapping(n, subject, subject)
	v := f.values[subject]
	if subject == "not" {
		return campaign.Not{Of: s.condition(v, in)}
	}
	items, _ := s.list(v, subject)
	parts := make([]campaign.Condition, len(items))
	for i, item := range items {
		parts[i] = s.condition(item, in)
	}
	if subject == "all" {
		return campaign.All(parts)
	}
	return campaign.Any(parts)
}

func (s *source) attribute(n *yaml.Node, in scope) campaign.Condition {
	f, _ := s.mapping(n, "an attribute condition", append([]string{"attribute"}, operators()...)...)
	name, _ := s.word(f.values["attribute"], "attribute")
	test := s.test(f, s.attributeOperand(name, in))
	s.use(use{attribute: true, name: name, claim: claimOf(test), test: test}, f.values["attribute"], s.operandOf(f))
	return campaign.Attribute{Name: name, Test: test}
}

func (s *source) triggerProperty(n *yaml.Node, in scope) campaign.Condition {
	f, _ := s.mapping(n, "a trigger condition", append([]string{"trigger"}, operators()...)...)
	path, _ := s.word(f.values["trigger"], "trigger")
	s.observe(triggerAsked, in, path, f.keys["trigger"])
	test := s.test(f, operand{what: "trigger " + path, known: operators(), in: in, money: campaign.IsMoney(path)})
	s.use(use{name: path, anchor: true, claim: claimOf(test), test: test}, f.values["trigger"], s.operandOf(f))
	return campaign.TriggerProperty{Property: campaign.Property{Path: path, Test: test}}
}

// sample reads a share of all customers.
func (s *source) sample(n *yaml.Node) campaign.Condition {
	f, _ := s.mapping(n, "a sample condition", "sample", "seed")
	out := campaign.Sample{Seed: strings.TrimSuffix(s.file, ".yaml")}
	share, ok := s.share(f.values["sample"], "sample")
	if ok && share == 0 {
		s.errorf(f.values["sample"], "take the condition out, or write 10%", "a sample of 0%% holds nobody")
	}
	out.Share = share
	if v, ok := f.values["seed"]; ok {
		out.Seed, _ = s.word(v, "seed")
	}
	return out
}

func (s *source) campaignState(n *yaml.Node) campaign.Condition {
	f, _ := s.mapping(n, "a campaign condition", "campaign", "is", "within")
	name, _ := s.word(f.values["campaign"], "campaign")
	s.refer(campaignRef, name, f.values["campaign"])
	c := campaign.CampaignState{Campaign: name}
	if is, ok := f.values["is"]; ok {
		c.Is = campaign.PassIs(s.choice(is, "is", string(campaign.IsRunning), string(campaign.IsEntered), string(campaign.IsHeldOut)))
	} else if !f.odd {
		s.errorf(n, "write is: running, entered or held_out", "the condition on campaign %q does not say what the pass must be", name)
	}
	if v, ok := f.values["within"]; ok {
		c.Within = s.back(v, "within")
	}
	return c
}
