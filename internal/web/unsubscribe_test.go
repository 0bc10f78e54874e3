package web

import (
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

const formType = "application/x-www-form-urlencoded"

func (b *bench) link() string { return "/u/" + b.signs.Sign(token.Unsubscribe, 42, 0) }

func TestUnsubscribePage(t *testing.T) {
	b := setup(t)
	for _, method := range []string{"GET", "HEAD"} {
		w := b.do(method, b.link(), "")
		wantStatus(t, w, 200)
		if w.Header().Get("Set-Cookie") != "" {
			t.Error("the page sets a cookie")
		}
	}
	w := b.do("GET", b.link(), "")
	wantBody(t, w, `<html lang="en" dir="ltr">`, "Kape &amp; Co", "Offers &lt;3", "a•••@example.com", `<form method="post">`, "<button>Unsubscribe</button>")
	if strings.Contains(w.Body.String(), "ana@") {
		t.Error("the page shows the whole address")
	}
	b.wantCalls(t)
}

func TestUnsubscribeByPage(t *testing.T) {
	for scope, want := range map[string]struct{ call, text string }{
		"topic":      {"left topic", "gets no more mails about"},
		"everything": {"left everything", "gets no more news and offers"},
	} {
		t.Run(scope, func(t *testing.T) {
			b := setup(t)
			for range 2 {
				w := b.do("POST", b.link(), "scope="+scope, header("Content-Type", formType))
				wantStatus(t, w, 200)
				wantBody(t, w, "<h1>Done</h1>", want.text)
			}
			b.wantCalls(t, want.call, want.call)
		})
	}
	t.Run("ErrNoChoice", func(t *testing.T) {
		b := setup(t)
		wantStatus(t, b.do("POST", b.link(), "scope=none", header("Content-Type", formType)), 400)
		b.wantCalls(t)
	})
	t.Run("ErrStore", func(t *testing.T) {
		b := setup(t)
		b.err = errDown
		w := b.do("POST", b.link(), "scope=topic", header("Content-Type", formType))
		wantStatus(t, w, 503)
		wantBody(t, w, "try again in a few minutes")
	})
}

func TestUnsubscribeOneClick(t *testing.T) {
	var parts strings.Builder
	form := multipart.NewWriter(&parts)
	form.WriteField("List-Unsubscribe", "One-Click")
	form.Close()
	for name, c := range map[string]struct{ kind, body string }{
		"url encoded": {formType, "List-Unsubscribe=One-Click"},
		"multipart":   {form.FormDataContentType(), parts.String()},
		"no type":     {"", "List-Unsubscribe=One-Click\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			w := b.do("POST", b.link(), c.body, header("Content-Type", c.kind), header("Origin", "https://mail.example"))
			wantStatus(t, w, 200)
			b.wantCalls(t, "left topic")
			if w.Header().Get("Location") != "" || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
	t.Run("transactional mail leaves everything", func(t *testing.T) {
		b := setup(t)
		b.sub.Topic = ""
		wantStatus(t, b.do("POST", b.link(), "List-Unsubscribe=One-Click", header("Content-Type", formType)), 200)
		b.wantCalls(t, "left everything")
	})
	t.Run("ErrForged", func(t *testing.T) {
		b := setup(t)
		wantStatus(t, b.do("POST", forge(b.link()), "List-Unsubscribe=One-Click", header("Content-Type", formType)), 404)
		b.wantCalls(t)
	})
	t.Run("ErrStore", func(t *testing.T) {
		b := setup(t)
		b.err = errDown
		wantStatus(t, b.do("POST", b.link(), "List-Unsubscribe=One-Click", header("Content-Type", formType)), 503)
	})
}

func TestUnsubscribeDeadLinks(t *testing.T) {
	b := setup(t)
	for name, path := range map[string]string{
		"forged":        forge(b.link()),
		"other purpose": "/u/" + b.signs.Sign(token.Click, 42, 3),
		"cut":           b.link()[:len(b.link())-2],
	} {
		t.Run(name, func(t *testing.T) {
			w := b.do("GET", path, "", header("Accept-Language", "el-GR,el;q=0.9"))
			wantStatus(t, w, 404)
			wantBody(t, w, "<!doctype html>", "Αυτός ο σύνδεσμος δεν λειτουργεί")
			wantStatus(t, b.do("POST", path, "scope=everything", header("Content-Type", formType)), 404)
		})
	}
	b.gone = true
	wantStatus(t, b.do("GET", b.link(), ""), 404)
	b.gone, b.readErr = false, errDown
	wantStatus(t, b.do("GET", b.link(), ""), 503)
	b.wantCalls(t)
}

func TestUnsubscribeLanguage(t *testing.T) {
	for name, c := range map[string]struct{ locale, accept, want string }{
		"customer's":            {"hy", "de", `lang="hy" dir="ltr"`},
		"with region":           {"he-IL", "", `lang="he" dir="rtl"`},
		"old code of Hebrew":    {"iw", "", `lang="he"`},
		"underscore":            {"ms_MY", "", `lang="ms"`},
		"Tagalog is Filipino":   {"tl", "", `lang="fil"`},
		"unknown, browser says": {"", "de, el;q=0.8", `lang="el"`},
		"not ours":              {"de", "", `lang="en"`},
		"nonsense":              {"!!", "", `lang="en"`},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.sub.Locale = c.locale
			wantBody(t, b.do("GET", b.link(), "", header("Accept-Language", c.accept)), c.want)
		})
	}
}

// TestTextsAreWhole keeps every language complete, with the same blanks to fill
// as English.
func TestTextsAreWhole(t *testing.T) {
	blanks := func(s string) string {
		var out []string
		for _, k := range []string{"{shop}", "{topic}", "{address}"} {
			if strings.Contains(s, k) {
				out = append(out, k)
			}
		}
		return strings.Join(out, "")
	}
	list := func(x Texts) []string {
		return []string{x.Title, x.Intro, x.Pending, x.OnlyTopic, x.Everything, x.Orders, x.Button, x.DoneTitle, x.DoneTopic, x.DoneAll, x.BadTitle, x.BadLink, x.Later, x.GoneTitle, x.Gone}
	}
	want := list(english())
	for _, x := range allTexts() {
		for i, s := range list(x) {
			if s == "" || blanks(s) != blanks(want[i]) || strings.Count(s, "{") != strings.Count(want[i], "{") {
				t.Errorf("%s: %q does not say what %q does", x.Lang, s, want[i])
			}
		}
	}
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"ana@example.com": "a•••@example.com", "Ζωή@example.gr": "Ζ•••@example.gr",
		"": "•••", "@example.com": "•••", "nobody": "•••",
	} {
		if got := campaign.MaskAddress(in); got != want {
			t.Errorf("%q is masked as %q, want %q", in, got, want)
		}
	}
}

// TestPagesAreAccessible checks what a screen reader needs of each page.
func TestPagesAreAccessible(t *testing.T) {
	b := setup(t)
	b.sub = campaign.Subscription{Address: "ana@example.com", Locale: "he", Topic: "offers"}
	for _, path := range []string{"/", b.link(), "/u/x", "/report", "/report/abandoned-cart"} {
		t.Run(path, func(t *testing.T) {
			doc, err := html.Parse(b.do("GET", path, "").Body)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]int{}
			for n := range doc.Descendants() {
				if n.Type != html.ElementNode {
					continue
				}
				seen[n.Data]++
				if n.Data == "html" && len(n.Attr) == 0 {
					t.Error("the page names no language")
				}
				if n.Data == "input" && n.Parent.Data != "label" && !hidden(n) {
					t.Error("an input has no label")
				}
				if n.Data == "script" {
					t.Error("the page has a script")
				}
			}
			if seen["h1"] != 1 || seen["main"] != 1 || seen["title"] != 1 {
				t.Errorf("want one h1, main and title each, got %v", seen)
			}
		})
	}
}

func hidden(n *html.Node) bool {
	for _, a := range n.Attr {
		if a.Key == "type" && a.Val == "hidden" {
			return true
		}
	}
	return false
}

func FuzzReadForm(f *testing.F) {
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"scope\"\r\n\r\ntopic\r\n--x--")
	f.Add("", "List-Unsubscribe=One-Click")
	f.Fuzz(func(t *testing.T, kind, body string) {
		r, err := http.NewRequest("POST", "/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Content-Type"] = []string{kind}
		if got := readForm(nil, r); len(body) > maxForm && len(got) > 0 {
			t.Errorf("read %d fields of a body above the limit", len(got))
		}
	})
}
