package campaign

import (
	"regexp"
	"strings"
	"time"
)

// Why an attempt did not end in an accepted message. They stand in the ledger and
// in reports.
const (
	ReasonConnection    = "connection"     // no reply, and the message was not taken
	ReasonNoReply       = "no_reply"       // no reply to the dot
	ReasonTemporary     = "temporary"      // a 4xx that says no more
	ReasonThrottled     = "throttled"      // we are too fast for the server
	ReasonSessionLimit  = "session_limit"  // this connection has had its messages
	ReasonRefusedSender = "refused_sender" // the server wants no mail from us, or from this sender
	ReasonBadAddress    = "bad_address"
	ReasonMailboxFull   = "mailbox_full"
	ReasonPolicy        = "policy" // spam filters, block lists, failed authentication
	ReasonContent       = "content"
	ReasonProtocol      = "protocol" // the server did not understand
	ReasonRejected      = "rejected" // a 5xx that says no more
)

// Judgement is what the end of an attempt means for the message, its recipient
// and those who wait.
type Judgement struct {
	Verdict  Verdict
	Reason   string
	Suppress bool          // the address is dead
	Slow     Slow          // whom to let out less for
	Wait     time.Duration // with WasRelease: how long the message stays back
}

const (
	// refusalPause is the wait of a message that the server did not get to see,
	// since it was not reached or wants nothing from us. It goes out soon after
	// that has changed.
	refusalPause = time.Minute
	// sessionPause is the wait after a session's limit that met a message on a new
	// connection too, so that a server whose limit is none is not asked on and on.
	sessionPause = 10 * time.Second
)

// Judge tells what an attempt's end means, by stage and reply alone. Sources: RFC
// 5321 4.2.1 (4xx temporary, 5xx permanent), RFC 3463 and RFC 5248 (enhanced
// codes), and what the big providers document. Words count only where the codes
// leave it open.
func (e *SendError) Judge() Judgement {
	switch code := e.Reply.Code; {
	case code >= 400 && code < 500:
		return e.temporary()
	case code >= 500 && code < 600:
		return e.permanent()
	case e.Stage == StageDot:
		// A reply that refuses nothing, where none is expected, is as good as none.
		return Judgement{Verdict: WasUncertain, Reason: ReasonNoReply}
	case e.Stage == StageDial:
		return Judgement{Verdict: WasRelease, Reason: ReasonConnection, Wait: refusalPause}
	}
	return Judgement{Verdict: WasRetry, Reason: ReasonConnection}
}

var (
	sessionLimit = regexp.MustCompile(`(?i)\b((e-?)?mails?|messages?|transactions?|recipients?)\b.{0,40}\b(per|in|for|on|this|one|single) (this |one |a |the |single )?(smtp )?(session|connection)\b`)
	greylisted   = regexp.MustCompile(`(?i)gr[ae]y.?list`)
	tooFast      = regexp.MustCompile(`(?i)throttl|rate.?limit|\btoo (many|much|fast|quickly|frequent)|exceed.{0,60}\b(rate|limit|quota)|\b(rate|limit|quota)\b.{0,20}exceed|unusual rate|temporarily deferred`)
	ownRate      = regexp.MustCompile(`(?i)throttling failure|\b(sending|hourly|daily)\b.{0,30}\b(rate|quota|limit)`)
	fullMailbox  = regexp.MustCompile(`(?i)\b(mailbox|inbox|user|account|recipient|address)\b.{0,40}\b(full|over ?quota|exceeded)|over ?quota|quota (is )?(exceeded|full)|exceed.{0,30}\b(quota|storage)|out of storage|insufficient.{0,10} storage`)
)

// SessionLimit tells whether a reply says no more than that this connection has
// had its messages: another one takes more at once.
func (r Reply) SessionLimit() bool {
	return r.Code >= 400 && r.Code < 500 && sessionLimit.MatchString(r.Text)
}

// temporary judges a 4xx.
func (e *SendError) temporary() Judgement {
	r := e.Reply
	j := Judgement{Verdict: WasRetry, Reason: ReasonTemporary}
	switch {
	case e.Stage != StageDial && r.SessionLimit():
		return Judgement{Verdict: WasRelease, Reason: ReasonSessionLimit, Wait: sessionPause}
	case e.full():
		j.Reason = ReasonMailboxFull
	case e.throttles():
		j.Reason, j.Slow = ReasonThrottled, SlowDomain
		// Up to MAIL the server knows of no recipient: it speaks of us.
		if e.Stage == StageDial || e.Stage == StageMail || ownRate.MatchString(r.Text) {
			j.Slow = SlowProvider
		}
	}
	if e.Stage == StageDial {
		j.Verdict, j.Wait = WasRelease, refusalPause
	}
	return j
}

// full tells whether a 4xx means that the recipient's mailbox has no room.
func (e *SendError) full() bool {
	r := e.Reply
	switch {
	case e.Stage == StageDial || e.Stage == StageMail || ownRate.MatchString(r.Text):
		return false
	case r.Enhanced == "4.2.2":
		return true
	case r.Enhanced == "" || r.Enhanced == "4.2.0" || r.Enhanced == "4.0.0":
		return r.Code == 452 && !tooFast.MatchString(r.Text) || fullMailbox.MatchString(r.Text)
	}
	return false
}

// throttles tells whether a 4xx asks for less mail, or later. A greylist does not:
// it wants each message once more.
func (e *SendError) throttles() bool {
	r := e.Reply
	switch {
	case r.Code == 421:
		return true
	case greylisted.MatchString(r.Text), strings.HasPrefix(r.Enhanced, "4.2."): // one mailbox's own
		return false
	case e.Stage == StageDial:
		return tooFast.MatchString(r.Text)
	}
	return strings.HasPrefix(r.Enhanced, "4.7.") || r.Enhanced == "4.5.3" || tooFast.MatchString(r.Text)
}

var (
	userUnknown = regexp.MustCompile(`(?i)\b(user|mail-?box|recipient|address|account)\b.{0,30}(unknown|not found|no such|does ?n.t exist|does not exist|unavailable|invalid|not exist)|\b(unknown|no such|invalid|not a valid) (user|mailbox|recipient|address|account|id)\b|\bno mail-?box\b|not our (customer|user)|utilisateur inconnu|\baddress rejected\W*$`)
	disabled    = regexp.MustCompile(`(?i)\b(mailbox|account|user|recipient|address)\b.{0,40}\b(disabled|inactive|closed|deactivated|suspended|not (active|activated)|no longer)\b`)
	passing     = regexp.MustCompile(`(?i)temporar|try again`)
	aboutSender = regexp.MustCompile(`(?i)\bsenders?\b`)
	relayDenied = regexp.MustCompile(`(?i)relay(ing)?( access)?( is)? (denied|prohibited|not (permitted|allowed))|(unable|not (permitted|allowed|authori[sz]ed)|(isn|aren).t allowed) to relay|list of allowed rcpthosts`)
	// refusedUs are the words in which providers turn their own customers away.
	refusedUs = regexp.MustCompile(`(?i)\bsending (has been |is )?(suspended|paused|disabled)|\byour (account|subscription|plan)\b.{0,40}(suspended|disabled|blocked|paused|expired|limit)` +
		`|unauthenticated senders|(you|user|client) (are|is) not (allowed|authori[sz]ed|permitted) to send|sending (limit|quota)` +
		`|turn on smtp authentication|server requires authentication`)
	// refusedFrom are those in which they turn away one sender's address.
	refusedFrom = regexp.MustCompile(`(?i)(address|domain|sender|identit(y|ies)) (is |are |has |have )?not (been )?verified|verified sender identity|sender signature` +
		`|sendasdenied|permissions? to send as|not (allowed|authori[sz]ed|permitted) to (send|use)\b.{0,30}\b(as|from|on behalf)\b` +
		`|sender (address |domain )?(<[^>]*> )?(rejected|denied|refused)|bad (outbound )?sender`)
	// tooFastNow are the words in which some refuse for good what they only limit.
	tooFastNow = regexp.MustCompile(`(?i)throttl|rate.?limit|frequency limited|\btoo many (recipients|messages|e?-?mails|connections)\b`)
	junk       = regexp.MustCompile(`(?i)\bspam|\b(black|block|deny).?list|\bblocked\b|reputation|\b(dmarc|spf|dkim|rbl|dnsbl)\b|\bpolic(y|ies)\b|\bvirus|\bunsolicited\b|spamhaus`)
	tooLong    = regexp.MustCompile(`(?i)\b(message|mail|size|content)\b.{0,40}(too (big|large|long)|exceed|larger)|maximum.{0,20} size`)
)

// permanent judges a 5xx.
func (e *SendError) permanent() Judgement {
	refused := Judgement{Verdict: WasRelease, Reason: ReasonRefusedSender, Slow: SlowStop, Wait: refusalPause}
	switch {
	case e.tooBig(), e.Stage == StageMail && e.Reply.Enhanced == "5.6.7": // RFC 6531: no SMTPUTF8
		return Judgement{Verdict: WasFailed, Reason: ReasonContent}
	case e.Stage == StageDial:
		return refused
	case tooFastNow.MatchString(e.Reply.Text):
		j := Judgement{Verdict: WasRetry, Reason: ReasonThrottled, Slow: SlowDomain}
		if e.Stage == StageMail {
			j.Slow = SlowProvider
		}
		return j
	case e.Stage != StageMail && e.dead():
		return Judgement{Verdict: WasFailed, Reason: ReasonBadAddress, Suppress: true}
	case e.refusesFrom():
		refused.Slow = SlowSender
		return refused
	case e.refusesUs():
		return refused
	case e.Stage == StageMail:
		// All that it knows by then, beside us, is the sender's address: it took our
		// greeting and our password. Whether it is us after all, the next sender shows.
		refused.Slow = SlowSender
		return refused
	}
	return Judgement{Verdict: WasFailed, Reason: e.refusal()}
}

// tooBig tells whether the message is refused for its size, which MAIL announces.
func (e *SendError) tooBig() bool {
	r := e.Reply
	switch r.Enhanced {
	case "5.3.4", "5.2.3":
		return e.Stage != StageDial
	case "":
		return e.Stage == StageMail && r.Code == 552
	}
	return false
}

// dead tells whether nobody is to be reached at the recipient's address.
func (e *SendError) dead() bool {
	r := e.Reply
	switch r.Enhanced {
	case "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1":
		return true
	case "5.7.17", "5.7.18": // RFC 7293: it has another owner now
		return true
	}
	if e.Stage != StageRcpt || !e.vague() || refusedUs.MatchString(r.Text) || refusedFrom.MatchString(r.Text) || relayDenied.MatchString(r.Text) {
		return false
	}
	switch r.Code {
	case 550, 551, 553:
		return userUnknown.MatchString(r.Text) && !aboutSender.MatchString(r.Text) ||
			disabled.MatchString(r.Text) && !passing.MatchString(r.Text) && !aboutSender.MatchString(r.Text)
	case 552: // as Yahoo says it
		return userUnknown.MatchString(r.Text)
	}
	return false
}

// vague tells whether a 5xx has no enhanced code, or one that says nothing.
func (e *SendError) vague() bool {
	switch e.Reply.Enhanced {
	case "", "5.0.0", "5.1.0", "5.2.0", "5.3.0", "5.5.0":
		return true
	}
	return false
}

// refusesFrom tells whether the server turns away the sender's address: other
// senders may be welcome.
func (e *SendError) refusesFrom() bool {
	switch e.Reply.Enhanced {
	case "5.1.7", "5.1.8":
		return true
	}
	return refusedFrom.MatchString(e.Reply.Text)
}

// refusesUs tells whether the server turns away whoever hands mail to it, not this
// mail, its sender or its recipient: a configuration or an account to mend.
func (e *SendError) refusesUs() bool {
	r := e.Reply
	switch r.Code {
	case 525, 530, 534, 535, 538: // RFC 4954 and 5248: AUTH
		return true
	}
	switch r.Enhanced {
	case "5.7.8", // AUTH; its neighbours some use for other policies
		"5.4.5": // Gmail: the daily limit of the account
		return true
	}
	return relayDenied.MatchString(r.Text) || refusedUs.MatchString(r.Text)
}

// refusal is the reason of a 5xx that is final for the message alone.
func (e *SendError) refusal() string {
	r := e.Reply
	switch {
	case r.Enhanced == "5.2.2":
		return ReasonMailboxFull
	case strings.HasPrefix(r.Enhanced, "5.7."):
		return ReasonPolicy
	case strings.HasPrefix(r.Enhanced, "5.6."):
		return ReasonContent
	case e.vague() && junk.MatchString(r.Text):
		return ReasonPolicy
	case e.vague() && fullMailbox.MatchString(r.Text):
		return ReasonMailboxFull
	case e.vague() && tooLong.MatchString(r.Text):
		return ReasonContent
	case e.vague() && r.Code == 552: // RFC 5321: exceeded storage allocation
		return ReasonMailboxFull
	case r.Enhanced == "5.5.1", r.Enhanced == "5.5.2", r.Enhanced == "5.5.4",
		r.Enhanced == "" && (r.Code == 500 || r.Code == 502 || r.Code == 503 || r.Code == 504 || r.Code == 555):
		return ReasonProtocol
	}
	return ReasonRejected
}
