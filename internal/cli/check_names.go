package cli

import (
	"tidings/internal/content"
	"tidings/internal/render"
)

// names looks for what the texts of mails name: an attribute that no customer ever
// had, or a property that no event of the trigger had, is a hole in every mail.
func (d *dataCheck) names(customers, events bool) {
	for _, n := range render.NamesIn(d.cat) {
		if n.Of == "cart" || n.Of == "products" {
			continue // what they hold is gathered from many events and from the feed
		}
		if n.Campaign == nil {
			if m, ok := content.NamedAttribute(&d.cat.Workspace, n.Path); ok && customers {
				m.File, m.Line, m.Column = n.File, n.Line, n.Column
				d.attribute(m)
			}
			continue
		}
		if m, ok := content.NamedProperty(n.Campaign.Trigger, n.Path); ok && events {
			m.File, m.Line, m.Column = n.File, n.Line, n.Column
			d.property(m)
		}
	}
}
