package inbound

import (
	"regexp"
	"strings"
)

// mail is a message while it is being read.
type mail struct {
	root   *part
	result *Result

	own      string    // the message's text, and what it quotes
	words    string    // what the message's author says, as text, without what is quoted
	original string    // what it returns of another message, as text
	reports  []string  // bodies of delivery-status parts
	feedback string    // body of a feedback-report part
	returned *part     // the message that it returns, if that is a part
	attached bool      // it is a part
	mentions []mention // whom words name; nil: not looked for yet
}

// lay sorts the message's parts.
func (m *mail) lay() {
	var words, html []string
	m.root.walk(func(p *part) {
		if p != m.root && p.has("received") { // a message where a part should be
			m.attached = true
			m.returns(p.text, p.fields)
			return
		}
		kind := p.kind
		if strings.HasPrefix(kind, "multipart/") { // in name alone, or too deep
			kind = "text/plain"
		}
		switch kind {
		case "message/delivery-status", "message/global-delivery-status", "message/delivery-report":
			m.reports = append(m.reports, p.text)
		case "message/feedback-report":
			if m.feedback == "" {
				m.feedback = p.text
			}
		case "message/rfc822", "message/rfc822-headers", "message/global", "message/global-headers", "message/partial",
			"text/rfc822-headers", "text/rfc822-header", "text/rfc822":
			fields, _ := parseHeader([]byte(strings.TrimLeft(p.text, "\n")))
			m.attached = true
			m.returns(p.text, fields)
		case "text/html":
			html = append(html, plain(p.text))
		case "text/plain", preamble:
			words = append(words, p.text)
		default:
			if strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "test/") {
				words = append(words, p.text)
			}
		}
	})
	own := strings.Join(words, "\n")
	if strings.TrimSpace(own) == "" {
		own = strings.Join(html, "\n")
	}
	var quoted string
	m.own = own
	m.words, quoted = cutOriginal(own)
	if quoted != "" {
		fields, _ := parseHeader([]byte(strings.TrimLeft(quoted, " \n")))
		m.returns(quoted, fields)
	}
	m.result.Evidence = append(m.result.Evidence, m.original)
	m.result.Evidence = append(m.result.Evidence, own, strings.Join(html, "\n"))
}

// layReport takes what a server calls a report for one even when it is not marked
// as such.
func (m *mail) layReport() {
	if at := reportLike.FindStringIndex(m.own); len(m.reports) == 0 && at != nil {
		// Its first field may stand above the one that is known.
		from := strings.LastIndex(m.own[:at[0]], "\n\n") + 1
		m.reports = append(m.reports, m.own[from:])
		m.words, _ = cutOriginal(m.own[:at[0]])
	}
}

// returns notes a message that this one returns; the first counts.
func (m *mail) returns(text string, fields []field) {
	m.original += text + "\n"
	if m.returned == nil {
		m.returned = &part{fields: fields}
	}
}

var reportLike = regexp.MustCompile(`(?im)^(reporting-mta|final-recipient|original-recipient):`)

// startOfOriginal are lines behind which a mail program without MIME puts the
// message that it returns.
var startOfOriginal = regexp.MustCompile(`(?i)^[\s>]*(` +
	`[-=*_#+]{2,}.*(original|copy of|below this line|unsent|undelivered|returned|headers?|message|mail|follow|forwarded).*` +
	`|\*+ ?(original|body of) .*` +
	`|original message( (follows|headers?|text|header follows))?[.:]*` +
	`|(the )?(original|returned|undelivered|first .*|body of the|your|header of (your|the))\b.{0,60}\b(follows?|attached below|included below|is below|is as follows)[.:]?` +
	`|(the )?(header|text|content|copy|body) (of|from) (your|the) (original )?(message|mail|e-mail|letter|text)\b.{0,40}:?` +
	`|the text of the message (follows|was):?` +
	`|bounced e-?mail:` +
	`|return-path: ?<.*` +
	`|received: (from|by|\(qmail) .*` +
	`)$`)

// notOriginal are lines of that form that belong to the report.
var notOriginal = regexp.MustCompile(`(?i)transcript|had (permanent|delivery|transient|fatal)|following addresses?|were? not delivered|error message|delivery status|diagnostic|report|failed recipients?|fehler|aide|help|details|automatic bounce|english text|server message|smtp command`)

// cutOriginal parts a notice from the message that it quotes.
func cutOriginal(text string) (words, original string) {
	seen := false
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		next := len(text)
		if end >= 0 {
			next = at + end + 1
		}
		line := strings.TrimSpace(text[at:next])
		switch {
		case line == "":
		case len(line) < 200 && seen && startOfOriginal.MatchString(line) && !notOriginal.MatchString(line):
			if strings.HasPrefix(strings.ToLower(line), "re") && strings.Contains(line, ":") && !strings.HasSuffix(line, ":") {
				return text[:at], text[at:] // its first field itself
			}
			return text[:at], text[next:]
		default:
			seen = true
		}
		at = next
	}
	return text, ""
}

var (
	messageID = regexp.MustCompile(`<?([^<>\s@]+@[^<>\s]+)>?`)
	idField   = regexp.MustCompile(`(?im)^[ \t>]*message-id:\s*<?([^<>\s]+@[^<>\s]+?)>?\s*$`)
)

// firstID is the first Message-ID in a field, without <>.
func firstID(value string) string {
	if len(value) > 2000 {
		value = value[:2000]
	}
	if found := messageID.FindStringSubmatch(value); found != nil {
		return found[1]
	}
	return ""
}

// originalID is the Message-ID of the mail that this is about.
func (m *mail) originalID() string {
	if m.returned != nil {
		if id := firstID(m.returned.get("message-id")); id != "" {
			return id
		}
	}
	if found := idField.FindStringSubmatch(m.original); found != nil {
		return found[1]
	}
	for _, report := range m.reports {
		for _, f := range blockFields(report) {
			if f.name == "original-message-id" || f.name == "x-original-message-id" {
				return firstID(f.value)
			}
		}
	}
	for _, name := range []string{"in-reply-to", "references"} {
		if ids := messageID.FindAllStringSubmatch(m.root.get(name), 100); len(ids) > 0 {
			return ids[len(ids)-1][1]
		}
	}
	return ""
}

// blockFields reads all fields of a report, its empty lines left out.
func blockFields(report string) (out []field) {
	for _, block := range blocks(report) {
		out = append(out, block...)
	}
	return out
}
