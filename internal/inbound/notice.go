package inbound

import (
	"regexp"
	"slices"
	"strings"
)

// mention is a place in a notice at which a recipient is named.
type mention struct {
	address  string
	from, to int // what is said of it
}

var (
	// A line that begins with an address and goes on as a report does.
	leading = regexp.MustCompile(`^[\s>*•-]*(?:[0-9]+[.)] |[45][0-9]{2} )?<?"?([^\s<>"]+@[^\s<>":;,)]+)"?>?\s*(?:$|[:;,([]|\.(?:\s|$)|on |\.\.\.|[-–—] |\s{2,}|->|failed|has |was |is |smtp)`)
	// A line that says it is a recipient.
	labelled = regexp.MustCompile(`(?i)(?:recipients?|rcpt to|unknown user|invalid user|user unknown|to address|mail address|e-?mail address|failed address|undeliverable (?:to|address)|delivered to|addressee|mailbox|account|adresse|address|destinataire|получател\S*|for)(?: name)?\s*(?:[:=]|is|\[|<)+\s*<?"?([^\s<>"\]]+@[^\s<>"\]:;,)]+)`)
)

// named finds whom a notice is about.
func (m *mail) named() []mention {
	if m.mentions == nil {
		m.mentions = m.mentioned()
	}
	return m.mentions
}

func (m *mail) mentioned() []mention {
	var strong, weak []mention
	text := m.words
	if len(text) > 64<<10 {
		text = text[:64<<10]
	}
	sender := append([]string{m.result.From}, addressesIn(header(m.root.get("to")))...)
	at := 0
	for at < len(text) && len(strong)+len(weak) < 4*maxRecipients {
		end := strings.IndexByte(text[at:], '\n')
		next := len(text)
		if end >= 0 {
			next = at + end + 1
		}
		line := text[at:next]
		if len(line) < 1000 && strings.IndexByte(line, '@') >= 0 {
			found := leading.FindStringSubmatch(line)
			if found == nil {
				found = labelled.FindStringSubmatch(line)
			}
			if found != nil {
				strong = append(strong, mention{address: firstAddress(found[1]), from: at})
			} else {
				for _, a := range addressesIn(line) {
					weak = append(weak, mention{address: a, from: at})
				}
			}
		}
		at = next
	}
	others := func(list []mention) []mention {
		return slices.DeleteFunc(slices.Clone(list), func(s mention) bool {
			return s.address == "" || contains(sender, s.address) || daemon(s.address)
		})
	}
	found := others(strong)
	if len(found) == 0 {
		found = strong
	}
	if len(found) == 0 {
		if found = others(weak); len(found) > 1 {
			found = found[:1]
		}
	}
	return once(found, len(text))
}

// once lets each mention reach to the next, and keeps the first of each address.
func once(found []mention, end int) (out []mention) {
	out = []mention{}
	found = slices.CompactFunc(found, func(a, b mention) bool { return same(a.address, b.address) })
	for i, f := range found {
		f.to = end
		if i+1 < len(found) {
			f.to = found[i+1].from
		}
		if f.address != "" && len(out) < maxRecipients && !slices.ContainsFunc(out, func(o mention) bool { return same(o.address, f.address) }) {
			out = append(out, f)
		}
	}
	return out
}

// near is what the notice says of an address.
func (m *mail) near(a string) string {
	found := m.named()
	for _, n := range found {
		if same(n.address, a) {
			return m.words[n.from:n.to]
		}
	}
	if len(found) > 1 {
		return ""
	}
	return m.words
}

var (
	bounceSubject = regexp.MustCompile(`(?i)undeliver|delivery.{0,20}(fail|notif|status|problem|error|delayed|notice)|fail(ed|ure).{0,12}(notice|deliver|message|mail)|returned (mail|message|to sender)|mail (failure|system error|delivery|error)|message (you sent|not delivered|delivery|status)|non[- ]?remis|unzustellbar|not delivered|bounce|could not be delivered|error.{0,10}mail|rejected|mail ?エラー|メールエラー|配信|недостав|не доставлено|warning: (message|could not)|blocked by|NDN|NDR|onverwijderbaar|nicht zugestellt`)
	failureText   = regexp.MustCompile(`(?i)(could|can|can't|couldn't|was|were|been|is|has|not be|wasn't|weren't)( not)?( been)? (be )?(delivered|returned|rejected|undeliverable|accepted)|undeliver|unable to deliver|wasn't able to deliver|deliver[a-z]* .{0,40}(fail|error|delayed)|did not reach|failed to deliver|delivery (has )?failed|permanent (fatal )?errors?|unknown (user|recipient|address)|no such (user|host|recipient)|user unknown|gave up|giving up|mailbox (is )?full|over quota|rejected by|transcript of session|notificationtype|配信|送信できません|届け|あて先|宛先|не может быть доставлен|не был|550[ -]|554[ -]`)
	daemonName    = regexp.MustCompile(`(?i)^(mailer-daemon|mailerdaemon|post_master|mail-daemon|maildaemon|daemon|postmaster|post-master|mailer|mail-delivery|mailsystem|mailadmin|mail\.daemon|bounces?|sysadmin|no-?reply-ndr|microsoftexchange[0-9a-f]*|symantec|ndr|delivery|administrator|majordomo|double-bounce|root|amavis|spam-?filter|abuse)$`)
	daemonWords   = regexp.MustCompile(`(?i)mail(er)?[ -]?(delivery|daemon|system|administrator)|system administrator|postmaster|delivery (sub)?system`)
)

// daemon tells whether an address is a mail system's.
func daemon(a string) bool {
	local, _, _ := strings.Cut(a, "@")
	return daemonName.MatchString(local)
}

// notice reads a bounce in a form of its own.
func (m *mail) notice() bool {
	failed := m.failedHeader()
	if len(failed) == 0 && !m.bounces() {
		return false
	}
	spoken := m.named()
	if len(failed) == 0 {
		for _, s := range spoken {
			failed = append(failed, s.address)
		}
	}
	if len(failed) == 0 && m.returned != nil {
		failed = addressesIn(header(m.returned.get("to")))
		if len(failed) > 1 {
			failed = failed[:1]
		}
	}
	m.result.Kind = Bounce
	delayed := delayText.MatchString(m.result.Subject) && !strings.Contains(strings.ToLower(m.words), "permanent")
	for _, a := range failed {
		if len(m.result.Recipients) >= maxRecipients || contains(addressesOf(m.result.Recipients), a) {
			continue
		}
		r := Recipient{Address: a, Action: "failed"}
		if delayed {
			r.Action = "delayed"
		}
		m.judge(&r, "", "")
		if r.Reason == Unclear {
			r.Reason = weighed(reasonOf(r.Status, m.result.Subject+"\n"+m.words), r.Status, m.words, m.words)
			r.Class = r.Reason.class(r.Status)
		}
		m.result.Recipients = append(m.result.Recipients, r)
	}
	return true
}

var delayText = regexp.MustCompile(`(?i)\(delay\)|delayed|still being retried|warning`)

func addressesOf(rs []Recipient) (out []string) {
	for _, r := range rs {
		out = append(out, r.Address)
	}
	return out
}

// bounces tells whether a message without a report is a bounce: a mail system has
// written it, and it speaks of failure.
func (m *mail) bounces() bool {
	system, null := m.system(), m.null()
	subject := bounceSubject.MatchString(head(m.result.Subject))
	text := failureText.MatchString(head(m.words))
	switch {
	case m.standard(), system && (subject || text), null && subject:
		return true
	case null && text && m.root.get("auto-submitted") == "":
		return true
	}
	return subject && text && m.returned != nil && !m.root.has("in-reply-to")
}

// standard tells whether a message says that it is a report of delivery (RFC 3464).
func (m *mail) standard() bool {
	return m.root.kind == "multipart/report" && strings.EqualFold(m.root.params["report-type"], "delivery-status")
}

// system tells whether a message calls a mail system its author.
func (m *mail) system() bool {
	from := header(m.root.get("from"))
	return daemon(m.result.From) || daemonWords.MatchString(from) || m.result.From == "" && from != ""
}

// null tells whether a message had no envelope sender, as a server has noted it.
func (m *mail) null() bool {
	return m.root.has("return-path") && strings.Trim(m.root.get("return-path"), "<> ") == ""
}
