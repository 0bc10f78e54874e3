package render

import (
	"maps"
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// member checks the second word of a variable whose members are known.
func (c *checker) member(p *piece, r ref, members []string) {
	if len(r.path) < 2 || members == nil {
		return
	}
	if r.path[0] == "brand" {
		c.brandMember(p, r, members)
		return
	}
	if m := r.path[1]; !slices.Contains(members, m) {
		hint := didYouMean(m, members)
		c.report(p, hint, "unknown variable %q", r.path[0]+"."+m)
	}
}

// brandMember checks a value of the brand: colours.button and the like are groups.
func (c *checker) brandMember(p *piece, r ref, members []string) {
	name := strings.Join(r.path[1:], ".")
	for _, m := range members {
		if m == name || strings.HasPrefix(m, name+".") || r.path[len(r.path)-1] == "size" {
			return
		}
	}
	if isBlock(p) && optionalBrand(name) {
		return
	}
	hint := didYouMean(name, members)
	if hint == "" {
		hint = "add it to brand in tidings.yaml"
	}
	c.report(p, hint, "unknown variable %q", "brand."+name)
}

// loopMembers are what forloop knows of the loop that it stands in.
var loopMembers = []string{"first", "last", "index", "index0", "rindex", "rindex0", "length"}

// loop checks a word behind forloop.
func (c *checker) loop(p *piece, r ref) {
	if len(r.path) > 1 && !slices.Contains(loopMembers, r.path[1]) {
		c.report(p, didYouMean(r.path[1], loopMembers), "unknown variable %q", "forloop."+r.path[1])
	}
}

// attribute checks customer.NAME where tidings.yaml declares which attributes there
// are. Where it declares none, only the data can tell.
func (c *checker) attribute(p *piece, r ref) {
	ws := c.workspace
	if len(r.path) < 2 || ws == nil || len(ws.Attributes) == 0 || isBlock(p) {
		return
	}
	known := knownAttributes(ws)
	name := strings.Join(r.path[1:], ".")
	for _, k := range known {
		// tags.size asks a list about itself; address.city is declared in one word.
		if k == r.path[1] || k == name || strings.HasPrefix(k, name+".") {
			return
		}
	}
	if _, computed := ws.ComputedAttribute(name); computed {
		c.report(p, "branch by it in the campaign, and send a template of its own", "customer.%s is worked out for conditions, and mails do not have it", name)
		return
	}
	hint := "declare it in tidings.yaml under attributes"
	if near := campaign.Nearest(name, known); near != "" {
		hint = "did you mean customer." + near + "? Else " + hint
	}
	c.report(p, hint, "unknown variable %q", "customer."+name)
}

// knownAttributes are the declared ones and those that customers have anyway.
func knownAttributes(ws *campaign.Workspace) []string {
	known := slices.Concat([]string{"id"}, slices.Collect(maps.Keys(campaign.StandardAttributes())), slices.Collect(maps.Keys(ws.Attributes)))
	slices.Sort(known)
	return slices.Compact(known)
}
