package render

import (
	"errors"
	"maps"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/render"
)

// step is a writer and what stands in its block.
type step struct {
	write writer
	block []step
}

// straight runs a unit without the library, which it needs for conditions and
// loops alone.
func (u *unit) straight(st *state, vars map[string]any) error {
	if u.sets {
		vars = maps.Clone(vars) // one unit's names are none of another's business
	}
	ctx := &bindings{vars: vars, values: expressions.NewContext(vars, u.cfg.Config.Config)}
	err := ctx.run(st, u.steps)
	var own *Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	at := st.at
	if at == nil {
		at = u.first
	}
	return errorAt(at, err, err.Error())
}

// bindings are all of the library's context that writers use.
type bindings struct {
	render.Context
	vars   map[string]any
	values expressions.Context
}

func (b *bindings) Bindings() map[string]any                       { return b.vars }
func (b *bindings) Get(name string) any                            { return b.vars[name] }
func (b *bindings) Set(name string, value any)                     { b.vars[name] = value }
func (b *bindings) Evaluate(e expressions.Expression) (any, error) { return e.Evaluate(b.values) }

func (b *bindings) run(st *state, steps []step) error {
	for i := range steps {
		s := &steps[i]
		var content func() error
		if s.block != nil {
			content = func() error { return b.run(st, s.block) }
		}
		if err := s.write(st, b, content); err != nil {
			return err
		}
	}
	return nil
}
