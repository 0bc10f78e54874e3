package campaign

import (
	"fmt"
	"regexp"
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

var userUnknown = regexp.MustCompile(`(?i)(user|mailbox|recipient|address|account).{0,30}(unknown|not found|no such|does ?n.t exist|unavailable|invalid)|(unknown|no such|invalid) (user|mailbox|recipient|address)`)

// Judge turns the end of an attempt into its verdict. Sources: RFC 5321 4.2.1
// (4xx temporary, 5xx permanent), RFC 3463 (enhanced codes), and the table of
// bounces that big senders keep.
func (e *SendError) Judge() (v Verdict, reason string, suppress bool) {
	code, enh := e.Reply.Code, e.Reply.Enhanced
	switch {
	case code == 0 && e.Stage == StageDot:
		return WasUncertain, "no_reply", false
	case code == 0:
		return WasRetry, "connection", false
	case code >= 400 && code < 500:
		return WasRetry, "temporary", false
	case e.Stage == StageDial || e.Stage == StageMail:
		// The server refuses us, not the recipient: a configuration to mend.
		return WasRetry, "refused_sender", false
	case enh == "5.1.1" || enh == "5.1.2" || enh == "5.1.3" || enh == "5.1.6" || enh == "5.1.10" || enh == "5.2.1":
		return WasFailed, "bad_address", true
	case enh == "5.2.2":
		return WasFailed, "mailbox_full", false
	case strings.HasPrefix(enh, "5.7."):
		return WasFailed, "policy", false
	case enh == "5.3.4" || strings.HasPrefix(enh, "5.6."):
		return WasFailed, "content", false
	case e.Stage == StageRcpt && enh == "" && (code == 550 || code == 551 || code == 553) && userUnknown.MatchString(e.Reply.Text):
		return WasFailed, "bad_address", true
	}
	return WasFailed, "rejected", false
}
