package render

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/token"
)

const serviceSpace = `name: Kape & Co
locales: [en, fil, he, hy, el, ms]
senders: { hello: { from: "Kape <hello@mail.kape.example>" }, care: { from: care@mail.kape.example } }
topics: { offers: { name: { en: Offers, fil: Alok, he: מבצעים, hy: Առաջարկներ, el: Προσφορές, ms: Tawaran }, opt_in: double } }
brand: { colour: "#5b3a29", address: "12 Calle Real, Iloilo" }
`

func serviceOf(t *testing.T, files map[string]string) (*campaign.Catalog, *Renderer, []campaign.Problem) {
	t.Helper()
	all := fstest.MapFS{"tidings.yaml": {Data: []byte(serviceSpace)}}
	for name, text := range files {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	cat, problems := content.Load(all)
	if cat == nil {
		t.Fatal(problems)
	}
	r, more := Compile(cat)
	return cat, r, append(problems, more...)
}

func served(t *testing.T, r *Renderer, step, locale, trigger string) string {
	t.Helper()
	signer, err := token.New([]string{"0123456789abcdef0123456789abcdef"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.Render(campaign.Outgoing{
		ID: 42, Campaign: campaign.ServiceCampaign, Step: step, Trigger: json.RawMessage(trigger), Now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC),
		Customer: campaign.Customer{ID: 1, ExternalID: "ana", Email: "ana@kape.example", Locale: locale},
	}, Settings{PublicURL: "https://t.kape.example", Signer: signer, StoreID: "s"})
	if err != nil {
		t.Fatalf("%s in %s: %v", step, locale, err)
	}
	return string(e.Body)
}

// Every service mail, in every language, holds its one link and nothing of lists.
func TestServiceMails(t *testing.T) {
	_, r, problems := serviceOf(t, nil)
	if len(problems) > 0 {
		t.Error(problems)
	}
	for step, link := range map[string]string{
		campaign.ServiceLink: "https://t.kape.example/p/", campaign.ServiceConfirm: "https://t.kape.example/confirm/", campaign.ServiceAddress: "https://t.kape.example/confirm/",
	} {
		texts := map[string]bool{}
		for _, locale := range []string{"en", "fil", "he", "hy", "el", "ms"} {
			mail := served(t, r, step, locale, `{"mail":"x"}`)
			if !strings.Contains(mail, link) || strings.Contains(mail, "/c/") || strings.Contains(mail, "List-Unsubscribe") || !strings.Contains(mail, "From: \"Kape\" <hello@") && !strings.Contains(mail, "From: Kape <hello@") && !strings.Contains(mail, "care@mail") {
				t.Errorf("%s in %s:\n%s", step, locale, mail)
			}
			_, body, _ := strings.Cut(mail, "text/plain")
			texts[body] = true
		}
		if len(texts) != 6 {
			t.Errorf("%s says the same in %d languages", step, 6-len(texts)+1)
		}
	}
	if mail := served(t, r, campaign.ServiceConfirm, "en", `{"mail":"x","topic":"offers"}`); !strings.Contains(mail, "Offers") {
		t.Errorf("the question does not name its topic:\n%s", mail)
	}
}

// A workspace writes such a mail itself; without its link it is refused.
func TestServiceMailOfTheWorkspace(t *testing.T) {
	_, r, problems := serviceOf(t, map[string]string{
		"templates/confirm-subscription.html": "---\nsubject: One more press\n---\n<p>Ours: <a href=\"{{ links.confirm }}\">yes, {{ trigger.topic_name | default: 'all' }}</a></p>\n",
	})
	if len(problems) > 0 {
		t.Error(problems)
	}
	if mail := served(t, r, campaign.ServiceConfirm, "en", `{"topic":"offers"}`); !strings.Contains(mail, "Subject: One more press") || !strings.Contains(mail, "yes, Offers") {
		t.Errorf("%s", mail)
	}
	if mail := served(t, r, campaign.ServiceConfirm, "en", `{"topic":"gone,offers,offers"}`); !strings.Contains(mail, "yes, Offers, Offers") {
		t.Errorf("%s", mail)
	}
	_, r, problems = serviceOf(t, map[string]string{"templates/preferences-link.html": "---\nsubject: Hello\n---\n<p>Nothing to press</p>\n"})
	if r != nil || len(problems) != 1 || problems[0].File != "templates/preferences-link.html" || !strings.Contains(problems[0].Message, "is for its link") {
		t.Errorf("%v", problems)
	}
}
