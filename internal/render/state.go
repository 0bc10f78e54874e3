package render

import (
	"fmt"
	"time"

	"github.com/osteele/liquid/render"

	"tidings/internal/campaign"
)

// Names under which templates' expressions reach our own things. They begin
// with two underscores, which the check of variables lets no author write.
const (
	stateVar   = "__state"
	costFilter = "__cost"
	listFilter = "__list"
	intFilter  = "__int"
)

// Bounds of one message. They stop a template that would hang or bloat a
// worker, and lie far above what any mail needs.
const (
	maxOutput = 1 << 20   // bytes written, captures included
	maxSteps  = 50_000    // rounds of loops, and the price of costly filters
	maxText   = 128 << 10 // bytes that a filter may make
	maxRange  = 1_000     // rounds of a loop over (a..b) written in numbers
)

// state is what one rendering carries along.
type state struct {
	out     []byte
	written int
	steps   int
	at      *piece // where it is, for errors that know no place of their own
	sample  bool   // a trial with made-up data: a missing value is no error

	locale   string
	zone     *time.Location
	now      time.Time
	currency string

	message   int64
	settings  Settings
	utm       *utm
	links     []campaign.Link
	subject   string // once it is rendered
	preheader string
	viewed    bool // its page is to be kept
	cycles    map[int]int
	tokens    struct{ open, unsubscribe string } // once they are made
}

func stateOf(ctx render.Context) *state {
	st, _ := ctx.Get(stateVar).(*state)
	return st
}

// fail is an error at the place where the rendering stands.
func (st *state) fail(p *piece, format string, args ...any) error {
	return &Error{File: p.file, Line: p.line, Message: fmt.Sprintf(format, args...)}
}

// grow accounts for n more bytes of output.
func (st *state) grow(n int) error {
	if st.written += n; st.written > maxOutput {
		return st.fail(st.at, "the mail grows beyond 1 MB; shorten it or limit its loops")
	}
	return nil
}

// spend accounts for n steps of work.
func (st *state) spend(n int) error {
	if st.steps += n; st.steps > maxSteps || n < 0 {
		return fmt.Errorf("the template does more than %d steps; limit its loops", maxSteps)
	}
	return nil
}

func (st *state) text(s string) error {
	if err := st.grow(len(s)); err != nil {
		return err
	}
	st.out = append(st.out, s...)
	return nil
}
