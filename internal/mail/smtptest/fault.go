package smtptest

import "time"

// Point is a moment of a session at which a fault can strike: a command, or a
// place in the taking of a message.
type Point string

// The points. Fault at Dot strikes when the final dot has been read and nothing
// recorded; Taken when the message is recorded and only the reply is left.
const (
	Greeting Point = "greeting"
	Ehlo     Point = "ehlo"
	StartTLS Point = "starttls"
	Auth     Point = "auth"
	Mail     Point = "mail"
	Rcpt     Point = "rcpt"
	Data     Point = "data"
	Body     Point = "body" // the first line of the body has been read
	Dot      Point = "dot"
	Taken    Point = "taken"
	Rset     Point = "rset"
	Noop     Point = "noop"
	Quit     Point = "quit"
)

// Moment is where a session stands when a fault is asked for.
type Moment struct {
	Point   Point
	Session int    // the connection, from 1
	Taken   int    // messages accepted in this session
	To      string // the recipient, from RCPT on
	ID      string // the message's id, at Dot and Taken
}

// Fault is what the server does instead of the right thing. Reply goes out in
// place of the usual one, and what the point stands for does not happen; after
// a 421 the connection is closed.
type Fault struct {
	Reply  string          // e.g. "451 4.7.1 later"
	Drop   bool            // close the connection without a word
	Silent bool            // never answer again
	After  time.Duration   // be slow: wait before going on
	Until  <-chan struct{} // wait for this before going on
}

// Plan decides about faults; nil is none. It is called from all sessions.
type Plan func(Moment) *Fault

// At is a plan with f at every such point.
func At(p Point, f Fault) Plan {
	return func(m Moment) *Fault {
		if m.Point == p {
			return &f
		}
		return nil
	}
}

// InSession limits a plan to one connection, counted from 1.
func InSession(n int, plan Plan) Plan {
	return func(m Moment) *Fault {
		if m.Session == n {
			return plan(m)
		}
		return nil
	}
}

// PerSession says 421 at MAIL when a session has had n messages.
func PerSession(n int) Plan {
	return func(m Moment) *Fault {
		if m.Point == Mail && m.Taken >= n {
			return &Fault{Reply: "421 4.7.0 too many messages in this session"}
		}
		return nil
	}
}

// Both asks the plans in order and takes the first fault.
func Both(plans ...Plan) Plan {
	return func(m Moment) *Fault {
		for _, p := range plans {
			if f := p(m); f != nil {
				return f
			}
		}
		return nil
	}
}
