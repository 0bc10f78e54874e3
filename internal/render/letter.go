package render

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"tidings/internal/campaign"
)

// letter is a send step with what is the same for all its messages.
type letter struct {
	campaign *campaign.Campaign
	step     *campaign.Step
	topic    string // "": transactional
	data     map[string]any
	from     mail.Address
	domain   string // of from
	replyTo  *mail.Address
	feedback string
	listID   string
	auto     bool // sent because of what the customer did, not by calendar
	utm      *utm
	with     map[string]map[string]any // by locale: what the step gives its template
	fields   []byte                    // the headers that do not differ from message to message
}

// letters prepares a campaign's mails.
func (c *compiler) letters(camp *campaign.Campaign) {
	utm := c.utmOf(camp)
	utm.prepare(c.statics)
	for _, s := range sends(camp) {
		l := &letter{
			campaign: camp, step: s, topic: topicOf(camp, s),
			data: map[string]any{"name": camp.Name},
		}
		if camp.Label != "" {
			l.data["label"] = camp.Label
		} else {
			l.data["label"] = camp.Name
		}
		if l.topic != "" {
			l.data["topic"] = l.topic
		}
		if _, scheduled := camp.Trigger.(campaign.Schedule); !scheduled {
			l.auto = true
		}
		if err := c.senders(l); err != nil {
			c.problems = append(c.problems, campaign.Problem{File: campaignFile(camp), Line: lineOf(camp.Source, s.ID), Message: err.Error()})
			continue
		}
		l.utm = utm
		l.with = c.withOf(s.Send.With)
		l.addresses(c.catalog.Workspace.Name)
		l.fixed()
		for _, t := range c.catalog.Templates[s.Send.Template] {
			c.headersOf(l, t)
			c.givenTo(l, t)
		}
		c.r.letters[letterKey{camp.Name, s.ID}] = l
	}
}

// senders finds the letter's From and Reply-To.
func (c *compiler) senders(l *letter) error {
	w := &c.catalog.Workspace
	key := cmp.Or(l.step.Send.From, l.campaign.From, w.Defaults.From)
	if key == "" && len(w.Senders) == 1 {
		key = slices.Collect(maps.Keys(w.Senders))[0]
	}
	sender, ok := w.Senders[key]
	if !ok {
		return fmt.Errorf("no sender %q; name one of senders in tidings.yaml", key)
	}
	from, err := parseAddress(sender.From)
	if err != nil {
		return fmt.Errorf("sender %s: %w", key, err)
	}
	l.from = *from
	l.domain = from.Address[strings.LastIndexByte(from.Address, '@')+1:]
	reply := sender.ReplyTo
	if key := cmp.Or(l.step.Send.ReplyTo, l.campaign.ReplyTo); key != "" {
		other, ok := w.Senders[key]
		if !ok {
			return fmt.Errorf("no sender %q; name one of senders in tidings.yaml", key)
		}
		reply = cmp.Or(other.ReplyTo, other.From)
	}
	if reply == "" {
		return nil
	}
	if l.replyTo, err = parseAddress(reply); err != nil {
		return fmt.Errorf("reply_to of sender %s: %w", key, err)
	}
	return nil
}

// addresses fills in the headers by which mailbox providers and lists tell the
// letter from others.
func (l *letter) addresses(workspace string) {
	slug := slugOf(workspace)
	// Gmail reports complaints by each of these fields; : parts them.
	l.feedback = strings.Join([]string{
		slugOf(l.campaign.Name), cmp.Or(slugOf(l.topic), "transactional"), slugOf(l.step.ID), slug,
	}, ":")
	l.listID = "<" + slugOf(l.campaign.Name) + "." + slug + "." + l.domain + ">"
}

// slugOf is a name in letters that a header takes: a–z, 0–9 and dashes.
func slugOf(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	slug := strings.TrimRight(b.String(), "-")
	if slug == "" && s != "" {
		return "tidings"
	}
	return slug
}

// parseAddress reads an address with or without a name, its domain in the
// letters of DNS.
func parseAddress(s string) (*mail.Address, error) {
	a, err := mail.ParseAddress(s)
	if err != nil {
		return nil, errors.New("not an email address; write Name <name@domain>")
	}
	if a.Address, err = normalAddress(a.Address); err != nil {
		return nil, err
	}
	a.Name = strings.TrimSpace(oneLine(a.Name))
	return a, nil
}

// normalAddress checks a bare address and writes its domain in punycode. It is
// stricter than RFC 5321: quoted local parts and address literals belong to
// nobody's customers, and have served to smuggle commands.
func normalAddress(s string) (string, error) {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at == len(s)-1 || len(s) > 254 || at > 64 {
		return "", errors.New("not an email address")
	}
	local, domain := s[:at], s[at+1:]
	for _, r := range local {
		if r <= ' ' || isControl(r) || strings.ContainsRune(`"(),:;<>@[\]`, r) || r == 0xfffd {
			return "", errors.New("not an email address")
		}
	}
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return "", errors.New("not an email address")
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || ascii == "" {
		return "", errors.New("not an email address: its domain is not one")
	}
	return local + "@" + ascii, nil
}

// headersOf compiles the subjects and preheaders of a letter in a template.
func (c *compiler) headersOf(l *letter, t *campaign.Template) {
	send := l.step.Send
	c.localized(campaignFile(l.campaign), l.campaign.Source, send.Subject)
	c.localized(campaignFile(l.campaign), l.campaign.Source, send.Preheader)
	c.localized(t.File, "", t.Subject)
	c.localized(t.File, "", t.Preheader)
	if len(send.Subject) == 0 && len(t.Subject) == 0 {
		c.problems = append(c.problems, campaign.Problem{
			File: campaignFile(l.campaign), Line: lineOf(l.campaign.Source, l.step.ID),
			Message: "mail " + l.step.ID + " has no subject", Hint: "write subject: beside send: or in " + t.File,
		})
	}
}

// localized compiles each language of a header.
func (c *compiler) localized(file, source string, texts campaign.Localized) {
	for _, locale := range slices.Sorted(maps.Keys(texts)) {
		text := texts[locale]
		key := headerKey{file, text}
		if _, done := c.r.headers[key]; done {
			continue
		}
		c.r.headers[key] = c.header(file, lineOf(source, text), text)
	}
}

// campaignFile is where a campaign is written.
func campaignFile(c *campaign.Campaign) string { return "campaigns/" + c.Name + ".yaml" }

// lineOf is the line of a file on which a text stands, 1 where it cannot be
// found (a text that YAML folds).
func lineOf(source, text string) int {
	if i := strings.Index(source, text); i >= 0 && text != "" {
		return strings.Count(source[:i], "\n") + 1
	}
	return 1
}
