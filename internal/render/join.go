package render

import (
	"strings"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/render"

	"tidings/internal/campaign"
)

// maxPieces bounds what partials within partials can swell a template to.
const maxPieces = 20_000

// joiner puts a layout, a template and the partials that they call into one
// list of pieces.
type joiner struct {
	partials map[string][]*piece
	out      []*piece
	content  []*piece
	calls    []string
	problems []campaign.Problem
}

// partialCall is a call of a partial, joined into its caller.
type partialCall struct {
	args  []renderArg
	names []string // all that the partial can name, restored after it
}

func (j *joiner) add(ps []*piece) {
	for _, p := range ps {
		if len(j.out) > maxPieces {
			return
		}
		switch {
		case p.kind == pieceOutput && p.body == "content" && j.content != nil:
			inner := j.content
			j.content = nil
			j.add(inner)
		case p.kind == pieceTag && p.name == "render":
			j.call(p)
		default:
			own := *p // its context depends on what it is joined with
			j.out = append(j.out, &own)
		}
	}
}

// call joins a partial in, between two pieces that give it its own names.
func (j *joiner) call(p *piece) {
	name, args, _ := splitRender(p.body)
	ps, ok := j.partials[name]
	if !ok {
		return // reported where it stands
	}
	for _, outer := range j.calls {
		if outer == name {
			j.problems = append(j.problems, p.problem("partial "+name+" calls itself", "write a for loop"))
			return
		}
	}
	call := &partialCall{args: args}
	own := map[string]bool{}
	for _, a := range args {
		own[a.name] = true
	}
	if len(ps) > 0 { // all pieces of a file share its scope
		for n := range ps[0].scope.names {
			own[n] = true
		}
		for n := range ps[0].scope.params {
			own[n] = true
		}
	}
	for n := range own {
		call.names = append(call.names, n)
	}
	begin, end := *p, *p
	begin.kind, begin.inner = pieceMade, call
	end.kind, end.inner, end.ends = pieceMade, call, true
	j.out = append(j.out, &begin)
	j.calls = append(j.calls, name)
	j.add(ps)
	j.calls = j.calls[:len(j.calls)-1]
	j.out = append(j.out, &end)
}

// writer makes the block that renders a partial with its own names.
func (c *partialCall) writer() (writer, error) {
	exprs := make([]expressions.Expression, len(c.args))
	for i, a := range c.args {
		var err error
		if exprs[i], err = parseExpr(a.expr); err != nil {
			return nil, err
		}
	}
	return func(_ *state, ctx render.Context, content func() error) error {
		values := make([]any, len(exprs))
		for i, e := range exprs {
			var err error
			if values[i], err = ctx.Evaluate(e); err != nil {
				return err
			}
		}
		vars := ctx.Bindings()
		saved := make([]any, len(c.names))
		for i, n := range c.names {
			saved[i] = vars[n]
			vars[n] = nil
		}
		for i, a := range c.args {
			vars[a.name] = values[i]
		}
		err := content()
		for i, n := range c.names {
			vars[n] = saved[i]
		}
		return err
	}, nil
}

// holes writes pieces as one text with a hole for each that is not text.
func holes(ps []*piece) string {
	var b strings.Builder
	for i, p := range ps {
		if p.kind == pieceText {
			b.WriteString(p.text)
			continue
		}
		b.WriteString(hole(i))
	}
	return b.String()
}
