package content

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// prose reads a text that people read. A comment on its line is refused: in
// `subject: Sale #1 today` YAML keeps only Sale.
func (s *source) prose(n *yaml.Node, what string) string {
	v, ok := s.word(n, what)
	if !ok {
		return ""
	}
	s.hidden(n, what, false)
	return v
}

// plain is prose that is printed as it is: no Liquid is read in it.
func (s *source) plain(n *yaml.Node, what string) string {
	v := s.prose(n, what)
	s.noTags(n, what, v)
	return v
}

// noTags reports placeholders, of Liquid or another mailer, that customers would read.
func (s *source) noTags(n *yaml.Node, what, text string) {
	if tag := campaign.PlainMergeTags.FindString(text); tag != "" {
		s.errorf(n, "write the words themselves; Liquid is read in templates, subjects and preheaders", "%s is printed as it is, and customers would read %q", what, shortened(tag))
	}
}

// hidden reports a comment behind a text without quotes. tight spares one that
// is clearly meant as such, with a blank behind the #.
func (s *source) hidden(n *yaml.Node, what string, tight bool) {
	c := n.LineComment
	if n.Style != 0 || c == "" || tight && (len(c) < 2 || c[1] == ' ' || c[1] == '#') {
		return
	}
	at := placeOf(n)
	lines := strings.Split(s.text, "\n")
	for i := n.Line - 1; i >= 0 && i < len(lines); i++ {
		if b := strings.Index(lines[i], " "+c); b >= 0 {
			at = place{i + 1, len([]rune(lines[i][:b])) + 2}
			break
		}
	}
	s.ps.errorf(s.file, at, "put the text in quotes, or the comment on a line of its own",
		"%s ends before the #: what follows it is a comment", what)
}

// localized reads a text, or a map of them by locale. locales are those of the
// workspace; none given: not known, and not checked.
func (s *source) localized(n *yaml.Node, what string, locales []string) campaign.Localized {
	if s.braces(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		v := s.prose(n, what)
		if v == "" {
			return nil
		}
		return campaign.Plain(v)
	}
	f, ok := s.entries(n, what)
	if !ok {
		return nil
	}
	if len(f.values) == 0 && !f.odd {
		s.errorf(n, "write a text, or one for each locale as in { en: … }", "%s is an empty map", what)
		return nil
	}
	out := campaign.Localized{}
	odd := f.odd
	for _, locale := range sorted(f.values) {
		if locales != nil && !contains(locales, locale) {
			s.errorf(f.keys[locale], suggest(locale, locales), "%s: locale %q is not one of tidings.yaml", what, shortened(locale))
			odd = true
			continue
		}
		if v := s.prose(f.values[locale], what+" in "+locale); v != "" {
			out[locale] = v
		} else {
			odd = true
		}
	}
	if !odd && locales != nil {
		s.missing(n, what, out, locales)
	}
	return out
}

// missing compares a text's locales with the workspace's. Without the first,
// which is the fallback, some customer would read nothing.
func (s *source) missing(n *yaml.Node, what string, l campaign.Localized, locales []string) {
	if _, ok := l[locales[0]]; !ok {
		s.errorf(n, "add it: customers of other locales read it", "%s has no text in %s, the fallback", what, locales[0])
		return
	}
	if list, read := lacking(s.ps, l, locales); len(list) > 0 {
		s.warnf(n, read, "%s has no text in %s", what, strings.Join(list, ", "))
	}
}
