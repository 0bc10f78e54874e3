package render

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/internal/token"
)

func TestProductMail(t *testing.T) {
	r := compile(t, shop(t))
	e, p := mustRender(t, r, cartMessage())
	golden(t, "cart.golden.html", p.html)
	golden(t, "cart.golden.txt", p.text)
	if again, err := r.Render(cartMessage(), settings(t)); err != nil || !bytes.Equal(again.Body, e.Body) {
		t.Errorf("the same message came out differently (err %v)", err)
	}
}

// Each link of the mail leads where the template said, by a token of this
// message.
func TestTrackedLinks(t *testing.T) {
	s := settings(t)
	e, p := mustRender(t, compile(t, shop(t)), cartMessage())
	want := []string{
		"https://kape.example",
		"https://kape.example/p/1?a=1&b=2",
		"https://kape.example/p/2?a=1&b=2",
		"https://kape.example/basket?from=mail#top",
		"https://kape.example/beans",
	}
	if len(e.Links) != len(want) {
		t.Fatalf("links: %v", e.Links)
	}
	for i, l := range e.Links {
		if l.URL != want[i] || l.ID != linkID(want[i]) || l.ID < 0 {
			t.Errorf("link %d is %+v, want %s", i, l, want[i])
		}
		tracked := s.PublicURL + "/c/" + s.Signer.Sign(token.Click, 42, l.ID)
		if !strings.Contains(p.html, `href="`+tracked+`"`) {
			t.Errorf("%s is not in the html", l.URL)
		}
		if !strings.Contains(p.text, tracked) {
			t.Errorf("%s is not in the text", l.URL)
		}
	}
	for _, place := range []string{
		s.PublicURL + "/o/" + s.Signer.Sign(token.Open, 42, 0) + `.gif"`,
		`href="` + s.PublicURL + "/u/" + s.Signer.Sign(token.Unsubscribe, 42, 0) + `"`,
		`href="mailto:hello@kape.example"`,
		`<v:roundrect href="` + s.PublicURL + "/c/", // Outlook's own button counts too
	} {
		if !strings.Contains(p.html, place) {
			t.Errorf("the html lacks %s", place)
		}
	}
}

func TestConcurrent(t *testing.T) {
	r, s := compile(t, shop(t)), settings(t)
	want, err := r.Render(cartMessage(), s)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 20 {
				o := cartMessage()
				other := (g+i)%2 == 0
				if other {
					o.Customer.Locale, o.Customer.Timezone = "he", "Asia/Jerusalem"
				}
				e, err := r.Render(o, s)
				if err != nil {
					t.Error(err)
				} else if bytes.Equal(e.Body, want.Body) == other {
					t.Error("a rendering took something of another")
				}
			}
		})
	}
	wg.Wait()
}

func TestLocales(t *testing.T) {
	cat := shop(t)
	own := *cat.Templates["cart-reminder"][""]
	own.Locale, own.File, own.Source = "he", "templates/cart-reminder.he.html", "<p>שלום {{ trigger.last_change | date: '%A, %e %B' }} {{ cart.value | money: 'ILS' }}</p>"
	cat.Templates["cart-reminder"]["he"] = &own
	r := compile(t, cat)
	for locale, want := range map[string][]string{
		"he-IL": {`lang="he" dir="rtl"`, "שלום יום שני, 2 נובמבר 794.00" + nbsp + "₪", "הסל שלך מחכה"},
		"he":    {`lang="he" dir="rtl"`, "שלום"},
		"de-AT": {`lang="de" dir="ltr"`, "Montag, 2 November", "794,00" + nbsp + "₱", "Ihr Korb wartet"},
		"xx":    {`lang="en" dir="ltr"`, "Monday, 2 November", "₱794.00", "your basket"},
		"":      {`lang="en" dir="ltr"`},
	} {
		o := cartMessage()
		o.Customer.Locale = locale
		_, p := mustRender(t, r, o)
		subject, err := p.header.Subject()
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(p.html, w) && !strings.Contains(subject, w) {
				t.Errorf("locale %q: nothing of %q in subject %q or\n%s", locale, w, subject, p.html)
			}
		}
	}
}

// BenchmarkBasket renders a product mail of 6 KB with two products; its time is
// that of the best 25 in a row.
func BenchmarkBasket(b *testing.B) {
	const batch = 25
	r, s, o := compile(b, shop(b)), settings(b), cartMessage()
	b.ReportAllocs()
	size, best := 0, time.Hour
	for n, since := 0, time.Now(); b.Loop(); n++ {
		e, err := r.Render(o, s)
		if err != nil {
			b.Fatal(err)
		}
		size = len(e.Body)
		if n%batch == batch-1 {
			now := time.Now()
			best, since = min(best, now.Sub(since)), now
		}
	}
	b.ReportMetric(float64(best.Nanoseconds())/1000/batch, "best-µs/mail")
	b.ReportMetric(float64(size), "bytes/mail")
}
