package campaign_test

import (
	"errors"
	"io"
	"testing"

	"tidings/internal/campaign"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	const (
		dial, mail, rcpt, data, dot     = campaign.StageDial, campaign.StageMail, campaign.StageRcpt, campaign.StageData, campaign.StageDot
		failed, retry, release, unknown = campaign.WasFailed, campaign.WasRetry, campaign.WasRelease, campaign.WasUncertain
		nobody, domain, provider        = campaign.SlowNothing, campaign.SlowDomain, campaign.SlowProvider
		sender, stop                    = campaign.SlowSender, campaign.SlowStop
	)
	for _, c := range []struct {
		stage    campaign.Stage
		code     int
		enhanced string
		text     string
		verdict  campaign.Verdict
		reason   string
		slow     campaign.Slow
	}{
		// No reply: only behind the dot may the mail have been taken.
		{dial, 0, "", "", release, "connection", nobody},
		{mail, 0, "", "", retry, "connection", nobody},
		{rcpt, 0, "", "", retry, "connection", nobody},
		{data, 0, "", "", retry, "connection", nobody},
		{dot, 0, "", "", unknown, "no_reply", nobody},
		{data, 250, "2.0.0", "ok", retry, "connection", nobody},
		{dot, 354, "", "go on", unknown, "no_reply", nobody},
		{dot, 999, "", "", unknown, "no_reply", nobody},
		// Throttles: of the server as a whole up to MAIL, of the domain behind it.
		{dial, 421, "4.3.2", "too busy", release, "throttled", provider},
		{dial, 454, "4.7.0", "TLS not available", release, "temporary", nobody},
		{dial, 450, "", "too many connections from your address", release, "throttled", provider},
		{mail, 421, "4.3.2", "closing", retry, "throttled", provider},
		{mail, 451, "4.7.1", "later", retry, "throttled", provider},
		{mail, 450, "", "", retry, "temporary", nobody},
		{rcpt, 421, "4.7.28", "Gmail has detected an unusual rate of unsolicited mail", retry, "throttled", domain},
		{rcpt, 451, "4.7.650", "The mail server has been temporarily rate limited due to IP reputation", retry, "throttled", domain},
		{rcpt, 450, "4.7.1", "Error: too much mail from 192.0.2.1", retry, "throttled", domain},
		{dot, 421, "4.7.0", "[TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints", retry, "throttled", domain},
		{rcpt, 452, "4.5.3", "too many recipients", retry, "throttled", domain},
		{dot, 454, "", "Throttling failure: Maximum sending rate exceeded", retry, "throttled", provider},
		{dot, 454, "", "Throttling failure: Daily message quota exceeded", retry, "throttled", provider},
		{rcpt, 450, "4.2.1", "The user you are trying to contact is receiving mail too quickly", retry, "temporary", nobody},
		{rcpt, 550, "5.1.1", "192.0.2.1 has sent to too many recipients this hour", retry, "throttled", domain},
		{rcpt, 550, "", "Connection frequency limited", retry, "throttled", domain},
		// A session's limit says nothing about the next session.
		{mail, 421, "4.7.0", "too many messages in this session", release, "session_limit", nobody},
		{mail, 421, "", "Maximum message count per session reached", release, "session_limit", nobody},
		{rcpt, 451, "", "Mails per session limit exceeded", release, "session_limit", nobody},
		{mail, 421, "", "Too many mails per connection", release, "session_limit", nobody},
		{dial, 421, "", "too many concurrent SMTP connections", release, "throttled", provider},
		// Other temporary replies.
		{rcpt, 451, "4.7.1", "Greylisted, please try again later", retry, "temporary", nobody},
		{rcpt, 451, "4.3.0", "local error", retry, "temporary", nobody},
		{rcpt, 452, "4.3.1", "insufficient system storage", retry, "temporary", nobody},
		{mail, 452, "", "insufficient system storage", retry, "temporary", nobody},
		{dot, 499, "", "", retry, "temporary", nobody},
		// A full mailbox.
		{rcpt, 452, "4.2.2", "The recipient's inbox is out of storage space", retry, "mailbox_full", nobody},
		{rcpt, 452, "", "Requested action not taken", retry, "mailbox_full", nobody},
		{rcpt, 450, "", "mailbox is full", retry, "mailbox_full", nobody},
		{rcpt, 452, "", "too many recipients", retry, "throttled", domain},
		{rcpt, 552, "5.2.2", "quota exceeded", failed, "mailbox_full", nobody},
		{rcpt, 552, "", "Requested mail action aborted: exceeded storage allocation", failed, "mailbox_full", nobody},
		{rcpt, 550, "", "account is overquota", failed, "mailbox_full", nobody},
		{dot, 554, "", "Quota exceeded (mailbox for user is full)", failed, "mailbox_full", nobody},
		// The address.
		{rcpt, 550, "5.1.1", "user unknown", failed, "bad_address", nobody},
		{rcpt, 550, "5.1.2", "", failed, "bad_address", nobody},
		{rcpt, 553, "5.1.3", "", failed, "bad_address", nobody},
		{rcpt, 551, "5.1.6", "", failed, "bad_address", nobody},
		{rcpt, 556, "5.1.10", "null MX", failed, "bad_address", nobody},
		{rcpt, 550, "5.2.1", "The email account that you tried to reach is disabled", failed, "bad_address", nobody},
		{rcpt, 550, "5.7.17", "", failed, "bad_address", nobody},
		{dot, 550, "5.1.1", "no such user", failed, "bad_address", nobody},
		{rcpt, 550, "", "User unknown", failed, "bad_address", nobody},
		{rcpt, 550, "", "No such user here", failed, "bad_address", nobody},
		{rcpt, 550, "", "sorry, no mailbox here by that name", failed, "bad_address", nobody},
		{rcpt, 550, "", "Requested action not taken: mailbox unavailable", failed, "bad_address", nobody},
		{rcpt, 550, "5.5.0", "Requested action not taken: mailbox unavailable", failed, "bad_address", nobody},
		{rcpt, 551, "", "recipient does not exist", failed, "bad_address", nobody},
		{rcpt, 552, "", "Requested mail action aborted, mailbox not found", failed, "bad_address", nobody},
		{rcpt, 551, "", "not our user", failed, "bad_address", nobody},
		{rcpt, 550, "5.1.0", "Address rejected.", failed, "bad_address", nobody},
		{rcpt, 553, "5.0.0", "mailbox not found", failed, "bad_address", nobody},
		{rcpt, 550, "", "This account has been disabled", failed, "bad_address", nobody},
		// The same words elsewhere say nothing about the recipient.
		{rcpt, 550, "", "This account has been temporarily disabled", failed, "rejected", nobody},
		{rcpt, 554, "", "user unknown", failed, "rejected", nobody},
		{dot, 550, "", "mailbox unavailable", failed, "rejected", nobody},
		{rcpt, 550, "5.4.1", "recipient address unavailable", failed, "rejected", nobody},
		// Policy: not the address.
		{rcpt, 550, "5.7.1", "user unknown to our policy", failed, "policy", nobody},
		{dot, 550, "5.7.26", "this mail has been blocked because the sender is unauthenticated", failed, "policy", nobody},
		{dot, 550, "5.7.515", "", failed, "policy", nobody},
		{dot, 554, "", "Message rejected as spam", failed, "policy", nobody},
		{dot, 554, "5.7.9", "Message not accepted for policy reasons", failed, "policy", nobody},
		{rcpt, 550, "5.7.1", "RESOLVER.RST.AuthRequired; authentication required", failed, "policy", nobody},
		{rcpt, 550, "", "listed at Spamhaus", failed, "policy", nobody},
		// Us: a configuration or an account to mend, no mail to lose.
		{dial, 554, "", "no service for you", release, "refused_sender", stop},
		{dial, 535, "5.7.8", "authentication failed", release, "refused_sender", stop},
		{dial, 550, "5.1.8", "sender address rejected", release, "refused_sender", stop},
		{mail, 530, "5.7.0", "Authentication required", release, "refused_sender", stop},
		{mail, 550, "5.4.5", "Daily user sending limit exceeded", release, "refused_sender", stop},
		{mail, 550, "5.7.1", "Your account has been suspended", release, "refused_sender", stop},
		{mail, 550, "5.7.1", "too many messages today", retry, "throttled", provider},
		{rcpt, 530, "5.7.0", "Authentication required", release, "refused_sender", stop},
		{rcpt, 550, "5.7.8", "", release, "refused_sender", stop},
		{rcpt, 550, "", "Please turn on SMTP Authentication in your mail client.", release, "refused_sender", stop},
		{rcpt, 554, "5.7.1", "Relay access denied", release, "refused_sender", stop},
		{rcpt, 550, "", "relay not permitted", release, "refused_sender", stop},
		{rcpt, 550, "5.7.1", "Unable to relay", release, "refused_sender", stop},
		{rcpt, 550, "5.7.1", "Relaying denied", release, "refused_sender", stop},
		{rcpt, 553, "", "sorry, that domain isn't in my list of allowed rcpthosts", release, "refused_sender", stop},
		{dot, 554, "", "Sending suspended for this account", release, "refused_sender", stop},
		{dot, 550, "5.4.5", "Daily user sending limit exceeded", release, "refused_sender", stop},
		// One sender of ours: what MAIL is refused for where the reply says no more, and
		// what names the sender anywhere.
		{mail, 550, "5.7.1", "", release, "refused_sender", sender},
		{mail, 550, "5.1.1", "user unknown", release, "refused_sender", sender},
		{mail, 501, "5.1.7", "Bad sender address syntax", release, "refused_sender", sender},
		{mail, 553, "5.1.8", "<…>: Sender address rejected: Domain not found", release, "refused_sender", sender},
		{mail, 553, "5.7.1", "<…>: Sender address rejected: not owned by user shop", release, "refused_sender", sender},
		{mail, 550, "5.7.1", "You are not allowed to send mail from this domain", release, "refused_sender", sender},
		{rcpt, 550, "", "Sender address rejected: Domain not found", release, "refused_sender", sender},
		{rcpt, 550, "5.1.8", "Access denied, bad outbound sender", release, "refused_sender", sender},
		{dot, 554, "", "Message rejected: Email address is not verified.", release, "refused_sender", sender},
		{dot, 550, "", "The from address does not match a verified Sender Identity", release, "refused_sender", sender},
		{dot, 550, "5.7.60", "SMTP; Client does not have permissions to send as this sender", release, "refused_sender", sender},
		// The message.
		{mail, 552, "5.3.4", "too big", failed, "content", nobody},
		{mail, 552, "", "message size exceeds fixed limit", failed, "content", nobody},
		{mail, 553, "5.6.7", "SMTPUTF8 is required", failed, "content", nobody},
		{dot, 552, "5.3.4", "too big", failed, "content", nobody},
		{dot, 552, "5.2.3", "too long for this mailbox", failed, "content", nobody},
		{dot, 552, "", "message exceeds maximum size", failed, "content", nobody},
		{dot, 554, "5.6.0", "", failed, "content", nobody},
		{dot, 554, "5.6.7", "", failed, "content", nobody},
		// All else.
		{rcpt, 550, "", "no", failed, "rejected", nobody},
		{data, 503, "5.5.1", "", failed, "protocol", nobody},
		{rcpt, 555, "", "parameters not recognised", failed, "protocol", nobody},
		{dot, 554, "5.0.0", "transaction failed", failed, "rejected", nobody},
	} {
		e := &campaign.SendError{Stage: c.stage, Reply: campaign.Reply{Code: c.code, Enhanced: c.enhanced, Text: c.text}}
		want := campaign.Judgement{Verdict: c.verdict, Reason: c.reason, Slow: c.slow, Suppress: c.reason == campaign.ReasonBadAddress}
		got := e.Judge()
		if (got.Wait > 0) != (c.verdict == release) {
			t.Errorf("%v: %s, back in %v", e, got.Verdict, got.Wait)
		}
		if got.Wait = 0; got != want {
			t.Errorf("%v: %+v; want %+v", e, got, want)
		}
	}
}

func TestSendErrorSaysWhere(t *testing.T) {
	t.Parallel()
	lost := &campaign.SendError{Stage: campaign.StageDot, Err: io.ErrUnexpectedEOF}
	if lost.Error() != "dot: unexpected EOF" || !errors.Is(lost, io.ErrUnexpectedEOF) {
		t.Error(lost)
	}
	refused := &campaign.SendError{Stage: campaign.StageRcpt, Reply: campaign.Reply{Code: 550, Enhanced: "5.1.1", Text: "user unknown"}}
	if refused.Error() != "rcpt: 550 5.1.1 user unknown" {
		t.Error(refused)
	}
}

// Whatever a server says, a mail that it may have taken is never sent again
// unasked, no address is given up for a reply that is not final, and what costs
// no attempt is not tried again at once.
func FuzzJudge(f *testing.F) {
	f.Add("rcpt", 550, "5.1.1", "user unknown")
	f.Add("dot", 0, "", "")
	f.Add("mail", 451, "4.7.1", "relay access denied")
	f.Add("rcpt", 421, "", "too many messages in this session")
	f.Fuzz(func(t *testing.T, stage string, code int, enhanced, text string) {
		e := &campaign.SendError{Stage: campaign.Stage(stage), Reply: campaign.Reply{Code: code, Enhanced: enhanced, Text: text}}
		j := e.Judge()
		final := code >= 500 && code < 600
		if j.Reason == "" || (j.Verdict == campaign.WasFailed || j.Suppress || j.Slow == campaign.SlowStop || j.Slow == campaign.SlowSender) && !final ||
			j.Suppress && j.Verdict != campaign.WasFailed || (j.Verdict == campaign.WasRelease) != (j.Wait > 0) {
			t.Fatalf("%v: %+v", e, j)
		}
		unknown := (code < 400 || code > 599) && e.Stage == campaign.StageDot
		if unknown != (j.Verdict == campaign.WasUncertain) {
			t.Fatalf("%v: %+v", e, j)
		}
	})
}

func TestGivesUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		days   []int64
		want   bool
	}{
		{"mailbox_full", nil, false},
		{"mailbox_full", []int64{100, 107}, false},
		{"mailbox_full", []int64{100, 107, 114}, false},
		{"mailbox_full", []int64{100, 107, 115}, true},
		{"mailbox_full", []int64{115, 100, 107}, true},
		{"mailbox_full", []int64{100, 115, 115, 115}, false},
		{"rejected", []int64{100, 100, 100, 101}, false},
		{"rejected", []int64{100, 101, 102}, true},
	} {
		rule, counts := campaign.SoftRule(c.reason)
		if !counts || rule.GivesUp(c.days) != c.want {
			t.Errorf("%s on days %v: counts %t, gives up %t", c.reason, c.days, counts, !c.want)
		}
	}
	for _, reason := range []string{"", "bad_address", "policy", "content", "protocol", "temporary", "throttled", "refused_sender"} {
		if _, counts := campaign.SoftRule(reason); counts {
			t.Errorf("%q counts against the address", reason)
		}
	}
}
