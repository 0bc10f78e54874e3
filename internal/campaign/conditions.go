package campaign

// Conditions are all that c judges people by, its steps' own included. A segment
// trigger counts as its segment.
func (c *Campaign) Conditions() []Condition {
	var out []Condition
	add := func(cond Condition) {
		if cond != nil {
			out = append(out, cond)
		}
	}
	if t, ok := c.Trigger.(SegmentChange); ok {
		add(InSegment{t.Segment})
	}
	add(c.Audience)
	add(c.EnterWhen)
	for _, cond := range c.ExitOn {
		add(cond)
	}
	var steps func([]Step)
	steps = func(list []Step) {
		for _, s := range list {
			add(s.When)
			if s.Wait != nil {
				add(s.Wait.For)
			}
			for _, arm := range s.Branch {
				add(arm.When)
				steps(arm.Steps)
			}
		}
	}
	steps(c.Steps)
	return out
}

// WalkConditions calls f for each of c's conditions and every one below it. It follows
// segments and tiers, each of them once.
func (c *Campaign) WalkConditions(cat *Catalog, f func(Condition)) {
	segments, tiers := map[string]bool{}, false
	var look func(Condition)
	look = func(cond Condition) {
		Walk(cond, func(part Condition) {
			f(part)
			switch part := part.(type) {
			case InSegment:
				if s, ok := cat.Segments[part.Segment]; ok && !segments[part.Segment] {
					segments[part.Segment] = true
					look(s.Match)
				}
			case Attribute:
				if part.Name == "tier" && !tiers {
					tiers = true
					for _, tier := range cat.Workspace.Tiers {
						look(tier.When)
					}
				}
			}
		})
	}
	for _, cond := range c.Conditions() {
		look(cond)
	}
}
