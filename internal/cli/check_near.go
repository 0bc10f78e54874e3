package cli

import (
	"io/fs"

	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/render"
)

// seenData says of what the database holds something, so that names were compared
// with it.
type seenData struct{ customers, events bool }

// near warns of names in the texts of mails that look like slips of the pen, where
// there is no data yet that could tell.
func near(files fs.FS, cat *campaign.Catalog, seen seenData) []campaign.Problem {
	mentions := content.Mentions(files)
	var out []campaign.Problem
	told := map[campaign.Problem]bool{}
	for _, n := range render.NamesIn(cat) {
		variable, meant := n.Of, ""
		switch {
		case n.Of == "customer":
			if !seen.customers && len(cat.Workspace.Attributes) == 0 { // else it is an error, or compared with the data
				meant = content.NearAttribute(&cat.Workspace, mentions, n.Path)
			}
		case n.Of == "trigger":
			if _, told := content.NamedProperty(n.Campaign.Trigger, n.Path); told && !seen.events {
				meant = content.NearProperty(n.Campaign.Trigger, mentions, n.Path)
			}
		default:
			meant = content.NearProduct(n.Path)
		}
		if meant == "" {
			continue
		}
		p := campaign.Problem{
			File: n.File, Line: n.Line, Column: n.Column, Warning: true,
			Message: "nothing is known of " + variable + "." + n.Path, Hint: "did you mean " + variable + "." + meant + "?",
		}
		if !told[p] {
			told[p] = true
			out = append(out, p)
		}
	}
	return out
}
