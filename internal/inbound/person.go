package inbound

import (
	"regexp"
	"strings"
)

var (
	automaticSubject = regexp.MustCompile(`(?i)^\s*(\[?auto(matic|matische|mated|matisch)?[- ]?(reply|response|respons|antwort|svar)\]?|auto ?:|autoreply|automatisch antwoord|out of (the )?office|ooo\b|on (vacation|leave|holiday)|away from (my )?(mail|desk|office)|abwesen|nicht im b[üu]ro|r[ée]ponse automatique|absence|respuesta autom[áa]tica|fuera de (la )?oficina|risposta automatica|fuori ufficio|resposta autom[áa]tica|afwezig|автоответ|自動(返信|応答)|不在|vacation)`)
	answerSubject    = regexp.MustCompile(`(?i)^\s*(re|aw|antw|sv|vs|r|rif|odp|ynt|отв|回复|回覆|返信|res)(\[\d+\])? ?[:：]`)
)

// automatic tells whether a machine has answered for a person (RFC 3834 5; the
// rest is what programs wrote before it).
func (m *mail) automatic() bool {
	auto, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(m.root.get("auto-submitted"))), ";")
	switch auto = strings.TrimSpace(auto); {
	case strings.HasPrefix(auto, "auto-replied"), strings.HasPrefix(auto, "auto-notified"):
		return true
	}
	for _, name := range []string{"x-autoreply", "x-autorespond", "x-auto-response-from", "x-autoresponder", "x-mailman-autoreply", "x-ms-exchange-inbox-rules-loop"} {
		if m.root.has(name) {
			return true
		}
	}
	switch strings.ToLower(m.root.get("precedence")) {
	case "auto_reply", "auto-reply":
		return true
	}
	if strings.EqualFold(m.root.get("x-precedence"), "auto_reply") {
		return true
	}
	return automaticSubject.MatchString(m.result.Subject)
}

// answer tells whether a person answers a mail.
func (m *mail) answer() bool {
	if m.root.has("list-id") || m.root.has("list-unsubscribe") {
		return false
	}
	switch strings.ToLower(m.root.get("precedence")) {
	case "bulk", "list", "junk":
		return false
	}
	if strings.HasPrefix(strings.ToLower(m.root.get("auto-submitted")), "auto-") {
		return false
	}
	return m.root.has("in-reply-to") || m.root.has("references") || answerSubject.MatchString(m.result.Subject)
}

// refusal is how a reply of SMTP begins that refuses, or a status in one. Other
// numbers of three digits are those of houses and telephones.
var refusal = regexp.MustCompile(`(?:^|[\s(<'":;#])(?:(?:421|45[0-2]|50[0-4]|521|55[0-46])[ -]{1,3}(?:#?[45]\.[0-9]|[A-Za-z<'"])|[45]\.[0-9]{1,3}\.[0-9]{1,3}\b)`)

// forwardSubject tells that a person passes on what they have got: a bounce too.
var forwardSubject = regexp.MustCompile(`(?i)^\s*(fwd?|wg|tr|rv|i|enc|vb) ?:`)

// answered tells whether a person or their machine answers, in words that may well
// speak of delivery, or with the subject of a mail that did.
func (m *mail) answered() bool {
	if m.standard() || len(m.failedHeader()) > 0 {
		return false
	}
	refused, subject := m.refused(), head(m.result.Subject)
	switch {
	case m.automatic() && (!refused || automaticSubject.MatchString(subject) && len(m.reports) == 0):
		m.result.Kind = AutoReply
	case !m.answer() || forwardSubject.MatchString(subject):
		return false
	case !m.system() && !m.null(), !refused && answerSubject.MatchString(subject):
		m.result.Kind = Reply
	default:
		return false
	}
	return true
}

// refused tells whether a message that is no standard report has what a bounce has.
// Old servers mark theirs as automatic replies, or as answers to the mail that
// failed: but they report, return the mail, or give the code of the refusal, or it
// is a mail system that speaks of failure in subject and text and answers nothing.
func (m *mail) refused() bool {
	if len(m.reports) > 0 || reportLike.MatchString(m.own) {
		return true
	}
	words, subject := head(m.words), head(m.result.Subject)
	if !failureText.MatchString(words) {
		return false
	}
	answers := m.root.has("in-reply-to") || m.root.has("references") || answerSubject.MatchString(subject)
	return m.attached || refusal.MatchString(words) || m.system() && !answers && bounceSubject.MatchString(subject)
}
