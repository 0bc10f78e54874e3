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

var (
	aboutSender = regexp.MustCompile(`(?i)\bsender\b`)
	relayDenied = regexp.MustCompile(`(?i)relay(ing)?( access)?( is)? (denied|prohibited|not (permitted|allowed))|(unable|not (permitted|allowed|authori[sz]ed)) to relay`)
	spam        = regexp.MustCompile(`(?i)\bspam\b`)
)

// refusesUs tells whether the server turns away whoever hands mail to it, not
// this mail's recipient: a configuration to mend.
func (e *SendError) refusesUs() bool {
	return e.Stage == StageDial || e.Stage == StageMail ||
		e.Reply.Code == 530 || e.Reply.Code == 535 || e.Reply.Enhanced == "5.7.8" || relayDenied.MatchString(e.Reply.Text)
}

// saysUnknown tells whether a refused RCPT names the recipient as unknown in
// words, its enhanced code being absent or saying nothing.
func (e *SendError) saysUnknown() bool {
	switch e.Reply.Enhanced {
	case "", "5.0.0", "5.1.0", "5.5.0":
	default:
		return false
	}
	code := e.Reply.Code
	return e.Stage == StageRcpt && (code == 550 || code == 551 || code == 553) &&
		userUnknown.MatchString(e.Reply.Text) && !aboutSender.MatchString(e.Reply.Text)
}

// Judge turns the end of an attempt into its verdict. Sources: RFC 5321 4.2.1
// (4xx temporary, 5xx permanent), RFC 3463 (enhanced codes), and the table of
// bounces that big senders keep.
func (e *SendError) Judge() (v Verdict, reason string, suppress bool) {
	code, enh := e.Reply.Code, e.Reply.Enhanced
	// A reply that refuses nothing, where none is expected, is as good as none.
	refused := code >= 400 && code < 600
	switch {
	case !refused && e.Stage == StageDot:
		return WasUncertain, "no_reply", false
	case !refused:
		return WasRetry, "connection", false
	case code < 500:
		return WasRetry, "temporary", false
	case e.refusesUs():
		return WasRetry, "refused_sender", false
	case enh == "5.1.1" || enh == "5.1.2" || enh == "5.1.3" || enh == "5.1.6" || enh == "5.1.10" || enh == "5.2.1":
		return WasFailed, "bad_address", true
	case enh == "5.2.2":
		return WasFailed, "mailbox_full", false
	case strings.HasPrefix(enh, "5.7."):
		return WasFailed, "policy", false
	case enh == "5.3.4" || strings.HasPrefix(enh, "5.6."):
		return WasFailed, "content", false
	case e.saysUnknown():
		return WasFailed, "bad_address", true
	case code == 554 && spam.MatchString(e.Reply.Text):
		return WasFailed, "policy", false
	}
	return WasFailed, "rejected", false
}
