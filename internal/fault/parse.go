package fault

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Action is what a rule does.
type Action string

// The actions.
const (
	Kill  Action = "kill"
	Term  Action = "term"
	Stop  Action = "stop"
	Pause Action = "pause"
	Fail  Action = "error"
)

// Actions lists them all.
func Actions() []Action { return []Action{Kill, Term, Stop, Pause, Fail} }

// points are the names there are, and whether each can report an error. They
// follow a mail from the decision to the end of its task.
var points = map[string]bool{
	"eval.before_commit":           true, // a campaign's tick is written, not committed
	"relay.after_commit":           true, // slices are queued in the ledger, not in Redis
	"relay.after_enqueue":          true, // a slice is in Redis; an error: and the answer was lost
	"worker.after_claim":           true, // a batch is claimed; an error: and the answer was lost
	"worker.after_rcpt":            false,
	"worker.mid_body":              false, // half of a body is with the server
	"worker.before_handoff_commit": true,  // all but the dot is with the server
	"worker.after_handoff_commit":  true,  // an error: committed, and the answer was lost
	"worker.after_dot":             false, // the dot is on the wire, its reply not read
	"worker.after_reply":           false, // the reply is read, not committed
	"worker.after_result_commit":   true,  // an error: committed, and the answer was lost
	"worker.before_ack":            false, // a slice is done, its task is not
	"redis.before":                 true,  // before any command to Redis
	"redis.after":                  true,  // Redis has done it, and its answer was lost
	"store.before_commit":          true,  // of any transaction that writes
	"store.after_commit":           true,
}

// Points lists the names of all points, sorted.
func Points() []string { return slices.Sorted(maps.Keys(points)) }

// Errs tells whether a point can report an error.
func Errs(point string) bool { return points[point] }

// Parse reads the text of TIDINGS_FAULT. An empty one is no plan.
func Parse(text string) (*Plan, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	p := &Plan{rules: map[string][]*rule{}, act: strike}
	for one := range strings.SplitSeq(text, ",") {
		point, r, err := parseRule(strings.TrimSpace(one))
		if err != nil {
			return nil, fmt.Errorf("TIDINGS_FAULT: %q: %w", one, err)
		}
		p.rules[point] = append(p.rules[point], r)
	}
	return p, nil
}

func parseRule(text string) (point string, r *rule, err error) {
	where, what, ok := strings.Cut(text, "=")
	if !ok {
		return "", nil, fmt.Errorf("no action; write POINT=kill")
	}
	point, pass, counted := strings.Cut(where, ":")
	errs, known := points[point]
	if !known {
		return "", nil, fmt.Errorf("no point %q; there are %s", point, strings.Join(Points(), ", "))
	}
	r = &rule{from: 1}
	if counted {
		pass, r.ever = strings.CutSuffix(pass, "+")
		if r.from, err = strconv.ParseInt(pass, 10, 64); err != nil || r.from < 1 {
			return "", nil, fmt.Errorf("pass %q; write a whole number from 1 on, with + for every later one too", pass)
		}
	}
	action, d, timed := strings.Cut(what, ":")
	r.action = Action(action)
	switch {
	case !slices.Contains(Actions(), r.action):
		return "", nil, fmt.Errorf("no action %q; there are kill, term, stop, pause and error", action)
	case r.action == Fail && !errs:
		return "", nil, fmt.Errorf("%s cannot report an error", point)
	case timed && r.action != Stop && r.action != Pause:
		return "", nil, fmt.Errorf("%s takes no duration", action)
	case r.action == Pause:
		r.d = time.Second
	}
	if timed {
		if r.d, err = time.ParseDuration(d); err != nil || r.d <= 0 {
			return "", nil, fmt.Errorf("duration %q; write 30s or 2m", d)
		}
	}
	return point, r, nil
}
