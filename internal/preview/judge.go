package preview

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"

	"tidings/internal/campaign"
)

// The sizes of HTML, in bytes, beyond which Gmail cuts a mail off (102 kB), and at
// which it is time to say so.
const (
	ClipSize = 102 << 10
	WarnSize = 80 << 10
)

// longSubject is how much of a subject, in characters, mail programs on a desk show.
const longSubject = 70

// problemsOf are the problems of the files that a mail is made of.
func (s *Studio) problemsOf(m *Mail) []campaign.Problem {
	files := map[string]bool{"campaigns/" + m.Campaign.Name + ".yaml": true, "tidings.yaml": true}
	for _, group := range []map[string]*campaign.Template{s.Catalog.Templates[m.Step.Template], s.Catalog.Partials} {
		for _, t := range group {
			files[t.File] = true
		}
	}
	for _, layouts := range s.Catalog.Layouts {
		for _, t := range layouts {
			files[t.File] = true
		}
	}
	var out []campaign.Problem
	for _, p := range s.Problems {
		if files[p.File] || strings.HasPrefix(p.File, "locales/") {
			out = append(out, p)
		}
	}
	return out
}

// judge is what is wrong with the mail as it came out, for this customer.
func (m *Mail) judge(to campaign.Customer) []campaign.Problem {
	var out []campaign.Problem
	say := func(warning bool, hint, format string, args ...any) {
		out = append(out, campaign.Problem{File: "mail " + m.Campaign.Name + "/" + m.Step.ID, Warning: warning, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
	switch n := len(m.HTML); {
	case n > ClipSize:
		say(false, "shorten it; limit its loops", "the HTML has %d kB; Gmail cuts it off at 102 kB, the way to unsubscribe with it", n>>10)
	case n > WarnSize:
		say(true, "shorten it; limit its loops", "the HTML has %d kB; Gmail cuts off what is over 102 kB", n>>10)
	}
	if n := utf8.RuneCountInString(withoutNames(m.Subject, to)); n > longSubject {
		say(true, "put what matters first, or shorten it", "the subject has %d characters; most mail programs show %d or fewer", n, longSubject)
	}
	if strings.TrimSpace(m.Text) == "" {
		say(false, "write words, not pictures alone", "the text part is empty")
	}
	said := saidBy(to)
	for _, sign := range []string{"{{", "{%", "*|", "[object Object]"} {
		if strings.Contains(m.Subject+m.Text, sign) && !strings.Contains(said, sign) {
			say(false, "write it in Liquid, outside of raw", "%s is left in the mail as customers would read it", sign)
		}
	}
	if !rtl(m.Locale) {
		if text := jumps(m.HTML); text != "" {
			say(true, "write <bdi>{{ … }}</bdi>", "a number after right-to-left text moves before it: %q", text)
		}
	}
	return out
}

// withoutNames is a subject without what an unusually long attribute of the customer's
// puts into it, which its author can do nothing about.
func withoutNames(subject string, c campaign.Customer) string {
	for _, v := range c.Attributes {
		if text, ok := v.(string); ok && utf8.RuneCountInString(text) > longName {
			subject = strings.ReplaceAll(subject, text, "")
		}
	}
	return subject
}

// longName is how long names are seldom, in characters.
const longName = 20

// saidBy is all that a customer's attributes say.
func saidBy(c campaign.Customer) string { return fmt.Sprint(c.Attributes) }

// rtlThenNumber is text in which the bidirectional algorithm (UAX 9, rules W and N)
// shows a number to the left of the words that it follows.
var rtlThenNumber = regexp.MustCompile(`[\p{Hebrew}\p{Arabic}][\s\p{P}\p{S}]*[0-9][0-9.,]*`)

// jumps finds such text in HTML that is written from left to right, outside of what
// has a direction of its own.
func jumps(source string) string {
	doc, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return ""
	}
	return jump(doc)
}

func jump(n *html.Node) string {
	if n.Type == html.TextNode {
		return rtlThenNumber.FindString(n.Data)
	}
	if n.Type == html.ElementNode {
		if n.Data == "bdi" || n.Data == "style" || n.Data == "script" || n.Data == "title" {
			return ""
		}
		for _, a := range n.Attr {
			if a.Key == "dir" && a.Val != "ltr" {
				return ""
			}
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if found := jump(c); found != "" {
			return found
		}
	}
	return ""
}
