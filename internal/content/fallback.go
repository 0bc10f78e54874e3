package content

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// locales reads the list of them. A locale stands alone, or with what its customers
// read where it has no text: he: { fallback: en }.
func (w *workspaceSource) locales(n *yaml.Node) {
	items, _ := w.list(n, "locales")
	first := map[string]*yaml.Node{}
	fallbacks := map[string]*yaml.Node{}
	for _, item := range items {
		item, to := w.locale(item)
		if item == nil {
			continue
		}
		v, ok := w.word(item, "a locale")
		switch {
		case !ok:
		case !localeName.MatchString(v):
			w.errorf(item, "write en, he or pt-BR", "%q is not a locale", shortened(v))
		case first[v] != nil:
			w.errorf(item, "keep one of the two", "locale %q is listed twice; first on %s", v, placeOf(first[v]))
		default:
			first[v] = item
			w.workspace.Locales = append(w.workspace.Locales, v)
			if to != nil {
				fallbacks[v] = to
			}
		}
	}
	w.fallbacks(fallbacks)
}

// locale parts an item of the list into the locale and its fallback, nil for none.
// Of what is neither a problem is reported, and nothing returned.
func (w *workspaceSource) locale(item *yaml.Node) (locale, fallback *yaml.Node) {
	if item.Kind != yaml.MappingNode {
		return item, nil
	}
	f, ok := w.entries(item, "a locale")
	if !ok || f.odd {
		return nil, nil
	}
	if len(f.values) != 1 {
		w.errorf(item, "write each locale as an item of its own, as in - he: { fallback: en }", "a locale is one key, not %d", len(f.values))
		return nil, nil
	}
	for name, v := range f.values {
		locale = f.keys[name]
		if inner, ok := w.mapping(v, "locale "+shortened(name), "fallback"); ok {
			fallback = inner.values["fallback"]
		}
	}
	return locale, fallback
}

// fallbacks checks that each leads to a locale that is listed, and on to the first.
func (w *workspaceSource) fallbacks(at map[string]*yaml.Node) {
	ws := &w.workspace
	for _, locale := range sorted(at) {
		to, ok := w.word(at[locale], "fallback")
		switch {
		case !ok:
		case locale == ws.Locales[0]:
			w.errorf(at[locale], "take it out: all others fall back to the first in the end", "the first locale has no fallback")
		case to == locale:
			w.errorf(at[locale], suggest(to, slices.DeleteFunc(slices.Clone(ws.Locales), func(l string) bool { return l == locale })), "locale %s falls back to itself", locale)
		case !contains(ws.Locales, to):
			w.errorf(at[locale], suggest(to, ws.Locales), "fallback: locale %q is not in the list", shortened(to))
		default:
			if ws.Fallbacks == nil {
				ws.Fallbacks = map[string]string{}
			}
			ws.Fallbacks[locale] = to
		}
	}
	told := map[string]bool{}
	for _, locale := range sorted(ws.Fallbacks) {
		way := []string{locale}
		for to := ws.Fallbacks[locale]; to != "" && len(way) <= len(ws.Locales); to = ws.Fallbacks[to] {
			if way = append(way, to); to == locale && !told[locale] {
				for _, l := range way {
					told[l] = true
				}
				w.errorf(at[locale], "let one of them fall back to "+ws.Locales[0], "fallbacks go round: %s", strings.Join(way, " → "))
				break
			}
		}
	}
	w.ps.fallbacks = ws.Fallbacks
}

// lacking lists the locales in whose language m has nothing, and says what their
// customers read instead.
func lacking[V any](ps *problems, m map[string]V, locales []string) (list []string, read string) {
	ws := &campaign.Workspace{Locales: locales, Fallbacks: ps.fallbacks}
	has := func(l string) bool { _, ok := m[l]; return ok }
	by := map[string][]string{} // what is read, by whom
	for _, locale := range locales {
		if slices.ContainsFunc(ws.OwnLocales(locale), has) {
			continue
		}
		list = append(list, locale)
		other := locales[0]
		if i := slices.IndexFunc(ws.LocaleChain(locale), has); i >= 0 {
			other = ws.LocaleChain(locale)[i]
		}
		by[other] = append(by[other], locale)
	}
	if len(by) == 1 {
		return list, "they read " + sorted(by)[0]
	}
	var each []string
	for _, other := range sorted(by) {
		verb := " read "
		if len(by[other]) == 1 {
			verb = " reads "
		}
		each = append(each, strings.Join(by[other], ", ")+verb+other)
	}
	return list, strings.Join(each, "; ")
}
