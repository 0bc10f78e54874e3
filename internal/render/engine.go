package render

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/parser"
	"github.com/osteele/liquid/render"
	"github.com/osteele/liquid/tags"
)

// engine is the Liquid library, set up. The source that it is given is not the
// author's: every text, output and assignment in it is a tag of ours that names
// a writer by its position here, so that the library is left with conditions
// and loops. Tags write to the state; what the library itself writes is thrown
// away. It is filled at compile time and only read afterwards.
type engine struct {
	cfg     render.Config
	filters map[string]bool
	writers []writer
}

// writer is what a tag of ours does. A block's writer gets its content.
type writer func(st *state, ctx render.Context, content func() error) error

const (
	tagWrite = "w" // {% w 12 %}
	tagBlock = "b" // {% b 12 %} … {% endb %}
)

func newEngine() *engine {
	e := &engine{cfg: render.NewConfig(), filters: map[string]bool{}}
	tags.AddStandardTags(&e.cfg)
	addFilters(e)
	e.cfg.AddTag(tagWrite, func(args string) (func(io.Writer, render.Context) error, error) {
		w, err := e.writer(args)
		if err != nil {
			return nil, err
		}
		return func(_ io.Writer, ctx render.Context) error { return w(stateOf(ctx), ctx, nil) }, nil
	})
	e.cfg.AddBlock(tagBlock).Compiler(func(n render.BlockNode) (func(io.Writer, render.Context) error, error) {
		w, err := e.writer(n.Args)
		if err != nil {
			return nil, err
		}
		return func(_ io.Writer, ctx render.Context) error {
			return w(stateOf(ctx), ctx, func() error {
				// A nil of the library's error type must not become an error.
				if err := ctx.RenderChildren(io.Discard); err != nil {
					return err
				}
				return nil
			})
		}, nil
	})
	return e
}

func (e *engine) writer(args string) (writer, error) {
	n, err := strconv.Atoi(strings.TrimSpace(args))
	if err != nil || n < 0 || n >= len(e.writers) {
		return nil, fmt.Errorf("no writer %q", args)
	}
	return e.writers[n], nil
}

// add keeps a writer and gives its position.
func (e *engine) add(w writer) int {
	e.writers = append(e.writers, w)
	return len(e.writers) - 1
}

// unit is a compiled text: a mail's body, or one header.
type unit struct {
	root    render.Node
	places  []*piece // of each line of the source that the library saw
	cfg     *render.Config
	first   *piece
	inlines bool   // its CSS must be inlined after rendering: classes depend on data
	steps   []step // the same as root, where it holds no condition and no loop
	sets    bool   // it assigns names of its own
	trigger bool   // it may name what began the pass
	rare    bool   // it may name the catalogue, or what the step gives
	choices bool   // it may name the link to the preferences
	viewed  bool   // it may name the link to the mail in the browser
}

// compile has the library read a source of which line n is for places[n-1].
func (e *engine) compile(lines []string, places []*piece) (u *unit, err error) {
	u = &unit{places: places, cfg: &e.cfg, first: &piece{file: "template"}}
	if len(places) > 0 {
		u.first = places[0]
	}
	defer func() {
		if r := recover(); r != nil { // the library panics on some malformed expressions
			u, err = nil, &Error{File: u.first.file, Line: u.first.line, Message: "a tag here is not Liquid"}
		}
	}()
	root, perr := e.cfg.Compile(strings.Join(lines, ""), parser.SourceLoc{Pathname: "mail", LineNo: 1})
	if perr != nil {
		return nil, u.place(perr)
	}
	u.root = root
	return u, nil
}

// run renders the unit into st.out.
func (u *unit) run(st *state, vars map[string]any) (err error) {
	defer func() {
		if r := recover(); r != nil { // a filter given what it cannot take
			err = u.caught(st, r)
		}
	}()
	st.at = u.first
	if u.steps != nil {
		return u.straight(st, vars)
	}
	if rerr := render.Render(u.root, io.Discard, vars, *u.cfg); rerr != nil {
		return u.place(rerr)
	}
	return nil
}

func (u *unit) caught(st *state, r any) error {
	var own *Error
	if err, ok := r.(error); ok && errors.As(err, &own) {
		return own
	}
	at := st.at
	if at == nil {
		at = u.first
	}
	return &Error{File: at.file, Line: at.line, Message: "a filter was given a value that it cannot take"}
}

var liquidError = regexp.MustCompile(`^(?s)Liquid error(?: \(line \d+\))?: (.*?)( in \{%.*| in mail)?$`)

// place turns an error of the library into one at the author's own place.
func (u *unit) place(err parser.Error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	at := u.first
	if n := err.LineNumber(); n >= 1 && n <= len(u.places) {
		at = u.places[n-1]
	}
	message := err.Error()
	if cause := err.Cause(); cause != nil {
		message = cause.Error()
	}
	if m := liquidError.FindStringSubmatch(message); m != nil {
		message = m[1]
	}
	return errorAt(at, err, message)
}

// errorAt is an error of a filter, or another, at a place of the author's.
func errorAt(at *piece, err error, message string) error {
	var fe expressions.FilterError
	if errors.As(err, &fe) {
		message = fmt.Sprintf("filter %s: %v", fe.FilterName, fe.Err)
	}
	message = strings.ReplaceAll(message, " | "+listFilter, "")
	return &Error{File: at.file, Line: at.line, Message: oneLine(message)}
}
