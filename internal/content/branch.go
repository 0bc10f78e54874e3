package content

import (
	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// branch reads a list of named arms; level is how many branches they stand in.
func (f *campaignFile) branch(n *yaml.Node, level int) []campaign.Arm {
	if level > maxBranches {
		f.errorf(n, "make a campaign of its own from it", "more than %d branches stand within each other", maxBranches)
		return nil
	}
	items, ok := f.list(n, "branch")
	if !ok {
		return nil
	}
	arms := make([]campaign.Arm, len(items))
	first := map[string]*yaml.Node{}
	sum, over := 0.0, false
	for i, item := range items {
		m, ok := f.mapping(item, "an arm", "name", "when", "share", "steps")
		if !ok {
			continue
		}
		f.arm(m, &arms[i], level)
		name := arms[i].Name
		if first[name] != nil {
			f.errorf(m.key("name"), "give each arm a name of its own", "two arms are named %q; first on %s", name, placeOf(first[name]))
		} else if name != "" {
			first[name] = m.key("name")
		}
		if !m.has("when") && !m.has("share") && !m.odd && i < len(items)-1 {
			f.errorf(item, "give it a when or a share, or put it last", "an arm with neither when nor share takes all the others' customers")
		}
		if sum += float64(arms[i].Share); sum > 1+1e-9 && !over {
			over = true
			f.errorf(m.key("share"), "make them 100% together at most", "the shares of the arms are more than 100%%")
		}
	}
	return arms
}

func (f *campaignFile) arm(m fields, arm *campaign.Arm, level int) {
	if v, ok := m.values["name"]; ok {
		arm.Name = f.name(v, "name")
	} else if !m.odd {
		f.errorf(m.node, "add name: bought", "an arm has no name")
	}
	if m.has("when") && m.has("share") {
		f.errorf(m.keys["share"], "keep one of them", "an arm has both when and share")
	}
	if v, ok := m.values["when"]; ok {
		arm.When = f.condition(v, inStep)
	}
	if v, ok := m.values["share"]; ok {
		share, ok := f.share(v, "share")
		if ok && share == 0 {
			f.errorf(v, "take the arm out", "an arm with a share of 0%% is never taken")
		}
		arm.Share = share
	}
	if v, ok := m.values["steps"]; ok {
		arm.Steps = f.readSteps(v, level)
	} else if !m.odd {
		f.errorf(m.node, "write steps: [] when nothing happens in it", "an arm has no steps")
	}
}
