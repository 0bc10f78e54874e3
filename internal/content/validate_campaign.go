package content

import (
	"maps"
	"strings"

	"tidings/internal/campaign"
)

// validateCampaign checks what a campaign's keys mean together.
func (w *workspaceFiles) validateCampaign(f *campaignFile) {
	c, top := f.campaign, f.top
	if top.node == nil {
		return // not a map: said already
	}
	if !top.has("trigger") && !top.odd {
		f.errorf(top.node, "add trigger: and one of "+either(triggers[:]), "the campaign has no trigger")
	}
	if !top.has("steps") && !top.odd {
		f.errorf(top.node, "add steps: [ { send: TEMPLATE } ]", "the campaign has no steps")
	}
	w.consent(f)
	if _, ok := c.Trigger.(campaign.Schedule); ok && !top.has("expect") && !top.odd {
		f.errorf(top.key("trigger"), "add expect: { entries: { at_most: 5000 } }, with the most customers that it may mail at once",
			"a schedule does not say how many customers it expects")
	}
	if !c.ActiveFrom.IsZero() && !c.ActiveUntil.IsZero() && !c.ActiveFrom.Before(c.ActiveUntil) {
		f.errorf(top.values["active_until"], "write a later moment", "active_until is not after active_from")
	}
	w.ids(f)
	w.sends(f)
	w.gates(f)
}

// consent checks that a campaign can be switched off by its customers, or says
// that it need not be.
func (w *workspaceFiles) consent(f *campaignFile) {
	c, top := f.campaign, f.top
	if c.Transactional {
		for _, key := range top.among([]string{"topic", "holdout", "priority", "when_capped", "send_window", "fresh", "rate"}) {
			f.errorf(top.keys[key], "take it out, or transactional: true", "a transactional campaign has no %s", key)
		}
		for _, n := range f.stepNotes {
			if n.step.Send != nil && n.step.Send.Topic != "" {
				w.ps.errorf(f.file, n.at, "take it out, or transactional: true", "a transactional campaign has no topic, nor have its steps")
			}
		}
		return
	}
	if !top.has("topic") && !top.odd {
		f.errorf(top.node, "add topic: and one of those in "+workspaceFile+", or transactional: true",
			"the campaign has no topic, so customers could not switch it off")
	}
	ws := w.workspace
	if ws.known && ws.workspace.Brand["address"] == "" {
		at := place{1, 1}
		if ws.top.has("brand") {
			at = placeOf(ws.top.keys["brand"])
		}
		w.ps.errorf(ws.file, at, `add brand: { address: "12 Calle Real, Iloilo" }`,
			"brand has no address, which every marketing mail must show")
	}
}

// ids checks that each step can be told from the others.
func (w *workspaceFiles) ids(f *campaignFile) {
	first := map[string]*stepNote{}
	for _, n := range f.stepNotes {
		id := n.step.ID
		before := first[id]
		if id == "" || before == nil {
			first[id] = n
			continue
		}
		if n.explicit || before.explicit {
			w.ps.errorf(f.file, n.value, "give one of them another id", "two steps have the id %q; first on %s", id, before.value)
		} else {
			w.ps.errorf(f.file, n.value, "add an id to one of them, as in id: "+id+"-again", "template %q is sent twice; first on %s", id, before.value)
		}
	}
}

// sends checks that each mail has a sender and a subject.
func (w *workspaceFiles) sends(f *campaignFile) {
	c := f.campaign
	reported := false
	for _, n := range f.stepNotes {
		send := n.step.Send
		if send == nil {
			continue
		}
		if send.From == "" && c.From == "" && w.workspace.known && !f.top.has("from") && !f.top.odd && !reported {
			reported = true
			w.ps.errorf(f.file, n.at, "add from: here, or defaults: { from: … } in "+workspaceFile, "the mail has no sender")
		}
		sources := w.templates.mails[send.Template]
		if sources == nil || n.subject {
			continue
		}
		for _, locale := range sorted(sources) {
			if t := sources[locale]; len(t.Subject) == 0 && !w.templates.torn[t] {
				w.ps.errorf(f.file, n.at, "add subject: here, or to the front matter of "+t.File, "the mail has no subject")
				break
			}
		}
	}
}

// validateTemplates checks templates against layouts, locales and their use.
func (w *workspaceFiles) validateTemplates() {
	t := w.templates
	used := map[string]bool{}
	for _, f := range w.campaigns {
		for _, r := range f.refs {
			if r.kind == templateRef {
				used[r.name] = true
			}
		}
	}
	layouts := sorted(t.layouts)
	for _, name := range sorted(t.mails) {
		sources := t.mails[name]
		file := sources[sorted(sources)[0]].File
		if !used[name] && !isService(name) {
			w.ps.warnf(file, place{}, "send it, or delete it", "no campaign sends template %q", name)
		}
		for _, locale := range sorted(sources) {
			tmpl := sources[locale]
			if tmpl.Layout != noLayout && !contains(layouts, tmpl.Layout) {
				w.ps.errorf(tmpl.File, t.layoutAt[tmpl], suggest(tmpl.Layout, append(layouts, noLayout)), "unknown layout %q", tmpl.Layout)
			}
		}
		w.spoken(file, "template "+quote(name), sources)
	}
	for _, name := range layouts {
		sources := t.layouts[name]
		w.spoken(sources[sorted(sources)[0]].File, "layout "+quote(name), sources)
	}
}

// spoken checks that sources by locale serve every customer. A source without a
// locale that stands alone is meant for all of them. Beside a mail in other
// languages it is the fallback's; a layout may choose its words by the locale.
func (w *workspaceFiles) spoken(file, what string, sources map[string]*campaign.Template) {
	locales := w.templates.locales
	whole := sources[""] != nil
	if locales == nil || whole && (len(sources) == 1 || strings.HasPrefix(what, "layout ")) {
		return
	}
	if sources[locales[0]] == nil && !whole {
		w.ps.errorf(file, place{}, "add it: customers of other locales read it", "%s has no source in %s, the fallback", what, locales[0])
		return
	}
	if whole && sources[locales[0]] == nil {
		sources = maps.Clone(sources)
		sources[locales[0]] = sources[""]
	}
	if list, read := lacking(w.ps, sources, locales); len(list) > 0 {
		w.ps.warnf(file, place{}, read, "%s has no source in %s", what, strings.Join(list, ", "))
	}
}
