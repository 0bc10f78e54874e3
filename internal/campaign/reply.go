package campaign

import (
	"fmt"
	"strings"
)

// Stage is how far an SMTP transaction had come.
type Stage string

// The stages.
const (
	StageDial Stage = "dial"
	StageMail Stage = "mail"
	StageRcpt Stage = "rcpt"
	StageData Stage = "data" // up to and with the body, without the final dot
	StageDot  Stage = "dot"  // the dot was written, or may have been
)

// Reply is an SMTP reply. Code 0 means that none came.
type Reply struct {
	Code     int
	Enhanced string // RFC 3463, e.g. 5.1.1; empty when the server gave none
	Text     string
}

func (r Reply) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, r.Text))
}

// SendError is an attempt that did not end in a 250, with the stage at which it
// ended. It is a typed fact for the ledger, decided by stage and reply alone.
type SendError struct {
	Stage Stage
	Reply Reply
	Err   error // the network's error when no reply came
}

func (e *SendError) Error() string {
	if e.Reply.Code != 0 {
		return fmt.Sprintf("%s: %s", e.Stage, e.Reply)
	}
	return fmt.Sprintf("%s: %v", e.Stage, e.Err)
}

func (e *SendError) Unwrap() error { return e.Err }
