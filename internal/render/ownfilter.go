package render

import (
	"fmt"
	"strings"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/render"
)

// ownFilter is one of the three filters that nearly every output of a mail ends
// in, called without the library's way through reflection.
type ownFilter struct {
	name string
	args []ownArg
}

// ownArg is an argument: a literal, or an expression.
type ownArg struct {
	literal any
	expr    expressions.Expression
}

// ownTail takes the filters off the end of a chain that we can call ourselves.
func ownTail(filters []filterUse) (rest []filterUse, tail []ownFilter, err error) {
	cut := len(filters)
	for cut > 0 && isOwn(filters[cut-1]) {
		cut--
	}
	for _, f := range filters[cut:] {
		own := ownFilter{name: f.name}
		for _, a := range splitArgs(f.args) {
			arg := ownArg{}
			if ls := lexExpr(a); len(ls) == 1 && ls[0].kind == 's' && a[0] == '\'' {
				arg.literal = ls[0].text
			} else if arg.expr, err = parseExpr(a); err != nil {
				return nil, nil, err
			}
			own.args = append(own.args, arg)
		}
		tail = append(tail, own)
	}
	return filters[:cut], tail, nil
}

// isOwn tells whether a filter is one of the three, with positional arguments as
// it takes them; others are left to the library, which says what is wrong.
func isOwn(f filterUse) bool {
	for _, l := range lexExpr(f.args) {
		if l.kind == 'k' {
			return false
		}
	}
	switch n := len(splitArgs(f.args)); f.name {
	case "default":
		return n == 1
	case "money", "date":
		return n <= 1
	}
	return false
}

// splitArgs splits a filter's arguments at their commas.
func splitArgs(s string) []string {
	if s == "" {
		return nil
	}
	var out []string
	depth, from := 0, 0
	for _, l := range lexExpr(s) {
		if l.kind != 'o' {
			continue
		}
		switch l.text {
		case "(", "[":
			depth++
		case ")", "]":
			depth--
		case ",":
			if depth == 0 {
				out = append(out, strings.TrimSpace(s[from:l.start]))
				from = l.end
			}
		}
	}
	return append(out, strings.TrimSpace(s[from:]))
}

func (f *ownFilter) apply(st *state, ctx render.Context, v any) (any, error) {
	var arg any
	if len(f.args) > 0 {
		arg = f.args[0].literal
		if e := f.args[0].expr; e != nil {
			var err error
			if arg, err = ctx.Evaluate(e); err != nil {
				return nil, err
			}
		}
	}
	var err error
	switch f.name {
	case "default":
		if isBlank(v) {
			v = arg
		}
		return v, nil
	case "money":
		v, err = moneyFilter(v, arg, st)
	case "date":
		v, err = dateFilter(v, arg, st)
	}
	if err != nil {
		return nil, fmt.Errorf("filter %s: %w", f.name, err)
	}
	return v, nil
}
