package mail

import (
	"strconv"
	"strings"

	"tidings/internal/campaign"
)

// checkEnvelope refuses what must not become a command line. It answers as a
// server would, so that the ledger judges the address and not the connection.
func checkEnvelope(e campaign.Email) *campaign.SendError {
	if e.From != "" && !lineSafe(e.From) {
		return refusal(campaign.StageMail, 501, "5.1.7", "not sent: the sender's address has signs that no command may hold")
	}
	if e.To == "" || !lineSafe(e.To) {
		return refusal(campaign.StageRcpt, 501, "5.1.3", "not sent: the recipient's address has signs that no command may hold")
	}
	if !e.UTF8 && !(ascii(e.From) && ascii(e.To)) {
		return refusal(campaign.StageRcpt, 553, "5.6.7", "not sent: an address is not ASCII, and the message does not ask for SMTPUTF8")
	}
	return nil
}

func refusal(stage campaign.Stage, code int, enhanced, text string) *campaign.SendError {
	return &campaign.SendError{Stage: stage, Reply: campaign.Reply{Code: code, Enhanced: enhanced, Text: text}}
}

// lineSafe tells whether an address can stand in angle brackets.
func lineSafe(addr string) bool {
	return !strings.ContainsFunc(addr, func(r rune) bool {
		return r <= ' ' || r == 0x7f || r == '<' || r == '>'
	})
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// opening is the three stages that open a transaction.
func opening() [3]campaign.Stage {
	return [3]campaign.Stage{campaign.StageMail, campaign.StageRcpt, campaign.StageData}
}

// transaction is a message in the form that one server takes it.
type transaction struct {
	lines [3][]byte // MAIL, RCPT and DATA, behind one another in one array
	group []byte    // all three
	body  []byte
}

// offer makes the transaction of a message, or refuses it as the server would,
// which is not asked.
func (l *link) offer(e campaign.Email) (transaction, *campaign.SendError) {
	var t transaction
	if err := checkEnvelope(e); err != nil {
		return t, err
	}
	if e.UTF8 && !l.utf8 {
		return t, refusal(campaign.StageRcpt, 553, "5.6.7", "not sent: an address is not ASCII, and the server does not offer SMTPUTF8")
	}
	t.body = e.Body
	eight := e.SevenBit != nil
	if eight && !l.eightBit {
		t.body, eight = e.SevenBit(), false
	}
	if l.maxSize > 0 && len(t.body) > l.maxSize {
		return t, refusal(campaign.StageMail, 552, "5.3.4", "not sent: the message has "+strconv.Itoa(len(t.body))+
			" bytes, of which the server takes "+strconv.Itoa(l.maxSize))
	}
	b := append(append(append(l.commands[:0], "MAIL FROM:<"...), e.From...), '>')
	if l.size {
		b = strconv.AppendInt(append(b, " SIZE="...), int64(len(t.body)), 10)
	}
	if eight {
		b = append(b, " BODY=8BITMIME"...)
	}
	if e.UTF8 {
		b = append(b, " SMTPUTF8"...)
	}
	mail := len(b) + 2
	b = append(append(append(b, "\r\nRCPT TO:<"...), e.To...), ">\r\n"...)
	rcpt := len(b)
	b = append(b, "DATA\r\n"...)
	l.commands = b
	t.lines, t.group = [3][]byte{b[:mail], b[mail:rcpt], b[rcpt:]}, b
	return t, nil
}
