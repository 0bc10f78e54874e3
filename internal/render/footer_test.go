package render

import (
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
)

// A marketing mail that says nothing of who writes and how to leave gets a plain
// footer, inside its body; one that says half of it is its author's to mend.
func TestFooter(t *testing.T) {
	marketing := func(src string) *campaign.Catalog {
		cat := bare(t, src)
		for _, c := range cat.Campaigns {
			c.Transactional, c.Topic = false, "offers"
		}
		return cat
	}
	for _, src := range []string{"<p>Hello</p>", "<html><body><p>Hello</p></body></html>\n"} {
		cat := marketing(src)
		r, problems := Compile(cat)
		if r == nil || len(problems) != 1 || !problems[0].Warning || !strings.Contains(problems[0].Message, "a plain footer is added") {
			t.Fatalf("%s: %v", src, problems)
		}
		if got := cat.Templates["receipt"][""].Source; got != src {
			t.Errorf("the catalog was changed: %s", got)
		}
		e, err := r.Render(campaign.Outgoing{ID: 1, Campaign: cat.Campaigns[0].Name, Step: "receipt", Now: time.Unix(0, 0),
			Trigger: []byte("{}"), Customer: campaign.Customer{Email: "ana@example.com"}}, settings(t))
		if err != nil {
			t.Fatal(err)
		}
		body := strings.ReplaceAll(string(e.Body), "=\r\n", "")
		for _, want := range []string{"Unsubscribe", "https://t.kape.example/u/", "List-Unsubscribe-Post", r.brand["address"].(string)} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %q in\n%s", src, want, body)
			}
		}
		if strings.LastIndex(body, "Unsubscribe</a>") > strings.LastIndex(body, "</body>") {
			t.Errorf("%s: the footer is outside the body:\n%s", src, body)
		}
	}
	if r, problems := Compile(marketing("<p>{{ brand.address }}</p>")); r != nil || !hasErrors(problems) {
		t.Errorf("half a footer: %v", problems)
	}
}
