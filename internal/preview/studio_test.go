package preview_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"tidings/internal/campaign"
	"tidings/internal/preview"
)

func TestMail(t *testing.T) {
	t.Parallel()
	s := studio(t, files(), people())
	mail := func(ch preview.Choice) *preview.Mail {
		t.Helper()
		m, err := s.Mail(t.Context(), ch)
		if err != nil {
			t.Fatalf("%+v: %v", ch, err)
		}
		return m
	}
	for _, c := range []struct {
		name     string
		ch       preview.Choice
		subject  string
		text     string // held by the text part
		occasion preview.Occasion
		remark   string
	}{
		{"nothing chosen", preview.Choice{}, "Ana, your basket", "Sample product", preview.MadeUp, ""},
		{"made up", preview.Choice{Campaign: "basket", Customer: "no-name"}, "Hello, your basket", "Sample product", preview.MadeUp, ""},
		{"by number", preview.Choice{Campaign: "basket", Step: "2"}, "Thanks", "Ana of sample", preview.MadeUp, ""},
		{"by id", preview.Choice{Campaign: "basket", Step: "again"}, "Ana, your basket", "", preview.MadeUp, ""},
		{"another language", preview.Choice{Campaign: "letter", Locale: "he"}, "תודה", "תודה", preview.MadeUp, ""},
		{"who has entered", preview.Choice{Campaign: "basket", Customer: "bea"}, "Bea, your basket", "Their own mug", preview.Entered, ""},
		{"a real one in another language", preview.Choice{Campaign: "basket", Step: "2", Customer: "bea", Locale: "he"}, "תודה", "תודה", preview.Entered, ""},
		{"only an occasion", preview.Choice{Campaign: "basket", Customer: "dan"}, "Dan, your basket", "Their own mug", preview.Occurred, "has not entered"},
		{"nothing happened", preview.Choice{Campaign: "basket", Customer: "cy"}, "Cy, your basket", "Sample product", preview.Nothing, "is made up"},
		{"nobody", preview.Choice{Campaign: "basket", Customer: "zoe"}, "Ana, your basket", "Sample product", preview.MadeUp, "no customer zoe"},
	} {
		m := mail(c.ch)
		if m.Subject != c.subject || !strings.Contains(m.Text, c.text) || m.Occasion != c.occasion {
			t.Errorf("%s: %q, %s\n%s", c.name, m.Subject, m.Occasion, m.Text)
		}
		if r := s.Remark(c.ch, m); !strings.Contains(r, c.remark) || r != "" && c.remark == "" {
			t.Errorf("%s: remark %q, want %q", c.name, r, c.remark)
		}
	}
	if r := studio(t, files(), nil).Remark(preview.Choice{Customer: "zoe"}, mail(preview.Choice{})); !strings.Contains(r, "no database") {
		t.Errorf("without a database: %q", r)
	}
}

// What is shown has the links as they were written and counts nothing; what would be
// sent is tracked.
func TestShownIsUntracked(t *testing.T) {
	t.Parallel()
	m, err := studio(t, files(), nil).Mail(t.Context(), preview.Choice{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(m.HTML, "https://t.kape.example/c/") || !strings.Contains(m.HTML, "https://t.kape.example/o/") || !strings.Contains(string(m.Email.Body), "\r\n") {
		t.Errorf("not as it would be sent: %s", m.HTML)
	}
	if strings.Contains(m.Shown, "/c/") || strings.Contains(m.Shown, "/o/") || !strings.Contains(m.Shown, `href="https://sample.example/product-a"`) {
		t.Errorf("not as it was written: %s", m.Shown)
	}
}

func TestAbsent(t *testing.T) {
	t.Parallel()
	s := studio(t, files(), nil)
	for want, ch := range map[string]preview.Choice{
		"there is no campaign baskett; did you mean basket?":      {Campaign: "baskett"},
		"there is no mail 9 in campaign letter":                   {Campaign: "letter", Step: "9"},
		"there is no locale fr; there is en, he":                  {Locale: "fr"},
		"templates/thanks.html:4: customer.first_name is missing": {Campaign: "letter", Customer: "no-name"},
	} {
		if _, err := s.Mail(t.Context(), ch); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", ch, err, want)
		}
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	c, _ := studio(t, files(), nil).Catalog.Campaign("basket")
	want := []preview.Step{{1, "basket", "basket", ""}, {2, "thanks", "thanks", "regulars"}, {3, "again", "basket", "others"}}
	if got := preview.Steps(c); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

// A test mail is marked, goes to nobody but the address, and says who it is not.
func TestTest(t *testing.T) {
	t.Parallel()
	s := studio(t, files(), people())
	e, err := s.Test(t.Context(), preview.Choice{Campaign: "basket", Customer: "bea"}, "me@team.example", "x1")
	if err != nil {
		t.Fatal(err)
	}
	body := string(e.Body)
	if e.To != "me@team.example" || !strings.Contains(body, "Subject: [Test] Bea, your basket\r\n") || strings.Contains(body, "bea@shop.example") {
		t.Errorf("to %s:\n%s", e.To, body)
	}
	if strings.Contains(body, "/c/") || strings.Contains(body, "/o/") || len(e.Links) != 0 || !strings.Contains(body, "Message-ID: <t0.test-x1@") || !strings.Contains(body, "X-Tidings-Message: 0\r\n") {
		t.Errorf("it can be taken for a customer's:\n%s", body)
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	rendered := 0
	r, err := studio(t, files(), people()).All(t.Context(), preview.AllOptions{Customers: 3, Each: func(*preview.Mail, string) error { rendered++; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	// Four mails in two languages, for six made-up customers and three real ones.
	if r.Mails != 4*2*9 || r.MadeUp != 6 || r.Customers != 3 || r.Templates != 2 || rendered != r.Mails-4 {
		t.Errorf("%d mails, %d rendered: %+v", r.Mails, rendered, r)
	}
	var told []string
	for _, f := range r.Errors {
		told = append(told, f.Campaign+" "+f.Step+" "+strings.Join(f.Locales, ",")+" "+strings.Join(f.Customers, ",")+" "+f.Problem.Message[:31])
	}
	want := []string{
		"basket thanks en no-name customer.first_name is missing;",
		"basket thanks en dan customer.city is missing; give ",
		"letter thanks en no-name customer.first_name is missing;",
		"letter thanks en dan customer.city is missing; give ",
	}
	if len(told) != len(want) {
		t.Fatalf("%q", told)
	}
	for i := range want {
		if !strings.HasPrefix(told[i], strings.TrimSpace(want[i])) {
			t.Errorf("%q, want %q", told[i], want[i])
		}
	}
}

// The most awkward come first, each once.
func TestAwkward(t *testing.T) {
	t.Parallel()
	named := func(id int64, locale, name string) campaign.Customer {
		return customer(id, string(rune('a'+id)), locale, map[string]any{"first_name": name})
	}
	from := []campaign.Customer{
		named(1, "en", "Ann"), named(2, "en", "Bob"), named(3, "en", strings.Repeat("x", 80)), named(4, "en", "נועה"), named(5, "en", "Zoë ✨"),
		named(6, "he", "O'Brien"), customer(7, "h", "en", map[string]any{"city": "Cebu"}), named(8, "", "Cy"), named(9, "en", "Dora"),
	}
	var ids []int64
	for _, c := range preview.Awkward(from, 7) {
		ids = append(ids, c.ID)
	}
	if want := []int64{7, 3, 4, 5, 6, 8, 1}; !slices.Equal(ids, want) {
		t.Errorf("%v, want %v", ids, want)
	}
	if got := preview.Awkward(nil, 5); len(got) != 0 {
		t.Errorf("of nobody: %v", got)
	}
	if got := preview.Awkward(from, 100); len(got) != len(from) {
		t.Errorf("%d of %d", len(got), len(from))
	}
}

// The long name is as long as its label says.
func TestLongName(t *testing.T) {
	t.Parallel()
	m, err := studio(t, files(), nil).Mail(t.Context(), preview.Choice{Campaign: "basket", Customer: "long-name"})
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(m.Subject, ", your")
	if utf8.RuneCountInString(name) != 80 {
		t.Errorf("%d characters: %s", utf8.RuneCountInString(name), name)
	}
}

func TestJudged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body, subject string
		customer            string
		want                string // of the problem; empty: none
		warning             bool
	}{
		{"sound", "<p>Hello</p>", "Hello", "ana", "", false},
		{"too large", "<p>Hello</p>{% for i in trigger.products %}<p>" + strings.Repeat("word ", 1600) + "</p>{% endfor %}", "Hello", "long-name", "Gmail cuts it off", false},
		{"large", "<p>Hello</p>{% for i in trigger.products %}<p>" + strings.Repeat("word ", 1200) + "</p>{% endfor %}", "Hello", "long-name", "Gmail cuts off what is over", true},
		{"long subject", "<p>Hello</p>", strings.Repeat("word ", 20), "ana", "the subject has 99 characters", true},
		{"a long name in the subject", "<p>Hello</p>", "Hello {{ customer.first_name }}", "long-name", "", false},
		{"left over", "<p>Hello {{ '*' | append: '|FNAME|*' }}</p>", "Hello", "ana", "*| is left in the mail", false},
		{"a number after a name", "<p>{{ customer.first_name }}, 25 points</p>", "Hello", "rtl", "moves before it", true},
		{"the same, kept apart", "<p><bdi>{{ customer.first_name }}</bdi>, 25 points</p>", "Hello", "rtl", "", false},
	} {
		f := files()
		f["templates/thanks.html"].Data = []byte("---\nsubject: \"" + c.subject + "\"\n---\n" + c.body + `<p>{{ brand.address }} <a href="{{ links.unsubscribe }}">Unsubscribe</a> <a href="{{ links.preferences }}">Choose</a></p>`)
		m, err := studio(t, f, nil).Mail(t.Context(), preview.Choice{Campaign: "letter", Customer: c.customer})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var told []campaign.Problem
		for _, p := range m.Problems {
			if strings.HasPrefix(p.File, "mail ") {
				told = append(told, p)
			}
		}
		switch {
		case c.want == "" && len(told) > 0, c.want != "" && len(told) != 1:
			t.Errorf("%s: %v", c.name, told)
		case c.want != "" && (!strings.Contains(told[0].Message, c.want) || told[0].Warning != c.warning):
			t.Errorf("%s: %v, warning %v", c.name, told[0], told[0].Warning)
		}
	}
}

// A mail's problems are those of its own files.
func TestProblemsOfFiles(t *testing.T) {
	t.Parallel()
	f := files()
	f["templates/unused.html"] = f["templates/thanks.he.html"]
	f["templates/thanks.html"].Data = []byte("---\nsubject: Hi\n---\n<p>Hello, no way to leave</p>")
	s := studio(t, f, nil)
	for campaignName, want := range map[string]string{"letter": "a marketing mail must say who writes", "basket": ""} {
		m, err := s.Mail(t.Context(), preview.Choice{Campaign: campaignName})
		if err != nil {
			t.Fatal(err)
		}
		all := ""
		for _, p := range m.Problems {
			all += p.String() + "\n"
		}
		if strings.Contains(all, "unused") || (want != "") != strings.Contains(all, "a marketing mail must say who writes") {
			t.Errorf("%s: %s", campaignName, all)
		}
	}
}
