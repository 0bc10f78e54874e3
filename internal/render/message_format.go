package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// phrase is a text of locales/, read: an ICU message with arguments, plurals and
// selections. https://unicode-org.github.io/icu/userguide/format_parse/messages/
// says what each form means; what of it is not read here is refused.
type phrase struct {
	parts []phrasePart
	args  []string // what it names, each once
	tag   language.Tag
}

// phrasePart is a part of a message.
type phrasePart struct {
	kind  byte // t text, a argument, n argument written as a number, # the plural's number, p plural, s select
	text  string
	arg   string
	cases []phraseCase // with p and s
}

// phraseCase is a form: one, other, =0, or a word that is selected.
type phraseCase struct {
	name  string
	exact float64 // with =N
	parts []phrasePart
}

// pluralForms are the CLDR's names of plural forms.
var pluralForms = []string{"zero", "one", "two", "few", "many", "other"}

// parsePhrase reads a message in the language of locale.
func parsePhrase(src, locale string) (*phrase, error) {
	tag, err := language.Parse(strings.ReplaceAll(locale, "_", "-"))
	if err != nil {
		tag = language.English
	}
	p := &phraseParser{src: []rune(src)}
	out := &phrase{tag: tag}
	if out.parts, err = p.parts(0, false); err != nil {
		return nil, err
	}
	if p.i < len(p.src) {
		return nil, p.errorf("a } stands here that closes nothing")
	}
	out.args = p.args
	return out, nil
}

type phraseParser struct {
	src  []rune
	i    int
	args []string
}

// errorf is a problem at the place reached, counted in characters from 1.
func (p *phraseParser) errorf(format string, args ...any) error {
	return fmt.Errorf("at character %d: %s", p.i+1, fmt.Sprintf(format, args...))
}

// maxNesting is how deep forms stand within forms.
const maxNesting = 5

// parts reads up to the end, or to the } that closes a form.
func (p *phraseParser) parts(depth int, counted bool) ([]phrasePart, error) {
	var out []phrasePart
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			out = append(out, phrasePart{kind: 't', text: text.String()})
			text.Reset()
		}
	}
	for p.i < len(p.src) {
		switch c := p.src[p.i]; {
		case c == '\'':
			text.WriteString(p.quoted(counted))
		case c == '}':
			flush()
			return out, nil
		case c == '#' && counted:
			flush()
			out = append(out, phrasePart{kind: '#'})
			p.i++
		case c == '{':
			flush()
			part, err := p.argument(depth, counted)
			if err != nil {
				return nil, err
			}
			out = append(out, part)
		default:
			text.WriteRune(c)
			p.i++
		}
	}
	flush()
	return out, nil
}

// quoted reads an apostrophe: two are one, one before a brace begins a quotation,
// and any other is itself.
func (p *phraseParser) quoted(counted bool) string {
	p.i++
	switch {
	case p.i >= len(p.src):
		return "'"
	case p.src[p.i] == '\'':
		p.i++
		return "'"
	case p.src[p.i] != '{' && p.src[p.i] != '}' && (p.src[p.i] != '#' || !counted):
		return "'"
	}
	var b strings.Builder
	for p.i < len(p.src) {
		c := p.src[p.i]
		p.i++
		if c != '\'' {
			b.WriteRune(c)
			continue
		}
		if p.i >= len(p.src) || p.src[p.i] != '\'' {
			break
		}
		b.WriteRune('\'')
		p.i++
	}
	return b.String()
}

func (p *phraseParser) space() {
	for p.i < len(p.src) && unicode.IsSpace(p.src[p.i]) {
		p.i++
	}
}

// word reads a name, =0, or nothing.
func (p *phraseParser) word() string {
	p.space()
	from := p.i
	for p.i < len(p.src) && !unicode.IsSpace(p.src[p.i]) && !strings.ContainsRune("{},#'", p.src[p.i]) {
		p.i++
	}
	w := string(p.src[from:p.i])
	p.space()
	return w
}

func (p *phraseParser) next(c rune) bool {
	if p.i < len(p.src) && p.src[p.i] == c {
		p.i++
		return true
	}
	return false
}

// argument reads { … }.
func (p *phraseParser) argument(depth int, counted bool) (phrasePart, error) {
	p.i++
	part := phrasePart{kind: 'a', arg: p.word()}
	if !identStart(part.arg) || strings.ContainsAny(part.arg, ".-=") {
		return part, p.errorf("write a name, as in {name}")
	}
	if !slices.Contains(p.args, part.arg) {
		p.args = append(p.args, part.arg)
	}
	if p.next('}') {
		return part, nil
	}
	if !p.next(',') {
		return part, p.errorf("{%s is not closed", part.arg)
	}
	kind := p.word()
	switch kind {
	case "number":
		part.kind = 'n'
		if !p.next('}') {
			return part, p.errorf("number takes nothing behind it: {%s, number}", part.arg)
		}
		return part, nil
	case "plural":
		part.kind = 'p'
	case "select":
		part.kind = 's'
	default:
		return part, p.errorf("%q is not a kind of argument that is known; there are number, plural and select", kind)
	}
	if !p.next(',') {
		return part, p.errorf("write {%s, %s, other {…}}", part.arg, kind)
	}
	if depth >= maxNesting {
		return part, p.errorf("forms stand within forms more than %d deep", maxNesting)
	}
	err := p.cases(&part, depth+1, counted || part.kind == 'p')
	return part, err
}

// cases reads the forms of a plural or a selection up to its }.
func (p *phraseParser) cases(part *phrasePart, depth int, counted bool) error {
	other := false
	for {
		name := p.word()
		if name == "" && p.next('}') {
			break
		}
		c := phraseCase{name: name}
		if err := p.caseName(part, &c); err != nil {
			return err
		}
		if !p.next('{') {
			return p.errorf("write the form in braces: %s {…}", name)
		}
		var err error
		if c.parts, err = p.parts(depth, counted); err != nil {
			return err
		}
		if !p.next('}') {
			return p.errorf("the form %s is not closed", name)
		}
		other = other || name == "other"
		part.cases = append(part.cases, c)
	}
	if !other {
		return p.errorf("%s has no form other {…}, which all the rest take", part.arg)
	}
	return nil
}

// caseName checks the name of a form.
func (p *phraseParser) caseName(part *phrasePart, c *phraseCase) error {
	if slices.ContainsFunc(part.cases, func(o phraseCase) bool { return o.name == c.name }) {
		return p.errorf("the form %s stands twice", c.name)
	}
	switch {
	case c.name == "":
		return p.errorf("a form has no name")
	case part.kind == 's':
		return nil
	case strings.HasPrefix(c.name, "="):
		n, err := strconv.ParseFloat(c.name[1:], 64)
		if err != nil {
			return p.errorf("%s is not a number; write =0", c.name)
		}
		c.exact = n
	case !slices.Contains(pluralForms, c.name):
		return p.errorf("%q is not a plural form; there are =0, %s", c.name, strings.Join(pluralForms, ", "))
	}
	return nil
}

// write renders the message. values are its arguments, count the plural's around.
func (p *phrase) write(b *strings.Builder, parts []phrasePart, values map[string]any, count any, locale string) error {
	for i := range parts {
		part := &parts[i]
		v := values[part.arg]
		switch part.kind {
		case 't':
			b.WriteString(part.text)
		case 'a':
			s, err := textForm(v)
			if err != nil {
				return fmt.Errorf("%s %w", part.arg, err)
			}
			b.WriteString(s)
		case 'n', '#':
			if part.kind == '#' {
				v = count
			}
			n, ok := toNumber(v)
			if !ok {
				return fmt.Errorf("%s needs a number", part.arg)
			}
			b.WriteString(formatNumber(n, -1, locale))
		default:
			c, err := p.choose(part, v)
			if err != nil {
				return err
			}
			inner := count
			if part.kind == 'p' {
				inner = v
			}
			if err := p.write(b, c.parts, values, inner, locale); err != nil {
				return err
			}
		}
		if b.Len() > maxText {
			return fmt.Errorf("the text grows beyond %d kB", maxText>>10)
		}
	}
	return nil
}

// choose finds the form for a value.
func (p *phrase) choose(part *phrasePart, v any) (*phraseCase, error) {
	name := ""
	if part.kind == 'p' {
		n, ok := toNumber(v)
		if !ok {
			return nil, fmt.Errorf("%s needs a number", part.arg)
		}
		for i := range part.cases {
			if c := &part.cases[i]; strings.HasPrefix(c.name, "=") && c.exact == n {
				return c, nil
			}
		}
		name = pluralForm(p.tag, n)
	} else {
		var err error
		if name, err = textForm(v); err != nil {
			return nil, fmt.Errorf("%s %w", part.arg, err)
		}
	}
	var other *phraseCase
	for i := range part.cases {
		switch part.cases[i].name {
		case name:
			return &part.cases[i], nil
		case "other":
			other = &part.cases[i]
		}
	}
	return other, nil
}

// pluralForm is the CLDR's form for n in a language, by its operands: the whole
// part, and the digits behind the point with and without zeros at their end.
func pluralForm(tag language.Tag, n float64) string {
	text, err := textForm(max(n, -n))
	if err != nil {
		return "other"
	}
	whole, fraction, _ := strings.Cut(text, ".")
	if len(whole) > 15 {
		return "other"
	}
	i, _ := strconv.Atoi(whole)
	f, _ := strconv.Atoi(fraction)
	v := len(fraction)
	form := plural.Cardinal.MatchPlural(tag, i, v, v, f, f)
	return map[plural.Form]string{
		plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many",
	}[form] // other is "", which no form is called
}
