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
		dial, mail, rcpt, data, dot = campaign.StageDial, campaign.StageMail, campaign.StageRcpt, campaign.StageData, campaign.StageDot
		failed, retry, uncertain    = campaign.WasFailed, campaign.WasRetry, campaign.WasUncertain
	)
	for _, c := range []struct {
		stage    campaign.Stage
		code     int
		enhanced string
		text     string
		verdict  campaign.Verdict
		reason   string
		suppress bool
	}{
		// No reply: only behind the dot may the mail have been taken.
		{dial, 0, "", "", retry, "connection", false},
		{mail, 0, "", "", retry, "connection", false},
		{rcpt, 0, "", "", retry, "connection", false},
		{data, 0, "", "", retry, "connection", false},
		{dot, 0, "", "", uncertain, "no_reply", false},
		{data, 250, "2.0.0", "ok", retry, "connection", false},
		{dot, 354, "", "go on", uncertain, "no_reply", false},
		{dot, 999, "", "", uncertain, "no_reply", false},
		// Throttles and other temporary replies, at any stage.
		{dial, 421, "4.3.2", "too busy", retry, "temporary", false},
		{mail, 421, "4.7.0", "too many messages in this session", retry, "temporary", false},
		{mail, 450, "", "", retry, "temporary", false},
		{rcpt, 451, "4.7.1", "greylisted", retry, "temporary", false},
		{rcpt, 452, "4.5.3", "too many recipients", retry, "temporary", false},
		{rcpt, 452, "4.2.2", "mailbox full", retry, "temporary", false},
		{dot, 454, "", "Throttling failure: Maximum sending rate exceeded", retry, "temporary", false},
		{dot, 499, "", "", retry, "temporary", false},
		// The address.
		{rcpt, 550, "5.1.1", "user unknown", failed, "bad_address", true},
		{rcpt, 550, "5.1.2", "", failed, "bad_address", true},
		{rcpt, 553, "5.1.3", "", failed, "bad_address", true},
		{rcpt, 551, "5.1.6", "", failed, "bad_address", true},
		{rcpt, 556, "5.1.10", "null MX", failed, "bad_address", true},
		{rcpt, 550, "5.2.1", "disabled", failed, "bad_address", true},
		{dot, 550, "5.1.1", "no such user", failed, "bad_address", true},
		{rcpt, 550, "", "User unknown", failed, "bad_address", true},
		{rcpt, 550, "", "No such user here", failed, "bad_address", true},
		{rcpt, 550, "", "Requested action not taken: mailbox unavailable", failed, "bad_address", true},
		{rcpt, 550, "5.5.0", "Requested action not taken: mailbox unavailable", failed, "bad_address", true},
		{rcpt, 551, "", "recipient does not exist", failed, "bad_address", true},
		{rcpt, 553, "5.0.0", "mailbox not found", failed, "bad_address", true},
		// The same words elsewhere say nothing about the recipient.
		{rcpt, 550, "", "Sender address rejected: Domain not found", failed, "rejected", false},
		{rcpt, 554, "", "user unknown", failed, "rejected", false},
		{dot, 550, "", "mailbox unavailable", failed, "rejected", false},
		{rcpt, 550, "5.4.1", "recipient address unavailable", failed, "rejected", false},
		{mail, 550, "5.1.1", "user unknown", retry, "refused_sender", false},
		// A full mailbox.
		{rcpt, 552, "5.2.2", "quota exceeded", failed, "mailbox_full", false},
		// Policy: not the address.
		{rcpt, 550, "5.7.1", "user unknown to our policy", failed, "policy", false},
		{dot, 550, "5.7.26", "this mail has been blocked because the sender is unauthenticated", failed, "policy", false},
		{dot, 550, "5.7.515", "", failed, "policy", false},
		{dot, 554, "", "Message rejected as spam", failed, "policy", false},
		// Us: a configuration to mend, no mail to lose.
		{dial, 554, "", "no service for you", retry, "refused_sender", false},
		{dial, 535, "5.7.8", "authentication failed", retry, "refused_sender", false},
		{mail, 550, "5.7.1", "", retry, "refused_sender", false},
		{rcpt, 530, "5.7.0", "Authentication required", retry, "refused_sender", false},
		{rcpt, 550, "5.7.8", "", retry, "refused_sender", false},
		{rcpt, 554, "5.7.1", "Relay access denied", retry, "refused_sender", false},
		{rcpt, 550, "", "relay not permitted", retry, "refused_sender", false},
		{rcpt, 550, "5.7.1", "Unable to relay", retry, "refused_sender", false},
		{rcpt, 550, "5.7.1", "Relaying denied", retry, "refused_sender", false},
		// The message.
		{mail, 552, "5.3.4", "too big", retry, "refused_sender", false},
		{dot, 552, "5.3.4", "too big", failed, "content", false},
		{dot, 554, "5.6.0", "", failed, "content", false},
		{dot, 554, "5.6.7", "", failed, "content", false},
		// All else.
		{rcpt, 550, "", "no", failed, "rejected", false},
		{data, 503, "5.5.1", "", failed, "rejected", false},
		{dot, 554, "5.0.0", "transaction failed", failed, "rejected", false},
	} {
		e := &campaign.SendError{Stage: c.stage, Reply: campaign.Reply{Code: c.code, Enhanced: c.enhanced, Text: c.text}}
		if v, reason, suppress := e.Judge(); v != c.verdict || reason != c.reason || suppress != c.suppress {
			t.Errorf("%v: %s %s, suppress %t; want %s %s, %t", e, v, reason, suppress, c.verdict, c.reason, c.suppress)
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
// unasked, and no address is given up for a reply that is not final.
func FuzzJudge(f *testing.F) {
	f.Add("rcpt", 550, "5.1.1", "user unknown")
	f.Add("dot", 0, "", "")
	f.Add("mail", 451, "4.7.1", "relay access denied")
	f.Fuzz(func(t *testing.T, stage string, code int, enhanced, text string) {
		e := &campaign.SendError{Stage: campaign.Stage(stage), Reply: campaign.Reply{Code: code, Enhanced: enhanced, Text: text}}
		v, reason, suppress := e.Judge()
		final := code >= 500 && code < 600
		if reason == "" || (v == campaign.WasFailed || suppress) && !final || suppress && v != campaign.WasFailed {
			t.Fatalf("%v: %s %s %t", e, v, reason, suppress)
		}
		unknown := (code < 400 || code > 599) && e.Stage == campaign.StageDot
		if unknown != (v == campaign.WasUncertain) {
			t.Fatalf("%v: %s", e, v)
		}
	})
}
