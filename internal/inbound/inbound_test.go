package inbound

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// mailOf writes a message of header lines, an empty line and a body.
func mailOf(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n")) }

func TestKinds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw  []byte
		kind Kind
		id   string
	}{
		"a reply": {mailOf("From: Ana <ana@example.com>", "To: shop@example.org", "Subject: Re: Your basket",
			"References: <x@example.com> <t7.s1@example.org>", "In-Reply-To: <t7.s1@example.org>", "", "Do you have it in blue?"), Reply, "t7.s1@example.org"},
		"a reply by its subject": {mailOf("From: ana@example.com", "Subject: =?utf-8?q?AW:_Gr=C3=BC=C3=9Fe?=", "", "Ja"), Reply, ""},
		"a new mail":             {mailOf("From: ana@example.com", "Subject: Regarding you", "", "Hello"), Other, ""},
		"a newsletter":           {mailOf("From: ana@example.com", "List-Id: <x.example.com>", "In-Reply-To: <a@b.example>", "", "Hello"), Other, "a@b.example"},
		"out of office":          {mailOf("From: ana@example.com", "Subject: Out of Office: Your basket", "In-Reply-To: <t7.s1@example.org>", "", "Back in May"), AutoReply, "t7.s1@example.org"},
		"by RFC 3834":            {mailOf("From: ana@example.com", "Auto-Submitted: auto-replied; owner-email=ana@example.com", "", "Away"), AutoReply, ""},
		"not spam after all": {mailOf("From: fbl@example.com", `Content-Type: multipart/report; report-type=feedback-report; boundary=b`, "",
			"--b", "", "x", "--b", "Content-Type: message/feedback-report", "", "Feedback-Type: not-spam", "", "--b--"), Other, ""},
		"nothing":      {nil, Other, ""},
		"not mail":     {bytes.Repeat([]byte{0, 255, '\r', '@'}, 1000), Other, ""},
		"only a field": {mailOf("Subject: failure notice"), Other, ""},
	} {
		r := Parse(c.raw)
		if r.Kind != c.kind || r.MessageID != c.id {
			t.Errorf("%s: %s %q, want %s %q", name, r.Kind, r.MessageID, c.kind, c.id)
		}
	}
}

// What people and their machines write may speak of delivery, have the subject of a
// mail that did, and come without an envelope sender; and old servers mark their
// bounces as if they were that.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const away, null, auto, thread = "I am away until May. Parcels cannot be delivered before.", "Return-Path: <>", "Auto-Submitted: auto-replied", "In-Reply-To: <t7.s1@example.org>"
	const ana, daemon = "From: Ana <ana@example.com>", "From: MAILER-DAEMON@mx.example.com"
	const code = "<ana@example.com>: could not be delivered: 550 5.1.1 no such user"
	attached := "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nTo: ana@example.com\r\n\r\nx\r\n--b--"
	mixed := "Content-Type: multipart/mixed; boundary=b"
	for name, c := range map[string]struct {
		raw  []byte
		kind Kind
	}{
		"away, null":             {mailOf(null, auto, ana, "Subject: Delivery status of your order", "", away), AutoReply},
		"away, of an office":     {mailOf(null, auto, "From: administrator@example.com", "Subject: Automatic reply: Delivery problem", "", away), AutoReply},
		"away, unmarked":         {mailOf(null, ana, "Subject: Out of office: delivery failure", "", away), AutoReply},
		"away, with a phone":     {mailOf(null, auto, ana, "Subject: Delivery status", thread, "", "Call 555-1234, 450 - 12, "+away), AutoReply},
		"away, by X-Autoreply":   {mailOf(null, "X-Autoreply: yes", ana, "Subject: Message delivery", "", away), AutoReply},
		"away, with the mail":    {mailOf(null, auto, ana, "Subject: Auto: mail delivery", mixed, "", "--b", "", away, attached), AutoReply},
		"away, quotes a report":  {mailOf(auto, ana, "Subject: Automatic reply: x", "", "Away.", "", "Final-Recipient: rfc822; eva@example.com", "Status: 5.1.1"), AutoReply},
		"a person of an office":  {mailOf("From: postmaster@example.com", "Subject: Re: Your basket", thread, "", "It was not delivered."), Reply},
		"a person on delivery":   {mailOf("Return-Path: <ana@example.com>", ana, "Subject: Re: Returned mail", thread, "", "Mine could not be delivered:", "550 5.1.1 no such user"), Reply},
		"a person with a report": {mailOf(ana, "Subject: Re: x", thread, "", "What is this?", "", "Final-Recipient: rfc822; eva@example.com", "Action: failed", "Status: 5.1.1"), Reply},
		"null, an answer":        {mailOf(null, ana, "Subject: Re: Delivery status", thread, "", "Where is it? It was not delivered."), Reply},
		"a bounce as a reply":    {mailOf(null, auto, daemon, "Subject: failure notice", thread, "", code), Bounce},
		"one with the mail":      {mailOf(null, auto, daemon, "Subject: failure notice", mixed, "", "--b", "", "Your mail could not be delivered.", attached), Bounce},
		"one of words only":      {mailOf(null, auto, daemon, "Subject: failure notice", "", "Your mail to ana@example.com could not be delivered."), Bounce},
		"one by a person's name": {mailOf(null, ana, "Subject: Undeliverable: x", thread, "", code), Bounce},
		"one that is passed on":  {mailOf(ana, "References: <x@example.com>", "Subject: Fwd: Returned mail", mixed, "", "--b", "", code, attached), Bounce},
	} {
		if r := Parse(c.raw); r.Kind != c.kind {
			t.Errorf("%s: %s %+v, want %s", name, r.Kind, r.Recipients, c.kind)
		}
	}
	if r := Parse([]byte(strings.Replace(string(report("failed", "5.1.1", "smtp; 550 no such user")), "From:", auto+"\r\n"+thread+"\r\nFrom:", 1))); r.Kind != Bounce {
		t.Errorf("a report of delivery: %s", r.Kind)
	}
}

// report is a report of delivery about one recipient.
func report(action, status, diagnostic string) []byte {
	return mailOf("From: MAILER-DAEMON@mx.example.com", "To: b+token@example.org", "Return-Path: <>", "Message-ID: <own@mx.example.com>",
		"Content-Type: multipart/report; report-type=delivery-status; boundary=\"x y\"", "",
		"--x y", "Content-Type: text/plain", "", "Your mail:", "", "--x y", "Content-Type: message/delivery-status", "",
		"Reporting-MTA: dns; mx.example.com", "",
		"Original-Recipient: rfc822;Ana@Example.COM", "Final-Recipient: rfc822;ana.real@example.com", "Action: "+action, "Status: "+status, "Diagnostic-Code: "+diagnostic, "",
		"--x y", "Content-Type: text/rfc822-headers", "", "Message-ID: <t7.s1@example.org>", "X-Tidings-Message: 7", "Subject: Basket", "", "--x y--")
}

func TestReport(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		action, status, diagnostic string
		class                      Class
		wantStatus                 string
		reason                     Reason
	}{
		{"failed", "5.1.1", "smtp; 550 5.1.1 no such user", Hard, "5.1.1", UnknownUser},
		{"failed", "5.0.0", "smtp; 550-5.1.1 The account does not\r\n exist", Hard, "5.1.1", UnknownUser},
		{"failed", "5.2.2", "smtp; 552 5.2.2 mailbox full", Soft, "5.2.2", MailboxFull},
		{"failed", "5.0.0", "smtp; 552 over quota", Soft, "5.2.2", MailboxFull},
		{"failed", "5.7.1", "smtp; 550 5.7.1 rejected by policy", Policy, "5.7.1", PolicyRefused},
		{"failed", "5.7.26", "smtp; 550 5.7.26 unauthenticated", Policy, "5.7.26", Unauthentic},
		{"failed", "5.7.515", "smtp; 550 5.7.515 Access denied", Policy, "5.7.515", Unauthentic},
		{"failed", "5.7.1", "smtp; 554 5.7.1 looks like spam", Policy, "5.7.1", Spam},
		{"failed", "5.1.10", "smtp; 556 5.1.10 null MX", Hard, "5.1.10", TakesNoMail},
		{"failed", "4.4.7", "smtp; 450 4.2.0 deferred", Soft, "4.4.7", Filtered},
		{"delayed", "4.4.1", "smtp; 421 no such host for now", Soft, "4.4.1", UnknownHost},
		{"failed (because)", "5.1.6 (moved)", "smtp; 551 user has moved", Hard, "5.1.6", Moved},
		{"delivered", "2.0.0", "smtp; 250 ok", "", "2.0.0", ""},
		{"relayed", "2.1.9", "", "", "2.1.9", ""},
	} {
		r := Parse(report(c.action, c.status, c.diagnostic))
		want := Bounce
		if c.class == "" {
			want = Delivered
		}
		if r.Kind != want || len(r.Recipients) != 1 {
			t.Errorf("%+v: %+v", c, r)
			continue
		}
		to := r.Recipients[0]
		if to.Class != c.class || to.Status != c.wantStatus || c.reason != "" && to.Reason != c.reason && c.status != "4.4.7" {
			t.Errorf("%+v: %+v", c, to)
		}
		if to.Address != "ana.real@example.com" || to.Original != "Ana@example.com" || r.MessageID != "t7.s1@example.org" || r.OwnID != "own@mx.example.com" {
			t.Errorf("%+v: %+v", c, r)
		}
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("Content-Type: multipart/mixed; boundary=b\n\n--b\n", 20_000)
	many := "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 100_000)
	recipients := "Content-Type: message/delivery-status\n\n" + strings.Repeat("Final-Recipient: rfc822; a@example.com\nAction: failed\nStatus: 5.1.1\n\n", 50_000)
	long := "From: MAILER-DAEMON@example.com\nSubject: failure notice\n\n" + strings.Repeat("could not be delivered to a@example.com ", 100_000)
	for name, raw := range map[string]string{"deep": deep, "many": many, "recipients": recipients, "long": long, "fields": strings.Repeat("A: b\n", 500_000)} {
		r := Parse([]byte(raw))
		if len(r.Recipients) > maxRecipients {
			t.Errorf("%s: %d recipients", name, len(r.Recipients))
		}
	}
}

// Small mails took seconds, and these hours, when any of their lines was read anew
// for each other: that they end is the test.
func TestHostile(t *testing.T) {
	t.Parallel()
	const size = 4 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	html, report := "Content-Type: text/html\n\n", "Content-Type: message/delivery-status\n\n"
	for name, raw := range map[string]string{
		"scripts without an end": html + fill("<script>"),
		"styles and one end":     html + fill("<style>") + "</script>",
		"tags without an end":    html + fill("<"),
		"lines that are none":    report + fill("x\n"),
		"feedback":               "Content-Type: message/feedback-report\n\n" + fill("x\n"),
		"a report as text":       "Subject: failure notice\n\nFinal-Recipient: a\n" + fill("x\n"),
		"a folded field":         "Subject: x\n" + fill(" y\n"),
		"many folded fields":     fill("A: x\n" + strings.Repeat(" y\n", 10_000)),
		"a long name":            fill("a") + ": x\n",
	} {
		r := Parse([]byte(raw))
		if r.Kind == Reply || len(r.Subject) > maxHeader {
			t.Errorf("%s: %s, a subject of %d bytes", name, r.Kind, len(r.Subject))
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for html, want := range map[string]string{
		"a<br/>b<BR>c</p>d</h2>e<p class='x'>f":           "a\nb\nc\nd\ne f",
		"İ<Script x=y>a < b > </SCRIPT >c<style>d":        "İ  c d",
		"<style>a</style>b<script>c<style>d</style>e<x":   "  b c  e<x",
		"a &lt;b@c.example&gt;&nbsp;&amp;<scripted>d</x>": "a <b@c.example> & d ",
	} {
		if got := plain(html); got != want {
			t.Errorf("%q: %q, want %q", html, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(report("failed", "5.1.1", "smtp; 550 5.1.1 no such user"))
	f.Add(mailOf("From: MAILER-DAEMON@example.com", "Subject: Returned mail", "", "<a@example.com>: 550 user unknown", "--- Below this line is a copy", "Message-ID: <x@y.example>"))
	f.Add(mailOf("Content-Type: text/plain; charset=iso-2022-jp", "Content-Transfer-Encoding: base64", "", "GyRCRmxLXBsoQg=="))
	f.Add([]byte("From x\rSubject: a\rContent-Type: multipart/report; boundary=\"\r\r--\r"))
	f.Add([]byte("Subject: AWS\n\n{\"notificationType\":\"Bounce\",\"bounce\":{\"bouncedRecipients\":[{\"emailAddress\":\"a@example.com\",\"status\":\"5.1.1\"}]}}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := Parse(raw)
		if len(r.Recipients) > maxRecipients {
			t.Errorf("%d recipients", len(r.Recipients))
		}
		for _, to := range r.Recipients {
			if !strings.Contains(to.Address, "@") || len(to.Diagnostic) > maxSaid || !utf8.ValidString(to.Diagnostic) {
				t.Errorf("%+v", to)
			}
			if r.Kind == Bounce && to.Class == "" && to.Action != "delivered" && to.Action != "relayed" && to.Action != "expanded" && to.Action != "deliverable" {
				t.Errorf("no class: %+v", to)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	raw := report("failed", "5.1.1", "smtp; 550 5.1.1 no such user")
	b.ReportAllocs()
	for b.Loop() {
		Parse(raw)
	}
}
