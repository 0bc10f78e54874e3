package cli

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/internal/content"
)

// How many of the latest events of a name, and of the latest values of an
// attribute, stand for all of them.
const (
	latestEvents = 3000
	latestValues = 20000
)

// event looks for the events of a name.
func (d *dataCheck) event(m content.Mention) {
	names := m.Events
	if m.Kind == content.MentionEvent {
		names = []string{m.Name}
	}
	for _, name := range names {
		if seen, ok := d.latest(name); !ok || len(seen) > 0 {
			return
		}
	}
	near := campaign.Nearest(m.Name, d.eventNames)
	switch {
	case m.Kind == content.MentionTrigger:
		d.warn(m, "it waits for "+strings.Join(names, " or "), "nothing that starts %s has been seen yet", m.Name)
	case content.OriginOf(m.Name) == content.ShopsOwn:
		d.warn(m, suggest(near, d.eventNames, true), "no event %q was ever seen", m.Name)
	case near != "" && content.OriginOf(near) == content.ShopsOwn && campaign.Distance(m.Name, near) <= 2:
		d.warn(m, suggest(near, nil, true), "no event %q was ever seen", m.Name)
	case !d.said["event "+m.Name+" "+m.File]:
		// Nothing is wrong with it: once a file is enough.
		d.said["event "+m.Name+" "+m.File] = true
		hint := "right if it is going to be sent"
		if content.OriginOf(m.Name) == content.TidingsOwn {
			hint = "Tidings writes it when it happens"
		}
		d.warn(m, hint, "no event %q has been seen yet", m.Name)
	}
}

// latest are the latest events of a name; ok is false when they can't be had.
func (d *dataCheck) latest(name string) (seen []map[string]any, ok bool) {
	if seen, ok = d.events[name]; ok {
		return seen, true
	}
	ok = d.part("event "+name, nil, func() (err error) {
		seen, err = d.store.LatestEvents(d.ctx, name, latestEvents)
		return err
	})
	if ok {
		d.events[name] = seen
	}
	return seen, ok
}

// property looks at the values that events have at a path.
func (d *dataCheck) property(m content.Mention) {
	var all []map[string]any
	var on []string
	cut := false
	for _, event := range m.Events {
		seen, ok := d.latest(event)
		if !ok {
			return
		}
		if len(seen) > 0 {
			all, on = append(all, seen...), append(on, event)
			cut = cut || len(seen) == latestEvents
		}
	}
	if len(all) == 0 {
		return // that is said of the event
	}
	among := sample{what: "property " + m.Name, of: " of " + strings.Join(on, ", ")}
	if cut {
		among.latest = fmt.Sprintf(" in the latest %s events", thousands(latestEvents))
	}
	for _, properties := range all {
		among.values = append(among.values, audience.Found(properties, m.Name)...)
	}
	if len(among.values) == 0 {
		known := paths(all)
		near := campaign.Nearest(m.Name, known)
		// What the lines of an order have is easily taken for the order's own.
		if i := slices.IndexFunc(known, func(path string) bool { return strings.HasSuffix(path, "."+m.Name) }); i >= 0 {
			near = known[i]
		}
		d.warn(m, suggest(near, siblings(m.Name, known), true),
			"%s was never seen on %s%s", among.what, strings.Join(on, ", "), among.latest)
		return
	}
	d.compare(m, among)
}

// paths are the dotted paths of what objects hold, a few levels deep.
func paths(objects []map[string]any) []string {
	const deep = 3
	found := map[string]bool{}
	var walk func(v any, path string, level int)
	walk = func(v any, path string, level int) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				if object, ok := one.(map[string]any); ok {
					walk(object, path, level)
				}
			}
		case map[string]any:
			for key, one := range v {
				found[path+key] = true
				if level < deep {
					walk(one, path+key+".", level+1)
				}
			}
		}
	}
	for _, object := range objects {
		walk(object, "", 1)
	}
	return slices.Sorted(maps.Keys(found))
}

// siblings are the paths of the same level as path and below the same parent.
func siblings(path string, known []string) []string {
	parent := path[:strings.LastIndex(path, ".")+1]
	var out []string
	for _, k := range known {
		if rest, ok := strings.CutPrefix(k, parent); ok && !strings.Contains(rest, ".") {
			out = append(out, k)
		}
	}
	return out
}

// attribute looks at the values that an attribute took.
func (d *dataCheck) attribute(m content.Mention) {
	among := sample{what: "attribute " + m.Name}
	values, ok := d.latestOf(m.Name)
	known := d.attributeNames
	if object, path, dotted := strings.Cut(m.Name, "."); ok && dotted && len(values) == 0 {
		// As conditions read it: a path into the object that is named first.
		var objects []any
		objects, ok = d.latestOf(object)
		var inside []map[string]any
		for _, o := range objects {
			if o, isObject := o.(map[string]any); isObject {
				inside, values = append(inside, o), append(values, audience.Found(o, path)...)
			}
		}
		if len(inside) > 0 {
			known = nil
			for _, p := range paths(inside) {
				known = append(known, object+"."+p)
			}
		}
	}
	if !ok {
		return
	}
	if len(values) == 0 {
		if m.Kind == content.MentionAttribute {
			d.warn(m, suggest(campaign.Nearest(m.Name, known), known, true), "%s was never seen on any customer", among.what)
		}
		return
	}
	if len(values) >= latestValues {
		among.latest = fmt.Sprintf(" in its latest %s values", thousands(latestValues))
	}
	for _, v := range values {
		if v != nil {
			among.values = append(among.values, v)
		}
	}
	d.compare(m, among)
}

func (d *dataCheck) latestOf(attribute string) (values []any, ok bool) {
	if values, ok = d.values[attribute]; ok {
		return values, true
	}
	ok = d.part("attribute "+attribute, nil, func() (err error) {
		values, err = d.store.LatestValues(d.ctx, attribute, latestValues)
		return err
	})
	if ok {
		d.values[attribute] = values
	}
	return values, ok
}

// sample is what was seen of an attribute or a property.
type sample struct {
	what, of string // attribute tier; property price, " of Order Completed"
	latest   string // says which ones were looked at, where not all
	values   []any  // none of them nil
}

// compare reports a test that no value seen is of the kind for, or a text that none
// of few values is.
func (d *dataCheck) compare(m content.Mention, s sample) {
	if len(s.values) == 0 {
		return
	}
	if !slices.ContainsFunc(s.values, m.Fits) {
		line, column := m.Operand(0)
		kinds, kind := s.kinds(d.private(m))
		d.report(campaign.Problem{File: m.File, Line: line, Column: column, Warning: true, Hint: instead(m, kind, s.values),
			Message: fmt.Sprintf("%s%s is always %s%s, and cannot %s", s.what, s.of, kinds, s.latest, m.Cannot())})
		return
	}
	wanted := m.Wanted()
	if len(wanted) == 0 || d.private(m) {
		return
	}
	seen, few := s.texts()
	if !few {
		return
	}
	for i, want := range wanted {
		if slices.Contains(seen, want) {
			continue
		}
		line, column := m.Operand(i)
		d.report(campaign.Problem{File: m.File, Line: line, Column: column, Warning: true, Hint: suggest(campaign.Nearest(want, seen), seen, false),
			Message: fmt.Sprintf("%s%s was never %q%s", s.what, s.of, brief(want), s.latest)})
	}
}

// fewValues is how many values an attribute may have for one more to be a slip.
const fewValues = 200

// texts are the texts seen, in order; few is false when there are too many of them
// to say anything about another.
func (s sample) texts() (seen []string, few bool) {
	found := map[string]bool{}
	for _, v := range s.values {
		each, list := v.([]any)
		if !list {
			each = []any{v}
		}
		for _, one := range each {
			if text, ok := one.(string); ok {
				found[text] = true
			}
		}
		if len(found) > fewValues {
			return nil, false
		}
	}
	return slices.Sorted(maps.Keys(found)), true
}

// kinds says what the values are, each with an example where nobody's privacy is in
// question, and the kind of the first.
func (s sample) kinds(private bool) (string, campaign.Kind) {
	examples := map[kindSeen]string{}
	for _, v := range s.values {
		kind, shown := kindOf(v), ""
		if !private {
			shown = example(v)
		}
		// Of several the least, so that it is the same one each time.
		if before, found := examples[kind]; !found || shown != "" && (before == "" || shown < before) {
			examples[kind] = shown
		}
	}
	kinds := slices.SortedFunc(maps.Keys(examples), func(a, b kindSeen) int { return strings.Compare(a.word, b.word) })
	words := make([]string, len(kinds))
	for i, kind := range kinds {
		words[i] = kind.word
		if text := examples[kind]; text != "" {
			words[i] += ", as in " + text
		}
	}
	return strings.Join(words, ", or "), kinds[0].kind
}

// kindSeen is a kind of values, "" for objects, with what a sentence calls one.
type kindSeen struct {
	kind campaign.Kind
	word string
}

func kindOf(v any) kindSeen {
	switch v := v.(type) {
	case float64:
		return kindSeen{campaign.Number, "a number"}
	case bool:
		return kindSeen{campaign.Bool, "true or false"}
	case []any:
		return kindSeen{campaign.ListKind, "a list"}
	case string:
		if _, date := campaign.ParseMoment(v, nil); date {
			return kindSeen{campaign.Time, "a date"}
		}
		return kindSeen{campaign.Text, "a text"}
	}
	return kindSeen{"", "an object"}
}

// example is a value that can be shown, or "".
func example(v any) string {
	switch v := v.(type) {
	case float64:
		return campaign.NumberValue(v).Text
	case string:
		if !address.MatchString(v) {
			return strconv.Quote(brief(v))
		}
	}
	return ""
}

// address is what may be somebody's address or number, wherever it stands.
var address = regexp.MustCompile(`@|^\+?[0-9 ()./-]{7,}$`)

// instead is what to do about values of another kind.
func instead(m content.Mention, kind campaign.Kind, values []any) string {
	if m.Wants() == campaign.Number && !slices.ContainsFunc(values, func(v any) bool { return !readsAsNumber(v) }) {
		return "have the shop send it as a number, without quotes"
	}
	if m.Wants() == campaign.Time && kind == campaign.Text {
		return "have the shop send dates as 2026-12-01, or test it as what it is"
	}
	if kind == "" {
		return "name one of its parts, as in " + m.Name + ".NAME"
	}
	return m.Instead(kind)
}

func readsAsNumber(v any) bool {
	text, _ := v.(string)
	_, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return err == nil
}

// personal are the attributes that tell who somebody is, however they are spelled.
var personal = regexp.MustCompile(`(?i)(^|[._ -])(id|e?-?mail|phone|mobile|name|firstname|lastname|surname|address|street|zip|postcode|birthday|birthdate)$`)

// private tells whether values are not to be shown.
func (d *dataCheck) private(m content.Mention) bool {
	if d.cat.Workspace.Attributes[m.Name].PII || strings.HasSuffix(m.Name, "Id") || strings.HasSuffix(m.Name, "ID") {
		return true
	}
	// A product's name is nobody's.
	return personal.MatchString(m.Name) && (m.Kind != content.MentionProperty || !strings.HasSuffix(m.Name, "name"))
}

// suggest is the hint for a word that was not seen: the nearest one, or all when
// they are a few. names are longer lists than values.
func suggest(near string, seen []string, names bool) string {
	if near != "" && !address.MatchString(near) {
		return "did you mean " + strconv.Quote(brief(near)) + "?"
	}
	enough := 8
	if names {
		enough = 24
	}
	if len(seen) == 0 || len(seen) > enough || slices.ContainsFunc(seen, address.MatchString) {
		return "compare it with what the shop sends"
	}
	words := make([]string, len(seen))
	for i, s := range seen {
		words[i] = brief(s)
	}
	return "seen: " + strings.Join(words, ", ")
}

// brief is a text short enough for a line.
func brief(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
