package preview_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"tidings/internal/chromium"
	"tidings/internal/preview"
)

// measure lists what is wrong with a page as it is laid out: what sticks out of it,
// and what can hardly be read. WCAG asks for a contrast of 4.5, and of 3 for large
// letters.
const measure = `(() => {
  const faults = [], called = e => e.tagName.toLowerCase() + (e.className ? "." + e.className : "") + " " + JSON.stringify(e.textContent.trim().slice(0, 40));
  const outside = r => r.width > 1 && r.height > 1 && (r.left < -0.5 || r.right > innerWidth + 0.5);
  const rgb = s => (s.match(/[\d.]+/g) || []).map(Number);
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  if (document.documentElement.scrollWidth > innerWidth) faults.push("the page is " + document.documentElement.scrollWidth + " wide");
  for (const e of document.body.querySelectorAll("*")) if (!e.closest("[data-wide],.scroll,.skip,.hide") && outside(e.getBoundingClientRect())) faults.push("sticks out: " + called(e));
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange();
  while (walk.nextNode()) {
    const n = walk.currentNode, e = n.parentElement;
    range.selectNodeContents(n);
    const rects = [...range.getClientRects()];
    if (!n.data.trim() || n.data.trim() === "\u00a0" || !rects.length || e.closest("option,.scroll,.skip,.hide,[disabled]")) continue;
    if (rects.some(outside)) faults.push("text sticks out: " + called(e));
    const s = getComputedStyle(e), size = parseFloat(s.fontSize), a = light(rgb(s.color)), b = light(ground(e));
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < (size >= 24 || size >= 18.6 && s.fontWeight >= 700 ? 3 : 4.5)) faults.push("contrast " + contrast.toFixed(2) + ": " + called(e));
    if (size < 12) faults.push(size + " px small: " + called(e));
  }
  return faults;
})()`

// eye is a reader with a browser.
type eye struct {
	*testing.T
	ctx  context.Context
	page *chromium.Page
}

// look opens a browser in which the shop's pictures are there, and nothing else of
// the world.
func look(t *testing.T) *eye {
	t.Helper()
	path := os.Getenv("TEST_CHROMIUM")
	if path == "" {
		t.Skip("TEST_CHROMIUM is not set")
	}
	var err error
	if browser == nil {
		if browser, err = chromium.Start(path, http.HandlerFunc(drawing)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	page, err := browser.Page(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := page.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return &eye{t, ctx, page}
}

// browser is that of all tests which look, one after the other.
var browser *chromium.Browser

func TestMain(m *testing.M) {
	code := m.Run()
	if browser != nil {
		browser.Close()
	}
	os.Exit(code)
}

func (e *eye) see(v chromium.View) {
	e.Helper()
	if err := e.page.See(e.ctx, v); err != nil {
		e.Fatal(err)
	}
}

func (e *eye) show(html string) {
	e.Helper()
	if err := e.page.Show(e.ctx, html); err != nil {
		e.Fatal(err)
	}
}

// faults measures what is shown.
func (e *eye) faults() (found []string) {
	e.Helper()
	if err := e.page.Eval(e.ctx, measure, &found); err != nil {
		e.Fatal(err)
	}
	return found
}

func studioOf(t testing.TB, dir string, store preview.Store) *preview.Studio {
	t.Helper()
	l := loaded(os.DirFS(dir), store)
	if l.Studio == nil {
		t.Fatal(l.Errors)
	}
	return l.Studio
}

// The mails of the example workspace, and those of blocks alone, in every language:
// on a phone nothing sticks out, whatever people and products are called, and in
// light and dark all can be read.
func TestMailsFit(t *testing.T) {
	e := look(t)
	for name, s := range map[string]*preview.Studio{"example": studioOf(t, "../..", nil), "guide": guideStudio(t)} {
		for _, c := range s.Catalog.Campaigns {
			for _, step := range preview.Steps(c) {
				for _, locale := range s.Catalog.Workspace.Locales {
					for _, who := range []string{"ana", "long-name"} {
						m, err := s.Mail(e.ctx, preview.Choice{Campaign: c.Name, Step: step.ID, Locale: locale, Customer: who})
						if err != nil {
							t.Fatal(err)
						}
						at := fmt.Sprintf("%s: %s %s to %s", name, step.ID, locale, who)
						e.fits(at, m.Shown, who == "ana")
					}
				}
			}
		}
	}
}

// fits looks at a mail on a phone, and if at all of it on a desktop and in the dark.
func (e *eye) fits(at, html string, all bool) {
	e.Helper()
	views := []chromium.View{{Width: 375}}
	if all {
		views = append(views, chromium.View{Width: 375, Dark: true}, chromium.View{Width: 600, Dark: true}, chromium.View{Width: 600})
	}
	for i, v := range views {
		e.see(v)
		if i == 0 {
			e.show(html)
		}
		if found := e.faults(); len(found) > 0 {
			e.Errorf("%s, %d px wide, dark %t:\n  %s", at, v.Width, v.Dark, strings.Join(found, "\n  "))
		}
	}
}

// A mail that is too wide, or pale, is found.
func TestMeasure(t *testing.T) {
	e := look(t)
	e.see(chromium.View{Width: 375})
	for html, want := range map[string]string{
		`<p style="width:400px">wide</p>`:                              "sticks out: p",
		`<div dir="rtl"><p style="width:400px">x</p></div>`:            "sticks out: p",
		`<p style="white-space:nowrap">` + strings.Repeat("long ", 40): "text sticks out",
		`<p style="color:#999">pale</p>`:                               "contrast 2.85",
		`<p style="background:#222;color:#444">dark</p>`:               "contrast 1.63",
		`<p style="font-size:9px">small</p>`:                           "9 px small",
		`<p>sound</p>`:                                                 "",
	} {
		e.show("<!doctype html><body>" + html)
		if found := strings.Join(e.faults(), "\n"); want == "" && found != "" || !strings.Contains(found, want) {
			t.Errorf("%s: found %q, want %q", html, found, want)
		}
	}
}

// The page of the preview fits a desktop and a phone, in light and dark.
func TestPageFits(t *testing.T) {
	d := serve(t, os.DirFS("../.."), nil, true) // ends after the page, which follows it
	e := look(t)
	for _, path := range []string{"/", "/?campaign=abandoned-cart&locale=he&scheme=dark", "/?customer=long-name&view=text", "/?view=headers", "/?view=source", "/?customer=nobody", "/all"} {
		if err := e.page.Open(e.ctx, d.url+path); err != nil {
			t.Fatal(err)
		}
		for _, v := range []chromium.View{{Width: 1280}, {Width: 375}, {Width: 1280, Dark: true}, {Width: 375, Dark: true}} {
			e.see(v)
			if found := e.faults(); len(found) > 0 {
				t.Errorf("%s, %d px wide, dark %t:\n  %s", path, v.Width, v.Dark, strings.Join(found, "\n  "))
			}
		}
	}
}
