package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tidings/internal/campaign"
	"tidings/internal/preview"
)

// allPreviews is what `preview --all --json` prints.
type allPreviews struct {
	OK bool `json:"ok"`
	*preview.Result
}

// everything renders all mails: what a team's checks run before a change is merged.
func (c *previewCmd) everything(rt *runtime, studio *preview.Studio) error {
	o := preview.AllOptions{Customers: c.Customers}
	if c.Output != "" {
		o.Each = func(m *preview.Mail, locale string) error { return writeMail(c.Output, m, locale) }
	}
	r, err := studio.All(rt.ctx, o)
	if err != nil {
		return err
	}
	bad := len(r.Errors)
	if c.Strict {
		bad += len(r.Warnings) + len(r.Files)
	}
	if rt.json {
		if err := rt.printJSON(allPreviews{bad == 0, r}); err != nil {
			return err
		}
	} else {
		c.printAll(rt, r)
	}
	rendered := fmt.Sprintf("%s rendered: %s of %s in %s, for %d made-up customers and %d of the store; the largest HTML has %d kB",
		count(r.Mails, "mail"), count(r.Templates, "template"), count(r.Campaigns, "campaign"), count(r.Locales, "locale"), r.MadeUp, r.Customers, (r.Largest+512)>>10)
	if bad > 0 {
		rt.say("FAILED: %s, %s; %s\n", count(len(r.Errors), "error"), count(len(r.Warnings)+len(r.Files), "warning"), rendered)
		return &exitError{code: exitNo}
	}
	rt.say("OK: %s, %s\n", rendered, count(len(r.Warnings)+len(r.Files), "warning"))
	return nil
}

func (c *previewCmd) printAll(rt *runtime, r *preview.Result) {
	for _, p := range r.Files {
		rt.printf("%s (warning)\n", p)
	}
	for _, group := range []struct {
		found []preview.Finding
		mark  string
	}{{r.Errors, ""}, {r.Warnings, " (warning)"}} {
		for _, f := range group.found {
			rt.printf("%s%s\n    %s of campaign %s: %s, %s, to %s\n", f.Problem, group.mark,
				f.Step, f.Campaign, count(f.Mails, "mail"), strings.Join(f.Locales, " "), some(f.Customers, 5))
		}
	}
}

// some names the first n of a list.
func some(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}

// writeMail writes DIR/CAMPAIGN/STEP.LOCALE.CUSTOMER.html, for tools that compare
// pictures.
func writeMail(dir string, m *preview.Mail, locale string) error {
	name := fileName(m.Step.ID) + "." + fileName(campaign.LocaleChain(locale, []string{"all"})[0]) + "." + fileName(m.Customer) + ".html"
	path := filepath.Join(dir, fileName(m.Campaign.Name), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the mails: %w", err)
	}
	return os.WriteFile(path, []byte(m.HTML), 0o644)
}

// fileName is a name that stays within its folder.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == ':' || r < ' ' {
			return '_'
		}
		return r
	}, strings.TrimLeft(s, "."))
}
