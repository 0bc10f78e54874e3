package fault

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// Error is what a point reports to whom its rule says error.
type Error struct{ Point string }

func (e *Error) Error() string { return "fault at " + e.Point }

// plan is what is armed; nil: nothing.
var plan atomic.Pointer[Plan]

// Arm makes p the plan of this process; nil disarms it.
func Arm(p *Plan) { plan.Store(p) }

// Armed tells whether faults may strike in this process.
func Armed() bool { return plan.Load() != nil }

// Point is a place at which a process can be killed or frozen.
func Point(name string) {
	if p := plan.Load(); p != nil {
		_ = p.pass(name)
	}
}

// Err is a Point that can report an error besides.
func Err(name string) error {
	if p := plan.Load(); p != nil {
		return p.pass(name)
	}
	return nil
}

// Plan is the faults that are to strike.
type Plan struct {
	rules map[string][]*rule
	// act does what a rule says; tests pass one that only notes it.
	act func(point string, action Action, d time.Duration)
}

type rule struct {
	from   int64 // the first pass that it strikes at
	ever   bool  // and every later one
	action Action
	d      time.Duration
	passes atomic.Int64
}

func (p *Plan) pass(name string) error {
	var err error
	for _, r := range p.rules[name] {
		n := r.passes.Add(1)
		if n != r.from && (!r.ever || n < r.from) {
			continue
		}
		if r.action == Fail {
			err = &Error{name}
		}
		p.act(name, r.action, r.d)
	}
	return err
}

// strike is what Plan.act does in earnest. It says so before, on standard error,
// by which a test sees that its fault has struck.
func strike(point string, action Action, d time.Duration) {
	fmt.Fprintf(os.Stderr, "fault: %s: %s\n", point, action)
	switch action {
	case Fail: // the point's caller does it
	case Kill:
		die()
	case Term:
		terminate()
	case Stop:
		freeze(d)
	case Pause:
		time.Sleep(d)
	default:
		panic(fmt.Sprintf("fault: no action %q", action))
	}
}
