package content

import (
	"io/fs"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

const workspaceFile = "tidings.yaml"

// workspaceSource is tidings.yaml, decoded.
type workspaceSource struct {
	*source
	workspace campaign.Workspace
	files     fs.FS
	top       fields
	// known is false when the file cannot be read: then nothing is said of the
	// names that it would have held.
	known bool
	// tierRefs and tierUses are the names in the tiers, and in nothing else.
	tierRefs []reference
	tierUses []use
	ignoreAt map[string]place // where allow_ignore_cap names a campaign
}

// decodeWorkspace reads tidings.yaml as it is written, and the files in fsys that
// it names.
func decodeWorkspace(s *source, fsys fs.FS) *workspaceSource {
	w := &workspaceSource{source: s, files: fsys, ignoreAt: map[string]place{}, workspace: campaign.Workspace{
		Brand: map[string]string{}, Senders: map[string]campaign.Sender{}, Topics: map[string]campaign.Topic{},
		Rates: campaign.Rates{}, Attributes: map[string]campaign.AttributeType{},
	}}
	if s.root == nil {
		return w
	}
	top, ok := s.mapping(s.root, workspaceFile,
		"name", "zone", "locales", "currency", "brand", "senders", "topics", "defaults",
		"rates", "attributes", "tiers", "rfm", "quiet_hours", "cap", "allow_ignore_cap", "providers")
	if !ok {
		return w
	}
	w.top, w.known = top, true
	ws := &w.workspace
	// The zone comes first: moments in a goal's conditions are in it.
	w.on("zone", func(n *yaml.Node) {
		if _, ws.Zone = w.zoneName(n, "zone", "write a name such as Asia/Manila"); ws.Zone != nil {
			w.zone = ws.Zone
		}
	})
	w.on("locales", w.locales)
	w.on("name", func(n *yaml.Node) { ws.Name = w.prose(n, "name") })
	w.on("currency", w.currency)
	w.on("brand", w.brand)
	w.on("senders", w.senders)
	w.on("topics", w.topics)
	w.on("rates", w.rates)
	// Conditions come last: what they compare with stands above.
	w.terms = &terms{workspace: ws, currencyKnown: ws.Currency != "" || !top.has("currency") && !top.odd}
	w.on("tiers", w.tiers)
	w.tierRefs, w.tierUses = slices.Clone(w.refs), slices.Clone(w.uses)
	w.on("attributes", w.attributes)
	w.on("rfm", w.rfm)
	w.on("defaults", w.defaults)
	w.on("topics", w.topicsWhen)
	w.gates()
	return w
}

func (w *workspaceSource) on(key string, read func(*yaml.Node)) {
	if v, ok := w.top.values[key]; ok {
		read(v)
	}
}

// localeName is the form of a locale: a language, with a script or region.
var localeName = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

var currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)

func (w *workspaceSource) currency(n *yaml.Node) {
	v, ok := w.word(n, "currency")
	if ok && !currencyCode.MatchString(v) {
		w.errorf(n, "write its three letters, as in EUR", "%q is not a currency", shortened(v))
		return
	}
	w.workspace.Currency = v
}

func (w *workspaceSource) brand(n *yaml.Node) { w.brandGroup(n, "brand", "") }

// brandGroup reads the brand's values. Those in groups are kept under a dotted
// name, as in social.instagram.
func (w *workspaceSource) brandGroup(n *yaml.Node, what, prefix string) {
	f, _ := w.entries(n, what)
	for _, key := range sorted(f.values) {
		v, name := f.values[key], prefix+key
		switch {
		case strings.Contains(key, "."):
			w.errorf(f.keys[key], "write a group: { "+strings.ReplaceAll(key, ".", ": { ")+": … }", "%q has a dot in its name", shortened(key))
		case v.Kind == yaml.MappingNode && !w.braces(v) && strings.Count(name, ".") < 2:
			w.brandGroup(v, "brand."+name, name+".")
		case v.Kind == yaml.MappingNode:
			if !w.braces(v) {
				w.errorf(v, "write it one group higher", "brand.%s is a group within groups", name)
			}
		default:
			if text := w.plain(v, "brand."+name); text != "" {
				w.workspace.Brand[name] = text
				w.brandValue(v, name, text)
			}
		}
	}
}

// brandColour is a colour as mail programs read it in a style.
var brandColour = regexp.MustCompile(`^(#[0-9A-Fa-f]{3}|#[0-9A-Fa-f]{6}|[A-Za-z]+|rgba?\([0-9., %]+\))$`)

// brandValue checks the values that stand where not every text can.
func (w *workspaceSource) brandValue(n *yaml.Node, name, text string) {
	group, _, _ := strings.Cut(name, ".")
	switch group {
	case "logo", "site", "social":
		if u, err := url.Parse(text); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			say := w.errorf
			if group == "logo" { // as long as no template shows it, no harm is done
				say = w.warnf
			}
			say(n, "write its whole address, as in https://kape.example/logo.png", "brand.%s is not a web address, as a mail needs it", name)
		}
	case "colour", "colours":
		if !brandColour.MatchString(text) {
			w.errorf(n, `write it in quotes, as in "#5b3a29"`, "brand.%s is not a colour", name)
		}
	}
}

func (w *workspaceSource) senders(n *yaml.Node) {
	all, _ := w.entries(n, "senders")
	for _, key := range sorted(all.values) {
		if !isName(key) {
			w.errorf(all.keys[key], nameHint, "sender %q is not a name", key)
		}
		// A broken sender is known all the same: its users are not at fault.
		w.workspace.Senders[key] = campaign.Sender{}
		f, ok := w.mapping(all.values[key], "a sender", "from", "reply_to")
		if !ok {
			continue
		}
		var out campaign.Sender
		if v, ok := f.values["from"]; ok {
			out.From = w.address(v, "from")
		} else if !f.odd {
			w.errorf(all.keys[key], `add from: "Kape <hello@mail.kape.example>"`, "sender %q has no from", key)
		}
		if v, ok := f.values["reply_to"]; ok {
			out.ReplyTo = w.address(v, "reply_to")
		}
		w.workspace.Senders[key] = out
	}
}

func (w *workspaceSource) address(n *yaml.Node, what string) string {
	v := w.prose(n, what)
	if v == "" {
		return ""
	}
	if _, err := mail.ParseAddress(v); err != nil || strings.ContainsAny(v, "\r\n") {
		w.errorf(n, `write care@kape.example or "Kape <hello@mail.kape.example>"`, "%s is not one email address", what)
		return ""
	}
	return v
}

func (w *workspaceSource) topics(n *yaml.Node) {
	all, _ := w.entries(n, "topics")
	for _, key := range sorted(all.values) {
		if !isName(key) {
			w.errorf(all.keys[key], nameHint, "topic %q is not a name", key)
		}
		out := campaign.Topic{Key: key}
		if f, ok := w.options(all.values[key], "a topic", "name", "opt_in", "when"); ok {
			if v, ok := f.values["name"]; ok {
				out.Name = w.localized(v, "name", w.localesOrDefault())
			}
			if v, ok := f.values["opt_in"]; ok {
				out.DoubleOptIn = w.choice(v, "opt_in", "single", "double") == "double"
			}
		}
		w.workspace.Topics[key] = out
	}
}

// localesOrDefault are the locales that texts are checked against.
func (w *workspaceSource) localesOrDefault() []string {
	switch {
	case !w.known:
		return nil
	case w.workspace.Locales == nil && !w.top.has("locales"):
		return []string{defaultLocale}
	}
	return w.workspace.Locales
}

func (w *workspaceSource) defaults(n *yaml.Node) {
	f, _ := w.options(n, "defaults", "from", "holdout", "goal", "utm")
	d := &w.workspace.Defaults
	d.From = w.named(f, "from", senderRef)
	if v, ok := f.values["holdout"]; ok {
		d.Holdout, _ = w.share(v, "holdout")
	}
	if v, ok := f.values["goal"]; ok {
		d.Goal = w.goal(v)
	}
	if v, ok := f.values["utm"]; ok {
		d.UTM = w.utm(v)
	}
}
