package inbound

import (
	"bytes"
	"regexp"
	"strings"
)

// maxRecipients bounds what is said of one message.
const maxRecipients = 100

// report reads reports of delivery in the form of RFC 3464.
func (m *mail) report() bool {
	if len(m.reports) == 0 {
		return false
	}
	var found []Recipient
	for _, text := range m.reports {
		for _, block := range blocks(text) {
			if r, ok := m.reported(block); ok && len(found) < maxRecipients && !double(found, r) {
				found = append(found, r)
			}
		}
	}
	if len(found) == 0 {
		return false
	}
	m.result.Kind = Delivered
	for _, r := range found {
		if r.Class != "" {
			m.result.Kind = Bounce
		}
	}
	m.result.Recipients = found
	return true
}

func double(found []Recipient, r Recipient) bool {
	for _, f := range found {
		if same(f.Address, r.Address) && same(f.Original, r.Original) && f.Class == r.Class && f.Class != "" {
			return true
		}
	}
	return false
}

// maxReport is how many bytes of a report of delivery or abuse are read: more than
// as many recipients as count need.
const maxReport = 64 << 10

// blocks reads the blocks of fields of a report: the first is about the message,
// each of the others about a recipient. An empty line within a block, which some
// write, costs nothing: blocks without a recipient are left out.
func blocks(text string) (out [][]field) {
	if len(text) > maxReport {
		text = text[:maxReport]
	}
	for _, piece := range bytes.Split([]byte(text), []byte("\n\n")) {
		fields, rest := parseHeader(bytes.TrimLeft(piece, "\n"))
		for len(rest) > 0 { // a line that is no field does not end the block
			var more []field
			_, after, _ := bytes.Cut(rest, []byte("\n"))
			more, rest = parseHeader(after)
			fields = append(fields, more...)
		}
		if len(fields) > 0 {
			out = append(out, fields)
		}
		if len(out) > 4*maxRecipients {
			break
		}
	}
	return out
}

// reported is what a block says of a recipient; ok is false for one that is about
// none.
func (m *mail) reported(block []field) (r Recipient, ok bool) {
	p := &part{fields: block}
	if !p.has("final-recipient") && !p.has("original-recipient") && !(p.has("status") && p.has("action")) {
		return r, false
	}
	final, original := typed(p.get("final-recipient")), typed(p.get("original-recipient"))
	r.Address = final
	if final == "" {
		r.Address = original
	}
	if r.Address == "" { // a mailbox within the reporting system, or a program
		r.Address = m.recipientElsewhere(p.get("final-recipient"))
	}
	if r.Address == "" {
		return r, false
	}
	if original != "" && !same(original, r.Address) {
		r.Original = original
	}
	r.Action, _, _ = strings.Cut(strings.ToLower(p.get("action")), " ")
	said := diagnostic(p.get("diagnostic-code"))
	status := statusIn(p.get("status"))
	if r.Action == "" && strings.HasPrefix(status, "2.") {
		r.Action = "delivered"
	}
	switch r.Action {
	case "delivered", "relayed", "expanded", "deliverable":
		r.Status, r.Diagnostic = status, clip(said)
		return r, true
	}
	m.judge(&r, status, said)
	return r, true
}

// judge finds the status, reason and class of a recipient who was refused: status
// is the report's, said what the refusing server said.
func (m *mail) judge(r *Recipient, status, said string) {
	near := m.near(r.Address)
	said = quotedReply(said)
	if said == "" {
		said = transcript(near)
	}
	if said == "" && len(m.named()) < 2 {
		said = transcript(m.words)
	}
	if said == "" {
		said = near
	}
	r.Status = status
	// A status that says nothing gives way to what the refusing server itself said.
	for _, text := range []string{said, near} {
		if s := statusIn(text); vague(r.Status) && !vague(s) {
			r.Status = s
		}
	}
	r.Reason = reasonOf(r.Status, said)
	all := said + "\n" + near
	if r.Reason == Unclear {
		// What the reporting server tells the person often says more than its report.
		r.Reason = reasonOf(r.Status, all)
	}
	r.Reason = weighed(r.Reason, r.Status, said, all)
	if vague(r.Status) {
		r.Status = statusOf(r.Status, said, r.Reason)
	}
	r.Class = r.Reason.class(r.Status)
	r.Diagnostic = clip(said)
}

var (
	// quotes is how SES put another server's reply behind its own words.
	quotes = regexp.MustCompile(`^[45]\.\d+\.\d+ - .{0,80}? ([45]\d\d)-'(.*)'`)
	talk   = regexp.MustCompile(`(?m)^\s*(?:>>> .*|<<< [45]\d\d.*)$`)
)

func quotedReply(said string) string {
	if found := quotes.FindStringSubmatch(squeeze(said)); found != nil {
		return found[1] + " " + found[2]
	}
	return said
}

// transcript is the dialogue in a notice, where it has one that ends in a refusal.
func transcript(near string) string {
	lines := talk.FindAllString(head(near), 40)
	for _, line := range lines {
		if strings.Contains(line, "<<<") {
			return strings.Join(lines, "\n")
		}
	}
	return ""
}

// vague tells whether a status says no more than its class.
func vague(status string) bool {
	return status == "" || strings.HasSuffix(status, ".0.0")
}

// diagnostic is the text of a Diagnostic-Code, without its type.
func diagnostic(value string) string {
	if kind, rest, ok := strings.Cut(value, ";"); ok && len(kind) < 40 && !strings.ContainsAny(kind, " <>@") {
		value = rest
	}
	return strings.TrimSpace(header(value))
}

// recipientElsewhere finds the address of a recipient whom a report names by
// something that is none.
func (m *mail) recipientElsewhere(named string) string {
	if list := m.failedHeader(); len(list) > 0 {
		return list[0]
	}
	if found := addressesIn(named); len(found) > 0 {
		return found[len(found)-1]
	}
	if _, name, ok := strings.Cut(named, ";"); ok {
		name = strings.Trim(strings.TrimSpace(name), "<>")
		if m.returned != nil && name != "" {
			for _, a := range addressesIn(header(m.returned.get("to"))) {
				if local, _, _ := strings.Cut(a, "@"); same(local, name) {
					return a
				}
			}
		}
	}
	for _, r := range m.named() {
		return r.address
	}
	if m.returned != nil {
		return firstAddress(m.returned.get("to"))
	}
	return ""
}

// failedHeader reads X-Failed-Recipients.
func (m *mail) failedHeader() []string {
	var out []string
	for _, f := range m.root.fields {
		if f.name == "x-failed-recipients" {
			out = append(out, addressesIn(header(f.value))...)
		}
	}
	return out
}
