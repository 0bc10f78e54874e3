package render

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/render"

	"tidings/internal/campaign"
)

// textFilter looks up a text of locales/: {{ 'cart.title' | t: name: customer.first_name }}.
const textFilter = "t"

// phraseVar is the name under which filters behind t find the text.
const phraseVar = "__t"

// phrases are the texts of locales/, read: by key, then by the locale of the mail.
type phrases struct {
	byKey  map[string]map[string]*phrase
	source map[string]map[string]campaign.Phrase // by locale and key, as written
}

// newPhrases reads all texts. Each locale of the workspace gets the one that its
// customers read: its own, its language's, the first locale's, or a block's own.
func newPhrases(cat *campaign.Catalog) (*phrases, []campaign.Problem) {
	locales := cat.Workspace.Locales
	if len(locales) == 0 {
		locales = []string{"en"}
	}
	ps := &phrases{byKey: map[string]map[string]*phrase{}, source: cat.Texts}
	read := map[string]map[string]*phrase{}
	var problems []campaign.Problem
	for _, locale := range slices.Sorted(maps.Keys(cat.Texts)) {
		read[locale] = map[string]*phrase{}
		for _, key := range slices.Sorted(maps.Keys(cat.Texts[locale])) {
			t := cat.Texts[locale][key]
			p, err := parsePhrase(t.Source, locale)
			if err != nil {
				problems = append(problems, campaign.Problem{File: t.File, Line: t.Line, Column: t.Column, Message: "text " + key + ", " + err.Error(), Hint: "a brace that is only a brace is written '{'"})
				continue
			}
			read[locale][key] = p
		}
	}
	for _, locale := range locales {
		for _, from := range []map[string]map[string]*phrase{read, blockPhrases()} {
			for _, l := range append(cat.Workspace.LocaleChain(locale), "en") {
				for key, p := range from[l] {
					if ps.byKey[key] == nil {
						ps.byKey[key] = map[string]*phrase{}
					}
					if ps.byKey[key][locale] == nil {
						ps.byKey[key][locale] = p
					}
				}
			}
		}
	}
	return ps, problems
}

// find is the text of a key in a mail's locale; nil: there is none.
func (ps *phrases) find(key, locale string) *phrase {
	byLocale := ps.byKey[key]
	if byLocale == nil {
		return nil
	}
	return byLocale[locale]
}

// phraseUse is a t filter made ready.
type phraseUse struct {
	phrases *phrases
	key     string // empty: known only when it is rendered
	// forgiving is set where a default stands for a text that lacks a value.
	forgiving bool
	args      []phraseArg
}

type phraseArg struct {
	name string
	out  output // without filters
}

// newPhraseUse compiles the arguments of a t filter.
func newPhraseUse(ps *phrases, p *piece, base, args string) (*phraseUse, error) {
	u := &phraseUse{phrases: ps, key: literal(base)}
	given, ok := phraseArgs(args)
	if !ok {
		return nil, errors.New("t takes names and values: t: name: customer.first_name")
	}
	for _, a := range given {
		arg := phraseArg{name: a.name, out: output{p: p, name: a.expr}}
		var err error
		if arg.out.base, err = parseExpr(a.expr); err != nil {
			return nil, err
		}
		if rs := refsOf(a.expr); len(rs) == 1 && rs[0].whole && rs[0].text == a.expr {
			arg.out.path = rs[0].path
		}
		u.args = append(u.args, arg)
	}
	return u, nil
}

// literal is the text of an expression that is nothing but a text in quotes.
func literal(expr string) string {
	if ls := lexExpr(expr); len(ls) == 1 && ls[0].kind == 's' {
		return ls[0].text
	}
	return ""
}

// phraseArgs splits name: value, name: value.
func phraseArgs(s string) ([]renderArg, bool) {
	if s == "" {
		return nil, true
	}
	_, args, ok := splitRender(`"", ` + s)
	return args, ok
}

// text is the text with its arguments filled in. nil: one is missing, in a trial.
func (u *phraseUse) text(st *state, ctx render.Context, key any) (any, error) {
	k := u.key
	if k == "" {
		k, _ = key.(string)
	}
	p := u.phrases.find(k, st.locale)
	if p == nil {
		return nil, fmt.Errorf("no text %q in locales/", k)
	}
	if len(p.args) == 0 && len(p.parts) == 1 {
		return p.parts[0].text, nil
	}
	values := make(map[string]any, len(u.args))
	for i := range u.args {
		a := &u.args[i]
		v, err := a.out.operand(st, ctx)
		if err != nil {
			return nil, err
		}
		if v == nil && slices.Contains(p.args, a.name) {
			if u.forgiving {
				return nil, nil
			}
			if !st.sample {
				return nil, a.out.missing(st, a.out.name)
			}
			v = 2
		}
		values[a.name] = v
	}
	var b strings.Builder
	if err := p.write(&b, p.parts, values, nil, st.locale); err != nil {
		return nil, fmt.Errorf("text %s: %w", k, err)
	}
	return b.String(), nil
}

// textOnly is what the library has for t: it stands where we do not look.
func textOnly(any, ...any) (any, error) {
	return nil, errors.New("t stands first of the filters of an output or an assign")
}

// checkText looks at a use of t, and notes the key for the comparison of languages.
func (c *checker) checkText(p *piece, base, args string) {
	key := literal(base)
	given, ok := phraseArgs(args)
	if !ok {
		c.report(p, "write {{ 'cart.title' | t: name: customer.first_name }}", "t takes names and values, not %q", args)
		return
	}
	for _, a := range given {
		if _, err := parseExpr(a.expr); err != nil {
			c.report(p, "", "%v", err)
		}
	}
	if key == "" {
		return
	}
	byLocale := c.phrases.byKey[key]
	if byLocale == nil {
		hint := didYouMean(key, slices.Sorted(maps.Keys(c.phrases.byKey)))
		if hint == "" {
			hint = "add it to locales/" + c.first + ".yaml"
		}
		c.report(p, hint, "no text %q", key)
		return
	}
	c.used[key] = append(c.used[key], p)
	if byLocale[c.first] == nil {
		c.report(p, "add it to locales/"+c.first+".yaml: customers of other locales read it", "text %q is missing in %s, the fallback", key, c.first)
	}
	needed := map[string]bool{}
	for _, locale := range slices.Sorted(maps.Keys(byLocale)) {
		for _, name := range byLocale[locale].args {
			if !needed[name] && !slices.ContainsFunc(given, func(a renderArg) bool { return a.name == name }) {
				c.report(p, fmt.Sprintf("write t: %s: value", name), "text %q needs %s in %s", key, name, locale)
			}
			needed[name] = true
		}
	}
	for _, a := range given {
		if !needed[a.name] {
			pr := p.problem(fmt.Sprintf("text %q says nothing of %s", key, a.name), "take it out, or write {"+a.name+"} in the text")
			pr.Warning = true
			c.problems = append(c.problems, pr)
		}
	}
}

// untranslated lists, per locale, the texts that its customers read in another
// language because nobody has written them in theirs.
func (c *compiler) untranslated() {
	locales := c.catalog.Workspace.Locales
	for _, locale := range locales[min(1, len(locales)):] {
		own := c.catalog.Workspace.OwnLocales(locale)
		var lacking []string
		for _, key := range slices.Sorted(maps.Keys(c.used)) {
			has := slices.ContainsFunc(own, func(l string) bool {
				_, written := c.catalog.Texts[l][key]
				return written || blockPhrases()[l][key] != nil
			})
			if !has && slices.ContainsFunc(c.used[key], func(p *piece) bool { return c.meant(p.file, locale) }) {
				lacking = append(lacking, key)
			}
		}
		if n := len(lacking); n > 0 {
			what := "text " + lacking[0]
			if n > 1 {
				what = fmt.Sprintf("%d texts that mails use: %s", n, strings.Join(lacking[:min(n, 8)], ", "))
			}
			if n > 8 {
				what += ", …"
			}
			line, column := c.beside(locale, lacking[0])
			c.problems = append(c.problems, campaign.Problem{
				File: "locales/" + locale + ".yaml", Line: line, Column: column, Warning: true, Message: "lacks " + what, Hint: "customers read " + c.readInstead(locale, lacking),
			})
		}
	}
}

// readInstead are the locales in which customers of one read the texts that it lacks.
func (c *compiler) readInstead(locale string, keys []string) string {
	chain := c.catalog.Workspace.LocaleChain(locale)
	var out []string
	for _, l := range chain {
		if slices.ContainsFunc(keys, func(key string) bool {
			i := slices.IndexFunc(chain, func(l string) bool { _, ok := c.catalog.Texts[l][key]; return ok })
			return i >= 0 && chain[i] == l
		}) {
			out = append(out, l)
		}
	}
	return cmp.Or(strings.Join(out, " and "), c.first)
}

// beside is where a text that a language lacks belongs in its file: at the last text
// of its group, else at the beginning; 0, 0 where there is no file.
func (c *compiler) beside(locale, key string) (line, column int) {
	texts, file := c.catalog.Texts[locale]
	if !file {
		return 0, 0
	}
	line, column = 1, 1
	group := key[:strings.LastIndexByte(key, '.')+1]
	for other, p := range texts {
		if group != "" && strings.HasPrefix(other, group) && (p.Line > line || p.Line == line && p.Column > column) {
			line, column = p.Line, p.Column
		}
	}
	return line, column
}

// meant tells whether customers of a locale are sent what stands in a file.
func (c *compiler) meant(file, locale string) bool {
	for _, group := range []map[string]map[string]*campaign.Template{c.catalog.Templates, c.catalog.Layouts} {
		for _, sources := range group {
			for _, t := range sources {
				if t.File == file {
					return c.r.pick(sources, locale) == t
				}
			}
		}
	}
	return true
}

// evaluated is the value of the filters behind t.
func (u *phraseUse) evaluated(ctx render.Context, full expressions.Expression, text any) (any, error) {
	ctx.Set(phraseVar, text)
	return ctx.Evaluate(full)
}
