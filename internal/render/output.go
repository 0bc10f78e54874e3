package render

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/render"
)

// output is an {{ expression }} made ready.
type output struct {
	p          *piece
	name       string // of what it prints, for errors
	path       []string
	base, full expressions.Expression
	filtered   bool     // full is more than base
	args       []output // variables that filters take: missing ones are holes too
	forgiving  bool     // a default stands for what is missing
	tail       []ownFilter
	phrase     *phraseUse // a text of locales/ is the operand
	raw        bool       // a captured text, escaped already
	br         bool       // newline_to_br
}

// newOutput compiles the expression of p. captured names hold markup.
func newOutput(p *piece, captured map[string]bool, texts *phrases) (*output, error) {
	base, filters, _ := splitFilters(p.body)
	o := &output{p: p, name: base}
	var err error
	if len(filters) > 0 && filters[0].name == textFilter {
		if o.phrase, err = newPhraseUse(texts, p, base, filters[0].args); err != nil {
			return nil, err
		}
		filters = filters[1:]
	}
	if o.base, err = parseExpr(base); err != nil {
		return nil, err
	}
	if rs := refsOf(base); len(rs) == 1 && rs[0].whole && rs[0].text == base {
		o.path = rs[0].path
		o.raw = captured[base] && len(filters) == 0
	}
	own := ownWords(base, filters)
	if own && p.ctx == ctxStyle {
		changed := *p // the piece itself may stand in another mail
		changed.ctx = ctxStyleOwn
		o.p = &changed
	}
	if n := len(filters); n > 0 && filters[n-1].name == rawFilter {
		o.raw = own && p.ctx == ctxText
		filters = filters[:n-1]
	}
	if n := len(filters); n > 0 && p.ctx.isHTML() {
		switch filters[n-1].name {
		case "newline_to_br":
			o.br = p.ctx == ctxText
			filters = filters[:n-1]
		case "escape", "escape_once": // every output is
			filters = filters[:n-1]
		}
	}
	all := filters
	for _, f := range all {
		o.forgiving = o.forgiving || f.name == "default"
	}
	if o.phrase != nil {
		o.phrase.forgiving = o.forgiving
	}
	if filters, o.tail, err = ownTail(filters); err != nil {
		return nil, err
	}
	o.filtered = len(filters) > 0
	for _, f := range all {
		for _, r := range refsOf(f.args) {
			if o.forgiving || !r.whole {
				continue
			}
			arg := output{name: r.text, path: r.path}
			if arg.base, err = parseExpr(r.text); err != nil {
				return nil, err
			}
			o.args = append(o.args, arg)
		}
	}
	if o.phrase != nil {
		base = phraseVar
	}
	o.full, err = parseExpr(joinFilters(base, filters))
	return o, err
}

// parseExpr compiles an expression. The library panics on some malformed ones.
func parseExpr(s string) (e expressions.Expression, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, err = nil, fmt.Errorf("%q is not an expression", s)
		}
	}()
	if e, err = expressions.Parse(s); err != nil {
		return nil, fmt.Errorf("%q is not an expression", s)
	}
	return e, nil
}

// operand is the value of the expression before its filters.
func (o *output) operand(st *state, ctx render.Context) (any, error) {
	if o.phrase == nil {
		return o.named(ctx)
	}
	if o.phrase.key != "" {
		return o.phrase.text(st, ctx, nil)
	}
	key, err := o.named(ctx)
	if err != nil {
		return nil, err
	}
	return o.phrase.text(st, ctx, key)
}

// named is the value of the expression itself.
func (o *output) named(ctx render.Context) (any, error) {
	if o.path != nil {
		if v, ok := lookup(ctx.Bindings(), o.path); ok {
			return v, nil
		}
	}
	return ctx.Evaluate(o.base)
}

// lookup follows a path through maps. ok is false where it meets anything else.
func lookup(vars map[string]any, path []string) (v any, ok bool) {
	for i, key := range path {
		if v, ok = vars[key]; !ok || i == len(path)-1 {
			return v, ok
		}
		if vars, ok = v.(map[string]any); !ok {
			return nil, false
		}
	}
	return v, true
}

// value evaluates the output. nil with no error is a missing value in a trial.
func (o *output) value(st *state, ctx render.Context) (any, error) {
	v, err := o.operand(st, ctx)
	if err != nil {
		return nil, err
	}
	if v == nil && !o.forgiving {
		return nil, o.missing(st, o.name)
	}
	for i := range o.args {
		a, err := o.args[i].operand(st, ctx)
		if err != nil {
			return nil, err
		}
		if a == nil {
			return nil, o.missing(st, o.args[i].name)
		}
	}
	if v, err = o.apply(st, ctx, v); err == nil && v == nil {
		err = o.missing(st, o.name)
	}
	return v, err
}

// apply puts the operand's value through the filters.
func (o *output) apply(st *state, ctx render.Context, v any) (any, error) {
	var err error
	switch {
	case o.filtered && o.phrase != nil:
		if v, err = o.phrase.evaluated(ctx, o.full, v); err != nil {
			return nil, err
		}
	case o.filtered:
		if v, err = ctx.Evaluate(o.full); err != nil {
			return nil, err
		}
	}
	for i := range o.tail {
		if v, err = o.tail[i].apply(st, ctx, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (o *output) missing(st *state, name string) error {
	if st.sample {
		return nil
	}
	return st.fail(o.p, "%s is missing; give it a default: {{ %s | default: 'text' }}", name, name)
}

// isBlank is what the default filter replaces.
func isBlank(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Slice, reflect.Map, reflect.Array:
		return r.Len() == 0
	}
	return false
}

// render writes the output, escaped for its place.
func (o *output) render(st *state, ctx render.Context) error {
	st.at = o.p
	v, err := o.value(st, ctx)
	if err != nil {
		return err
	}
	if v == nil { // only in a trial
		v = sampleText
	}
	s, err := textForm(v)
	if err != nil {
		return st.fail(o.p, "%s %v", o.name, err)
	}
	if err := st.grow(len(s)); err != nil {
		return err
	}
	if o.raw {
		st.out = append(st.out, s...)
		return nil
	}
	before := len(st.out)
	if st.out, err = appendEscaped(st.out, s, o.p.ctx, o.br); err != nil {
		return st.fail(o.p, "%s %v", o.name, err)
	}
	return st.grow(max(0, len(st.out)-before-len(s)))
}

// textForm is how a value reads in a text.
func textForm(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int:
		return strconv.Itoa(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", fmt.Errorf("is not a number")
		}
		if math.Abs(v) < 1e9 { // sums of decimals carry an error in the last digits
			v = math.Round(v*1e6) / 1e6
		}
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case bool:
		return strconv.FormatBool(v), nil
	case time.Time:
		return v.Format("2006-01-02 15:04"), nil
	case *state:
		return "", fmt.Errorf("is not a text")
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.String:
		return r.String(), nil
	case reflect.Slice, reflect.Array:
		var all string
		for i := range r.Len() {
			s, err := textForm(r.Index(i).Interface())
			if err != nil {
				return "", err
			}
			if all += s; len(all) > maxText {
				return "", fmt.Errorf("is a list too long to print")
			}
		}
		return all, nil
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32:
		return fmt.Sprint(v), nil
	}
	return "", fmt.Errorf("is a group of values, not a text; name one of them")
}

// rawFilter prints a value of the brand as the markup that it is.
const rawFilter = "raw"

// ownWords tells whether an output holds nothing but the brand's values and words
// of the template's author, so that no customer's data is in it.
func ownWords(base string, filters []filterUse) bool {
	all := refsOf(base)
	if len(all) == 0 || lexExpr(base)[0].kind != 'i' {
		return false
	}
	for _, f := range filters {
		if f.name != "default" && f.name != rawFilter {
			return false
		}
		all = append(all, refsOf(f.args)...)
	}
	for _, r := range all {
		if r.path[0] != "brand" {
			return false
		}
	}
	return true
}
