package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// chosen is the part of the fake behind the pages of preferences.
type chosen struct {
	prefs    campaign.Preferences
	changes  []campaign.PreferenceChange
	limited  bool
	link     campaign.LinkState
	open     bool
	wanted   string
	texts    []string
	question campaign.Confirmation
}

func (f *fake) Preferences(context.Context, int64, time.Time) (campaign.Preferences, bool, error) {
	return f.prefs, !f.gone, f.readErr
}

func (f *fake) ChangePreferences(_ context.Context, _ int64, c campaign.PreferenceChange, hit campaign.Hit) error {
	if c.More() && !f.open {
		return campaign.ErrLink
	}
	f.changes = append(f.changes, c)
	return f.note("changed", hit)
}

func (f *fake) AskLink(_ context.Context, _ int64, hit campaign.Hit) (bool, error) {
	return !f.limited, f.note("link", hit)
}

func (f *fake) OpenLink(_ context.Context, _ int64, hit campaign.Hit) (campaign.LinkState, error) {
	is := f.link
	if is == campaign.LinkGood {
		f.link, f.open = campaign.LinkUsed, true
	}
	return is, f.note("opened link", hit)
}

func (f *fake) Managed(context.Context, int64, time.Time) (bool, error) { return f.open, f.readErr }

func (f *fake) ExportManaged(context.Context, int64, time.Time) ([]byte, error) {
	if !f.open {
		return nil, campaign.ErrLink
	}
	return []byte(`{"customer":{}}`), f.err
}

func (f *fake) EraseManaged(_ context.Context, _ int64, hit campaign.Hit) error {
	return f.note("erased", hit)
}

func (f *fake) AskAddress(_ context.Context, _ int64, address string, hit campaign.Hit) (bool, error) {
	if !strings.Contains(address, "@") {
		return false, campaign.ErrAddress
	}
	f.wanted = address
	return !f.limited, f.note("asked "+address, hit)
}

func (f *fake) Confirmation(context.Context, int64, time.Time) (campaign.Confirmation, error) {
	return f.question, f.readErr
}

func (f *fake) Confirm(_ context.Context, _ int64, text string, hit campaign.Hit) (campaign.Confirmation, error) {
	is := f.question
	f.texts, f.question.State = append(f.texts, text), campaign.LinkUsed
	return is, f.note("confirmed", hit)
}

func samplePreferences() campaign.Preferences {
	return campaign.Preferences{
		Customer: 7, Address: "ana@example.com", Locale: "en", Campaign: "abandoned-cart", Label: "Abandoned cart", Topic: "offers", Trigger: "abandoned_cart",
		Topics: []campaign.TopicChoice{{Key: "news"}, {Key: "offers", On: true}, {Key: "spam", Stuck: true}},
	}
}

func (b *bench) at(p token.Purpose) string { return "/p/" + b.signs.Sign(p, 42, 0) }

func (b *bench) post(path string, form url.Values) (status int, body string) {
	w := b.do("POST", path, form.Encode(), header("Content-Type", formType))
	return w.Code, w.Body.String()
}

func TestPreferencesPage(t *testing.T) {
	b := setup(t)
	for _, method := range []string{"GET", "HEAD"} {
		w := b.do(method, b.at(token.Preferences), "")
		wantStatus(t, w, 200)
		if w.Header().Get("Set-Cookie") != "" {
			t.Error("the page sets a cookie")
		}
	}
	w := b.do("GET", b.at(token.Preferences), "")
	wantBody(t, w, `<html lang="en" dir="ltr">`, "a•••@example.com", "Offers &lt;3", "Abandoned cart", "there is something in your basket",
		`name="keep" value="offers" checked`, "<option value=\"fil\" lang=\"fil\">Filipino</option>")
	for _, not := range []string{"ana@", `value="news"`, `value="spam"`, `value="usual"`, "/export", "/erase", "/address"} {
		if strings.Contains(w.Body.String(), not) {
			t.Errorf("a link alone shows %q", not)
		}
	}
	b.wantCalls(t)
}

// What waits for its confirmation says so, with and without a one-time link.
func TestPreferencesPending(t *testing.T) {
	b := setup(t)
	b.prefs.Topics = []campaign.TopicChoice{{Key: "offers", Pending: true}}
	wantBody(t, b.do("GET", b.at(token.Preferences), ""), `<small>Not confirmed yet for this address.</small>`)
	b.open = true
	wantBody(t, b.do("GET", b.at(token.Managing), ""), `name="keep" value="offers"> <span>Offers &lt;3 <small>Not confirmed yet for this address.</small>`)
}

// A question about several topics names them all.
func TestConfirmSeveral(t *testing.T) {
	b := setup(t)
	b.question.Topic = "news,offers"
	wantBody(t, b.do("GET", "/confirm/"+b.signs.Sign(token.Confirm, 42, 0), ""), "<bdi>news, Offers &lt;3</bdi>")
}

// A link alone makes mail less, and nothing but that.
func TestPreferencesByLinkAlone(t *testing.T) {
	for name, c := range map[string]struct {
		form url.Values
		want campaign.PreferenceChange
	}{
		"a topic off":          {url.Values{"shown": {"offers"}, "frequency": {""}}, campaign.PreferenceChange{Off: []string{"offers"}}},
		"kept":                 {url.Values{"shown": {"offers"}, "keep": {"offers"}}, campaign.PreferenceChange{}},
		"not shown":            {url.Values{}, campaign.PreferenceChange{}},
		"everything":           {url.Values{"action": {"everything"}, "shown": {"offers"}, "keep": {"offers"}}, campaign.PreferenceChange{Everything: true}},
		"less often":           {url.Values{"frequency": {"less"}}, campaign.PreferenceChange{Frequency: campaign.LessOften}},
		"a pause":              {url.Values{"frequency": {"pause"}}, campaign.PreferenceChange{Frequency: campaign.PauseMail}},
		"another language":     {url.Values{"locale": {"fil"}}, campaign.PreferenceChange{Locale: "fil"}},
		"its own language":     {url.Values{"locale": {"en"}}, campaign.PreferenceChange{}},
		"no language of ours":  {url.Values{"locale": {"xx"}}, campaign.PreferenceChange{}},
		"a topic on":           {url.Values{"keep": {"news", "spam"}}, campaign.PreferenceChange{}},
		"as usual":             {url.Values{"frequency": {"usual"}}, campaign.PreferenceChange{}},
		"a frequency not ours": {url.Values{"frequency": {"hourly"}}, campaign.PreferenceChange{}},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			status, body := b.post(b.at(token.Preferences), c.form)
			if status != 200 || !strings.Contains(body, `role="status"`) {
				t.Fatalf("status %d: %s", status, body)
			}
			got := b.changes[0]
			got.Text = ""
			if len(b.changes) != 1 || !slices.Equal(got.Off, c.want.Off) || len(got.On) > 0 || got.Everything != c.want.Everything || got.Frequency != c.want.Frequency || got.Locale != c.want.Locale {
				t.Errorf("changed %+v, want %+v", b.changes, c.want)
			}
		})
	}
	t.Run("what a one-time link is for", func(t *testing.T) {
		b := setup(t)
		b.open = true // by another link
		for _, path := range []string{"/export", "/erase", "/address"} {
			for _, p := range []token.Purpose{token.Preferences, token.Manage} {
				if status, _ := b.post(b.at(p)+path, url.Values{"sure": {"yes"}, "address": {"eve@example.com"}}); status != http.StatusForbidden {
					t.Errorf("%s of a link for %s: status %d", path, p, status)
				}
			}
		}
		b.wantCalls(t)
	})
}

// The mailed link opens the page once, by a press of a button.
func TestPreferencesOneTimeLink(t *testing.T) {
	b := setup(t)
	b.chosen.link = campaign.LinkGood
	status, body := b.post(b.at(token.Preferences)+"/link", nil)
	if status != 200 || !strings.Contains(body, "on its way to") || strings.Contains(body, "ana@") {
		t.Fatalf("status %d: %s", status, body)
	}
	for range 2 { // as scanners do
		w := b.do("GET", b.at(token.Manage), "")
		wantStatus(t, w, 200)
		wantBody(t, w, "Open the page")
		if strings.Contains(w.Body.String(), "ana@") {
			t.Error("following the link shows the address")
		}
	}
	b.wantCalls(t, "link")
	status, body = b.post(b.at(token.Manage), nil)
	session := b.at(token.Managing)
	if status != 200 || !strings.Contains(body, "ana@example.com") || !strings.Contains(body, `action="`+session+`/erase"`) {
		t.Fatalf("status %d: %s", status, body)
	}
	if strings.Contains(body, b.at(token.Manage)) {
		t.Error("the page holds the link that was mailed")
	}
	if status, body = b.post(b.at(token.Manage), nil); status != http.StatusGone || !strings.Contains(body, "used already") || strings.Contains(body, "ana@") {
		t.Errorf("a second time: status %d: %s", status, body)
	}
	status, _ = b.post(session, url.Values{"shown": {"offers"}, "keep": {"offers", "news", "spam"}, "frequency": {"usual"}})
	got := b.changes[len(b.changes)-1]
	if status != 200 || !slices.Equal(got.On, []string{"news", "spam"}) || got.Text == "" {
		t.Errorf("status %d, changed %+v", status, got)
	}
	w := b.do("POST", session+"/export", "")
	wantStatus(t, w, 200)
	if w.Header().Get("Content-Disposition") != `attachment; filename="my-data.json"` || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", w.Header())
	}
	for address, want := range map[string]string{"new@example.com": "mailed a link", "nonsense": "not an email address"} {
		if status, body := b.post(session+"/address", url.Values{"address": {address}}); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: status %d: %s", address, status, body)
		}
	}
	if _, body := b.post(session+"/erase", nil); !strings.Contains(body, "Nothing was deleted") || slices.Contains(b.calls, "erased") {
		t.Errorf("erased without the tick: %s", body)
	}
	if status, body := b.post(session+"/erase", url.Values{"sure": {"yes"}}); status != 200 || !strings.Contains(body, "is deleted") || !slices.Contains(b.calls, "erased") {
		t.Errorf("status %d: %s", status, body)
	}
	b.open = false
	for _, path := range []string{"", "/export", "/erase", "/address"} {
		if status, body := b.post(session+path, url.Values{"sure": {"yes"}}); status != http.StatusGone || !strings.Contains(body, "closed by itself") || strings.Contains(body, "ana@") {
			t.Errorf("closed %s: status %d: %s", path, status, body)
		}
	}
}

func TestPreferencesLinkLimited(t *testing.T) {
	b := setup(t)
	b.limited = true
	if status, body := b.post(b.at(token.Preferences)+"/link", nil); status != 200 || !strings.Contains(body, "asked for a link just now") {
		t.Errorf("status %d: %s", status, body)
	}
}

func TestPreferencesDeadLinks(t *testing.T) {
	b := setup(t)
	for name, path := range map[string]string{
		"forged":        forge(b.at(token.Preferences)),
		"unsubscribe":   "/p/" + b.signs.Sign(token.Unsubscribe, 42, 0),
		"a pixel":       "/p/" + b.signs.Sign(token.Open, 42, 0),
		"a click":       "/p/" + b.signs.Sign(token.Click, 42, 3),
		"a confirm":     "/p/" + b.signs.Sign(token.Confirm, 42, 0),
		"not a confirm": "/confirm/" + b.signs.Sign(token.Preferences, 42, 0),
	} {
		t.Run(name, func(t *testing.T) {
			wantStatus(t, b.do("GET", path, ""), 404)
			wantStatus(t, b.do("POST", path, "action=everything", header("Content-Type", formType)), 404)
		})
	}
	for _, path := range []string{"/link", "/export", "/erase", "/address"} {
		wantStatus(t, b.do("POST", forge(b.at(token.Managing))+path, "sure=yes", header("Content-Type", formType)), 404)
	}
	b.gone = true
	wantStatus(t, b.do("GET", b.at(token.Preferences), ""), 404)
	wantStatus(t, b.do("POST", b.at(token.Preferences)+"/link", ""), 404)
	b.gone, b.readErr = false, errDown
	wantStatus(t, b.do("GET", b.at(token.Preferences), ""), 503)
	b.readErr, b.err = nil, errDown
	wantStatus(t, b.do("POST", b.at(token.Preferences), "action=everything", header("Content-Type", formType)), 503)
	b.wantCalls(t)
}

// Nothing is confirmed but by the button.
func TestConfirmPage(t *testing.T) {
	b := setup(t)
	at := "/confirm/" + b.signs.Sign(token.Confirm, 42, 0)
	for range 2 {
		for _, method := range []string{"GET", "HEAD"} {
			wantStatus(t, b.do(method, at, ""), 200)
		}
	}
	b.wantCalls(t)
	wantBody(t, b.do("GET", at, ""), "a•••@example.com", "Offers &lt;3", "<button>Yes, write to me</button>")
	w := b.do("POST", at, "")
	wantStatus(t, w, 200)
	wantBody(t, w, "Thank you")
	b.wantCalls(t, "confirmed")
	if len(b.texts) != 1 || !strings.HasPrefix(b.texts[0], "en:") {
		t.Errorf("the words are on record as %q", b.texts)
	}
	w = b.do("POST", at, "")
	wantStatus(t, w, http.StatusGone)
	wantBody(t, w, "used already")
	b.wantCalls(t, "confirmed")
	b.question = campaign.Confirmation{State: campaign.LinkExpired, Locale: "he"}
	w = b.do("GET", at, "")
	wantStatus(t, w, http.StatusGone)
	wantBody(t, w, `dir="rtl"`, "ישן מדי")
}

// Every language says what English says, with the same blanks.
func TestWordsAreWhole(t *testing.T) {
	all, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	blanks := func(s string) (out []string) {
		for _, k := range []string{"{shop}", "{topic}", "{address}", "{campaign}", "{reason}", "{date}"} {
			for range strings.Count(s, k) {
				out = append(out, k)
			}
		}
		return out
	}
	for _, texts := range allTexts() {
		w := all[texts.Lang]
		for key, english := range all["en"] {
			if w[key] == "" || !slices.Equal(blanks(w[key]), blanks(english)) || strings.Count(w[key], "{") != len(blanks(english)) {
				t.Errorf("%s: %s: %q does not say what %q does", texts.Lang, key, w[key], english)
			}
		}
		if len(w) != len(all["en"]) {
			t.Errorf("%s has %d texts, English %d", texts.Lang, len(w), len(all["en"]))
		}
	}
	for _, verb := range []string{"past_purchase", "abandoned_cart", "abandoned_checkout", "abandoned_browse", "replenishment", "inactivity", "back_in_stock", "price_drop", "event", "date", "segment", "schedule"} {
		if all["en"][reasonFor(verb)] == "" {
			t.Errorf("no words for %s", verb)
		}
	}
}

// The brand's colour is read on the buttons, and its logo may load.
func TestBrand(t *testing.T) {
	b := setup(t, func(c *Config) {
		c.Workspace.Brand = map[string]string{"colour": "#5b3a29", "logo": "https://img.kape.example/logo.png"}
	})
	w := b.do("GET", b.at(token.Preferences), "")
	wantBody(t, w, `<img src="https://img.kape.example/logo.png" alt="Kape &amp; Co"`, "/assets/brand.css?v=")
	if p := w.Header().Get("Content-Security-Policy"); !strings.Contains(p, "img-src 'self' https://img.kape.example data:") || strings.Contains(p, "script") {
		t.Errorf("policy %q", p)
	}
	wantBody(t, b.do("GET", "/assets/brand.css", ""), "--brand: #5b3a29; --brand-ink: #ffffff;")
	for in, want := range map[string]string{"#ffd": "#000000", "#1f6f5c": "#ffffff", "brown": "", "#12345": "", "#zzzzzz": "", "": ""} {
		if c, ok := hexColour(in); ok != (want != "") || ok && c.ink() != want {
			t.Errorf("on %q one writes in %s", in, c.ink())
		}
	}
	for _, bad := range []string{"http://img.example/l.png", "javascript:alert(1)", "https://a b/l.png", "https://x;script-src/"} {
		if got := brandOf(map[string]string{"logo": bad}); got.Logo != "" {
			t.Errorf("logo %q is shown", bad)
		}
	}
}

// Each page has a heading of each part, and a name for each field.
func TestPreferencesPagesAreAccessible(t *testing.T) {
	b := setup(t)
	b.open, b.prefs.Locale = true, "he"
	for _, path := range []string{b.at(token.Preferences), b.at(token.Manage), b.at(token.Managing), "/confirm/" + b.signs.Sign(token.Confirm, 42, 0), "/p/x"} {
		doc, err := html.Parse(b.do("GET", path, "").Body)
		if err != nil {
			t.Fatal(err)
		}
		seen, ids := map[string]int{}, map[string]bool{}
		for n := range doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			seen[n.Data]++
			for _, a := range n.Attr {
				if a.Key == "id" && ids[a.Val] {
					t.Errorf("%s: two elements are %s", path, a.Val)
				}
				ids[a.Val] = ids[a.Val] || a.Key == "id"
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s: an attribute %s, which the policy forbids", path, a.Key)
				}
			}
			if (n.Data == "input" || n.Data == "select") && n.Parent.Data != "label" && !hidden(n) {
				t.Errorf("%s: a field has no label", path)
			}
			if n.Data == "script" {
				t.Errorf("%s: a script", path)
			}
		}
		if seen["h1"] != 1 || seen["main"] != 1 || seen["title"] != 1 || seen["fieldset"] != seen["legend"] {
			t.Errorf("%s: %v", path, seen)
		}
	}
}
