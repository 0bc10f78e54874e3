package render

import (
	"embed"
	"maps"
	"strings"

	"tidings/internal/campaign"
)

// The service mails: a link to the page of choices, and two questions that the
// reader of an address answers. They stand for themselves, without the workspace's
// layout and partials, in the brand's colours and the languages of the blocks; a
// workspace that has a template of the name writes the mail itself.
//
//go:embed service
var serviceFiles embed.FS

// serviceDir begins the names of their files in problems.
const serviceDir = "tidings/service/"

// serviceSubjects are their subjects: the title in the mail.
var serviceSubjects = map[string]string{
	campaign.ServiceLink: "blocks.link_title", campaign.ServiceConfirm: "blocks.confirm_title", campaign.ServiceAddress: "blocks.address_title",
}

// withService is cat with the service mails that it has no templates for.
func withService(cat *campaign.Catalog) *campaign.Catalog {
	if cat.Service == nil {
		return cat
	}
	out := *cat
	out.Templates = maps.Clone(cat.Templates)
	if out.Templates == nil {
		out.Templates = map[string]map[string]*campaign.Template{}
	}
	for name, title := range serviceSubjects {
		if out.Templates[name] != nil {
			continue
		}
		src, err := serviceFiles.ReadFile("service/" + name + ".html")
		if err != nil {
			panic("a service mail is not embedded: " + name) // a fault of the build
		}
		out.Templates[name] = map[string]*campaign.Template{"": {
			Name: name, File: serviceDir + name + ".html", Line: 1, Source: string(src), Layout: "none",
			Subject: campaign.Plain("{{ workspace.name }}: {{ '" + title + "' | t }}"),
		}}
	}
	return &out
}

// holdsLink reports a service mail of the workspace's own that lacks the one thing
// that it is for.
func (c *compiler) holdsLink() {
	if c.catalog.Service == nil {
		return
	}
	for key, ps := range c.joined {
		if serviceSubjects[key.template.Name] == "" || printing(ps, "links.confirm") != nil {
			continue
		}
		c.problems = append(c.problems, campaign.Problem{
			File: key.template.File, Line: max(key.template.Line, 1), Column: 1,
			Message: "this mail is for its link, and does not hold it",
			Hint:    `write <a href="{{ links.confirm }}"> around what is to be pressed`,
		})
	}
}

// served gives a service mail what its template names: the link, and the topic in the
// customer's language.
func (r *Renderer) served(l *letter, st *state, vars map[string]any) {
	if l.campaign != r.catalog.Service {
		return
	}
	vars["links"].(map[string]any)["confirm"] = st.confirm(l.step.Send.Template)
	trigger, _ := vars["trigger"].(map[string]any)
	topic, _ := trigger["topic"].(string)
	var names []string
	for key := range strings.SplitSeq(topic, ",") { // one question is about all that was asked for at once
		if t, ok := r.catalog.Workspace.Topics[key]; ok {
			names = append(names, r.catalog.Workspace.Text(t.Name, st.locale))
		}
	}
	if len(names) > 0 {
		trigger["topic_name"] = strings.Join(names, ", ")
	}
}
