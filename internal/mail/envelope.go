package mail

import (
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

// commands are the lines of opening's stages.
func commands(e campaign.Email) [3]string {
	mail := "MAIL FROM:<" + e.From + ">"
	if e.UTF8 {
		mail += " SMTPUTF8"
	}
	return [3]string{mail + "\r\n", "RCPT TO:<" + e.To + ">\r\n", "DATA\r\n"}
}
