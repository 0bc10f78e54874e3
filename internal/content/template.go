package content

import (
	"io/fs"
	"path"
	"strings"

	"tidings/internal/campaign"
)

const templateDir = "templates"

// templates are the sources below templates/, by kind, name and locale.
type templates struct {
	ps       *problems
	locales  []string // of the workspace; nil: not known
	mails    map[string]map[string]*campaign.Template
	layouts  map[string]map[string]*campaign.Template
	partials map[string]*campaign.Template
	includes map[string]*campaign.Template
	// layoutAt is where a template names its layout.
	layoutAt map[*campaign.Template]place
	// torn are those whose front matter could not be read whole: nothing is said
	// of what it lacks.
	torn map[*campaign.Template]bool
}

// readTemplates reads everything below templates/.
func readTemplates(fsys fs.FS, ps *problems, locales []string) *templates {
	t := &templates{
		ps: ps, locales: locales,
		mails: map[string]map[string]*campaign.Template{}, layouts: map[string]map[string]*campaign.Template{},
		partials: map[string]*campaign.Template{}, includes: map[string]*campaign.Template{}, layoutAt: map[*campaign.Template]place{},
		torn: map[*campaign.Template]bool{},
	}
	if _, err := fs.Stat(fsys, templateDir); err != nil {
		return t
	}
	err := fs.WalkDir(fsys, templateDir, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			ps.errorf(file, place{}, "", "read template: %s", err)
			return nil
		case strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case !entry.IsDir():
			t.read(fsys, file)
		}
		return nil
	})
	if err != nil {
		ps.errorf(templateDir, place{}, "", "read templates: %s", err)
	}
	return t
}

// read takes one file in.
func (t *templates) read(fsys fs.FS, file string) {
	rest := strings.TrimPrefix(file, templateDir+"/")
	name, format, ok := formatOf(rest)
	if !ok {
		t.ps.errorf(file, place{}, "templates are .html, .md or .mjml files; move others out of templates/", "a template cannot be a %s file", kindOfFile(rest))
		return
	}
	kind, inner, found := strings.Cut(name, "/")
	if !found || kind != "layouts" && kind != "partials" {
		kind, inner = "mail", name
	}
	locale := ""
	if kind != "partials" {
		if inner, locale, ok = t.localeOf(file, inner); !ok {
			return
		}
	}
	for part := range strings.SplitSeq(inner, "/") {
		if !isName(part) {
			t.ps.errorf(file, place{}, nameHint, "%q is not a name for a template", inner)
			return
		}
	}
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		t.ps.errorf(file, place{}, "", "read template: %s", err)
		return
	}
	tmpl := t.split(file, string(data), kind == "mail")
	tmpl.Name, tmpl.Locale, tmpl.Format = inner, locale, format
	switch {
	case kind == "partials" && format == campaign.MJML:
		t.includes[file] = tmpl
	case kind == "partials":
		if other := t.partials[inner]; other != nil {
			t.twice(other, tmpl)
			return
		}
		t.partials[inner] = tmpl
	case kind == "layouts" && format == campaign.Markdown:
		t.ps.errorf(file, place{}, "write it in HTML or MJML", "a layout cannot be a .md file")
	case kind == "layouts":
		t.put(t.layouts, tmpl)
	default:
		t.put(t.mails, tmpl)
	}
}

func (t *templates) put(to map[string]map[string]*campaign.Template, tmpl *campaign.Template) {
	if to[tmpl.Name] == nil {
		to[tmpl.Name] = map[string]*campaign.Template{}
	}
	if other := to[tmpl.Name][tmpl.Locale]; other != nil {
		t.twice(other, tmpl)
		return
	}
	to[tmpl.Name][tmpl.Locale] = tmpl
}

// twice reports two files that are the same template in two formats.
func (t *templates) twice(first, second *campaign.Template) {
	t.ps.errorf(second.File, place{}, "keep one of the two", "%s is the same template", first.File)
}

// formatOf parts a template's file name from its ending.
func formatOf(file string) (name string, format campaign.Format, ok bool) {
	ext := path.Ext(file)
	name = strings.TrimSuffix(file, ext)
	switch ext {
	case ".html":
		return name, campaign.HTML, true
	case ".md":
		return name, campaign.Markdown, true
	case ".mjml":
		return name, campaign.MJML, true
	}
	return name, campaign.HTML, false
}

func kindOfFile(name string) string {
	if ext := path.Ext(name); ext != "" {
		return ext
	}
	return "nameless"
}

// localeOf parts NAME.LOCALE.
func (t *templates) localeOf(file, name string) (string, string, bool) {
	dot := strings.LastIndex(name, ".")
	if dot < 0 {
		return name, "", true
	}
	base, locale := name[:dot], name[dot+1:]
	if t.locales != nil && !contains(t.locales, locale) {
		t.ps.errorf(file, place{}, suggest(locale, t.locales), "locale %q is not one of tidings.yaml", locale)
		return "", "", false
	}
	return base, locale, true
}

// split takes the front matter off a template. Only mails have one.
func (t *templates) split(file, text string, mail bool) *campaign.Template {
	out := &campaign.Template{File: file, Line: 1, Source: strings.TrimPrefix(text, "\uFEFF")}
	if at, what := unreadable(text); what != "" {
		t.ps.errorf(file, at, "save the file as UTF-8 text", "%s", what)
		t.torn[out] = true
	}
	lines := strings.SplitAfter(out.Source, "\n")
	if strings.TrimRight(lines[0], " \r\n") != "---" {
		return out
	}
	if !mail {
		t.ps.errorf(file, place{1, 1}, "take it out", "layouts and partials have no front matter")
		return out
	}
	end := 1
	for end < len(lines) && strings.TrimRight(lines[end], " \r\n") != "---" {
		end++
	}
	if end == len(lines) {
		t.ps.errorf(file, place{1, 1}, "add a line --- behind it", "the front matter begins here and never ends")
		t.torn[out] = true
		return out
	}
	out.Source, out.Line = strings.Join(lines[end+1:], ""), end+2
	front := strings.Join(lines[1:end], "")
	if strings.TrimSpace(front) == "" {
		return out
	}
	// The opening line is left blank, so that places are those of the file.
	t.frontMatter(t.ps.parse(file, "\n"+front, nil), out)
	return out
}

func (t *templates) frontMatter(s *source, out *campaign.Template) {
	if s.root == nil {
		t.torn[out] = true
		return
	}
	f, ok := s.mapping(s.root, "the front matter", "subject", "preheader", "layout")
	if t.torn[out] = !ok || f.odd; !ok {
		return
	}

	if v, ok := f.values["subject"]; ok {
		out.Subject = s.localized(v, "subject", t.locales)
	}
	if v, ok := f.values["preheader"]; ok {
		out.Preheader = s.localized(v, "preheader", t.locales)
	}
	if v, ok := f.values["layout"]; ok {
		out.Layout, _ = s.word(v, "layout")
		t.layoutAt[out] = placeOf(v)
	}
}

const (
	defaultLayout = "base"
	noLayout      = "none"
)

// defaultLayouts gives templates that name no layout the one called base, if
// there is one.
func (t *templates) defaultLayouts() {
	fallback := noLayout
	if t.layouts[defaultLayout] != nil {
		fallback = defaultLayout
	}
	for _, byLocale := range t.mails {
		for _, tmpl := range byLocale {
			switch {
			case tmpl.Layout != "":
			case tmpl.Format == campaign.MJML && strings.Contains(tmpl.Source, "<mjml"):
				tmpl.Layout = noLayout // it is a whole mail
			default:
				tmpl.Layout = fallback
			}
		}
	}
}
