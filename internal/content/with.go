package content

import (
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// withKey is the form of a name that a template reads as with.NAME.
var withKey = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// with reads the values that a step gives its template: texts, for all or by
// locale, numbers, true and false, and lists of them.
func (f *campaignFile) with(n *yaml.Node) map[string]campaign.With {
	all, ok := f.entries(n, "with")
	if !ok {
		return nil
	}
	out := map[string]campaign.With{}
	for _, key := range sorted(all.values) {
		v, what := all.values[key], "with."+key
		switch {
		case !withKey.MatchString(key):
			f.errorf(all.keys[key], "use small letters, digits and _, as in with: { headline: … }", "%q is not a name that a template can read", shortened(key))
		case v.Kind == yaml.SequenceNode:
			items, _ := f.list(v, what)
			list := []any{}
			for _, item := range items {
				if x, ok := f.scalar(item, what); ok {
					list = append(list, x)
				}
			}
			out[key] = campaign.With{Value: list}
		case v.Kind == yaml.MappingNode:
			out[key] = campaign.With{Text: f.localized(v, what, f.locales)}
			for _, one := range v.Content {
				if one.Kind == yaml.ScalarNode {
					f.noTags(one, what, one.Value)
				}
			}
		default:
			x, ok := f.scalar(v, what)
			if text, isText := x.(string); ok && isText {
				out[key] = campaign.With{Text: campaign.Plain(text)}
			} else if ok {
				out[key] = campaign.With{Value: x}
			}
		}
	}
	return out
}

// scalar reads a number, true or false, or a text.
func (s *source) scalar(n *yaml.Node, what string) (any, bool) {
	text := s.plain(n, what)
	if text == "" {
		return nil, false
	}
	if n.Style != 0 {
		return text, true // in quotes
	}
	switch text {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	// Not YAML's numbers, of which 012 is one: what reads as a decimal alone.
	if withNumber.MatchString(text) {
		if x, err := strconv.ParseFloat(text, 64); err == nil {
			return x, true
		}
	}
	return text, true
}

var withNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?$`)

// utm reads what is added to links: a map, or off. What it leaves out is tidings,
// email and the campaign's name.
func (s *source) utm(n *yaml.Node) *campaign.UTM {
	if n.Kind == yaml.ScalarNode && n.Value == "off" {
		return nil
	}
	out := &campaign.UTM{Source: "tidings", Medium: "email"}
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		return out
	}
	f, ok := s.mapping(n, "utm", "source", "medium", "campaign", "term", "content")
	if !ok {
		return nil
	}
	for key, to := range map[string]*string{
		"source": &out.Source, "medium": &out.Medium, "campaign": &out.Campaign, "term": &out.Term, "content": &out.Content,
	} {
		if v, ok := f.values[key]; ok {
			*to = s.prose(v, "utm."+key)
		}
	}
	return out
}
