package render

import (
	"strconv"
	"strings"

	"github.com/osteele/liquid/render"

	"tidings/internal/campaign"
)

// body joins a template into a layout (nil: none) and compiles it.
func (c *compiler) body(t, layout *campaign.Template) (*unit, []*piece) {
	j := &joiner{partials: c.partials}
	if own := c.sources[t]; layout == nil {
		j.add(own)
	} else {
		j.content = own
		if own == nil {
			j.content = []*piece{}
		}
		j.add(c.sources[layout])
	}
	c.problems = append(c.problems, j.problems...)
	asMJML := isMJML(t, layout)
	switch {
	case asMJML:
		name := t.File
		if layout != nil {
			name = layout.File
		}
		ps, problems := c.fromMJML(name, j.out)
		if c.problems = append(c.problems, problems...); hasErrors(problems) {
			return nil, j.out
		}
		j.out = ps
	case t.Format == campaign.MJML:
		c.problems = append(c.problems, campaign.Problem{File: t.File, Message: "MJML cannot stand in a layout of HTML", Hint: "write layout: none, or a layout in MJML"})
		return nil, j.out
	}
	d := &document{pieces: j.out, authored: len(j.out), src: holes(j.out), file: t, statics: c.statics}
	varies := d.varies()
	d.place(0, len(d.src), false)
	d.straddling()
	d.lint()
	d.finishFrame()
	c.problems = append(c.problems, d.problems...)
	src := applyPatches(d.src, d.patches)
	if !varies && !asMJML { // MJML has said itself what stands where
		src = inlineCSS(src)
	}
	u := c.assemble(src, d.pieces)
	if u != nil {
		u.inlines = varies && !asMJML
	}
	return u, j.out
}

// header compiles a subject or a preheader.
func (c *compiler) header(file string, line int, text string) *unit {
	ps, problems := splitLiquid(file, line, text)
	s := newScope(ps)
	s.subject = true
	c.problems = append(c.problems, problems...)
	before := len(c.problems)
	c.checkPieces(ps)
	if hasErrors(c.problems[before:]) || hasErrors(problems) {
		return nil
	}
	for _, p := range ps {
		p.ctx = ctxPlain
		if p.kind == pieceTag && p.name == "render" {
			c.problems = append(c.problems, p.problem("a subject or preheader calls no partials", "write its text here"))
			return nil
		}
	}
	return c.assemble(holes(ps), ps)
}

// assemble compiles a document with holes.
func (c *compiler) assemble(src string, ps []*piece) *unit {
	a := &assembler{engine: c.engine, texts: c.phrases, captured: map[string]bool{}, last: &piece{file: "templates"}}
	if len(ps) > 0 {
		a.last = ps[0]
	}
	plain := map[string]bool{}
	for _, p := range ps {
		if p.scope == nil {
			continue
		}
		for n := range p.scope.names {
			if p.scope.captured[n] && p.ctx != ctxPlain {
				a.captured[n] = true
			} else {
				plain[n] = true
			}
		}
		for n := range p.scope.params {
			plain[n] = true
		}
	}
	for n := range plain {
		delete(a.captured, n)
	}
	at := 0
	eachHole(src, 0, len(src), func(i, start, end int) {
		a.text(src[at:start])
		a.piece(ps[i])
		at = end
	})
	a.text(src[at:])
	if a.err == nil {
		u, err := c.engine.compile(a.lines, a.places)
		if err == nil {
			u.sets, u.trigger, u.rare, u.choices, u.viewed = a.sets, a.trigger, a.rare, a.choices, a.viewed
			if !a.branches && len(a.open) == 0 {
				u.steps = a.steps
			}
			return u
		}
		a.err = err
	}
	c.problems = append(c.problems, problemOf(a.err))
	return nil
}

// assembler writes the source that the library reads: one tag to a line, so
// that its line numbers lead back to pieces.
type assembler struct {
	engine   *engine
	lines    []string
	places   []*piece
	texts    *phrases
	captured map[string]bool
	last     *piece // the author's piece before what is written
	err      error

	steps    []step
	open     []opened // blocks that have not ended, outermost first
	branches bool     // a condition or a loop is among the tags
	sets     bool
	trigger  bool
	rare     bool
	choices  bool
	viewed   bool
}

// opened is a block of which the end is awaited: its writer, and the steps before it.
type opened struct {
	write  writer
	before []step
}

func (a *assembler) line(s string, p *piece) {
	// The line ends within the tag: outside it would be a text to write.
	a.lines = append(a.lines, "{% "+strings.ReplaceAll(s, "\n", " ")+"\n%}")
	a.places = append(a.places, p)
}

func (a *assembler) write(p *piece, w writer) {
	a.steps = append(a.steps, step{write: w})
	a.line(tagWrite+" "+strconv.Itoa(a.engine.add(w)), p)
}

func (a *assembler) block(p *piece, w writer) {
	a.open = append(a.open, opened{w, a.steps})
	a.steps = nil
	a.line(tagBlock+" "+strconv.Itoa(a.engine.add(w)), p)
}

func (a *assembler) endBlock(p *piece) {
	if n := len(a.open); n > 0 {
		inner, o := a.steps, a.open[n-1]
		if inner == nil {
			inner = []step{}
		}
		a.open, a.steps = a.open[:n-1], append(o.before, step{o.write, inner})
	}
	a.line("end"+tagBlock, p)
}

func (a *assembler) fail(p *piece, err error) {
	if a.err == nil {
		a.err = &Error{File: p.file, Line: p.line, Message: err.Error()}
	}
}

func (a *assembler) text(s string) {
	if s == "" {
		return
	}
	p := a.last
	a.write(p, func(st *state, _ render.Context, _ func() error) error {
		st.at = p
		return st.text(s)
	})
}

func (a *assembler) piece(p *piece) {
	if p.file != "" {
		a.last = p
	}
	a.choices = a.choices || strings.Contains(p.body, "preferences") || strings.Contains(p.body, "links[")
	a.viewed = a.viewed || strings.Contains(p.body, "links") && (strings.Contains(p.body, "view") || !strings.Contains(p.body, "links."))
	a.rare = a.rare || strings.Contains(p.body, "with") || strings.Contains(p.body, "products")
	a.trigger = a.trigger || strings.Contains(p.body, "trigger") || strings.Contains(p.body, "order")
	switch {
	case p.kind == pieceOutput:
		o, err := newOutput(p, a.captured, a.texts)
		if err != nil {
			a.fail(p, err)
			return
		}
		a.write(p, func(st *state, ctx render.Context, _ func() error) error { return o.render(st, ctx) })
	case p.kind == pieceTag:
		a.tag(p)
	case p.ends:
		a.endBlock(p)
	case p.link != nil:
		l := p.link
		a.block(p, func(st *state, _ render.Context, content func() error) error {
			from := len(st.out)
			if err := content(); err != nil {
				return err
			}
			return l.finish(st, from)
		})
	case p.inner != nil:
		a.sets = true
		w, err := p.inner.writer()
		if err != nil {
			a.fail(p, err)
			return
		}
		a.block(p, w)
	default:
		made := p.made
		a.write(p, func(st *state, _ render.Context, _ func() error) error {
			before := len(st.out)
			made(st)
			return st.grow(len(st.out) - before)
		})
	}
}

// tag writes a tag of the author: conditions and loops for the library, the
// rest as ours.
func (a *assembler) tag(p *piece) {
	switch p.name {
	case "assign":
		a.assign(p)
	case "capture":
		a.sets = true
		name := p.body
		a.block(p, func(st *state, ctx render.Context, content func() error) error {
			from := len(st.out)
			if err := content(); err != nil { // a break among them
				st.out = st.out[:from]
				return err
			}
			ctx.Set(name, string(st.out[from:]))
			st.out = st.out[:from]
			return nil
		})
	case "endcapture":
		a.endBlock(p)
	case "cycle":
		words, _ := cycleWords(p.body)
		id := len(a.engine.writers)
		a.write(p, func(st *state, _ render.Context, _ func() error) error {
			if st.cycles == nil {
				st.cycles = map[int]int{}
			}
			n := st.cycles[id]
			st.cycles[id]++
			return st.text(words[n%len(words)])
		})
	case "for":
		a.branches = true
		a.loop(p)
	case "if", "unless", "elsif", "case":
		a.branches = true
		if tests, _ := blankTests(p.body); len(tests) > 0 {
			a.line(p.name+" "+withBlanks(p.body), p)
			return
		}
		base, filters, _ := splitFilters(p.body)
		a.line(p.name+" "+joinFilters(base, filters), p)
	default:
		a.branches = true
		a.line(strings.TrimSpace(p.name+" "+p.body), p)
	}
}

// loop writes a for. A missing list is an empty one, and each round is paid for
// even where it writes nothing.
func (a *assembler) loop(p *piece) {
	f, _ := splitFor(p.body)
	base, filters, _ := splitFilters(f.list)
	list := joinFilters(base, filters)
	if from, to, ok := splitRange(f.list); ok {
		list = "((" + from + " | " + intFilter + ")..(" + to + " | " + intFilter + "))"
	} else {
		list += " | " + listFilter
	}
	a.line("for "+f.variable+" in "+list+" "+f.rest, p)
	a.write(p, func(st *state, _ render.Context, _ func() error) error {
		if err := st.spend(1); err != nil {
			return st.fail(p, "%v", err)
		}
		return nil
	})
}

// assign writes an assignment. A filter does not make something of a value that
// is missing, or the hole would show only where it is printed.
func (a *assembler) assign(p *piece) {
	a.sets = true
	name, expr, _ := cutAssign(p.body)
	own := *p
	own.body, own.ctx = expr, ctxPlain
	o, err := newOutput(&own, nil, a.texts)
	if err != nil {
		a.fail(p, err)
		return
	}
	a.write(p, func(st *state, ctx render.Context, _ func() error) error {
		st.at = p
		v, err := o.operand(st, ctx)
		for i := 0; i < len(o.args) && err == nil && v != nil; i++ {
			var arg any
			if arg, err = o.args[i].operand(st, ctx); arg == nil {
				v = nil // "Dear " and a name that is missing make no greeting
			}
		}
		if err == nil && (v != nil || o.forgiving) {
			v, err = o.apply(st, ctx, v)
		}
		if err != nil {
			return err
		}
		ctx.Set(name, v)
		return nil
	})
}
