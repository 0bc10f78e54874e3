package web

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/chromium"
	"tidings/internal/token"
)

// laidOut lists what sticks out of a page, is too small to press, or is out of the
// keyboard's reach.
const laidOut = `(() => {
  const faults = [], called = e => e.tagName.toLowerCase() + " " + JSON.stringify(e.textContent.trim().slice(0, 40));
  if (document.documentElement.scrollWidth > innerWidth) faults.push("the page is " + document.documentElement.scrollWidth + " wide");
  for (const e of document.body.querySelectorAll("*")) {
    const r = e.getBoundingClientRect();
    if (r.width > 1 && r.height > 1 && (r.left < -0.5 || r.right > innerWidth + 0.5)) faults.push("sticks out: " + called(e));
    if (r.width && e.matches("button, select, .choice, input[type=email]") && r.height < 44) faults.push("low: " + called(e));
    if (e.matches("button, select, input:not([type=hidden])")) { e.focus(); if (document.activeElement !== e || e.tabIndex < 0) faults.push("out of the keyboard's reach: " + called(e)); }
  }
  return faults;
})()`

// axe runs axe-core, once it is there.
const axe = `axe.run().then(r => r.passes.length < 10 ? ["axe has hardly looked"] : r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.html.slice(0, 120) + " " + n.failureSummary)))`

// The customers' pages in a browser, in every language: on a desk, on a phone, in the
// dark. With TEST_AXE, axe-core's file, it judges them too; with TEST_PICTURES, a
// folder, what they look like is kept there.
func TestPreferencesInBrowser(t *testing.T) {
	path := os.Getenv("TEST_CHROMIUM")
	if path == "" {
		t.Skip("TEST_CHROMIUM is not set")
	}
	b := setup(t, func(c *Config) {
		c.Workspace.Locales = []string{"en", "fil", "he", "hy", "el", "ms"}
		c.Workspace.Brand = map[string]string{"colour": "#5b3a29"}
	})
	b.prefs.PausedTill, b.prefs.LessOften = start.Add(campaign.PauseLength), true
	browser, err := chromium.Start(path, http.HandlerFunc(b.srv.ServeHTTP))
	if err != nil {
		t.Fatal(err)
	}
	defer browser.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	page, err := browser.Page(ctx)
	if err != nil {
		t.Fatal(err)
	}
	rules := ""
	if file := os.Getenv("TEST_AXE"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rules = string(text)
	}
	pages := map[string]string{
		"link": b.at(token.Preferences), "gate": b.at(token.Manage), "managed": b.at(token.Managing), "dead": "/p/x",
		"confirm": "/confirm/" + b.signs.Sign(token.Confirm, 42, 0), "unsubscribe": b.link(),
	}
	for _, locale := range []string{"en", "he", "fil", "hy", "el", "ms"} {
		b.prefs.Locale, b.sub.Locale, b.question.Locale = locale, locale, locale
		for name, at := range pages {
			b.open = name == "managed"
			for _, view := range []chromium.View{{Width: 360}, {Width: 360, Dark: true}, {Width: 1100}} {
				what := fmt.Sprintf("%s-%s-%d-%t", name, locale, view.Width, view.Dark)
				if err := page.See(ctx, view); err != nil {
					t.Fatal(err)
				}
				if err := page.Open(ctx, "https://mail.kape.example"+at); err != nil {
					t.Fatal(err)
				}
				var faults []string
				if err := page.Eval(ctx, laidOut, &faults); err != nil {
					t.Fatal(err)
				}
				if rules != "" {
					var found []string
					if err := page.Eval(ctx, rules+"; true", nil); err != nil {
						t.Fatal(err)
					}
					if err := page.Eval(ctx, axe, &found); err != nil {
						t.Fatal(err)
					}
					faults = append(faults, found...)
				}
				for _, f := range faults {
					t.Errorf("%s: %s", what, f)
				}
				if dir := os.Getenv("TEST_PICTURES"); dir != "" {
					picture, err := page.Picture(ctx, 1, 0)
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(dir, what+".png"), picture, 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}
