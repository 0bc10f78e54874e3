package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/mail"
	"os"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/inbound"
)

type inboundCmd struct {
	DryRun    bool   `help:"Say what the message is, and do nothing."`
	Recipient string `help:"To whom the message came, as the mail server says." placeholder:"ADDRESS"`
	Forward   string `help:"Send what people write on to this address, by SMTP_URL." placeholder:"ADDRESS"`
}

// exitAgain tells a mail server to keep the message and bring it again (EX_TEMPFAIL
// of sysexits.h, which Postfix, Exim and sendmail go by).
const exitAgain = 75

// maxInbound is how large a message may be that is sent on, in bytes.
const maxInbound = 32 << 20

// Run reads a message from standard input.
func (c *inboundCmd) Run(rt *runtime) error {
	if c.Forward != "" && (!plainAddress(c.Forward) || rt.cfg.SMTPURL == "") {
		return usage("--forward takes an address, as care@shop.example, and SMTP_URL set")
	}
	raw, err := io.ReadAll(io.LimitReader(os.Stdin, maxInbound))
	if err != nil {
		return &exitError{exitAgain, fmt.Sprintf("read the message: %v", err)}
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil { // or who writes it gets SIGPIPE
		return &exitError{exitAgain, fmt.Sprintf("read the message: %v", err)}
	}
	if len(raw) == 0 {
		return usage("no message on standard input; use `tidings inbound < MESSAGE`, or as a mail server's pipe")
	}
	if c.DryRun {
		r := inbound.Parse(raw)
		if rt.json {
			return rt.printJSON(r)
		}
		rt.printf("%s\n", inboundText(r))
		return nil
	}
	taken, err := c.take(rt, raw)
	if err == nil && c.Forward != "" && forwarded(taken, raw) {
		err = rt.forward(raw, c.Forward)
	}
	if err != nil {
		return &exitError{exitAgain, fmt.Sprintf("%v; the mail server brings the message again", err)}
	}
	if rt.json {
		return rt.printJSON(taken)
	}
	rt.printf("%s\n", takenText(taken))
	return nil
}

// take has the message acted on.
func (c *inboundCmd) take(rt *runtime, raw []byte) (inbound.Taken, error) {
	s, now, err := (&chosenMails{}).open(rt)
	if err != nil {
		return inbound.Taken{}, err
	}
	defer s.Close()
	signer, err := rt.signer(s)
	if err != nil {
		return inbound.Taken{}, err
	}
	desk := &inbound.Desk{Store: s, Tokens: signer, StoreID: s.ID()}
	return desk.Take(rt.ctx, raw, c.Recipient, now.Truncate(time.Microsecond))
}

// inboundText is what a message is, for a person who has it before them.
func inboundText(r inbound.Result) string {
	var b strings.Builder
	b.WriteString(string(r.Kind))
	if r.MessageID != "" {
		fmt.Fprintf(&b, " about %s", r.MessageID)
	}
	for _, to := range r.Recipients {
		fmt.Fprintf(&b, "\n  %s", to.Address)
		for _, word := range []string{string(to.Class), to.Status, string(to.Reason), to.Action} {
			if word != "" {
				fmt.Fprintf(&b, "  %s", word)
			}
		}
		if to.Diagnostic != "" {
			fmt.Fprintf(&b, "\n    %s", to.Diagnostic)
		}
	}
	return b.String()
}

// takenText is what was done, without any address: mail servers log it.
func takenText(t inbound.Taken) string {
	switch {
	case t.Message == 0:
		return string(t.Kind) + "; about no mail of ours that can be found"
	case t.Unsubscribed:
		return fmt.Sprintf("unsubscribed by mail %d", t.Message)
	case t.Outcome == nil:
		return fmt.Sprintf("%s about mail %d; nothing follows from it", t.Kind, t.Message)
	case !t.Outcome.Found:
		return fmt.Sprintf("%s about mail %d, which is gone, or without proof that it is about it", t.Kind, t.Message)
	case !t.Outcome.New:
		return fmt.Sprintf("%s about mail %d, known already", t.Kind, t.Message)
	case t.Outcome.Suppressed:
		return fmt.Sprintf("%s about mail %d: %s; its address gets no more mail", t.Kind, t.Message, t.Event)
	}
	return fmt.Sprintf("%s about mail %d: %s", t.Kind, t.Message, t.Event)
}

// forwardMark keeps a message from going round.
const forwardMark = "X-Tidings-Forwarded"

// forwarded tells whether a message is for a person: somebody has written it, and we
// have not sent it on before.
func forwarded(t inbound.Taken, raw []byte) bool {
	header, _, _ := bytes.Cut(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	return (t.Kind == inbound.Reply || t.Kind == inbound.Other) && !t.Unsubscribed && len(raw) < maxInbound &&
		!bytes.Contains(header, []byte(forwardMark+":"))
}

// forward sends a message on as it is, with what RFC 5322 3.6.6 wants of one who
// does. It is not recorded: when the mail server brings the message again, it goes
// once more.
func (rt *runtime) forward(raw []byte, to string) error {
	from := rt.cfg.ReturnAddress
	author := from
	if author == "" {
		author = to
	}
	body := fmt.Appendf(nil, "Resent-From: <%s>\r\nResent-To: <%s>\r\nResent-Date: %s\r\n%s: yes\r\n", author, to, time.Now().UTC().Format(time.RFC1123Z), forwardMark)
	if bytes.HasPrefix(raw, []byte("From ")) {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	body = append(body, bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r"), []byte("\n")), []byte("\n"), []byte("\r\n"))...)
	// Not signed: the words are a stranger's, and From may claim to be us.
	return rt.handOver(rt.ctx, campaign.Email{From: from, To: to, Body: body, SevenBit: func() []byte { return body }})
}

// plainAddress tells whether s is a plain address.
func plainAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}
